/**
 * The session: what to send and when, given what the program wants, what the server sends, and the time. Does no I/O, has no
 * clock and starts no timer: the driver tells it what happens, and does what it says. Times are milliseconds of any clock
 * that does not go back.
 */

import { ACTIONS, type Action } from "./close-codes.js";
import { WireloomError } from "./error.js";
import type { Settings } from "./settings.js";
import type { ClientErrorCode } from "./types.js";
import type { Ended, Lost, Notice, Reason, State } from "./state.js";

/** A message of the server. */
export interface Message {
  type: string;
  payload: any;
  correlationId?: string;
  seq?: number;
}

/** What takes a session up again: on another connection, or in another page after a reload. */
export interface Session {
  /** The token that the server gave last. */
  token: string;
  /** Highest number that was received. */
  lastSeq: number;
  /** Number of the call that was begun last. */
  lastCall: number;
  /** What the server said of itself. It does not say it again to who takes a session up at once. */
  greeting: unknown;
}

/** A call that is about to begin. */
export interface NewCall {
  type: string;
  /** JSON. */
  payload: string;
  kind: "request" | "stream" | "send";
  /** Longest time of all; of a stream, longest silence. */
  timeoutMs: number;
  /** Whether it may run twice, so that it can be sent to another session. */
  idempotent?: boolean;
  /** Of a call that an earlier page has made in the session that is about to be taken up: its number. It is never run anew. */
  id?: number;
  /** Takes an item; `false` if there is no room for it. */
  item?: (payload: any) => boolean;
  /** How it ended. */
  done: (error: WireloomError<string, any> | undefined, payload?: any) => void;
}

/** What waits to be sent: a call, a cancellation, or (without a number) a message that nothing answers. */
interface Entry {
  id?: number;
  type: string;
  payload: string;
  bytes: number;
}

interface Call extends NewCall, Entry {
  id: number;
  /** 0: waits in the queue. 1: was sent in this session. 2: must be sent again. */
  progress: 0 | 1 | 2;
  /** Whether an item was handed over, to this page or the one before. */
  begun: boolean;
  deadline: number;
  /** Whether the program waits no more, and the last message is still to come. */
  cancelled: boolean;
}

/** By which messages a request is answered, as the server says. */
interface Answer {
  reply?: string;
  item?: string;
  end?: string;
  error?: string;
}

/** Where the conversation stands, in the order in which a connection goes through it. */
const enum Phase {
  /** It waits before it connects. */
  Waiting,
  /** A connection is being opened. */
  Opening,
  /** It is open, the server has not greeted. */
  Greeting,
  /** The session's token was sent. */
  Resuming,
  /** What was missed comes. */
  Replaying,
  /** Messages travel. */
  Ready,
  /** It is over. */
  Ended,
}

/** Who is told what. */
export interface Listener {
  state(state: State): void;
  /** An event: by type of a message that answers nothing, or `discontinuity`, or `notice`. */
  emit(type: string, payload: unknown): void;
  /** What is wrong with a payload, if the program has it checked. */
  check?: ((type: string, payload: unknown) => string | undefined) | undefined;
}

/** Stands for the close frame among what is to be written. */
export const CLOSE = null;

/** Bounds that no setting changes, in milliseconds, messages and bytes. An enum, since the page pays for no names then. */
const enum Bound {
  /** How long the server may take to say goodbye. */
  CloseTimeout = 2_000,
  /** How long a connection must last for failed attempts to be counted from the beginning. */
  StableAfter = 5_000,
  /** Longest wait that a server may ask for. */
  MaxHint = 300_000,
  /** Silence of the server that is tolerated beyond one and a half of its heartbeats. */
  HeartbeatMargin = 5_000,
  /** Messages, bytes and time after which a client acknowledges at the latest. */
  AckMessages = 32,
  AckBytes = 64 * 1024,
  AckAfter = 1000,
  /** Bytes of an envelope beside its type and payload, at most. */
  Envelope = 160,
  /** Bytes of an acknowledgement in an envelope, at most. */
  AckRoom = 24,
  /** How much later than due a timer may run before the program counts as having slept. */
  Slept = 2000,
}

/** Takes a session up: the message, behind `connection:`, and its `correlationId`. */
const RESUME = "resume";

const encoder = new TextEncoder();
const size = (text: string) => encoder.encode(text).length;

/** An error of the client itself. */
export function fail(code: ClientErrorCode, why = "", cause?: unknown): WireloomError {
  const retryable = /timeout|interrupted|queue_full|overrun/.test(code);
  return new WireloomError(code, code + why, retryable, [], undefined, { cause });
}

