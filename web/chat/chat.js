// @generated from web/chat/src by web/build.mjs. Do not edit.

// clients/typescript/src/close-codes.ts
var ACTIONS = {
  1e3: "stop",
  1001: "reconnect-after-hint",
  1002: "fix",
  1003: "fix",
  1007: "fix",
  1009: "fix",
  1011: "back-off",
  1012: "back-off",
  1013: "back-off",
  4400: "fix",
  4401: "log-in",
  4403: "stop",
  4406: "upgrade",
  4408: "resume",
  4409: "stop",
  4429: "back-off",
  4503: "resume"
};

// clients/typescript/src/error.ts
var WireloomError = class extends Error {
  constructor(code, message, retryable = false, details = [], payload, options) {
    super(message, options);
    Object.assign(this, { name: "WireloomError", code, retryable, details, payload });
  }
};

// clients/typescript/src/core.ts
var CLOSE = null;
var RESUME = "resume";
var encoder = new TextEncoder();
var size = (text2) => encoder.encode(text2).length;
function fail(code, why = "", cause) {
  const retryable = /timeout|interrupted|queue_full|overrun/.test(code);
  return new WireloomError(code, code + why, retryable, [], void 0, { cause });
}
function frame(type, payload, id, ack) {
  const named = id ? `,"correlationId":"${id}"` : "";
  return `{"type":${JSON.stringify(type)},"payload":${payload}${named}${ack === void 0 ? "" : `,"ack":${ack}`}}`;
}
function actionOf(lost) {
  if (lost.kind === "closed") return ACTIONS[lost.code] ?? "back-off";
  return /silent|gap/.test(lost.kind) ? "resume" : "back-off";
}
function core(settings, listener, canRenew, now, saved, random = Math.random) {
  let phase = 0 /* Waiting */;
  let due = now;
  let refused = false;
  let toReplay = 0;
  let failed = 0;
  let over;
  let goodbyeBy = Infinity;
  let saidGoodbye = false;
  let hadSession = !!saved;
  let token3 = saved?.token;
  let lastSeq = saved?.lastSeq ?? 0;
  let clientId;
  let unacked = 0;
  let unackedBytes = 0;
  let ackAt = Infinity;
  let fresh = {};
  let heardAt = now;
  let pingedAt = 0;
  let overslept = false;
  let hint;
  let verdict;
  let greeting;
  let heartbeat;
  let answers;
  let largest;
  let largestOf;
  const calls = /* @__PURE__ */ new Map();
  let lastCall = saved?.lastCall ?? 0;
  let control = [];
  let urgent = [];
  let queue = [];
  const notice = (what) => listener.emit("notice", what);
  const cancelled = () => [...calls.values()].filter((call) => call.cancelled);
  const cancellation = (id) => ({ id, type: "request:cancel", payload: "{}", bytes: 0 });
  const limitOf = (type) => largestOf[type] ?? largest;
  learn(saved?.greeting ?? {});
  function begin2(call, now2) {
    const bytes = admit(call.type, call.payload);
    if (calls.size - cancelled().length >= settings.calls) throw fail("queue_full");
    const sent = !!call.id;
    const id = call.id || lastCall + 1;
    lastCall = Math.max(lastCall, id);
    if (sent && (!saved || calls.has(id))) throw fail("interrupted");
    const deadline2 = now2 + call.timeoutMs;
    const entry = { ...call, id, bytes, progress: sent ? 1 : 0, begun: sent, deadline: deadline2, cancelled: false };
    calls.set(id, entry);
    if (!sent) queue.push(entry);
    return id;
  }
  function cancel(id, cause) {
    giveUp(calls.get(id), fail("cancelled", "", cause));
  }
  function send(type, payload) {
    queue.push({ type, payload, bytes: admit(type, payload) });
  }
  function close(now2) {
    if (phase === 0 /* Waiting */ || phase === 1 /* Opening */) {
      end({ kind: "closed" });
    } else if (!over && goodbyeBy === Infinity) {
      goodbyeBy = now2 + 2e3 /* CloseTimeout */;
      listener.state({ status: "closing" });
    }
  }
  function session() {
    return token3 ? { token: token3, lastSeq, lastCall, greeting } : void 0;
  }
  function wake(now2) {
    if (phase === 0 /* Waiting */ && hint === void 0) due = now2;
    if (phase === 5 /* Ready */ && !pingedAt) ping(now2);
  }
  function step(now2) {
    if (phase !== 0 /* Waiting */ || due > now2) return void 0;
    phase = 1 /* Opening */;
    due = now2 + settings.connectTimeoutMs;
    hint = void 0;
    control = [];
    urgent = [];
    fresh = {};
    listener.state({ status: "connecting" });
    return refused;
  }
  function opened(now2, shown) {
    if (phase !== 1 /* Opening */) return;
    alive(now2);
    const say2 = (what, payload) => control.push(frame(`connection:${what}`, JSON.stringify(payload), what));
    if (shown) say2("authenticate", { token: shown });
    if (token3) {
      say2(RESUME, { resumeToken: token3, lastSeq });
      phase = 3 /* Resuming */;
    } else {
      phase = 2 /* Greeting */;
      if (!settings.waitForGreeting) startOver("unsupported", now2);
    }
  }
  function alive(now2) {
    heardAt = now2;
    pingedAt = 0;
    overslept = false;
  }
  function received(text2, now2) {
    if (over || verdict) return;
    alive(now2);
    let message;
    try {
      message = JSON.parse(text2);
      if (typeof message.type !== "string") throw "no type";
    } catch (error) {
      return notice({ kind: "unreadable", why: `${error}` });
    }
    const { type, seq, correlationId } = message;
    const payload = message.payload ??= {};
    if (type === "connection:established") greeted(payload, now2);
    if (type === "connection:closing") hint = +payload.reconnectAfterMs || 0;
    if (type === "connection:resumed") {
      resumed(payload, now2);
    } else if (phase === 3 /* Resuming */) {
      if (type === "error" && correlationId === RESUME) startOver("unsupported", now2);
      else if (!seq) deliver(message, now2);
    } else if (!seq) {
      deliver(message, now2);
    } else if (seq > lastSeq + 1) {
      verdict = { kind: "gap", expected: lastSeq + 1, got: seq };
    } else if (seq > lastSeq) {
      lastSeq = seq;
      if (token3) {
        unacked++;
        unackedBytes += text2.length;
        ackAt = Math.min(ackAt, unacked >= 32 /* AckMessages */ || unackedBytes >= 65536 /* AckBytes */ ? now2 : now2 + 1e3 /* AckAfter */);
      }
      deliver(message, now2);
      if (phase === 4 /* Replaying */ && --toReplay <= 0) takenUp(now2);
    }
  }
  function transmit(now2) {
    if (verdict || saidGoodbye) return void 0;
    if (control.length) return control.shift();
    if (phase === 5 /* Ready */) {
      for (let entry; entry = urgent.shift() ?? queue.shift(); ) {
        const text2 = write2(entry);
        if (text2) return text2;
      }
      if (ackAt <= now2) return frame("connection:ack", `{"seq":${acknowledge()}}`);
    }
    if (goodbyeBy === Infinity) return void 0;
    saidGoodbye = true;
    return CLOSE;
  }
  function lost(lost2, now2) {
    if (over) return;
    if (goodbyeBy < Infinity) return end({ kind: "closed" });
    if (!token3) interrupt("unsupported");
    verdict = void 0;
    const action = actionOf(lost2);
    refused = action === "log-in";
    if (/stop|fix|upgrade/.test(action) || refused && !canRenew) return end({ kind: "final", lost: lost2, action });
    if (phase === 5 /* Ready */ && now2 >= due + 5e3 /* StableAfter */) failed = 0;
    if (failed >= settings.attempts) return end({ kind: "gave-up", lost: lost2, attempts: failed });
    phase = 0 /* Waiting */;
    due = now2 + waitBefore(action);
    failed++;
    listener.state({ status: "waiting", lost: lost2, retryAt: due });
  }
  function tick(now2) {
    for (const call of calls.values()) if (call.deadline <= now2) giveUp(call, fail("timeout"));
    const opening = phase > 0 /* Waiting */ && phase < 5 /* Ready */;
    if ((opening ? Math.min(due, goodbyeBy) : goodbyeBy) <= now2) return { kind: "timeout" };
    const quiet = quietAt();
    if (quiet <= now2) {
      const late = now2 - quiet > 2e3 /* Slept */ && !overslept;
      if (pingedAt && !late) return { kind: "silent" };
      overslept = !!pingedAt;
      ping(now2);
    }
    return verdict;
  }
  function deadline() {
    const next = over ? Infinity : phase === 5 /* Ready */ ? ackAt : due;
    return Math.min(goodbyeBy, quietAt(), next, ...[...calls.values()].map((call) => call.deadline));
  }
  function quietAt() {
    if (phase !== 5 /* Ready */ && phase !== 4 /* Replaying */) return Infinity;
    return pingedAt ? pingedAt + heartbeat / 2 + 5e3 /* HeartbeatMargin */ : heardAt + heartbeat;
  }
  function ping(now2) {
    pingedAt = now2;
    control.push(frame("ping", "{}"));
  }
  function waitBefore(action) {
    const base = settings.backOffBaseMs;
    if (!failed && (refused || action === "resume" && hint === void 0)) return 0;
    if (hint === void 0) return Math.min(base * 2 ** failed, settings.backOffCapMs) * random();
    const wish = Math.min(hint, 3e5 /* MaxHint */);
    return wish + Math.max(wish, base) * random();
  }
  function learn(payload) {
    greeting = payload;
    heartbeat = +payload.heartbeatMs || Infinity;
    largest = +payload.limits?.messageBytes || Infinity;
    largestOf = payload.limits?.typeBytes ?? {};
    answers = payload.protocol?.answers ?? {};
  }
  function greeted(payload, now2) {
    learn(payload);
    fresh = payload;
    if (phase === 2 /* Greeting */) startOver("unsupported", now2);
    if (phase === 5 /* Ready */ && !clientId) adopt(payload);
  }
  function adopt(payload) {
    saved = void 0;
    token3 = payload.resumeToken;
    clientId = payload.clientId;
    if (phase === 5 /* Ready */) listener.state({ status: "connected", clientId });
  }
  function startOver(reason, now2) {
    adopt(fresh);
    lastSeq = 0;
    acknowledge();
    if (hadSession) {
      listener.emit("discontinuity", { reason });
      interrupt(reason);
    }
    hadSession = true;
    ready(now2);
  }
  function resumed(payload, now2) {
    if (phase !== 3 /* Resuming */) return;
    if (payload.resumed !== true) {
      fresh = { ...fresh, ...payload };
      return startOver(`${payload.reason}`, now2);
    }
    adopt(payload);
    ackAt = Infinity;
    toReplay = +payload.replayed || 0;
    phase = 4 /* Replaying */;
    due = now2 + settings.connectTimeoutMs;
    notice({ kind: "resumed", replayed: toReplay });
    if (!toReplay) takenUp(now2);
  }
  function takenUp(now2) {
    if (token3) ackAt = now2;
    ready(now2);
  }
  function interrupt(reason) {
    for (const call of calls.values()) {
      if (call.progress !== 1) continue;
      if (call.idempotent && !call.begun && !call.cancelled) call.progress = 2;
      else finish(call, fail("interrupted", `: ${reason}`));
    }
  }
  function ready(now2) {
    const sent = [...calls.values()].filter((call) => call.progress);
    urgent = sent.map((call) => call.cancelled ? cancellation(call.id) : call);
    phase = 5 /* Ready */;
    due = now2;
    listener.state({ status: "connected", clientId });
  }
  function end(ended2) {
    phase = 6 /* Ended */;
    over = ended2;
    queue = [];
    for (const call of calls.values()) finish(call, disconnected(ended2));
    listener.state({ status: "ended", ended: ended2 });
  }
  function deliver({ type, payload, correlationId }, now2) {
    const why = listener.check?.(type, payload);
    if (why) notice({ kind: "invalid", type, why });
    if (!correlationId) return listener.emit(type, payload);
    const call = calls.get(+correlationId.slice(2));
    if (!call) return;
    const answer = answers[call.type];
    if (correlationId[0] === "p") {
      if (call.kind === "send") finish(call);
    } else if (type === "error") {
      finish(call, serverError(payload));
    } else if (why) {
      giveUp(call, fail("invalid_message", `: ${type}: ${why}`));
    } else if (type === (call.kind === "request" ? answer?.reply ?? type : answer?.end)) {
      finish(call, void 0, payload);
    } else if (type === answer?.error) {
      finish(call, new WireloomError("stream_error", `${payload.message ?? type}`, false, [], payload));
    } else if (type === answer?.item) {
      call.begun = true;
      if (call.cancelled) return;
      call.deadline = now2 + call.timeoutMs;
      if (!call.item?.(payload)) giveUp(call, fail("overrun"));
    }
  }
  function finish(call, error, payload) {
    calls.delete(call.id);
    if (!call.cancelled) call.done(error, payload);
  }
  function giveUp(call, error) {
    if (!call || call.cancelled) return;
    if (call.progress === 1) {
      call.cancelled = true;
      call.deadline = Infinity;
      if (phase === 5 /* Ready */) urgent.push(cancellation(call.id));
      for (const { id } of cancelled().slice(0, -settings.calls)) calls.delete(id);
    } else {
      calls.delete(call.id);
      queue = queue.filter((entry) => entry !== call);
    }
    call.done(error);
  }
  function admit(type, payload) {
    if (over || goodbyeBy < Infinity) throw disconnected(over ?? { kind: "closed" });
    const length = size(payload);
    if (length > limitOf(type)) throw tooLarge(length, limitOf(type));
    const bytes = length + type.length + 160 /* Envelope */;
    const waiting = queue.reduce((sum, entry) => sum + entry.bytes, bytes);
    if (queue.length >= settings.queueMessages || queue.length && waiting > settings.queueBytes) throw fail("queue_full");
    return bytes;
  }
  function write2(entry) {
    const { id, type, payload } = entry;
    const call = calls.get(id);
    if (id && !call) return void 0;
    const name = id && `c-${id}`;
    const limit = limitOf(type);
    const bytes = size(frame(type, payload, name));
    if (bytes > limit) {
      if (call) giveUp(call, tooLarge(bytes, limit));
      else notice({ kind: "not-sent", type, bytes, limit });
      return void 0;
    }
    if (call === entry) {
      call.progress = 1;
      if (call.kind === "send") control.push(frame("ping", "{}", `p-${id}`));
    }
    return frame(type, payload, name, bytes + 24 /* AckRoom */ > limit ? void 0 : acknowledge());
  }
  function acknowledge() {
    const due2 = ackAt < Infinity;
    ackAt = Infinity;
    unacked = unackedBytes = 0;
    return due2 ? lastSeq : void 0;
  }
  const ended = () => over;
  return { begin: begin2, cancel, send, close, ended, session, wake, step, opened, received, transmit, lost, tick, deadline };
}
function tooLarge(bytes, limit) {
  return fail("too_large", `: ${bytes} bytes, at most ${limit}`);
}
function disconnected(ended) {
  return fail("disconnected", `: ${JSON.stringify(ended)}`);
}
function serverError({ code, message, retryable, details }) {
  return new WireloomError(`${code}`, `${message ?? code}`, !!retryable, details ?? []);
}

