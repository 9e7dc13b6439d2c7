// The reference design, validating: `ws` with one handler and a switch, each payload held against its schema by a compiled
// Ajv validator. Its log line for every message is left out: it would be most of the figure.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import Ajv2020 from 'ajv/dist/2020.js';
import { WebSocketServer, WebSocket } from 'ws';

const schema = (name) => JSON.parse(readFileSync(new URL(`../../schemas/bench.${name}.schema.json`, import.meta.url), 'utf8'));
const ajv = new Ajv2020();
const validators = {
  'bench:echo': ajv.compile(schema('echo')),
  'bench:nested': ajv.compile(schema('nested')),
  'bench:publish': ajv.compile(schema('publish')),
};

const server = createServer();
const sockets = new WebSocketServer({ server, path: '/ws' });
const clients = new Map();
let connections = 0;

function send(socket, type, payload, correlationId) {
  if (socket.readyState === WebSocket.OPEN) {
    socket.send(JSON.stringify({ type, payload, timestamp: Date.now(), ...(correlationId && { correlationId }) }));
  }
}

function broadcast(type, payload) {
  const text = JSON.stringify({ type, payload, timestamp: Date.now() });
  clients.forEach((socket) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(text);
  });
}

function handle(socket, { type, payload, correlationId }) {
  const validate = validators[type];
  if (!validate) return send(socket, 'error', { message: `Unknown message type: ${type}` }, correlationId);
  if (!validate(payload)) return send(socket, 'error', { message: ajv.errorsText(validate.errors) }, correlationId);
  switch (type) {
    case 'bench:echo':
      return send(socket, 'bench:echoed', { ...payload, part: 1 }, correlationId);
    case 'bench:nested':
      return send(socket, 'bench:nestedDone', { sessionId: payload.sessionId, steps: payload.steps.length }, correlationId);
    case 'bench:publish':
      return broadcast('bench:event', { content: payload.content });
  }
}

sockets.on('connection', (socket) => {
  const clientId = `client_${++connections}`;
  clients.set(clientId, socket);
  send(socket, 'connection:established', { clientId });
  socket.on('message', (data) => {
    let message;
    try {
      message = JSON.parse(data.toString());
    } catch {
      return send(socket, 'error', { message: 'Invalid message format' });
    }
    handle(socket, message);
  });
  socket.on('close', () => clients.delete(clientId));
  socket.on('error', () => clients.delete(clientId));
});

server.listen(0, '127.0.0.1', () => console.log(`127.0.0.1:${server.address().port}`));
