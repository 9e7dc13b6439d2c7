// A client as it was written for a hand-made WebSocket server, before there was Wireloom. It knows no subprotocol, no
// error codes, no limits and none of the engine's messages; it has to work all the same.

import assert from "node:assert/strict";

import WebSocket from "ws";

class AgentClient {
  #socket;
  #handlers = new Map();
  #pending = new Map();
  #sent = 0;

  connect(url) {
    this.#socket = new WebSocket(url);
    this.#socket.on("message", (data) => this.#receive(JSON.parse(data.toString())));
    this.closed = new Promise((resolve) => this.#socket.on("close", (code) => resolve(code)));
    return new Promise((resolve, reject) => {
      this.on("connection:established", (payload) => resolve(payload.clientId));
      this.#socket.on("error", reject);
    });
  }

  on(type, handler) {
    this.#handlers.set(type, handler);
  }

  request(type, payload) {
    const correlationId = `req_${++this.#sent}`;
    const answer = new Promise((resolve, reject) => this.#pending.set(correlationId, { resolve, reject }));
    this.send(type, payload, correlationId);
    return answer;
  }

  send(type, payload, correlationId) {
    this.#socket.send(JSON.stringify({ type, payload, timestamp: Date.now(), ...(correlationId && { correlationId }) }));
  }

  sendText(text) {
    this.#socket.send(text);
  }

  ping() {
    this.#socket.ping();
    return new Promise((resolve) => this.#socket.once("pong", resolve));
  }

  close() {
    this.#socket.close();
  }

  #receive({ type, payload, timestamp, correlationId }) {
    assert.equal(typeof timestamp, "number");
    const pending = this.#pending.get(correlationId);
    if (pending) {
      this.#pending.delete(correlationId);
      if (type === "error") pending.reject(new Error(payload.message));
      else pending.resolve({ type, payload });
      return;
    }
    this.#handlers.get(type)?.(payload, correlationId);
  }
}

export async function run(server) {
  const client = new AgentClient();
  const clientId = await client.connect(server.url);
  assert.match(clientId, /^client_/);

  const started = await client.request("agent:start", { projectId: "p1", projectPath: "/srv/projects/p1" });
  assert.deepEqual(started, { type: "agent:started", payload: { sessionId: clientId } });

  // The answer is no reply: it comes as a stream, and is read by type.
  const statuses = [];
  let text = "";
  client.on("status:update", ({ sessionId, status }) => {
    assert.equal(sessionId, clientId);
    statuses.push(status);
  });
  const answered = new Promise((resolve) => client.on("stream:complete", resolve));
  client.on("stream:chunk", ({ sessionId, content }) => {
    assert.equal(sessionId, clientId);
    text += content;
  });
  client.send("agent:message", { content: "What does the build script do?" });
  assert.equal((await answered).sessionId, clientId);
  assert.ok(text.includes("What does the build script do?"), text);
  assert.ok(statuses.includes("streaming"), statuses.join());

  const first = new Promise((resolve) => client.on("stream:chunk", resolve));
  const ended = new Promise((resolve) => client.on("stream:error", resolve));
  client.send("agent:message", { content: "a long one ".repeat(5000) });
  await first;
  const cancelled = await client.request("agent:cancel", {});
  assert.deepEqual(cancelled, { type: "agent:cancelled", payload: { sessionId: clientId } });
  assert.equal(typeof (await ended).message, "string");

  assert.deepEqual(await client.request("ping", {}), { type: "pong", payload: {} });
  // That server never looked at the payload of a ping.
  assert.deepEqual(await client.request("ping"), { type: "pong", payload: {} });
  await client.ping();

  // All that it reads of an error is the message.
  await assert.rejects(client.request("agent:fly", {}), /unknown message type/);
  await assert.rejects(client.request("agent:message", { content: "anyone?" }), /No agent session is running/);
  const complaint = new Promise((resolve) => client.on("error", resolve));
  client.sendText("no JSON");
  assert.equal(typeof (await complaint).message, "string");
  assert.deepEqual(await client.request("ping", {}), { type: "pong", payload: {} });

  server.terminate();
  assert.equal(await client.closed, 1001);

  assert.ok(server.log.includes(`Client connected: ${clientId}`), "the server logs who connects");
  assert.ok(server.log.includes(`Message from ${clientId}: agent:start`), "the server logs messages");
  return ["start", "stream", "cancel", "ping", "errors", "1001", "log"];
}
