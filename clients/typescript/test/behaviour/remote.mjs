// The other end, as a case sees it, in Node and in a page: servers that run in Node, by calls whose parameters and results
// are JSON.

import { connect } from "../../dist/index.js";
import { holds, same, soon } from "./cases.mjs";

/** Set by who runs the cases: calls `servers.mjs`, and the WebSocket where there is no global one. */
export const setting = { call: undefined, WebSocket: undefined };

const ask = (name, ...parameters) => setting.call(name, parameters);

/** A client that connects again quickly. */
export function client(url, options = {}) {
  const { WebSocket } = setting;
  return connect({ url, ...(WebSocket ? { WebSocket } : {}), backOffBaseMs: 5, backOffCapMs: 20, ...options });
}

/** The engine with the demo protocol; see `demo_server.rs`. */
export const engine = {
  url: () => ask("engineUrl"),
  counts: () => ask("engineCounts"),
  /** Waits until a count has grown. */
  async until(name, more) {
    for (;;) {
      if ((await this.counts())[name] >= more) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  },
};

/** A network to the engine that can be cut. */
export class Network {
  static async new(cutting = false) {
    const network = new Network();
    Object.assign(network, await ask("network", cutting));
    return network;
  }
  cut = () => ask("networkCut", this.id);
  cuts = () => ask("networkCuts", this.id);
}

/** A server that does what a test says. */
export class Fake {
  static async new() {
    return Object.assign(new Fake(), await ask("fake"));
  }

  /** Drops the next TCP connections before the handshake. */
  drop = (connections) => ask("fakeDrop", this.id, connections);
  /** Stalls the next TCP connections: accepts, and never answers. */
  stall = (connections) => ask("fakeStall", this.id, connections);
  end = () => ask("fakeEnd", this.id);

  /** The next WebSocket. */
  async accept() {
    return Object.assign(new Peer(), await soon(ask("fakeAccept", this.id), "a connection"));
  }

  /** The next WebSocket, greeted, with a session that can be taken up again by `token`. */
  async greet(token) {
    const peer = await this.accept();
    peer.greet(token);
    return peer;
  }

  /** The next WebSocket, whose session goes on. */
  async resume(token, lastSeq, missed = []) {
    const peer = await this.accept();
    peer.greet("short-lived");
    const resume = await peer.expect("connection:resume");
    same(resume.payload, { resumeToken: token, lastSeq });
    const resumed = { clientId: "a", resumed: true, replayed: missed.length, resumeToken: `${token}+` };
    await peer.say("connection:resumed", resumed);
    for (const message of missed) await peer.send(message);
    return peer;
  }
}

/** One WebSocket of a fake. */
export class Peer {
  greet(resumeToken) {
    return this.say("connection:established", {
      clientId: "a",
      resumeToken,
      heartbeatMs: 30_000,
      limits: { messageBytes: 65_536, depth: 32, inFlight: 32 },
      protocol: { name: "demo", version: "1.2.0", hash: "", answers: { say: { reply: "said" }, count: { item: "tick", end: "done" } } },
    });
  }
  send = (message) => ask("peerSend", this.id, JSON.stringify(message));
  say = (type, payload, more) => this.send({ type, payload, timestamp: 1, ...more });
  answer = ({ correlationId }, type, payload) => this.say(type, payload, { correlationId });
  next = async () => JSON.parse(await soon(ask("peerNext", this.id), "a message"));
  /** The next message, which is of this type. Acknowledgements and heartbeats are passed over. */
  async expect(type) {
    for (;;) {
      const message = await this.next();
      if (message.type === type) return message;
      holds(["connection:ack", "ping"].includes(message.type), `expected ${type}, got ${JSON.stringify(message)}`);
    }
  }
  close = (code) => ask("peerClose", this.id, code);
  cut = () => ask("peerCut", this.id);
  closed = () => soon(ask("peerClosed", this.id), "a close");
}

/** Waits for a state. */
export async function reach(client, status) {
  const reached = new Promise((resolve) => {
    if (client.state.status === status) return resolve(client.state);
    const stop = client.onState((state) => {
      if (state.status !== status) return;
      stop();
      resolve(state);
    });
  });
  return soon(reached, status);
}

/** The next event of a type. */
export function next(client, type) {
  const event = new Promise((resolve) => {
    const stop = client.on(type, (payload) => {
      stop();
      resolve(payload);
    });
  });
  return soon(event, type);
}

/** The next states, as they come. */
export function states(client) {
  const states = [];
  client.onState((state) => states.push(state));
  return states;
}
