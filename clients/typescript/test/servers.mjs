// The other end of the cases, in Node: the engine, a network that breaks, and a server that does what a test says.

import { spawn } from "node:child_process";
import { connect as connectTcp, createServer } from "node:net";
import { createServer as createHttpServer } from "node:http";
import { createInterface } from "node:readline";

import { WebSocketServer } from "ws";

const program = process.env.WIRELOOM_DEMO ?? "../../target/debug/examples/demo_server";

const listen = (server) =>
  new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(`ws://127.0.0.1:${server.address().port}/ws`)));

/** What was put comes out in the order in which it is asked for, now or later. */
function mailbox() {
  const mail = [];
  const waiting = [];
  return {
    put: (value) => (waiting.length ? waiting.shift()(value) : mail.push(value)),
    take: () => new Promise((resolve) => (mail.length ? resolve(mail.shift()) : waiting.push(resolve))),
  };
}

/** Everything that cases may ask for by name. */
export async function startServers() {
  const engine = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
  const engineUrl = await new Promise((resolve, reject) => {
    engine.once("error", reject);
    engine.once("exit", (code) => reject(new Error(`the demo server ended with ${code}`)));
    createInterface({ input: engine.stdout }).once("line", resolve);
  });
  const { hostname, port } = new URL(engineUrl);
  const things = [];
  const closers = [() => engine.stdin.end()];
  const keep = (thing) => things.push(thing) - 1;

  const calls = {
    engineUrl: () => engineUrl,
    engineCounts: async () => (await fetch(`http://${hostname}:${port}/counts`)).json(),

    /** Passes on to the engine; if it is cutting, only so many bytes of each connection, twenty times. */
    async network(cutting) {
      const sockets = new Set();
      let cuts = 0;
      let made = 0;
      let chance = 7;
      const below = (bound) => (chance = (chance * 48_271) % 2_147_483_647) % bound;
      const server = createServer((client) => {
        const upstream = connectTcp(port, hostname);
        made++;
        let left = cutting && cuts < 20 ? 700 + below(4000) : Infinity;
        const how = below(2);
        const cut = () => {
          for (const socket of [client, upstream]) {
            if (how === 0) socket.resetAndDestroy();
            else socket.destroy();
          }
        };
        for (const socket of [client, upstream]) {
          sockets.add(socket);
          socket.on("error", () => {});
          socket.on("close", () => {
            sockets.delete(socket);
            cut();
          });
        }
        client.pipe(upstream);
        upstream.on("data", (bytes) => {
          client.write(bytes.subarray(0, left));
          left -= bytes.length;
          if (left > 0) return;
          cuts++;
          cut();
        });
      });
      const url = await listen(server);
      closers.push(() => server.close());
      const cut = () => sockets.forEach((socket) => socket.destroy());
      closers.push(cut);
      // Each connection is two sockets here.
      const connections = () => ({ made, open: sockets.size / 2 });
      return { id: keep({ cut, cuts: () => cuts, connections }), url };
    },
    networkCut: (id) => things[id].cut(),
    networkCuts: (id) => things[id].cuts(),
    networkConnections: (id) => things[id].connections(),

    async fake() {
      const peers = mailbox();
      const fake = { drop: 0, stall: 0, peers };
      const server = createHttpServer();
      const sockets = new WebSocketServer({ noServer: true });
      server.on("upgrade", (request, socket, head) => {
        socket.on("error", () => {});
        if (fake.drop > 0) {
          fake.drop--;
          socket.destroy();
        } else if (fake.stall > 0) {
          // Its handshake is never answered.
          fake.stall--;
        } else {
          sockets.handleUpgrade(request, socket, head, (socket) => sockets.emit("connection", socket, request));
        }
      });
      sockets.on("connection", (socket, request) => {
        const messages = mailbox();
        const closed = new Promise((resolve) => socket.once("close", resolve));
        socket.on("error", () => {});
        socket.on("message", (data) => messages.put(String(data)));
        const protocols = String(request.headers["sec-websocket-protocol"] ?? "").split(/,\s*/);
        peers.put({ id: keep({ socket, messages, closed }), protocols });
      });
      const url = await listen(server);
      fake.end = () => {
        sockets.clients.forEach((socket) => socket.terminate());
        server.close();
      };
      closers.push(fake.end);
      return { id: keep(fake), url };
    },
    fakeDrop: (id, connections) => void (things[id].drop = connections),
    fakeStall: (id, connections) => void (things[id].stall = connections),
    fakeAccept: (id) => things[id].peers.take(),
    fakeEnd: (id) => things[id].end(),
    peerSend: (id, text) => things[id].socket.send(text),
    peerNext: (id) => things[id].messages.take(),
    peerClose: (id, code) => things[id].socket.close(code, "because"),
    peerCut: (id) => things[id].socket.terminate(),
    peerClosed: (id) => things[id].closed,
  };
  return {
    call: async (name, parameters) => calls[name](...parameters),
    async stop() {
      for (const close of closers) close();
      await new Promise((resolve) => engine.once("exit", resolve));
    },
  };
}