// clients/typescript/src/driver.ts
var TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
function clock() {
  let last = Date.now();
  let offset = 0;
  return () => {
    const now = Date.now();
    if (now < last) offset += last - now;
    last = now;
    return now + offset;
  };
}
function drive(core2, make, url, subprotocol, token3, now) {
  let socket;
  let isOpen = false;
  let attempt;
  let timer;
  const listening = new AbortController();
  for (const event of ["visibilitychange", "online"]) {
    globalThis.addEventListener?.(event, wake, listening);
  }
  function wake() {
    if (globalThis.document?.hidden) return;
    core2.wake(now());
    pump();
  }
  function pump() {
    const time = now();
    clearTimeout(timer);
    const lost = core2.tick(time);
    if (lost) lose(lost);
    if (!attempt) {
      const renew = core2.step(time);
      if (renew !== void 0) void connect2(renew);
    }
    if (socket && isOpen) {
      while (socket.bufferedAmount < 65536 /* Buffered */) {
        const text2 = core2.transmit(time);
        if (text2 === void 0) break;
        if (text2 === CLOSE) socket.close(1e3);
        else socket.send(text2);
      }
    }
    if (core2.ended()) {
      drop();
      listening.abort();
      return;
    }
    const full = socket && socket.bufferedAmount >= 65536 /* Buffered */;
    timer = setTimeout(pump, Math.max(0, Math.min(core2.deadline() - time, full ? 50 /* Retry */ : 6e4 /* Longest */)));
  }
  async function connect2(renew) {
    const mine = attempt = {};
    const source = token3();
    let shown;
    try {
      shown = typeof source === "function" ? await source(renew ? "refused" : "connect") : source;
    } catch (cause) {
      if (attempt === mine) lose({ kind: "token", cause });
      return pump();
    }
    if (attempt !== mine) return;
    const inHandshake = shown !== void 0 && TOKEN.test(shown);
    const opened = socket = new make(url, inHandshake ? [subprotocol, `bearer.${shown}`] : [subprotocol]);
    opened.onopen = () => {
      isOpen = true;
      core2.opened(now(), inHandshake ? void 0 : shown);
      pump();
    };
    opened.onmessage = ({ data }) => {
      core2.received(data, now());
      pump();
    };
    opened.onclose = ({ code, reason }) => {
      lose({ kind: "closed", code, reason });
      pump();
    };
    opened.onerror = () => {
    };
  }
  function lose(lost) {
    drop();
    core2.lost(lost, now());
  }
  function drop() {
    const left = socket;
    socket = attempt = void 0;
    isOpen = false;
    if (!left) return;
    left.onopen = left.onmessage = left.onclose = null;
    left.close(4e3 /* GivenUp */);
  }
  return pump;
}

