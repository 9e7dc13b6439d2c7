// A session without sockets, and a time that goes only where a test moves it.

import { core, CLOSE } from "../../dist/core.js";
import { DEFAULTS } from "../../dist/settings.js";
import { holds, same } from "./cases.mjs";

export const SECOND = 1000;

export class Rig {
  constructor({ settings = {}, canRenew = false, seed = 7, session, check } = {}) {
    this.now = 1_000_000;
    this.states = [];
    this.told = [];
    let chance = seed;
    // The smallest generator that will do: Park and Miller's.
    const random = () => (chance = (chance * 48_271) % 2_147_483_647) / 2_147_483_647;
    random();
    const listener = {
      state: (state) => this.states.push(state),
      emit: (type, payload) => this.told.push([type, payload]),
      check,
    };
    this.core = core({ ...DEFAULTS, ...settings }, listener, canRenew, this.now, session, random);
  }

  /** One with a session that can be taken up again by `t1`. */
  static connected(options) {
    const rig = new Rig(options);
    rig.connect();
    return rig;
  }

  connect() {
    this.open();
    this.greet({});
    holds(this.isConnected, JSON.stringify(this.state));
  }

  open() {
    holds(this.core.step(this.now) !== undefined, "it connects");
    this.core.opened(this.now);
  }

  greet(change) {
    this.say("connection:established", {
      clientId: "a",
      resumeToken: "t1",
      heartbeatMs: 10_000,
      limits: { messageBytes: 2_000, typeBytes: { short: 300 } },
      protocol: {
        answers: { say: { reply: "said" }, count: { item: "tick", end: "done", error: "failed" } },
      },
      ...change,
    });
  }

  /** The server says something. */
  say(type, payload, more) {
    this.core.received(JSON.stringify({ type, payload, timestamp: 1, ...more }), this.now);
  }

  numbered(seq, correlationId, type, payload) {
    this.say(type, payload, { seq, correlationId });
  }

  answer(correlationId, type, payload) {
    this.say(type, payload, { correlationId });
  }

  resumed(payload) {
    this.say("connection:resumed", { clientId: "a", resumed: true, replayed: 0, resumeToken: "t2", ...payload });
  }

  /** What the client says, as far as it says anything now. */
  said() {
    const said = [];
    for (let text; (text = this.core.transmit(this.now)) !== undefined; ) {
      said.push(text === CLOSE ? "close" : JSON.parse(text));
    }
    return said;
  }

  /** The same, in short: type and correlation id. */
  brief() {
    return this.said().map((message) =>
      message === "close" ? message : [message.type, message.correlationId].filter(Boolean).join(" "),
    );
  }

  /** Time passes. */
  pass(time) {
    this.now += time;
    return this.core.tick(this.now);
  }

  lose(lost) {
    this.core.lost(lost, this.now);
  }

  cut() {
    this.close(1006);
  }

  close(code) {
    this.lose({ kind: "closed", code, reason: "" });
  }

  /** How long it waits before it connects again. */
  get wait() {
    holds(this.state.status === "waiting", `it waits: ${JSON.stringify(this.state)}`);
    return this.state.retryAt - this.now;
  }

  /** Waits, and opens the next connection. */
  reopen() {
    this.now = Math.max(this.now, this.state.retryAt);
    this.open();
  }

  get state() {
    return this.states.at(-1);
  }

  get isConnected() {
    return this.state?.status === "connected";
  }

  /** The payloads of the events of a type since the last look. */
  heard(type) {
    const heard = this.told.filter(([name]) => name === type).map(([, payload]) => payload);
    this.told = this.told.filter(([name]) => name !== type);
    return heard;
  }

  begin(change = {}) {
    const call = { items: [], ended: undefined };
    call.id = this.core.begin(
      {
        type: "say",
        payload: "{}",
        kind: "request",
        timeoutMs: Infinity,
        item: (payload) => call.items.push(payload) <= (call.room ?? Infinity),
        done: (error, payload) => {
          holds(call.ended === undefined, "a call ends once");
          call.ended = { error, payload };
        },
        ...change,
      },
      this.now,
    );
    return call;
  }

  stream(change) {
    return this.begin({ type: "count", kind: "stream", ...change });
  }
}

/** The code of the error that a call ended with. */
export const failure = (call) => call.ended?.error?.code;

/** Whether a call ended well. */
export const isDone = (call) => call.ended !== undefined && call.ended.error === undefined;

/** How a call ended well. */
export function done(call, payload) {
  holds(isDone(call), `it ended well: ${call.ended?.error}`);
  if (payload !== undefined) same(call.ended.payload, payload);
}
