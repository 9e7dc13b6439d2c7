/**
 * What a program holds: requests, streams, events and the state of the connection, typed by the protocol.
 */

import { core, disconnected, fail, type Listener, type NewCall, type Session } from "./core.js";
import { clock, drive, type SocketConstructor, type TokenSource } from "./driver.js";
import { DEFAULTS, type Settings } from "./settings.js";
import type { Notice, Reason, State } from "./state.js";
import { outcome, stream, type Stream } from "./stream.js";
import type {
  Arguments,
  EndOf,
  ErrorOf,
  ItemOf,
  Outcome,
  Protocol,
  ReplyOf,
  RequestType,
  SendType,
  StreamType,
} from "./types.js";

/** Subprotocol of clients that take any version of any protocol. */
const ANY_VERSION = "wireloom.v1";

/** How a client is made; every setting has a default. */
export interface ConnectOptions<P extends Protocol> extends Partial<Settings> {
  /** Where the server listens: `ws:`, `wss:`, or in a page a path such as `/ws`. */
  url: string | URL;
  /** Insists on the version of the protocol that the types are of: a server of another one ends the client (4406). */
  subprotocol?: P["subprotocol"];
  /** Bearer token, or a function that has one; it is asked before each connection, and again when one is refused. */
  token?: TokenSource;
  /** Takes up a session of an earlier page; see {@link Client.session}. */
  session?: Session | undefined;
  /** Makes sockets, where there is no global `WebSocket` (Node 20) or another one is wanted. */
  WebSocket?: unknown;
  /** Says what is wrong with a payload of the server; see `@wireloom/client/validate`. */
  validate?: (type: string, payload: unknown) => string | undefined;
}

/** How one call is made. */
export interface CallOptions {
  /** Cancels the call, here and on the server. */
  signal?: AbortSignal;
  /** Longest time of a request, the time offline included; of a stream, longest silence. */
  timeoutMs?: number;
  /** Whether it may run twice: then it is sent again if the session is lost. */
  idempotent?: boolean;
  /**
   * Number of the call that an earlier page has made in the session that is taken up: its answer is waited for. Must be used
   * before the session is taken up, so best at once; later, or without a session, the call ends as `interrupted`. It is never
   * run anew.
   */
  id?: number;
}

/** A request that was made: a promise of the reply. */
export interface Call<Value, Failure> extends Promise<Value> {
  /** Its number; see {@link CallOptions.id}. */
  readonly id: number;
  /** The same as a result, typed, for those who rather not catch. */
  outcome(): Promise<Outcome<Value, Failure>>;
}

/** What {@link Client.on} listens to: events of the protocol, and what happens to the connection. */
export type Events<P extends Protocol> = P["events"] & {
  /** What the server sent in between is lost: read anew what matters. */
  discontinuity: { reason: Reason };
  notice: Notice;
};

/** What says `connection:authenticated`. */
export interface Authenticated {
  subject: string;
  scopes: string[];
  expiresInMs?: number;
}

declare const PROTOCOL: unique symbol;

/** A connection to a server, which is opened again whenever it is lost. */
export interface Client<P extends Protocol> {
  /** Never there: tells clients of different protocols apart. */
  readonly [PROTOCOL]?: P;
  /** State of the connection. The same object until it changes. */
  readonly state: State;
  /** What takes the session up again after a reload; to be kept where the page keeps what it shows, since both belong together. */
  readonly session: Session | undefined;
  /** Has every further state told. Returns what ends that. */
  onState(watcher: (state: State) => void): () => void;
  /** The next time that messages travel; at once if they do. Rejects when the client has ended. */
  connected(): Promise<void>;
  /** Sends a request; the promise is the payload of its reply. */
  request<T extends RequestType<P>>(
    type: T,
    ...rest: Arguments<P["requests"][T], CallOptions>
  ): Call<ReplyOf<P, T>, ErrorOf<P, T>>;
  /** Sends a request that a stream answers: `for await` reads its items, `end()` is the payload of its end. */
  stream<T extends StreamType<P>>(
    type: T,
    ...rest: Arguments<P["streams"][T], CallOptions>
  ): Stream<ItemOf<P, T>, EndOf<P, T>, ErrorOf<P, T>>;
  /** Sends a message that nothing answers. Throws if it can't wait to be sent; a refusal is the event `error`. */
  send<T extends SendType<P>>(type: T, ...rest: Arguments<P["oneWay"][T], never>): void;
  /** The same for who wants to know: resolves when the server has taken it, rejects if it refuses. */
  deliver<T extends SendType<P>>(type: T, ...rest: Arguments<P["oneWay"][T], CallOptions>): Call<void, ErrorOf<P, T>>;
  /** Has a handler called with every message of this type that answers nothing. Returns what ends that. */
  on<T extends keyof Events<P> & string>(type: T, handler: (payload: Events<P>[T]) => void): () => void;
  /** Shows a newer token on the connection that is there. Where the token is no function, it is the one from now on. */
  authenticate(token: string): Promise<Authenticated>;
  /** Ends the session: what waits is sent, then the connection is closed. */
  close(): Promise<void>;
}