// clients/typescript/src/settings.ts
var DEFAULTS = {
  connectTimeoutMs: 1e4,
  backOffBaseMs: 250,
  backOffCapMs: 3e4,
  attempts: Infinity,
  requestTimeoutMs: 3e4,
  streamTimeoutMs: Infinity,
  queueMessages: 1024,
  queueBytes: 4 * 1024 * 1024,
  calls: 1024,
  inboxMessages: 1024,
  waitForGreeting: true
};

// clients/typescript/src/stream.ts
function outcome(promise) {
  return promise.then(
    (value) => ({ ok: true, value }),
    (error) => ({ ok: false, error })
  );
}
function stream(most, begin2) {
  const items = [];
  let discard = false;
  let ended = false;
  let error;
  let wake = () => {
  };
  let begun = { id: 0, cancel: () => {
  } };
  const last = new Promise((resolve, reject) => {
    const done = (why, payload) => {
      ended = true;
      error = why;
      wake();
      if (why) reject(why);
      else resolve(payload);
    };
    const item = (payload) => {
      if (discard) return true;
      if (items.length >= most) return false;
      items.push(payload);
      wake();
      return true;
    };
    try {
      begun = begin2(item, done);
    } catch (why) {
      done(why);
    }
  });
  last.catch(() => {
  });
  const end = () => {
    discard = true;
    items.length = 0;
    return last;
  };
  return {
    ...begun,
    end,
    outcome: () => outcome(end()),
    [Symbol.asyncIterator]: () => ({
      async next() {
        while (!items.length && !ended) await new Promise((resolve) => wake = resolve);
        if (items.length) return { done: false, value: items.shift() };
        const why = error;
        error = void 0;
        if (why) throw why;
        return { done: true, value: void 0 };
      },
      async return() {
        if (!ended) begun.cancel();
        return { done: true, value: void 0 };
      }
    })
  };
}