function frame(type: string, payload: string, id?: string | number, ack?: number): string {
  const named = id ? `,"correlationId":"${id}"` : "";
  return `{"type":${JSON.stringify(type)},"payload":${payload}${named}${ack === undefined ? "" : `,"ack":${ack}`}}`;
}

/** A close code that is not known means backing off. */
function actionOf(lost: Lost): Action {
  if (lost.kind === "closed") return ACTIONS[lost.code] ?? "back-off";
  return /silent|gap/.test(lost.kind) ? "resume" : "back-off";
}

/** What the driver and the client have of the session. */
export type Core = ReturnType<typeof core>;

/** A session that is about to connect; `saved` is one to take up, `canRenew` says whether refused credentials can be replaced. */
export function core(
  settings: Settings,
  listener: Listener,
  canRenew: boolean,
  now: number,
  saved?: Session,
  random: () => number = Math.random,
) {
  let phase: Phase = Phase.Waiting;
  /** Until when it waits; by when it must be ready; since when it is. */
  let due = now;
  /** Whether the credentials used last were refused. */
  let refused = false;
  /** Messages of the replay that are still to come. */
  let toReplay = 0;
  /** Attempts in a row that failed. */
  let failed = 0;
  /** Why it is over, once it is. */
  let over: Ended | undefined;
  /** By when the goodbye must be over. */
  let goodbyeBy = Infinity;
  let saidGoodbye = false;
  let hadSession = !!saved;
  /** The session: who takes it up again, and what was received. */
  let token = saved?.token;
  let lastSeq = saved?.lastSeq ?? 0;
  let clientId: string | undefined;
  let unacked = 0;
  let unackedBytes = 0;
  let ackAt = Infinity;
  /** The short-lived session that a connection has before another is taken up. */
  let fresh: any = {};
  let heardAt = now;
  /** When the ping was sent that nothing has answered yet, and whether it was sent for lack of time to listen. */
  let pingedAt = 0;
  let overslept = false;
  /** What the server asked for before it closed. */
  let hint: number | undefined;
  /** Why this connection must be given up. */
  let verdict: Lost | undefined;
  /** What the server says of itself. */
  let greeting: any;
  let heartbeat: number;
  let answers: { [type: string]: Answer };
  let largest: number;
  let largestOf: { [type: string]: number };
  /** Calls under way, in the order in which they began. */
  const calls = new Map<number | undefined, Call>();
  let lastCall = saved?.lastCall ?? 0;
  /** Written before anything else, and before the session is ready. */
  let control: string[] = [];
  /** Sent again, or cancelled, in front of what waits. */
  let urgent: Entry[] = [];
  let queue: Entry[] = [];

  const notice = (what: Notice) => listener.emit("notice", what);
  const cancelled = () => [...calls.values()].filter((call) => call.cancelled);
  const cancellation = (id: number): Entry => ({ id, type: "request:cancel", payload: "{}", bytes: 0 });
  const limitOf = (type: string) => largestOf[type] ?? largest;

  learn(saved?.greeting ?? {});

  // What the program wants.

  /** Begins a call; it waits in the queue until the session is ready. Returns its number. */
  function begin(call: NewCall, now: number): number {
    const bytes = admit(call.type, call.payload);
    if (calls.size - cancelled().length >= settings.calls) throw fail("queue_full");
    const sent = !!call.id;
    const id = call.id || lastCall + 1;
    lastCall = Math.max(lastCall, id);
    if (sent && (!saved || calls.has(id))) throw fail("interrupted");
    const deadline = now + call.timeoutMs;
    const entry: Call = { ...call, id, bytes, progress: sent ? 1 : 0, begun: sent, deadline, cancelled: false };
    calls.set(id, entry);
    // What an earlier page has sent is sent again as soon as the session is taken up.
    if (!sent) queue.push(entry);
    return id;
  }

  /** Ends a call that the program wants no more. */
  function cancel(id: number, cause?: unknown): void {
    giveUp(calls.get(id), fail("cancelled", "", cause));
  }

  /** Sends a message that nothing answers. */
  function send(type: string, payload: string): void {
    queue.push({ type, payload, bytes: admit(type, payload) });
  }

  /** The program wants no more. What waits is still written if there is a connection. */
  function close(now: number): void {
    if (phase === Phase.Waiting || phase === Phase.Opening) {
      end({ kind: "closed" });
    } else if (!over && goodbyeBy === Infinity) {
      goodbyeBy = now + Bound.CloseTimeout;
      listener.state({ status: "closing" });
    }
  }

  /** What takes the session up again; none if the server keeps none. */
  function session(): Session | undefined {
    return token ? { token, lastSeq, lastCall, greeting } : undefined;
  }

  /** The device woke, or the network is back: no back-off is waited for, and a connection that looks alive is tried. */
  function wake(now: number): void {
    if (phase === Phase.Waiting && hint === undefined) due = now;
    if (phase === Phase.Ready && !pingedAt) ping(now);
  }

  // What the driver tells.

  /** Without a connection: whether to open one now, by `true` with new credentials; `undefined` if not. */
  function step(now: number): boolean | undefined {
    if (phase !== Phase.Waiting || due > now) return undefined;
    phase = Phase.Opening;
    due = now + settings.connectTimeoutMs;
    hint = undefined;
    control = [];
    urgent = [];
    fresh = {};
    listener.state({ status: "connecting" });
    return refused;
  }

  /** The handshake is done. `shown` is a token that must be shown by a message. */
  function opened(now: number, shown?: string): void {
    if (phase !== Phase.Opening) return;
    alive(now);
    const say = (what: string, payload: object) => control.push(frame(`connection:${what}`, JSON.stringify(payload), what));
    if (shown) say("authenticate", { token: shown });
    if (token) {
      say(RESUME, { resumeToken: token, lastSeq });
      phase = Phase.Resuming;
    } else {
      phase = Phase.Greeting;
      if (!settings.waitForGreeting) startOver("unsupported", now);
    }
  }

  function alive(now: number): void {
    heardAt = now;
    pingedAt = 0;
    overslept = false;
  }

  /** A text frame came. */
  function received(text: string, now: number): void {
    if (over || verdict) return;
    alive(now);
    let message: Message;
    try {
      message = JSON.parse(text);
      if (typeof message.type !== "string") throw "no type";
    } catch (error) {
      return notice({ kind: "unreadable", why: `${error}` });
    }
    const { type, seq, correlationId } = message;
    const payload = (message.payload ??= {});
    if (type === "connection:established") greeted(payload, now);
    if (type === "connection:closing") hint = +payload.reconnectAfterMs || 0;
    if (type === "connection:resumed") {
      resumed(payload, now);
    } else if (phase === Phase.Resuming) {
      // Of the short-lived session: what has a number is for nobody.
      if (type === "error" && correlationId === RESUME) startOver("unsupported", now);
      else if (!seq) deliver(message, now);
    } else if (!seq) {
      deliver(message, now);
    } else if (seq > lastSeq + 1) {
      verdict = { kind: "gap", expected: lastSeq + 1, got: seq };
    } else if (seq > lastSeq) {
      lastSeq = seq;
      if (token) {
        unacked++;
        unackedBytes += text.length;
        ackAt = Math.min(ackAt, unacked >= Bound.AckMessages || unackedBytes >= Bound.AckBytes ? now : now + Bound.AckAfter);
      }
      deliver(message, now);
      if (phase === Phase.Replaying && --toReplay <= 0) takenUp(now);
    }
  }

  /** What to write next, if anything may be written. */
  function transmit(now: number): string | typeof CLOSE | undefined {
    if (verdict || saidGoodbye) return undefined;
    if (control.length) return control.shift();
    if (phase === Phase.Ready) {
      for (let entry; (entry = urgent.shift() ?? queue.shift()); ) {
        const text = write(entry);
        if (text) return text;
      }
      if (ackAt <= now) return frame("connection:ack", `{"seq":${acknowledge()}}`);
    }
    if (goodbyeBy === Infinity) return undefined;
    saidGoodbye = true;
    return CLOSE;
  }

  /** The connection is gone, or could not be opened. */
  function lost(lost: Lost, now: number): void {
    if (over) return;
    if (goodbyeBy < Infinity) return end({ kind: "closed" });
    if (!token) interrupt("unsupported");
    verdict = undefined;
    const action = actionOf(lost);
    refused = action === "log-in";
    if (/stop|fix|upgrade/.test(action) || (refused && !canRenew)) return end({ kind: "final", lost, action });
    if (phase === Phase.Ready && now >= due + Bound.StableAfter) failed = 0;
    if (failed >= settings.attempts) return end({ kind: "gave-up", lost, attempts: failed });
    phase = Phase.Waiting;
    due = now + waitBefore(action);
    failed++;
    listener.state({ status: "waiting", lost, retryAt: due });
  }

  /** Time passes. Why the connection must be given up, if it must. */
  function tick(now: number): Lost | undefined {
    for (const call of calls.values()) if (call.deadline <= now) giveUp(call, fail("timeout"));
    const opening = phase > Phase.Waiting && phase < Phase.Ready;
    if ((opening ? Math.min(due, goodbyeBy) : goodbyeBy) <= now) return { kind: "timeout" };
    const quiet = quietAt();
    if (quiet <= now) {
      // A timer that came late, as in a tab in the background: what the server sent may still wait to be read.
      const late = now - quiet > Bound.Slept && !overslept;
      if (pingedAt && !late) return { kind: "silent" };
      overslept = !!pingedAt;
      ping(now);
    }
    return verdict;
  }

  /** The next time at which something is due. */
  function deadline(): number {
    const next = over ? Infinity : phase === Phase.Ready ? ackAt : due;
    return Math.min(goodbyeBy, quietAt(), next, ...[...calls.values()].map((call) => call.deadline));
  }

  /** When to ask whether the server lives; behind a ping, when it counts as dead. */
  function quietAt(): number {
    if (phase !== Phase.Ready && phase !== Phase.Replaying) return Infinity;
    // A browser hides the server's pings from its page: they are no signs of life here.
    return pingedAt ? pingedAt + heartbeat / 2 + Bound.HeartbeatMargin : heardAt + heartbeat;
  }

  function ping(now: number): void {
    pingedAt = now;
    control.push(frame("ping", "{}"));
  }

  function waitBefore(action: Action): number {
    const base = settings.backOffBaseMs;
    // New credentials, or the server's own wish for this one client: there is no crowd to wait for.
    if (!failed && (refused || (action === "resume" && hint === undefined))) return 0;
    if (hint === undefined) return Math.min(base * 2 ** failed, settings.backOffCapMs) * random();
    const wish = Math.min(hint, Bound.MaxHint);
    return wish + Math.max(wish, base) * random();
  }

  function learn(payload: any): void {
    greeting = payload;
    heartbeat = +payload.heartbeatMs || Infinity;
    largest = +payload.limits?.messageBytes || Infinity;
    largestOf = payload.limits?.typeBytes ?? {};
    answers = payload.protocol?.answers ?? {};
  }

  function greeted(payload: any, now: number): void {
    learn(payload);
    fresh = payload;
    if (phase === Phase.Greeting) startOver("unsupported", now);
    // The client did not wait for it.
    if (phase === Phase.Ready && !clientId) adopt(payload);
  }

  /** Takes over who the client is and how the session is taken up again. */
  function adopt(payload: any): void {
    // What comes from now on is for calls that are there.
    saved = undefined;
    token = payload.resumeToken;
    clientId = payload.clientId;
    if (phase === Phase.Ready) listener.state({ status: "connected", clientId });
  }

  /** A new session begins. If there was one before, what came in between is lost. */
  function startOver(reason: Reason, now: number): void {
    adopt(fresh);
    lastSeq = 0;
    acknowledge();
    if (hadSession) {
      listener.emit("discontinuity", { reason });
      interrupt(reason);
    }
    hadSession = true;
    ready(now);
  }

  /** The server says whether the session goes on. */
  function resumed(payload: any, now: number): void {
    if (phase !== Phase.Resuming) return;
    if (payload.resumed !== true) {
      fresh = { ...fresh, ...payload };
      return startOver(`${payload.reason}`, now);
    }
    adopt(payload);
    ackAt = Infinity;
    toReplay = +payload.replayed || 0;
    phase = Phase.Replaying;
    due = now + settings.connectTimeoutMs;
    notice({ kind: "resumed", replayed: toReplay });
    if (!toReplay) takenUp(now);
  }

  /** Everything that was missed is here. */
  function takenUp(now: number): void {
    // The next message shows the server that the new token came.
    if (token) ackAt = now;
    ready(now);
  }

  /** The session is gone: what was sent may have been done or not. What may be done twice is sent again. */
  function interrupt(reason: Reason): void {
    for (const call of calls.values()) {
      if (call.progress !== 1) continue;
      if (call.idempotent && !call.begun && !call.cancelled) call.progress = 2;
      else finish(call, fail("interrupted", `: ${reason}`));
    }
  }

  /** Messages may travel: first those that have no answer yet, in the order in which they were first sent. */
  function ready(now: number): void {
    const sent = [...calls.values()].filter((call) => call.progress);
    urgent = sent.map((call) => (call.cancelled ? cancellation(call.id) : call));
    phase = Phase.Ready;
    due = now;
    listener.state({ status: "connected", clientId });
  }

  function end(ended: Ended): void {
    phase = Phase.Ended;
    over = ended;
    queue = [];
    for (const call of calls.values()) finish(call, disconnected(ended));
    listener.state({ status: "ended", ended });
  }

  /** Hands a message to whom it concerns. */
  function deliver({ type, payload, correlationId }: Message, now: number): void {
    const why = listener.check?.(type, payload);
    if (why) notice({ kind: "invalid", type, why });
    if (!correlationId) return listener.emit(type, payload);
    const call = calls.get(+correlationId.slice(2));
    // Of a call that has ended, nobody waits for it.
    if (!call) return;
    const answer = answers[call.type];
    if (correlationId[0] === "p") {
      // Messages are taken in order: when the ping is answered, the one in front of it was taken.
      if (call.kind === "send") finish(call);
    } else if (type === "error") {
      finish(call, serverError(payload));
    } else if (why) {
      giveUp(call, fail("invalid_message", `: ${type}: ${why}`));
    } else if (type === (call.kind === "request" ? (answer?.reply ?? type) : answer?.end)) {
      finish(call, undefined, payload);
    } else if (type === answer?.error) {
      finish(call, new WireloomError("stream_error", `${payload.message ?? type}`, false, [], payload));
    } else if (type === answer?.item) {
      call.begun = true;
      if (call.cancelled) return;
      call.deadline = now + call.timeoutMs;
      if (!call.item?.(payload)) giveUp(call, fail("overrun"));
    }
  }

  /** The call is over. A program that waits no more is not told. */
  function finish(call: Call, error?: WireloomError<string, any>, payload?: unknown): void {
    calls.delete(call.id);
    if (!call.cancelled) call.done(error, payload);
  }

  /** Ends a call for the program, and on the server if it knows of it. */
  function giveUp(call: Call | undefined, error: WireloomError): void {
    if (!call || call.cancelled) return;
    if (call.progress === 1) {
      // It stays until the server has said its last word.
      call.cancelled = true;
      call.deadline = Infinity;
      if (phase === Phase.Ready) urgent.push(cancellation(call.id));
      for (const { id } of cancelled().slice(0, -settings.calls)) calls.delete(id);
    } else {
      calls.delete(call.id);
      queue = queue.filter((entry) => entry !== call);
    }
    call.done(error);
  }

  function admit(type: string, payload: string): number {
    if (over || goodbyeBy < Infinity) throw disconnected(over ?? { kind: "closed" });
    const length = size(payload);
    if (length > limitOf(type)) throw tooLarge(length, limitOf(type));
    const bytes = length + type.length + Bound.Envelope;
    const waiting = queue.reduce((sum, entry) => sum + entry.bytes, bytes);
    if (queue.length >= settings.queueMessages || (queue.length && waiting > settings.queueBytes)) throw fail("queue_full");
    return bytes;
  }

  /** The text of something that is to be sent. `undefined` if it is not to be sent any more. */
  function write(entry: Entry): string | undefined {
    const { id, type, payload } = entry;
    const call = calls.get(id);
    // It has ended since.
    if (id && !call) return undefined;
    const name = id && `c-${id}`;
    const limit = limitOf(type);
    const bytes = size(frame(type, payload, name));
    if (bytes > limit) {
      // It was queued before the server's limit was known.
      if (call) giveUp(call, tooLarge(bytes, limit));
      else notice({ kind: "not-sent", type, bytes, limit });
      return undefined;
    }
    if (call === entry) {
      call.progress = 1;
      if (call.kind === "send") control.push(frame("ping", "{}", `p-${id}`));
    }
    return frame(type, payload, name, bytes + Bound.AckRoom > limit ? undefined : acknowledge());
  }

  /** What to acknowledge with the message that is being written, if anything. */
  function acknowledge(): number | undefined {
    const due = ackAt < Infinity;
    ackAt = Infinity;
    unacked = unackedBytes = 0;
    return due ? lastSeq : undefined;
  }

  const ended = () => over;
  return { begin, cancel, send, close, ended, session, wake, step, opened, received, transmit, lost, tick, deadline };
}

function tooLarge(bytes: number, limit: number): WireloomError {
  return fail("too_large", `: ${bytes} bytes, at most ${limit}`);
}

/** The error of calls when the client has ended. */
export function disconnected(ended: Ended): WireloomError {
  return fail("disconnected", `: ${JSON.stringify(ended)}`);
}

/** An error of the server. One that makes no sense is still an error. */
function serverError({ code, message, retryable, details }: any): WireloomError {
  return new WireloomError(`${code}`, `${message ?? code}`, !!retryable, details ?? []);
}