/** Makes a client, which connects at once and again whenever the connection is lost. */
export function connect<P extends Protocol>(options: ConnectOptions<P>): Client<P> {
  const [client, start] = prepare(options);
  start();
  return client;
}

/** A client that does nothing to the world, so that it may be forgotten, and what has it connect, once. */
export function prepare<P extends Protocol>(options: ConnectOptions<P>): [Client<P>, start: () => void] {
  const settings = { ...DEFAULTS, ...given(options) };
  let { token } = options;
  let state: State = { status: "connecting" };
  const watchers = new Set<(state: State) => void>();
  const handlers = new Map<string, Set<(payload: any) => void>>();
  const now = clock();
  const emit = (type: string, payload: unknown) => tell(handlers.get(type), payload);
  const listener: Listener = {
    state(changed) {
      state = changed;
      tell(watchers, changed);
    },
    emit,
    check: options.validate,
  };
  const session = core(settings, listener, typeof token === "function", now(), options.session);
  let pump = () => {};

  function start(): void {
    const make = (options.WebSocket ?? globalThis.WebSocket) as SocketConstructor | undefined;
    const url = new URL(options.url, globalThis.location?.href);
    url.protocol = url.protocol.replace("http", "ws");
    if (!make || !/^wss?:$/.test(url.protocol)) throw new TypeError(`no WebSocket: ${url}`);
    pump = drive(session, make, url.href, options.subprotocol ?? ANY_VERSION, () => token, now);
    pump();
  }

  function begin(call: Omit<NewCall, "payload">, payload: unknown, options: CallOptions): { id: number; cancel: () => void } {
    const { signal } = options;
    const cancel = () => {
      session.cancel(id, signal?.reason);
      pump();
    };
    const done: NewCall["done"] = (error, payload) => {
      signal?.removeEventListener("abort", cancel);
      call.done(error, payload);
    };
    if (signal?.aborted) throw fail("cancelled", "", signal.reason);
    const id = session.begin({ ...call, ...given(options), payload: text(payload), done }, now());
    signal?.addEventListener("abort", cancel);
    pump();
    return { id, cancel };
  }

  function call(kind: "request" | "send", type: string, payload?: unknown, options: CallOptions = {}): any {
    let id = 0;
    const promise = new Promise<any>((resolve, reject) => {
      const done: NewCall["done"] = (error, value) => (error ? reject(error) : resolve(value));
      id = begin({ type, kind, timeoutMs: settings.requestTimeoutMs, done }, payload, options).id;
    });
    return Object.assign(promise, { id, outcome: () => outcome(promise) });
  }

  async function connected(): Promise<void> {
    while (state.status !== "connected") {
      if (state.status === "ended") throw disconnected(state.ended);
      await new Promise<void>((resolve) => {
        const stop = listen(watchers, () => (stop(), resolve()));
      });
    }
  }

  const client: Client<any> = {
    get state() {
      return state;
    },
    get session() {
      return session.session();
    },
    onState: (watcher) => listen(watchers, watcher),
    connected,
    request: (...rest: any) => call("request", ...(rest as [string])),
    stream: (type: string, ...[payload, options = {}]: any) =>
      stream(settings.inboxMessages, (item, done) =>
        begin({ type, kind: "stream", timeoutMs: settings.streamTimeoutMs, item, done }, payload, options),
      ),
    send(type: any, payload?: any) {
      session.send(type, text(payload));
      pump();
    },
    deliver: (...rest: any) => call("send", ...(rest as [string])),
    on(type: string, handler) {
      if (!handlers.has(type)) handlers.set(type, new Set());
      return listen(handlers.get(type)!, handler);
    },
    async authenticate(newer) {
      const answer = await call("request", "connection:authenticate", { token: newer });
      if (typeof token !== "function") token = newer;
      return answer;
    },
    async close() {
      session.close(now());
      pump();
      await connected().catch(() => {});
    },
  };
  return [client, start];
}

/** Options without those that are `undefined`, which are as good as left out. */
function given<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

/** A payload that is left out is an empty object; null is one of its own. */
function text(payload: unknown = {}): string {
  return JSON.stringify(payload);
}

/** Has a value told to this one from now on. Returns what ends that. */
function listen<T>(listeners: Set<(value: T) => void>, listener: (value: T) => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** One that throws must not end what others wait for: its error is nobody's, as with any event. */
function tell<T>(listeners: Iterable<(value: T) => void> | undefined, value: T): void {
  for (const listener of [...(listeners ?? [])]) {
    try {
      listener(value);
    } catch (error) {
      void Promise.reject(error);
    }
  }
}