// clients/typescript/src/client.ts
var ANY_VERSION = "wireloom.v1";
function connect(options) {
  const [client, start] = prepare(options);
  start();
  return client;
}
function prepare(options) {
  const settings = { ...DEFAULTS, ...given(options) };
  let { token: token3 } = options;
  let state = { status: "connecting" };
  const watchers = /* @__PURE__ */ new Set();
  const handlers = /* @__PURE__ */ new Map();
  const now = clock();
  const emit = (type, payload) => tell(handlers.get(type), payload);
  const listener = {
    state(changed2) {
      state = changed2;
      tell(watchers, changed2);
    },
    emit,
    check: options.validate
  };
  const session = core(settings, listener, typeof token3 === "function", now(), options.session);
  let pump = () => {
  };
  function start() {
    const make = options.WebSocket ?? globalThis.WebSocket;
    const url = new URL(options.url, globalThis.location?.href);
    url.protocol = url.protocol.replace("http", "ws");
    if (!make || !/^wss?:$/.test(url.protocol)) throw new TypeError(`no WebSocket: ${url}`);
    pump = drive(session, make, url.href, options.subprotocol ?? ANY_VERSION, () => token3, now);
    pump();
  }
  function begin2(call2, payload, options2) {
    const { signal } = options2;
    const cancel = () => {
      session.cancel(id, signal?.reason);
      pump();
    };
    const done = (error, payload2) => {
      signal?.removeEventListener("abort", cancel);
      call2.done(error, payload2);
    };
    if (signal?.aborted) throw fail("cancelled", "", signal.reason);
    const id = session.begin({ ...call2, ...given(options2), payload: text(payload), done }, now());
    signal?.addEventListener("abort", cancel);
    pump();
    return { id, cancel };
  }
  function call(kind, type, payload, options2 = {}) {
    let id = 0;
    const promise = new Promise((resolve, reject) => {
      const done = (error, value) => error ? reject(error) : resolve(value);
      id = begin2({ type, kind, timeoutMs: settings.requestTimeoutMs, done }, payload, options2).id;
    });
    return Object.assign(promise, { id, outcome: () => outcome(promise) });
  }
  async function connected() {
    while (state.status !== "connected") {
      if (state.status === "ended") throw disconnected(state.ended);
      await new Promise((resolve) => {
        const stop = listen(watchers, () => (stop(), resolve()));
      });
    }
  }
  const client = {
    get state() {
      return state;
    },
    get session() {
      return session.session();
    },
    onState: (watcher) => listen(watchers, watcher),
    connected,
    request: (...rest) => call("request", ...rest),
    stream: (type, ...[payload, options2 = {}]) => stream(
      settings.inboxMessages,
      (item, done) => begin2({ type, kind: "stream", timeoutMs: settings.streamTimeoutMs, item, done }, payload, options2)
    ),
    send(type, payload) {
      session.send(type, text(payload));
      pump();
    },
    deliver: (...rest) => call("send", ...rest),
    on(type, handler) {
      if (!handlers.has(type)) handlers.set(type, /* @__PURE__ */ new Set());
      return listen(handlers.get(type), handler);
    },
    async authenticate(newer) {
      const answer = await call("request", "connection:authenticate", { token: newer });
      if (typeof token3 !== "function") token3 = newer;
      return answer;
    },
    async close() {
      session.close(now());
      pump();
      await connected().catch(() => {
      });
    }
  };
  return [client, start];
}
function given(options) {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== void 0));
}
function text(payload = {}) {
  return JSON.stringify(payload);
}
function listen(listeners, listener) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
function tell(listeners, value) {
  for (const listener of [...listeners ?? []]) {
    try {
      listener(value);
    } catch (error) {
      void Promise.reject(error);
    }
  }
}

