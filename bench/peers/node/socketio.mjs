// Socket.IO: events with an acknowledgement, no validation.

import { createServer } from 'node:http';
import { Server } from 'socket.io';

const server = createServer();
const io = new Server(server, { transports: ['websocket'] });

io.on('connection', (socket) => {
  socket.on('bench:echo', (payload, ack) => ack({ ...payload, part: 1 }));
  socket.on('bench:nested', (payload, ack) => ack({ sessionId: payload.sessionId, steps: payload.steps.length }));
  socket.on('bench:publish', (payload) => io.emit('bench:event', { content: payload.content }));
});

server.listen(0, '127.0.0.1', () => console.log(`127.0.0.1:${server.address().port}`));