// web/chat/src/store.ts
var CONVERSATION = "agent.conversation";
var TOKEN2 = "agent.token";
var RECENT = "agent.recent";
var THEME = "agent.theme";
var MOST_RECENT = 6;
function read(storage, key) {
  try {
    return JSON.parse(storage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}
function write(storage, key, value) {
  try {
    if (value === void 0) storage.removeItem(key);
    else storage.setItem(key, JSON.stringify(value));
  } catch {
  }
}
function conversation() {
  const kept = read(sessionStorage, CONVERSATION);
  return kept && typeof kept.path === "string" && Array.isArray(kept.turns) ? kept : void 0;
}
function keepConversation(conversation2) {
  write(sessionStorage, CONVERSATION, conversation2);
}
function token() {
  const kept = read(sessionStorage, TOKEN2);
  return typeof kept === "string" ? kept : void 0;
}
function keepToken(token3) {
  write(sessionStorage, TOKEN2, token3);
}
function recent() {
  const kept = read(localStorage, RECENT);
  return Array.isArray(kept) ? kept.filter((path2) => typeof path2 === "string").slice(0, MOST_RECENT) : [];
}
function remember(path2) {
  write(localStorage, RECENT, [path2, ...recent().filter((other) => other !== path2)].slice(0, MOST_RECENT));
}
function theme() {
  const kept = read(localStorage, THEME);
  return kept === "light" || kept === "dark" ? kept : void 0;
}
function keepTheme(theme2) {
  write(localStorage, THEME, theme2);
}

// web/chat/src/conversation.ts
var KEEP_EVERY = 250;
var REASONS = {
  expired: "You were away for too long.",
  gap: "More was said meanwhile than the server keeps.",
  unknown: "The server was restarted.",
  unsupported: "The connection was lost."
};
var Talk = class {
  turns;
  path;
  #client;
  #watcher;
  #keeping;
  /** The agent that is being started. */
  #starting;
  #cancel;
  constructor(watcher, token3) {
    const kept = conversation();
    this.#watcher = watcher;
    this.path = kept?.path ?? "";
    this.turns = kept?.turns ?? [];
    this.#client = connect({ url: "/ws", session: kept?.session, ...token3 ? { token: token3 } : {} });
    this.#client.onState((state) => watcher.connection(state));
    this.#client.on("status:update", ({ status }) => watcher.status(status));
    this.#client.on("discontinuity", ({ reason }) => this.#begunAnew(reason));
    addEventListener("pagehide", () => this.#keep());
    addEventListener("visibilitychange", () => this.#keep());
    const answer = this.#answer();
    if (answer?.call) void this.#read(answer, answer.call);
    else if (answer) answer.status = "interrupted";
  }
  get state() {
    return this.#client.state;
  }
  /** Whether an answer is under way. */
  get isAnswering() {
    return this.#answer() !== void 0;
  }
  /** Starts an agent in a project. Throws what the server says against it. */
  async open(path2) {
    await this.#start(path2);
    this.path = path2;
    remember(path2);
    this.#keep();
    this.#watcher.project();
  }
  /** Ends the agent, and the conversation with it. */
  leave() {
    this.stop();
    if (this.state.status === "connected") void this.#client.request("agent:cancel").outcome();
    this.path = "";
    this.turns.length = 0;
    keepConversation(void 0);
    this.#watcher.status(void 0);
    this.#watcher.project();
  }
  /** Says something to the agent. */
  say(text2) {
    this.#add({ who: "you", text: text2 });
    const answer = { who: "agent", text: "", status: "streaming" };
    this.#add(answer);
    void this.#read(answer);
  }
  /** Says once more what was answered by this turn. */
  sayAgain(index) {
    const said = this.turns.slice(0, index).findLast((turn) => turn.who === "you");
    if (said && !this.isAnswering) this.say(said.text);
  }
  /** Stops the answer. */
  stop() {
    this.#cancel?.();
  }
  /** Ends the connection; the conversation is kept no more by this page. */
  end() {
    clearTimeout(this.#keeping);
    void this.#client.close();
  }
  async #start(path2) {
    const projectId = path2.split(/[/\\]/).findLast((part) => part !== "") ?? "project";
    const request = { projectId: projectId.slice(0, 128), projectPath: path2 };
    const starting = this.#client.request("agent:start", request).then(() => {
    });
    this.#starting = starting;
    try {
      await starting;
    } finally {
      if (this.#starting === starting) this.#starting = void 0;
    }
  }
  /** The answer that is under way. */
  #answer() {
    const isUnderWay = (turn) => turn.who === "agent" && turn.status === "streaming";
    return this.turns.findLast(isUnderWay);
  }
  /** Reads an answer: a new one, or, by its call, one that an earlier page has asked for. */
  async #read(answer, call, isRetry = false) {
    const asked = this.turns.slice(0, this.turns.indexOf(answer)).findLast((turn) => turn.who === "you");
    const content = asked?.text ?? "";
    const stream2 = this.#client.stream("agent:message", { content }, call ? { id: call } : {});
    answer.call = stream2.id;
    this.#cancel = () => stream2.cancel();
    this.#changed(answer);
    try {
      for await (const chunk of stream2) {
        answer.text += chunk.content;
        this.#changed(answer);
      }
      answer.status = "done";
    } catch (error) {
      const { code, message } = error;
      if (code === "session_not_found" && this.path && !isRetry) {
        try {
          await (this.#starting ?? this.#start(this.path));
          return this.#read(answer, void 0, true);
        } catch (error2) {
          answer.why = error2.message;
        }
        answer.status = "failed";
      } else if (code === "cancelled") {
        answer.status = "stopped";
      } else {
        answer.status = code === "interrupted" ? "interrupted" : "failed";
        answer.why = message;
      }
    }
    delete answer.call;
    this.#cancel = void 0;
    this.#watcher.status(void 0);
    this.#changed(answer);
    this.#keep();
  }
  /** What the server knew of this conversation is gone. What the page shows stays. */
  #begunAnew(reason) {
    this.#watcher.status(void 0);
    if (!this.path) return;
    const starting = this.#start(this.path);
    const tell2 = (text2) => {
      this.#add({ who: "notice", text: `${REASONS[reason] ?? "The connection was lost."} ${text2}` });
    };
    starting.then(
      () => tell2("The agent has begun anew and does not know what was said before."),
      (error) => tell2(`The agent could not be started: ${error.message}`)
    );
  }
  #add(turn) {
    this.turns.push(turn);
    this.#watcher.turn(this.turns.length - 1);
    this.#keep();
  }
  #changed(turn) {
    const index = this.turns.indexOf(turn);
    if (index < 0) return;
    this.#watcher.turn(index);
    this.#keeping ??= setTimeout(() => this.#keep(), KEEP_EVERY);
  }
  /** Keeps what is shown together with what takes the session up again: neither is of use without the other. */
  #keep() {
    clearTimeout(this.#keeping);
    this.#keeping = void 0;
    if (!this.path) return;
    keepConversation({ path: this.path, turns: this.turns, session: this.#client.session });
  }
};

// web/chat/src/text.ts
function blocks(text2) {
  const blocks2 = [];
  let rest = text2;
  for (let fence; fence = /^```[^\n`]*\n/m.exec(rest); ) {
    blocks2.push({ code: false, text: rest.slice(0, fence.index).replace(/\n$/, "") });
    rest = rest.slice(fence.index + fence[0].length);
    const end = /^```[^\S\n]*(\n|$)/m.exec(rest);
    blocks2.push({ code: true, text: (end ? rest.slice(0, end.index) : rest).replace(/\n$/, "") });
    rest = end ? rest.slice(end.index + end[0].length) : "";
  }
  blocks2.push({ code: false, text: rest });
  return blocks2.filter(({ code, text: text3 }) => code || text3 !== "");
}
function element(name, text2) {
  const element2 = document.createElement(name);
  element2.textContent = text2;
  return element2;
}
function elements(text2) {
  return blocks(text2).flatMap((block) => {
    if (block.code) {
      const pre = document.createElement("pre");
      pre.append(element("code", block.text));
      pre.tabIndex = 0;
      return [pre];
    }
    return block.text.split(/(`[^`\n]+`)/).map((part) => {
      const isCode = part.length > 2 && part.startsWith("`") && part.endsWith("`");
      return isCode ? element("code", part.slice(1, -1)) : document.createTextNode(part);
    });
  });
}

// web/chat/src/view.ts
function byId(id) {
  const element2 = document.getElementById(id);
  if (!element2) throw new Error(`the page has no ${id}`);
  return element2;
}
var STATUS = {
  idle: "",
  thinking: "The agent is thinking …",
  streaming: "The agent is answering …",
  error: "The agent has failed."
};
function showStatus(status, isConnected) {
  const text2 = status ? STATUS[status] : "";
  byId("status").textContent = text2 && !isConnected ? "The answer goes on when the connection is back." : text2;
}
function whyEnded(ended) {
  if (ended.kind !== "final") return "Closed";
  const { lost, action } = ended;
  if (lost.kind === "closed" && lost.code === 4409) return "Open elsewhere";
  return { "log-in": "Signed out", upgrade: "Reload the page" }[action] ?? "Refused";
}
function showConnection(state) {
  const { status } = state;
  const waits = status === "waiting" ? Math.ceil((state.retryAt - Date.now()) / 1e3) : 0;
  const texts = {
    connecting: "Connecting",
    connected: "Connected",
    waiting: waits > 1 ? `Retry in ${waits} s` : "Reconnecting",
    closing: "Closing",
    ended: status === "ended" ? whyEnded(state.ended) : ""
  };
  const badge = byId("connection");
  if (badge.dataset.state !== status) badge.dataset.state = status;
  const text2 = byId("connection-text");
  if (text2.textContent !== texts[status]) text2.textContent = texts[status];
}
function showProject(path2) {
  byId("project").textContent = path2;
  byId("project").title = path2;
  document.title = path2 ? `${path2.split(/[/\\]/).findLast((part) => part !== "") ?? path2} – Agent` : "Agent";
}
var log = () => byId("log");
function atTheEnd(change) {
  const element2 = log();
  const follows = element2.scrollHeight - element2.scrollTop - element2.clientHeight < 48;
  change();
  if (follows) element2.scrollTop = element2.scrollHeight;
}
function scrollToEnd() {
  log().scrollTop = log().scrollHeight;
}
function showTurns(turns, sayAgain2) {
  byId("turns").replaceChildren();
  byId("empty").hidden = turns.length > 0;
  turns.forEach((_, index) => showTurn(turns, index, sayAgain2));
  scrollToEnd();
}
function showTurn(turns, index, sayAgain2) {
  const turn = turns[index];
  if (!turn) return;
  atTheEnd(() => {
    byId("empty").hidden = true;
    const list = byId("turns");
    const item = list.children[index] ?? list.appendChild(document.createElement("li"));
    item.replaceChildren(...parts(turn, () => sayAgain2(index)));
    item.className = turn.who === "notice" ? "notice" : `turn ${turn.who} ${turn.who === "agent" ? turn.status : ""}`;
  });
}
var ENDS = {
  streaming: "",
  done: "",
  stopped: "Stopped.",
  interrupted: "The answer broke off.",
  failed: "There is no answer."
};
function parts(turn, sayAgain2) {
  if (turn.who === "notice") return [create("p", "", turn.text)];
  const who = create("span", "who", turn.who === "you" ? "You" : "Agent");
  const text2 = create("div", "text");
  text2.append(...elements(turn.text));
  if (turn.who === "you" || !ENDS[turn.status]) return [who, text2];
  const end = create("p", "end", `${ENDS[turn.status]} ${turn.status === "failed" ? turn.why ?? "" : ""}`.trim());
  const again = create("button", "", "Send again");
  again.type = "button";
  again.addEventListener("click", sayAgain2);
  end.append(again);
  return turn.text ? [who, text2, end] : [who, end];
}
function create(name, className, text2 = "") {
  const element2 = document.createElement(name);
  if (className) element2.className = className;
  element2.textContent = text2;
  return element2;
}
function announce(text2) {
  byId("announcer").textContent = text2;
}

// web/chat/src/main.ts
var prompt = byId("prompt");
var path = byId("path");
var token2 = byId("token");
var talk;
var doing;
var changed = /* @__PURE__ */ new Set();
function show(part) {
  for (const id of ["sign-in", "open", "chat"]) byId(id).hidden = id !== part;
  byId("leave").hidden = part !== "chat";
}
function showButtons() {
  const answering = talk?.isAnswering ?? false;
  const hadFocus = document.activeElement === byId(answering ? "send" : "stop");
  byId("send").hidden = answering;
  byId("stop").hidden = !answering;
  if (hadFocus) prompt.focus();
}
function showRecent() {
  const paths = recent();
  byId("recent").hidden = paths.length === 0;
  byId("recent-list").replaceChildren(
    ...paths.map((recent2) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = recent2;
      button.addEventListener("click", () => {
        path.value = recent2;
        void open();
      });
      item.append(button);
      return item;
    })
  );
}
function showPart() {
  if (!talk) return;
  showProject(talk.path);
  if (talk.path) {
    show("chat");
    showTurns(talk.turns, sayAgain);
    showButtons();
    prompt.focus();
  } else {
    show("open");
    showRecent();
    path.focus();
  }
}
function draw() {
  for (const index of changed) {
    showTurn(talk?.turns ?? [], index, sayAgain);
    const turn = talk?.turns[index];
    if (turn?.who === "agent" && turn.status !== "streaming") announce(turn.text || "The agent did not answer.");
    if (turn?.who === "notice") announce(turn.text);
  }
  changed.clear();
  showButtons();
}
function sayAgain(index) {
  talk?.sayAgain(index);
  scrollToEnd();
  prompt.focus();
}
function begin() {
  talk?.end();
  talk = new Talk(
    {
      turn: (index) => {
        if (changed.size === 0) requestAnimationFrame(draw);
        changed.add(index);
      },
      connection: connectionChanged,
      status: (status) => {
        doing = status;
        showDoing();
      },
      project: showPart
    },
    token()
  );
  showConnection(talk.state);
  showPart();
}
function showDoing() {
  showStatus(doing, talk?.state.status === "connected");
}
function connectionChanged(state) {
  showConnection(state);
  showDoing();
  if (state.status !== "ended" || state.ended.kind !== "final") return;
  if (state.ended.action === "log-in") signIn("The token is not accepted, or no longer.");
}
function signIn(why) {
  byId("sign-in-error").textContent = why;
  keepToken(void 0);
  show("sign-in");
  token2.focus();
}
async function open() {
  const button = byId("open-button");
  const failure = byId("open-error");
  failure.textContent = "";
  path.removeAttribute("aria-invalid");
  button.disabled = true;
  try {
    await talk?.open(path.value.trim());
  } catch (error) {
    failure.textContent = error.message;
    path.setAttribute("aria-invalid", "true");
    path.focus();
  } finally {
    button.disabled = false;
  }
}
function say() {
  const text2 = prompt.value.trim();
  if (!text2 || !talk || talk.isAnswering) return;
  prompt.value = "";
  talk.say(text2);
  showButtons();
  requestAnimationFrame(scrollToEnd);
}
function isDark() {
  return (theme() ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
}
function showTheme() {
  const theme2 = theme();
  if (theme2) document.documentElement.dataset.theme = theme2;
  byId("theme").setAttribute("aria-label", isDark() ? "Use the light theme" : "Use the dark theme");
}
byId("sign-in-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(token2.value.trim());
  token2.value = "";
  begin();
});
byId("open-form").addEventListener("submit", (event) => {
  event.preventDefault();
  void open();
});
byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  say();
});
byId("stop").addEventListener("click", () => talk?.stop());
byId("leave").addEventListener("click", () => talk?.leave());
byId("theme").addEventListener("click", () => {
  keepTheme(isDark() ? "light" : "dark");
  showTheme();
});
prompt.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  say();
});
addEventListener("keydown", ({ key }) => {
  if (key === "Escape") talk?.stop();
});
setInterval(() => {
  if (talk?.state.status === "waiting") showConnection(talk.state);
}, 1e3);
showTheme();
var guarded = !token() && (await fetch("/api/sessions", { method: "HEAD" })).status === 401;
if (guarded) signIn("");
else begin();
