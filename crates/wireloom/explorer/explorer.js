// @generated from web/explorer/src by web/build.mjs. Do not edit.

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
var size = (text3) => encoder.encode(text3).length;
function fail(code, why = "", cause) {
  const retryable = /timeout|interrupted|queue_full|overrun/.test(code);
  return new WireloomError(code, code + why, retryable, [], void 0, { cause });
}
function frame(type, payload, id, ack) {
  const named = id ? `,"correlationId":"${id}"` : "";
  return `{"type":${JSON.stringify(type)},"payload":${payload}${named}${ack === void 0 ? "" : `,"ack":${ack}`}}`;
}
function actionOf(lost2) {
  if (lost2.kind === "closed") return ACTIONS[lost2.code] ?? "back-off";
  return /silent|gap/.test(lost2.kind) ? "resume" : "back-off";
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
  let token = saved?.token;
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
    return token ? { token, lastSeq, lastCall, greeting } : void 0;
  }
  function wake(now2) {
    if (phase === 0 /* Waiting */ && hint === void 0) due = now2;
    if (phase === 5 /* Ready */ && !pingedAt) ping(now2);
  }
  function step2(now2) {
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
  function opened(now2, shown2) {
    if (phase !== 1 /* Opening */) return;
    alive(now2);
    const say = (what, payload) => control.push(frame(`connection:${what}`, JSON.stringify(payload), what));
    if (shown2) say("authenticate", { token: shown2 });
    if (token) {
      say(RESUME, { resumeToken: token, lastSeq });
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
  function received(text3, now2) {
    if (over || verdict) return;
    alive(now2);
    let message;
    try {
      message = JSON.parse(text3);
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
      if (token) {
        unacked++;
        unackedBytes += text3.length;
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
        const text3 = write(entry);
        if (text3) return text3;
      }
      if (ackAt <= now2) return frame("connection:ack", `{"seq":${acknowledge()}}`);
    }
    if (goodbyeBy === Infinity) return void 0;
    saidGoodbye = true;
    return CLOSE;
  }
  function lost2(lost3, now2) {
    if (over) return;
    if (goodbyeBy < Infinity) return end({ kind: "closed" });
    if (!token) interrupt("unsupported");
    verdict = void 0;
    const action = actionOf(lost3);
    refused = action === "log-in";
    if (/stop|fix|upgrade/.test(action) || refused && !canRenew) return end({ kind: "final", lost: lost3, action });
    if (phase === 5 /* Ready */ && now2 >= due + 5e3 /* StableAfter */) failed = 0;
    if (failed >= settings.attempts) return end({ kind: "gave-up", lost: lost3, attempts: failed });
    phase = 0 /* Waiting */;
    due = now2 + waitBefore(action);
    failed++;
    listener.state({ status: "waiting", lost: lost3, retryAt: due });
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
    token = payload.resumeToken;
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
    if (token) ackAt = now2;
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
  function write(entry) {
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
  return { begin: begin2, cancel, send, close, ended, session, wake, step: step2, opened, received, transmit, lost: lost2, tick, deadline };
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
function drive(core2, make, url, subprotocol, token, now) {
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
    const lost2 = core2.tick(time);
    if (lost2) lose(lost2);
    if (!attempt) {
      const renew = core2.step(time);
      if (renew !== void 0) void connect2(renew);
    }
    if (socket && isOpen) {
      while (socket.bufferedAmount < 65536 /* Buffered */) {
        const text3 = core2.transmit(time);
        if (text3 === void 0) break;
        if (text3 === CLOSE) socket.close(1e3);
        else socket.send(text3);
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
    const source = token();
    let shown2;
    try {
      shown2 = typeof source === "function" ? await source(renew ? "refused" : "connect") : source;
    } catch (cause) {
      if (attempt === mine) lose({ kind: "token", cause });
      return pump();
    }
    if (attempt !== mine) return;
    const inHandshake = shown2 !== void 0 && TOKEN.test(shown2);
    const opened = socket = new make(url, inHandshake ? [subprotocol, `bearer.${shown2}`] : [subprotocol]);
    opened.onopen = () => {
      isOpen = true;
      core2.opened(now(), inHandshake ? void 0 : shown2);
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
  function lose(lost2) {
    drop();
    core2.lost(lost2, now());
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
  const last = new Promise((resolve2, reject) => {
    const done = (why, payload) => {
      ended = true;
      error = why;
      wake();
      if (why) reject(why);
      else resolve2(payload);
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
        while (!items.length && !ended) await new Promise((resolve2) => wake = resolve2);
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
  const [client, start2] = prepare(options);
  start2();
  return client;
}
function prepare(options) {
  const settings = { ...DEFAULTS, ...given(options) };
  let { token } = options;
  let state = { status: "connecting" };
  const watchers = /* @__PURE__ */ new Set();
  const handlers = /* @__PURE__ */ new Map();
  const now = clock();
  const emit = (type, payload) => tell(handlers.get(type), payload);
  const listener = {
    state(changed) {
      state = changed;
      tell(watchers, changed);
    },
    emit,
    check: options.validate
  };
  const session = core(settings, listener, typeof token === "function", now(), options.session);
  let pump = () => {
  };
  function start2() {
    const make = options.WebSocket ?? globalThis.WebSocket;
    const url = new URL(options.url, globalThis.location?.href);
    url.protocol = url.protocol.replace("http", "ws");
    if (!make || !/^wss?:$/.test(url.protocol)) throw new TypeError(`no WebSocket: ${url}`);
    pump = drive(session, make, url.href, options.subprotocol ?? ANY_VERSION, () => token, now);
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
    const promise = new Promise((resolve2, reject) => {
      const done = (error, value) => error ? reject(error) : resolve2(value);
      id = begin2({ type, kind, timeoutMs: settings.requestTimeoutMs, done }, payload, options2).id;
    });
    return Object.assign(promise, { id, outcome: () => outcome(promise) });
  }
  async function connected2() {
    while (state.status !== "connected") {
      if (state.status === "ended") throw disconnected(state.ended);
      await new Promise((resolve2) => {
        const stop = listen(watchers, () => (stop(), resolve2()));
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
    connected: connected2,
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
      if (typeof token !== "function") token = newer;
      return answer;
    },
    async close() {
      session.close(now());
      pump();
      await connected2().catch(() => {
      });
    }
  };
  return [client, start2];
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

// web/explorer/src/dom.ts
function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (value !== void 0 && value !== false) element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...shown(children));
  return element;
}
function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...shown(children));
  return element;
}
function shown(children) {
  return children.flat().filter((child) => child !== void 0 && child !== false && child !== null);
}
function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no ${id}`);
  return element;
}
function prose(text3) {
  if (!text3) return [];
  return text3.trim().split(/\n\s*\n/).map((paragraph) => {
    const parts = paragraph.split("`");
    const isOdd = parts.length % 2 === 0;
    const whole = isOdd ? [...parts.slice(0, -2), `${parts.at(-2)}\`${parts.at(-1)}`] : parts;
    return h("p", {}, ...whole.map((part, at2) => at2 % 2 === 1 ? h("code", {}, part) : part));
  });
}

// web/explorer/src/protocol.ts
function at(record, name) {
  return record && Object.hasOwn(record, name) ? record[name] : void 0;
}
function resolve(protocol, schema) {
  let name;
  for (let hops = 0; hops < 64; hops += 1) {
    if (typeof schema === "boolean" || typeof schema.$ref !== "string") break;
    const { $ref, ...beside } = schema;
    name = referred($ref);
    const target = at(protocol.$defs, name) ?? true;
    const asserts = Object.keys(beside).some((keyword) => !NOTES.has(keyword));
    if (asserts) return { schema: { allOf: [target], ...beside }, name };
    schema = typeof target === "boolean" ? target : { ...target, ...beside };
  }
  return { schema, name };
}
var NOTES = /* @__PURE__ */ new Set(["title", "description", "$comment", "default", "examples", "deprecated"]);
function referred(reference) {
  return decodeURIComponent(reference.replace(/^#\/\$defs\//, "")).replaceAll("~1", "/").replaceAll("~0", "~");
}
function step(name) {
  return `/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
function ends(message) {
  if (message.reply) return [message.reply, "error"];
  if (message.stream) return [message.stream.end, ...message.stream.error ? [message.stream.error] : [], "error"];
  return ["error"];
}
function sample(protocol, schema, depth = 0) {
  const { schema: resolved } = resolve(protocol, schema);
  if (typeof resolved === "boolean" || depth > 12) return null;
  if (Array.isArray(resolved.examples) && resolved.examples.length > 0) return structuredClone(resolved.examples[0]);
  if ("default" in resolved) return structuredClone(resolved.default);
  if ("const" in resolved) return structuredClone(resolved.const);
  if (Array.isArray(resolved.enum)) return structuredClone(resolved.enum[0] ?? null);
  if (Array.isArray(resolved.allOf)) {
    const parts = resolved.allOf.map((part) => sample(protocol, part, depth + 1));
    const objects = parts.filter(isObject);
    if (objects.length > 0) return Object.fromEntries([...objects, own(protocol, resolved, depth)].flatMap((part) => Object.entries(part)));
    if (!resolved.type) return parts[0] ?? null;
  }
  const variants = resolved.oneOf ?? resolved.anyOf;
  if (variants?.length) {
    const chosen = sample(protocol, variants[0], depth + 1);
    return isObject(chosen) ? { ...chosen, ...own(protocol, resolved, depth) } : chosen;
  }
  switch (typeOf(resolved)) {
    case "string":
      return text2(resolved);
    case "integer":
    case "number":
      return number(resolved);
    case "boolean":
      return false;
    case "array":
      return array(protocol, resolved, depth);
    case "object":
      return own(protocol, resolved, depth);
    default:
      return null;
  }
}
function own(protocol, schema, depth) {
  const required = schema.required ?? [];
  return Object.fromEntries(required.map((name) => [name, sample(protocol, at(schema.properties, name) ?? true, depth + 1)]));
}
function array(protocol, schema, depth) {
  const prefix = schema.prefixItems ?? [];
  const least = Math.min(schema.minItems ?? 0, 50);
  return Array.from({ length: least }, (_, at2) => sample(protocol, prefix[at2] ?? schema.items ?? true, depth + 1));
}
var FORMATS = {
  "date-time": "2026-01-31T12:00:00Z",
  date: "2026-01-31",
  time: "12:00:00Z",
  duration: "PT1H",
  uuid: "0190d7c5-6f2e-7c3a-9b1e-3f6c2d1e0a5b",
  uri: "https://example.com/",
  email: "ada@example.com",
  hostname: "example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  int64: "0",
  uint64: "0"
};
function text2(schema) {
  const format = FORMATS[schema.format];
  if (format !== void 0) return format;
  return "a".repeat(Math.min(schema.minLength ?? 0, 1e3));
}
function number(schema) {
  const low = schema.minimum ?? (schema.exclusiveMinimum === void 0 ? void 0 : schema.exclusiveMinimum + 1);
  const high = schema.maximum ?? (schema.exclusiveMaximum === void 0 ? void 0 : schema.exclusiveMaximum - 1);
  if (low !== void 0 && low > 0) return low;
  if (high !== void 0 && high < 0) return high;
  return 0;
}
function typeOf(schema) {
  if (typeof schema === "boolean") return void 0;
  if (typeof schema.type === "string") return schema.type;
  if (Array.isArray(schema.type)) {
    const types = schema.type.filter((type) => type !== "null");
    return types.length === 1 ? types[0] : void 0;
  }
  if (schema.properties || schema.required || schema.additionalProperties !== void 0) return "object";
  if (schema.items !== void 0 || schema.prefixItems) return "array";
  return void 0;
}
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
function words(schema) {
  if (typeof schema === "boolean") return [{ text: schema ? "anything" : "nothing" }];
  if (typeof schema.$ref === "string") {
    const name = referred(schema.$ref);
    return [{ text: name, type: name }];
  }
  if ("const" in schema) return [{ text: JSON.stringify(schema.const) }];
  if (Array.isArray(schema.enum)) return [{ text: schema.enum.map((value) => JSON.stringify(value)).join(" | ") }];
  const variants = schema.oneOf ?? schema.anyOf;
  if (variants) {
    return variants.flatMap((variant, at2) => [...at2 > 0 ? [{ text: " | " }] : [], ...words(variant)]);
  }
  if (Array.isArray(schema.allOf) && schema.allOf.length > 0 && !schema.type) {
    return schema.allOf.flatMap((part, at2) => [...at2 > 0 ? [{ text: " & " }] : [], ...words(part)]);
  }
  const types = Array.isArray(schema.type) ? schema.type : [typeOf(schema) ?? "anything"];
  return types.flatMap((type, at2) => [...at2 > 0 ? [{ text: " or " }] : [], ...one(schema, type)]);
}
function one(schema, type) {
  if (type === "array") {
    if (schema.prefixItems) {
      const items = schema.prefixItems.flatMap((item, at2) => [...at2 > 0 ? [{ text: ", " }] : [], ...words(item)]);
      return [{ text: "tuple of (" }, ...items, { text: ")" }];
    }
    return [{ text: "list of " }, ...words(schema.items ?? true)];
  }
  const isMap = type === "object" && !schema.properties && typeof schema.additionalProperties === "object";
  if (isMap) return [{ text: "map of " }, ...words(schema.additionalProperties)];
  return [{ text: type }];
}
function constraints(schema) {
  if (typeof schema === "boolean") return [];
  const found = [];
  const range = (low, high, what) => {
    if (low !== void 0 && high !== void 0) found.push(low === high ? `${low} ${what}` : `${low} to ${high} ${what}`);
    else if (low !== void 0) found.push(`at least ${low} ${what}`);
    else if (high !== void 0) found.push(`at most ${high} ${what}`);
  };
  const safe = (bound) => Math.abs(Number(bound)) >= Number.MAX_SAFE_INTEGER ? void 0 : bound;
  range(schema.minLength || void 0, schema.maxLength, "characters");
  range(safe(schema.minimum), safe(schema.maximum), "");
  if (schema.exclusiveMinimum !== void 0) found.push(`more than ${schema.exclusiveMinimum}`);
  if (schema.exclusiveMaximum !== void 0) found.push(`less than ${schema.exclusiveMaximum}`);
  if (schema.multipleOf !== void 0) found.push(`a multiple of ${schema.multipleOf}`);
  range(schema.minItems || void 0, schema.maxItems, "items");
  range(schema.minProperties || void 0, schema.maxProperties, "properties");
  if (schema.uniqueItems) found.push("no item twice");
  if (schema.format) found.push(`format ${schema.format}`);
  if (schema.pattern) found.push(`matches ${schema.pattern}`);
  return found.map((text3) => text3.trim());
}

// web/explorer/src/validate.ts
function problems(protocol, schema, value) {
  const found = [];
  check({ protocol, report: (problem) => void found.push(problem) }, schema, value, "", 0);
  return found.slice(0, MOST);
}
var MOST = 16;
function fits(work, schema, value, depth) {
  let good = true;
  check({ ...work, report: () => void (good = false) }, schema, value, "", depth + 1);
  return good;
}
function check(work, unresolved, value, path, depth) {
  if (depth > 64) return;
  const { schema } = resolve(work.protocol, unresolved);
  const wrong = (keyword, message) => work.report({ path, keyword, message });
  if (schema === true) return;
  if (schema === false) return wrong("false", "nothing is allowed here");
  if (schema.type !== void 0) {
    const types = [schema.type].flat();
    if (!types.some((type) => isA(type, value))) {
      return wrong("type", `the value is not of type ${types.map((type) => `"${type}"`).join(" or ")}`);
    }
  }
  if ("const" in schema && !same(schema.const, value)) wrong("const", `${JSON.stringify(schema.const)} was expected`);
  if (Array.isArray(schema.enum) && !schema.enum.some((one2) => same(one2, value))) {
    wrong("enum", "the value is none of those that are allowed");
  }
  if (typeof value === "string") checkString(schema, value, wrong);
  if (typeof value === "number") checkNumber(schema, value, wrong);
  if (Array.isArray(value)) checkArray(work, schema, value, path, depth, wrong);
  else if (isObject(value)) checkObject(work, schema, value, path, depth, wrong);
  for (const part of schema.allOf ?? []) check(work, part, value, path, depth + 1);
  checkChoices(work, schema, value, path, depth, wrong);
}
function checkString(schema, value, wrong) {
  const length = [...value].length;
  if (length < (schema.minLength ?? 0)) wrong("minLength", `the text is shorter than ${count(schema.minLength, "character")}`);
  if (length > (schema.maxLength ?? Infinity)) wrong("maxLength", `the text is longer than ${count(schema.maxLength, "character")}`);
  if (typeof schema.pattern === "string" && !pattern(schema.pattern).test(value)) {
    wrong("pattern", `the text does not match "${schema.pattern}"`);
  }
}
var patterns = /* @__PURE__ */ new Map();
function pattern(source) {
  let compiled = patterns.get(source);
  if (!compiled) {
    try {
      compiled = new RegExp(source, "u");
    } catch {
      compiled = /(?:)/;
    }
    patterns.set(source, compiled);
  }
  return compiled;
}
function checkNumber(schema, value, wrong) {
  if (value < (schema.minimum ?? -Infinity)) wrong("minimum", `the number is less than ${schema.minimum}`);
  if (value > (schema.maximum ?? Infinity)) wrong("maximum", `the number is greater than ${schema.maximum}`);
  if (value <= (schema.exclusiveMinimum ?? -Infinity)) wrong("exclusiveMinimum", `the number is not greater than ${schema.exclusiveMinimum}`);
  if (value >= (schema.exclusiveMaximum ?? Infinity)) wrong("exclusiveMaximum", `the number is not less than ${schema.exclusiveMaximum}`);
  if (schema.multipleOf !== void 0) {
    const times = value / schema.multipleOf;
    if (Math.abs(times - Math.round(times)) > 1e-9) wrong("multipleOf", `the number is not a multiple of ${schema.multipleOf}`);
  }
}
function checkArray(work, schema, value, path, depth, wrong) {
  if (value.length < (schema.minItems ?? 0)) wrong("minItems", `there are fewer than ${count(schema.minItems, "item")}`);
  if (value.length > (schema.maxItems ?? Infinity)) wrong("maxItems", `there are more than ${count(schema.maxItems, "item")}`);
  if (schema.uniqueItems && value.some((item, at2) => value.slice(0, at2).some((other) => same(other, item)))) {
    wrong("uniqueItems", "an item stands there twice");
  }
  const prefix = schema.prefixItems ?? [];
  value.forEach((item, at2) => {
    const of = prefix[at2] ?? schema.items;
    if (of !== void 0) check(work, of, item, path + step(at2), depth + 1);
  });
  if (schema.contains !== void 0) {
    const matching = value.filter((item) => fits(work, schema.contains, item, depth)).length;
    if (matching < (schema.minContains ?? 1)) wrong("contains", "no item is as one has to be");
    if (matching > (schema.maxContains ?? Infinity)) wrong("maxContains", "too many items are as some have to be");
  }
}
function checkObject(work, schema, value, path, depth, wrong) {
  const names = Object.keys(value);
  for (const name of schema.required ?? []) {
    if (!Object.hasOwn(value, name)) wrong("required", `${JSON.stringify(name)} is a required property`);
  }
  if (names.length < (schema.minProperties ?? 0)) wrong("minProperties", `there are fewer than ${schema.minProperties} properties`);
  if (names.length > (schema.maxProperties ?? Infinity)) wrong("maxProperties", `there are more than ${schema.maxProperties} properties`);
  const patternProperties = Object.entries(schema.patternProperties ?? {});
  for (const name of names) {
    const own2 = at(schema.properties, name);
    const matching = patternProperties.filter(([source]) => pattern(source).test(name));
    if (own2 !== void 0) check(work, own2, value[name], path + step(name), depth + 1);
    for (const [, of] of matching) check(work, of, value[name], path + step(name), depth + 1);
    if (own2 === void 0 && matching.length === 0 && schema.additionalProperties !== void 0) {
      if (schema.additionalProperties === false) {
        wrong("additionalProperties", `the property ${JSON.stringify(name)} is not allowed`);
      } else check(work, schema.additionalProperties, value[name], path + step(name), depth + 1);
    }
    if (schema.propertyNames !== void 0 && !fits(work, schema.propertyNames, name, depth)) {
      wrong("propertyNames", `${JSON.stringify(name)} is no name of a property`);
    }
    for (const needed of at(schema.dependentRequired, name) ?? []) {
      if (!Object.hasOwn(value, needed)) wrong("dependentRequired", `${JSON.stringify(needed)} is required beside ${JSON.stringify(name)}`);
    }
    const dependent = at(schema.dependentSchemas, name);
    if (dependent !== void 0) check(work, dependent, value, path, depth + 1);
  }
}
function checkChoices(work, schema, value, path, depth, wrong) {
  if (Array.isArray(schema.anyOf) && !schema.anyOf.some((one2) => fits(work, one2, value, depth))) {
    closest(work, schema.anyOf, value, path, depth, () => wrong("anyOf", "the value is as none of the variants"));
  }
  if (Array.isArray(schema.oneOf)) {
    const fitting = schema.oneOf.filter((one2) => fits(work, one2, value, depth)).length;
    if (fitting === 0) closest(work, schema.oneOf, value, path, depth, () => wrong("oneOf", "the value is as none of the variants"));
    if (fitting > 1) wrong("oneOf", "the value is as more than one of the variants");
  }
  if (schema.not !== void 0 && fits(work, schema.not, value, depth)) wrong("not", "the value is as it must not be");
  if (schema.if !== void 0) {
    const branch = fits(work, schema.if, value, depth) ? schema.then : schema.else;
    if (branch !== void 0) check(work, branch, value, path, depth + 1);
  }
}
function closest(work, variants, value, path, depth, vague) {
  const meant = variants.filter((variant) => isMeant(work.protocol, variant, value));
  if (meant.length === 1) check(work, meant[0], value, path, depth + 1);
  else vague();
}
function isMeant(protocol, variant, value) {
  const { schema } = resolve(protocol, variant);
  if (typeof schema === "boolean") return schema;
  if (schema.type !== void 0 && ![schema.type].flat().some((type) => isA(type, value))) return false;
  if ("const" in schema) return same(schema.const, value);
  if (Array.isArray(schema.enum)) return schema.enum.some((one2) => same(one2, value));
  if (!isObject(value)) return true;
  return Object.entries(schema.properties ?? {}).every(([name, of]) => {
    const property = resolve(protocol, of).schema;
    if (typeof property === "boolean" || !("const" in property)) return true;
    return Object.hasOwn(value, name) ? same(property.const, value[name]) : !(schema.required ?? []).includes(name);
  });
}
function isA(type, value) {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "integer":
      return typeof value === "number" && Number.isInteger(value);
    default:
      return typeof value === type;
  }
}
function same(one2, other) {
  if (Array.isArray(one2) && Array.isArray(other)) {
    return one2.length === other.length && one2.every((item, at2) => same(item, other[at2]));
  }
  if (isObject(one2) && isObject(other)) {
    const names = Object.keys(one2);
    return names.length === Object.keys(other).length && names.every((name) => Object.hasOwn(other, name) && same(one2[name], other[name]));
  }
  return one2 === other;
}
function count(number2, what) {
  return `${number2} ${what}${number2 === 1 ? "" : "s"}`;
}

// web/explorer/src/form.ts
var DEEPEST = 8;
var LONG = 5e3;
var numbers = 0;
function form(protocol, schema, value, changed) {
  const shown2 = /* @__PURE__ */ new Map();
  const element = h("div", { class: "form" });
  const root = { schema, path: "", label: "payload", value, set: (next) => changed(root.value = next) };
  element.append(editor(root, 0));
  function editor(place, depth) {
    const { schema: schema2 } = resolve(protocol, place.schema);
    if (depth > DEEPEST || typeof schema2 === "boolean") return asJson(place);
    if ("const" in schema2) return fixed(place, schema2.const);
    if (Array.isArray(schema2.enum)) return choice(place, schema2, schema2.enum);
    const variants = variantsOf(schema2);
    if (variants) return union(place, schema2, variants, depth);
    const whole = merged(schema2);
    switch (typeOf(whole)) {
      case "string":
        return line(place, whole);
      case "integer":
      case "number":
        return line(place, whole, true);
      case "boolean":
        return choice(place, whole, [true, false]);
      case "null":
        return fixed(place, null);
      case "array":
        return list(place, whole, depth);
      case "object":
        return object(place, whole, depth);
      default:
        return asJson(place);
    }
  }
  function merged(schema2) {
    if (!Array.isArray(schema2.allOf)) return schema2;
    const parts = schema2.allOf.map((part) => resolve(protocol, part).schema);
    const areObjects = parts.every((part) => typeof part !== "boolean" && (part.properties || part.required));
    if (!areObjects) return schema2.type ? schema2 : { ...typeof parts[0] === "object" ? parts[0] : {}, ...schema2 };
    const all = [...parts, schema2];
    return {
      ...schema2,
      type: "object",
      properties: Object.fromEntries(all.flatMap((part) => Object.entries(part.properties ?? {}))),
      required: [...new Set(all.flatMap((part) => part.required ?? []))]
    };
  }
  function field(place, control, schema2) {
    const id = `field-${numbers += 1}`;
    control.id = id;
    const note = h("p", { class: "wrong", id: `${id}-wrong`, role: "alert" });
    const hint = [words(schema2).map(({ text: text3 }) => text3).join(""), ...constraints(schema2)].join(", ");
    control.setAttribute("aria-describedby", `${id}-hint ${id}-wrong`);
    shown2.set(place.path, { note, control });
    const description = typeof schema2 === "object" ? schema2.description : void 0;
    return h(
      "div",
      { class: "field" },
      h("div", { class: "label" }, h("label", { for: id }, place.label), h("span", { class: "muted", id: `${id}-hint` }, hint), remover(place)),
      description && h("p", { class: "muted about" }, description),
      control,
      note
    );
  }
  function remover(place) {
    if (!place.remove) return void 0;
    return h("button", { type: "button", class: "small", onclick: place.remove, "aria-label": `Leave ${place.label} out` }, "leave out");
  }
  function line(place, schema2, isNumber = false) {
    const attributes = { autocomplete: "off", spellcheck: "false" };
    const isLong = !isNumber && (schema2.maxLength ?? 0) > LONG && !schema2.format;
    const control = isLong ? h("textarea", { ...attributes, rows: 3 }) : h("input", { ...attributes, type: "text" });
    if (isNumber) control.setAttribute("inputmode", "decimal");
    control.value = typeof place.value === "string" ? place.value : JSON.stringify(place.value);
    const read = () => isNumber && control.value.trim() !== "" && !Number.isNaN(Number(control.value)) ? Number(control.value) : control.value;
    control.addEventListener("input", () => place.set(read()));
    return field(place, control, schema2);
  }
  function choice(place, schema2, values) {
    const texts = values.map((value2) => typeof value2 === "string" ? value2 : JSON.stringify(value2));
    const control = h("select", {}, ...texts.map((text3, at2) => h("option", { value: at2 }, text3)));
    control.selectedIndex = values.findIndex((value2) => JSON.stringify(value2) === JSON.stringify(place.value));
    control.addEventListener("change", () => place.set(values[control.selectedIndex]));
    return field(place, control, { ...schema2, enum: void 0, type: schema2.type ?? "one of these" });
  }
  function fixed(place, value2) {
    const control = h("input", { type: "text", readonly: true });
    control.value = typeof value2 === "string" ? value2 : JSON.stringify(value2);
    return field(place, control, { type: "always this" });
  }
  function asJson(place) {
    const control = h("textarea", { rows: 3, class: "code", spellcheck: "false", autocomplete: "off" });
    control.value = JSON.stringify(place.value, null, 2);
    const element2 = field(place, control, place.schema);
    control.addEventListener("input", () => {
      try {
        place.set(JSON.parse(control.value));
        control.setCustomValidity("");
      } catch {
        control.setCustomValidity("this is no JSON");
        control.reportValidity();
      }
    });
    return element2;
  }
  function group(place, rebuild) {
    const isBare = place.path === "" || place.bare;
    const note = h("p", { class: "wrong", role: "alert" });
    const body = h("div", { class: "fields" });
    const element2 = h(
      "fieldset",
      isBare ? { class: "root" } : {},
      h("legend", isBare ? { class: "unseen" } : {}, place.label, " ", remover(place)),
      note,
      body
    );
    element2.tabIndex = -1;
    const again = (focus) => {
      for (const path of shown2.keys()) if (path.startsWith(`${place.path}/`)) shown2.delete(path);
      shown2.set(place.path, { note, control: element2 });
      body.replaceChildren();
      rebuild(body);
      if (focus !== void 0) shown2.get(focus)?.control.focus();
    };
    again();
    return { element: element2, again };
  }
  function object(place, schema2, depth) {
    const properties = schema2.properties ?? {};
    const required = schema2.required ?? [];
    const current = () => isObject(place.value) ? place.value : {};
    const { element: element2, again } = group(place, (body) => {
      const names = [.../* @__PURE__ */ new Set([...Object.keys(properties), ...required, ...Object.keys(current())])];
      for (const name2 of names) {
        const of = at(properties, name2) ?? extra(schema2);
        const path = place.path + step(name2);
        if (place.bare && isConstant(of) && Object.hasOwn(current(), name2)) continue;
        if (Object.hasOwn(current(), name2)) body.append(editor(inside(name2, of, path), depth + 1));
        else body.append(missing(name2, path, () => put(name2, sample(protocol, of), path)));
      }
      if (schema2.additionalProperties !== false) body.append(adder(schema2));
      if (names.length === 0 && schema2.additionalProperties === false) body.append(h("p", { class: "muted" }, "no payload"));
    });
    function inside(name2, of, path) {
      const inner = {
        schema: of,
        path,
        label: name2,
        value: current()[name2],
        set: (value2) => {
          inner.value = value2;
          place.set(place.value = { ...current(), [name2]: value2 });
        }
      };
      if (!required.includes(name2)) {
        inner.remove = () => {
          const { [name2]: _gone, ...rest } = current();
          place.set(place.value = rest);
          again(path);
        };
      }
      return inner;
    }
    function put(name2, value2, path) {
      place.set(place.value = { ...current(), [name2]: value2 });
      again(path);
    }
    function missing(name2, path, add) {
      const isRequired = required.includes(name2);
      const note = h("p", { class: "wrong", role: "alert" });
      const control = h("button", { type: "button", class: "small", onclick: add, "aria-label": `Add ${name2}` }, "add");
      shown2.set(path, { note, control });
      const label = h("div", { class: "label" }, h("span", { class: "name" }, name2), h("span", { class: "muted" }, isRequired ? "required, missing" : "optional"), control);
      return h("div", { class: "field absent" }, label, note);
    }
    function adder(schema3) {
      const id = `field-${numbers += 1}`;
      const name2 = h("input", { type: "text", id, autocomplete: "off", spellcheck: "false" });
      const add = (event) => {
        event.preventDefault();
        if (!Object.hasOwn(current(), name2.value)) put(name2.value, sample(protocol, extra(schema3)), place.path + step(name2.value));
      };
      name2.addEventListener("keydown", (event) => {
        if (event.key === "Enter") add(event);
      });
      return h(
        "div",
        { class: "adder" },
        h("label", { for: id, class: "muted" }, "another property"),
        name2,
        h("button", { type: "button", class: "small", onclick: add, "aria-label": `Add a property to ${place.label}` }, "add")
      );
    }
    return element2;
  }
  function isConstant(of) {
    const { schema: schema2 } = resolve(protocol, of);
    return typeof schema2 === "object" && "const" in schema2;
  }
  function extra(schema2) {
    return typeof schema2.additionalProperties === "object" ? schema2.additionalProperties : true;
  }
  function list(place, schema2, depth) {
    const prefix = schema2.prefixItems ?? [];
    const current = () => Array.isArray(place.value) ? place.value : [];
    const { element: element2, again } = group(place, (body) => {
      current().forEach((value2, at2) => {
        const path = place.path + step(at2);
        const inner = {
          schema: prefix[at2] ?? schema2.items ?? true,
          path,
          label: `${place.label} ${at2 + 1}`,
          value: value2,
          set: (value3) => {
            inner.value = value3;
            place.set(place.value = current().with(at2, value3));
          },
          remove: () => {
            place.set(place.value = current().toSpliced(at2, 1));
            again(place.path);
          }
        };
        body.append(editor(inner, depth + 1));
      });
      if (schema2.items === false && current().length >= prefix.length) return;
      const add = () => {
        const at2 = current().length;
        place.set(place.value = [...current(), sample(protocol, prefix[at2] ?? schema2.items ?? true)]);
        again(place.path + step(at2));
      };
      body.append(h("button", { type: "button", class: "small", onclick: add, "aria-label": `Add an item to ${place.label}` }, "add an item"));
    });
    return element2;
  }
  function variantsOf(schema2) {
    if (schema2.oneOf ?? schema2.anyOf) return schema2.oneOf ?? schema2.anyOf;
    if (!Array.isArray(schema2.type) || schema2.type.length < 2) return void 0;
    return schema2.type.map((type) => ({ ...schema2, type }));
  }
  function union(place, schema2, variants, depth) {
    const { oneOf: _oneOf, anyOf: _anyOf, ...beside } = schema2;
    const isShared = Boolean(beside.properties);
    const full = variants.map((variant) => isShared ? { ...beside, allOf: [...beside.allOf ?? [], { properties: beside.properties, required: beside.required ?? [] }, variant] } : variant);
    let chosen = Math.max(0, variants.findIndex((variant) => isMeant(protocol, variant, place.value)));
    const id = `field-${numbers += 1}`;
    const { element: element2, again } = group(place, (body) => {
      const select = h("select", { id }, ...variants.map((variant, at2) => h("option", { value: at2 }, name(variant, at2))));
      select.selectedIndex = chosen;
      select.addEventListener("change", () => {
        chosen = select.selectedIndex;
        place.set(place.value = sample(protocol, full[chosen]));
        again();
        document.getElementById(id)?.focus();
      });
      const { remove: _remove, ...inner } = place;
      const value2 = { ...inner, schema: full[chosen], label: place.label, bare: true, set: (next) => place.set(place.value = value2.value = next) };
      body.append(h("div", { class: "field" }, h("label", { for: id, class: "muted" }, "variant"), select), editor(value2, depth + 1));
    });
    return element2;
  }
  function name(variant, at2) {
    const { schema: schema2, name: name2 } = resolve(protocol, variant);
    if (typeof schema2 === "object" && schema2.properties) {
      for (const [property, of] of Object.entries(schema2.properties)) {
        const constant = resolve(protocol, of).schema;
        if (typeof constant === "object" && "const" in constant) return `${property}: ${JSON.stringify(constant.const)}`;
      }
    }
    return name2 ?? (words(variant).map(({ text: text3 }) => text3).join("") || `variant ${at2 + 1}`);
  }
  function target({ path, keyword, message }) {
    if (keyword === "required" || keyword === "additionalProperties") {
      const name2 = quoted(message);
      const property = name2 === void 0 ? void 0 : shown2.get(path + step(name2));
      if (property) return property;
    }
    for (let prefix = path; ; prefix = prefix.slice(0, prefix.lastIndexOf("/"))) {
      const at2 = shown2.get(prefix);
      if (at2 || prefix === "") return at2;
    }
  }
  return {
    element,
    show(problems2) {
      for (const { note, control } of shown2.values()) {
        if (note.textContent) note.textContent = "";
        control.removeAttribute("aria-invalid");
      }
      for (const problem of problems2) {
        const at2 = target(problem);
        if (!at2) continue;
        at2.note.textContent = [at2.note.textContent, problem.message].filter(Boolean).join("; ");
        if (!(at2.control instanceof HTMLFieldSetElement) && !(at2.control instanceof HTMLButtonElement)) at2.control.setAttribute("aria-invalid", "true");
      }
    },
    focus(problem) {
      target(problem)?.control.focus();
    }
  };
}
function quoted(text3) {
  const found = /"(?:[^"\\]|\\.)*"/.exec(text3)?.[0];
  try {
    return found === void 0 ? void 0 : JSON.parse(found);
  } catch {
    return void 0;
  }
}

// web/explorer/src/composer.ts
function composer(protocol, name, message, draft, connection) {
  const list = h("ul", { class: "problems" });
  const verdict = h("p", { class: "verdict", role: "status" });
  const place = h("div", {});
  const isForm = h("input", { type: "radio", name: "editor", id: "editor-form", checked: draft.json === void 0 });
  const isJson = h("input", { type: "radio", name: "editor", id: "editor-json", checked: draft.json !== void 0 });
  const cancel = h("button", { type: "button", disabled: true, onclick: () => abort?.abort() }, "Cancel");
  let abort;
  let fields;
  let text3;
  function layOut() {
    if (draft.json === void 0) {
      text3 = void 0;
      fields = form(protocol, message.payload, draft.value, (value) => {
        draft.value = value;
        feedback();
      });
      place.replaceChildren(fields.element);
    } else {
      fields = void 0;
      text3 = h("textarea", { class: "code", rows: 12, spellcheck: "false", autocomplete: "off", "aria-label": "Payload as JSON", "aria-describedby": "problems" });
      text3.value = draft.json;
      text3.addEventListener("input", () => {
        draft.json = text3.value;
        feedback();
      });
      place.replaceChildren(text3);
    }
    feedback();
  }
  isForm.addEventListener("change", () => {
    const parsed = parse();
    if ("wrong" in parsed) {
      isJson.checked = true;
      tell2("bad", "A form needs a payload that is JSON.");
      return;
    }
    draft.value = parsed.value;
    draft.json = void 0;
    layOut();
  });
  isJson.addEventListener("change", () => {
    draft.json = JSON.stringify(draft.value, null, 2);
    layOut();
  });
  function parse() {
    if (draft.json === void 0) return { value: draft.value };
    try {
      return { value: JSON.parse(draft.json) };
    } catch (error) {
      return { wrong: { path: "", keyword: "json", message: `this is no JSON: ${error.message}` } };
    }
  }
  function feedback() {
    const parsed = parse();
    show2("wrong" in parsed ? [parsed.wrong] : problems(protocol, message.payload, parsed.value), "here");
    if (!abort) tell2("", "");
  }
  function show2(found, by) {
    fields?.show(found);
    text3?.setAttribute("aria-invalid", String(found.length > 0));
    list.replaceChildren(
      ...found.map((problem) => {
        const where = h("code", {}, problem.path || "payload");
        const what = [by === "server" ? h("strong", {}, "server ") : "", where, ` ${problem.message}`];
        return h("li", {}, fields ? h("button", { type: "button", class: "plain", onclick: () => fields?.focus(problem) }, ...what) : h("span", {}, ...what));
      })
    );
    list.dataset.by = by;
  }
  function tell2(kind, words2) {
    verdict.dataset.kind = kind;
    verdict.textContent = words2;
  }
  async function send() {
    const parsed = parse();
    const { client, raw } = connection();
    if ("wrong" in parsed) {
      const sent = raw(`{"type":${JSON.stringify(name)},"payload":${draft.json}}`);
      return tell2(sent ? "wait" : "bad", sent ? "Sent as it stands; the log has the answer." : "There is no connection.");
    }
    const mine = abort = new AbortController();
    cancel.disabled = false;
    const began = performance.now();
    const options = { signal: mine.signal };
    tell2("wait", client.state.status === "connected" ? "Sent." : "Waits for the connection.");
    try {
      if (message.stream) {
        let items = 0;
        for await (const _item of client.stream(name, parsed.value, options)) tell2("wait", `${items += 1} items so far.`);
        tell2("good", `${items} items in ${took(began)}.`);
      } else if (message.reply) {
        await client.request(name, parsed.value, options);
        tell2("good", `Answered by ${message.reply} in ${took(began)}.`);
      } else {
        await client.deliver(name, parsed.value, options);
        tell2("good", `Taken by the server in ${took(began)}.`);
      }
    } catch (error) {
      if (!(error instanceof WireloomError)) throw error;
      tell2("bad", `${error.code}: ${error.message}${error.retryable ? " (may be retried)" : ""}`);
      if (error.details.length > 0) {
        show2([...error.details], "server");
        fields?.focus(error.details[0]);
      }
    } finally {
      if (abort === mine) {
        abort = void 0;
        cancel.disabled = true;
      }
    }
  }
  const examples2 = (message.examples ?? []).map(
    (example, at2) => h("button", { type: "button", class: "small", onclick: () => use(example) }, (message.examples ?? []).length > 1 ? `example ${at2 + 1}` : "example")
  );
  function use(value) {
    draft.value = structuredClone(value);
    draft.json = draft.json === void 0 ? void 0 : JSON.stringify(value, null, 2);
    layOut();
  }
  const element = h(
    "form",
    { class: "composer", novalidate: true, "aria-label": `Send ${name}` },
    h(
      "div",
      { class: "bar" },
      h(
        "fieldset",
        { class: "switch" },
        h("legend", { class: "unseen" }, "Edit as"),
        isForm,
        h("label", { for: "editor-form" }, "Form"),
        isJson,
        h("label", { for: "editor-json" }, "JSON")
      ),
      h("div", { class: "fill" }, ...examples2, h("button", { type: "button", class: "small", onclick: () => use(begin(protocol, message)) }, "reset"))
    ),
    place,
    h("div", { id: "problems" }, list),
    h("div", { class: "bar send" }, h("button", { type: "submit", class: "primary" }, "Send"), cancel, verdict)
  );
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    void send();
  });
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void send();
    }
  });
  layOut();
  return element;
}
function begin(protocol, message) {
  return structuredClone(message.examples?.[0] ?? sample(protocol, message.payload));
}
function took(began) {
  return `${(performance.now() - began).toFixed(0)} ms`;
}

// web/explorer/src/docs.ts
function messageLink(name) {
  return `#message/${encodeURIComponent(name)}`;
}
function typeLink(name) {
  return `#type/${encodeURIComponent(name)}`;
}
function describe(protocol, name, message) {
  return [
    ...message.deprecated ? [h("p", {}, h("strong", {}, "Deprecated."))] : [],
    ...prose(message.description),
    facts(protocol, message),
    h("h3", {}, "Payload"),
    shape(message.payload, message.payloadOptional ? "no payload" : "an empty object", `Fields of ${name}`),
    ...examples(message.examples ?? [], name)
  ].filter((part) => part !== void 0);
}
function facts(protocol, message) {
  const rows = [];
  if (message.reply) rows.push(["Answered by", [link(message.reply)]]);
  if (message.stream) {
    const { item, end, error } = message.stream;
    const failing = error ? [", or ", link(error), " if it fails"] : [];
    rows.push(["Answered by a stream", ["any number of ", link(item), ", then ", link(end), ...failing]]);
  }
  for (const code of message.errors) {
    rows.push(["Error", [h("a", { href: "#errors" }, h("code", {}, code)), ` ${at(protocol.errors, code)?.description ?? ""}`]]);
  }
  if (message.auth.length > 0) rows.push(["Scopes needed", message.auth.flatMap((scope, at2) => [at2 > 0 ? ", " : "", h("code", {}, scope)])]);
  const { rate, burst, messageBytes, timeoutMs } = message.limits;
  if (rate !== void 0) rows.push(["Rate", [`${rate} a second`]]);
  if (burst !== void 0) rows.push(["At once", [`${burst}`]]);
  if (messageBytes !== void 0) rows.push(["Largest message", [`${messageBytes} bytes`]]);
  if (timeoutMs !== void 0) rows.push(["Longest handling", [`${timeoutMs} ms`]]);
  if (message.since) rows.push(["Since", [message.since]]);
  if (rows.length === 0) return void 0;
  return h("dl", { class: "facts" }, ...rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, ...value))));
}
function link(message) {
  return h("a", { href: messageLink(message) }, h("code", {}, message));
}
function shape(schema, empty, label) {
  const properties = typeof schema === "object" && schema.properties ? Object.entries(schema.properties) : [];
  if (properties.length === 0) {
    const isEmpty = typeof schema === "object" && schema.type === "object" && schema.additionalProperties === false;
    return h("p", {}, ...isEmpty ? [empty] : [...inWords(schema), ...constraints(schema).map((text3) => `; ${text3}`)]);
  }
  const required = typeof schema === "object" && schema.required || [];
  const row = ([name, of]) => {
    const more = constraints(of).join("; ");
    const notes = typeof of === "object" ? of : {};
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, h("code", {}, name), required.includes(name) ? "" : h("span", { class: "tag" }, "optional")),
      h("td", {}, ...inWords(of), more ? h("div", { class: "muted small" }, more) : ""),
      h("td", {}, ...prose(notes.description), "default" in notes ? h("p", { class: "muted" }, "Default: ", h("code", {}, JSON.stringify(notes.default))) : "")
    );
  };
  const head = h("thead", {}, h("tr", {}, ...["Field", "Type", "Description"].map((text3) => h("th", { scope: "col" }, text3))));
  return wide(label, h("table", { class: "fields-table" }, head, h("tbody", {}, ...properties.map(row))));
}
function inWords(schema) {
  return words(schema).map(({ text: text3, type }) => type === void 0 ? text3 : h("a", { href: typeLink(type) }, text3));
}
function wide(label, inside) {
  return h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": label }, inside);
}
function examples(values, of) {
  return values.map(
    (value, at2) => h("pre", { tabindex: 0, role: "region", "aria-label": `Example ${at2 + 1} of ${of}` }, h("code", {}, JSON.stringify(value, null, 2)))
  );
}
function describeType(protocol, name) {
  const schema = at(protocol.$defs, name) ?? true;
  const { schema: whole } = resolve(protocol, schema);
  const notes = isObject(whole) ? whole : {};
  return [
    ...prose(notes["description"]),
    shape(schema, "an empty object", `Fields of ${name}`),
    ...examples(notes["examples"] ?? [], name),
    h("details", {}, h("summary", {}, "JSON Schema"), ...examples([schema], `the schema of ${name}`))
  ];
}
function describeErrors(protocol) {
  const codes = Object.entries(protocol.errors);
  if (codes.length === 0) return [h("p", {}, "This protocol declares no errors of its own.")];
  const head = h("thead", {}, h("tr", {}, ...["Code", "Retryable", "Meaning"].map((text3) => h("th", { scope: "col" }, text3))));
  const rows = codes.map(
    ([code, { description, retryable }]) => h("tr", {}, h("th", { scope: "row" }, h("code", {}, code)), h("td", {}, retryable ? "yes" : "no"), h("td", {}, ...prose(description)))
  );
  return [wide("Errors", h("table", {}, head, h("tbody", {}, ...rows)))];
}
var LETTER = 8;
var ROW = 40;
var TOP = 96;
var LOOP = 28;
function describeStates(machine) {
  const order = reached(machine);
  const arrows = order.flatMap(
    (state, from) => Object.entries(machine.states[state] ?? {}).map(([message, to]) => ({ message, from, to: order.indexOf(to) }))
  );
  const half = (name) => (name.length * LETTER + 32) / 2;
  const xs = [];
  let next = 16;
  order.forEach((name, at2) => {
    if (at2 === 0) next += Math.max(half(name), 40);
    xs.push(next);
    let gap = Math.max(120, half(name) + half(order[at2 + 1] ?? "") + 24);
    for (const { message, from, to } of arrows) {
      const [low, high] = [Math.min(from, to), Math.max(from, to)];
      if (low === high && low === at2) gap = Math.max(gap, LOOP + 24 + message.length * LETTER);
      else if (low <= at2 && at2 < high) gap = Math.max(gap, (message.length * LETTER + 40) / (high - low));
    }
    next += gap;
  });
  const bottom = TOP + ROW * arrows.length + 8;
  const drawing = svg("svg", { class: "states", width: next, height: bottom + 8, viewBox: `0 0 ${next} ${bottom + 8}`, role: "img", "aria-label": "States and the messages that lead from one to another; the table below says the same" });
  order.forEach((name, at2) => {
    const x = xs[at2];
    if (name === machine.initial) {
      drawing.append(svg("circle", { class: "head", cx: x, cy: 12, r: 6 }), svg("path", { class: "line", d: `M${x},18 V30` }), svg("polygon", { class: "head", points: `${x},38 ${x - 5},29 ${x + 5},29` }));
    }
    drawing.append(
      svg("path", { class: "life", d: `M${x},76 V${bottom}` }),
      svg("rect", { class: "state", x: x - half(name), y: 38, width: 2 * half(name), height: 38, rx: 8 }),
      svg("text", { class: "name", x, y: 62, "text-anchor": "middle" }, name)
    );
  });
  arrows.forEach(({ message, from, to }, row) => {
    const y = TOP + ROW * row + ROW / 2;
    const [x, goal] = [xs[from], xs[to]];
    const isLoop = from === to;
    const head2 = isLoop ? y + 10 : y;
    const tail = x < goal ? goal - 9 : goal + 9;
    const far = x + LOOP;
    drawing.append(
      svg("path", { class: "line", d: isLoop ? `M${x},${y - 10} C${far},${y - 10} ${far},${y + 10} ${x + 8},${y + 10}` : `M${x},${y} H${goal}` }),
      svg("circle", { class: "head", cx: x, cy: isLoop ? y - 10 : y, r: 3 }),
      svg("polygon", { class: "head", points: `${goal},${head2} ${tail},${head2 - 5} ${tail},${head2 + 5}` }),
      svg("text", { class: "message", x: isLoop ? far + 8 : (x + goal) / 2, y: isLoop ? y + 5 : y - 7, "text-anchor": isLoop ? "start" : "middle" }, message)
    );
  });
  const head = h("thead", {}, h("tr", {}, ...["In the state", "Message", "Leads to"].map((text3) => h("th", { scope: "col" }, text3))));
  const rows = arrows.map(({ message, from, to }) => h("tr", {}, h("td", {}, order[from]), h("td", {}, link(message)), h("td", {}, order[to])));
  return [
    h("p", {}, "Each session is in one state. A message that stands on no arrow is accepted in every state."),
    wide("Diagram of the states", drawing),
    wide("Table of the states", h("table", {}, head, h("tbody", {}, ...rows)))
  ];
}
function reached(machine) {
  const order = [machine.initial];
  for (const state of order) {
    for (const to of Object.values(machine.states[state] ?? {})) if (!order.includes(to)) order.push(to);
  }
  return order;
}

// web/explorer/src/log.ts
var MOST2 = 1e3;
var LANES = 5;
var LANE = 12;
var HEIGHT = 28;
var PRETTY = 256 * 1024;
function log(protocol, parts) {
  const { rows } = parts;
  const began = performance.now();
  const open2 = /* @__PURE__ */ new Map();
  const asked = /* @__PURE__ */ new Map();
  let frames = 0;
  parts.filter.addEventListener("input", refilter);
  parts.engine.addEventListener("change", refilter);
  parts.clear.addEventListener("click", () => {
    rows.replaceChildren();
    count2();
  });
  for (const event of ["mouseover", "focusin"]) rows.addEventListener(event, ({ target }) => mark(target.closest(".row")?.dataset.id));
  for (const event of ["mouseleave", "focusout"]) rows.addEventListener(event, () => mark(void 0));
  function mark(id) {
    for (const row of rows.children) row.classList.toggle("marked", id !== void 0 && row.dataset.id === id);
  }
  function refilter() {
    for (const row of [...rows.children]) apply(row);
    count2();
  }
  function apply(row) {
    const wanted = parts.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const isHidden = !parts.engine.checked && row.dataset.engine === "" || !wanted.every((word) => (row.dataset.text ?? "").includes(word));
    row.hidden = isHidden;
  }
  function count2() {
    const shown2 = [...rows.children].filter((row) => !row.hidden).length;
    const all = rows.children.length;
    const noun = all === 1 ? "row" : "rows";
    parts.count.textContent = shown2 === all ? `${all} ${noun}` : `${shown2} of ${all} ${noun}`;
  }
  function append(row) {
    apply(row);
    rows.append(row);
    while (rows.children.length > MOST2) rows.firstElementChild?.remove();
    if (parts.follow.checked) rows.scrollTop = rows.scrollHeight;
    count2();
  }
  function lanes(own2, place) {
    const drawing = svg("svg", { class: "lanes", width: LANES * LANE, height: HEIGHT, viewBox: `0 0 ${LANES * LANE} ${HEIGHT}`, "aria-hidden": "true" });
    const middle = HEIGHT / 2;
    for (const { lane } of open2.values()) {
      if (lane === void 0) continue;
      const isOwn = own2?.lane === lane;
      const from = isOwn && place === "begins" ? middle : 0;
      const to = isOwn && place === "ends" ? middle : HEIGHT;
      const x = lane * LANE + LANE / 2;
      drawing.append(svg("path", { class: `lane lane-${lane}`, d: `M${x},${from} V${to}` }));
      if (isOwn) drawing.append(svg("circle", { class: `dot lane-${lane}`, cx: x, cy: middle, r: 3.5 }));
    }
    return drawing;
  }
  function begin2(id, now) {
    const taken = new Set([...open2.values()].map(({ lane: lane2 }) => lane2));
    const lane = Array.from({ length: LANES }, (_, at2) => at2).find((at2) => !taken.has(at2));
    const exchange = { lane, began: now };
    open2.set(id, exchange);
    return exchange;
  }
  return {
    frame(direction, text3) {
      const now = performance.now();
      const { type, correlationId: id, seq } = envelope(text3);
      const message = type === void 0 ? void 0 : at(protocol.messages, type);
      const isRequest = direction === "out" && id !== void 0 && !asked.has(id) && type !== "request:cancel";
      const exchange = id === void 0 ? void 0 : isRequest ? begin2(id, now) : open2.get(id);
      const request = id === void 0 ? void 0 : asked.get(id);
      if (isRequest && type !== void 0) asked.set(id, type);
      for (const [old] of asked) if (asked.size > MOST2) asked.delete(old);
      const isLast = direction === "in" && exchange && type !== void 0 && endsOf(request).includes(type);
      const place = isRequest ? "begins" : isLast ? "ends" : "goes on";
      const drawing = lanes(exchange, place);
      if (isLast && id !== void 0) {
        open2.delete(id);
        if (request !== void 0 && at(protocol.messages, request)?.engine) asked.delete(id);
      }
      const took2 = !isRequest && exchange ? `+${milliseconds(now - exchange.began)}` : "";
      const what = direction === "out" ? "sent" : "received";
      const row = h(
        "details",
        { class: `row ${direction}${type === "error" ? " bad" : ""}` },
        h(
          "summary",
          {},
          h("span", { class: "time" }, milliseconds(now - began)),
          h("span", { class: "way", title: what }, h("span", { "aria-hidden": "true" }, direction === "out" ? "↑" : "↓"), h("span", { class: "unseen" }, what)),
          drawing,
          h("code", { class: "type" }, type ?? "not a message"),
          h("span", { class: "id muted" }, [id, seq === void 0 ? void 0 : `#${seq}`].filter(Boolean).join(" ")),
          h("span", { class: "took muted" }, took2)
        )
      );
      row.dataset.text = text3.slice(0, PRETTY).toLowerCase();
      if (id !== void 0) row.dataset.id = id;
      if (message?.engine && type !== "error") row.dataset.engine = "";
      row.addEventListener("toggle", () => {
        if (row.open && !row.querySelector("pre")) row.append(h("pre", { tabindex: 0, role: "region", "aria-label": `${type ?? "text"} ${what}` }, h("code", {}, pretty(text3))));
      });
      frames += 1;
      row.id = `frame-${frames}`;
      append(row);
    },
    notice(text3) {
      const row = h("p", { class: "row notice" }, h("span", { class: "time" }, milliseconds(performance.now() - began)), h("span"), lanes(void 0, "goes on"), h("span", { class: "words" }, text3));
      row.dataset.text = text3.toLowerCase();
      append(row);
    }
  };
  function endsOf(type) {
    const message = type === void 0 ? void 0 : at(protocol.messages, type);
    return message ? ends(message) : ["error"];
  }
}
function envelope(text3) {
  try {
    const value = JSON.parse(text3);
    if (typeof value !== "object" || value === null) return {};
    const { type, correlationId, seq } = value;
    return {
      ...typeof type === "string" ? { type } : {},
      ...typeof correlationId === "string" ? { correlationId } : {},
      ...typeof seq === "number" ? { seq } : {}
    };
  } catch {
    return {};
  }
}
function pretty(text3) {
  if (text3.length > PRETTY) return text3;
  try {
    return JSON.stringify(JSON.parse(text3), null, 2);
  } catch {
    return text3;
  }
}
function milliseconds(time) {
  return time < 1e4 ? `${time.toFixed(time < 100 ? 1 : 0)} ms` : `${(time / 1e3).toFixed(1)} s`;
}

// web/explorer/src/net.ts
function open(protocol, token, listener, session) {
  const url = new URL(protocol.connection.path, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  let downUntil = 0;
  let current;
  class Tapped {
    onopen = null;
    onmessage = null;
    onclose = null;
    onerror = null;
    #socket;
    constructor(url2, protocols) {
      current = this;
      if (performance.now() < downUntil) {
        setTimeout(() => this.onclose?.({ code: 1006, reason: "" }));
        return;
      }
      const socket = this.#socket = new WebSocket(url2, protocols);
      socket.onopen = (event) => this.onopen?.(event);
      socket.onerror = (event) => this.onerror?.(event);
      socket.onclose = ({ code, reason }) => this.onclose?.({ code, reason });
      socket.onmessage = (event) => {
        listener.frame("in", String(event.data));
        this.onmessage?.(event);
      };
    }
    get bufferedAmount() {
      return this.#socket?.bufferedAmount ?? 0;
    }
    get isOpen() {
      return this.#socket?.readyState === WebSocket.OPEN;
    }
    send(text3) {
      listener.frame("out", text3);
      this.#socket?.send(text3);
    }
    close(code) {
      this.#socket?.close(code);
    }
    /** What comes from now on is lost on the way. */
    cut() {
      const { onclose } = this;
      if (this.#socket) {
        this.#socket.onmessage = this.#socket.onclose = null;
        this.#socket.close(4e3);
      }
      onclose?.({ code: 1006, reason: "" });
    }
  }
  const client = connect({
    url,
    subprotocol: protocol.subprotocol,
    ...token ? { token } : {},
    session,
    WebSocket: Tapped,
    requestTimeoutMs: 12e4,
    backOffCapMs: 2e3
  });
  listener.state(client.state);
  client.onState((state) => listener.state(state));
  client.on("notice", (notice) => listener.notice(notice));
  client.on("discontinuity", (lost2) => listener.notice({ kind: "lost-session", reason: lost2.reason }));
  return {
    client,
    raw(text3) {
      if (!current?.isOpen) return false;
      current.send(text3);
      return true;
    },
    drop(milliseconds2) {
      downUntil = performance.now() + milliseconds2;
      current?.cut();
    },
    close() {
      void client.close().catch(() => {
      });
    }
  };
}

// web/explorer/src/main.ts
var status = byId("status");
void start().catch((error) => {
  status.textContent = "The protocol cannot be read";
  status.dataset.kind = "bad";
  byId("view").replaceChildren(h("p", { role: "alert" }, `The protocol cannot be read: ${error.message}`));
});
async function start() {
  const response = await fetch("explorer/protocol.json");
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const protocol = await response.json();
  const { name, version } = protocol.info;
  document.title = `${name} ${version}: explorer`;
  byId("protocol").replaceChildren(name, " ", h("span", { class: "muted" }, version));
  const frames = log(protocol, {
    rows: byId("rows"),
    filter: byId("log-filter"),
    engine: byId("log-engine"),
    follow: byId("log-follow"),
    clear: byId("log-clear"),
    count: byId("log-count")
  });
  const connection = connected(protocol, frames);
  contents(protocol);
  views(protocol, connection);
  panes();
}
function connected(protocol, frames) {
  const end = byId("end");
  const drop = byId("drop");
  let ended = false;
  let told = false;
  const connect2 = () => open(protocol, byId("token").value.trim() || void 0, {
    frame: (direction, text3) => frames.frame(direction, text3),
    state(state) {
      ended = state.status === "ended";
      end.textContent = ended ? "Connect" : "Disconnect";
      drop.disabled = state.status !== "connected";
      status.dataset.kind = state.status === "connected" ? "good" : ended ? "bad" : "wait";
      switch (state.status) {
        case "connecting":
          status.textContent = "Connecting";
          break;
        case "connected":
          status.textContent = "Connected";
          status.title = state.clientId ?? "";
          told = false;
          break;
        case "waiting":
          status.textContent = "Connection lost";
          if (!told) frames.notice(`connection lost${lost(state.lost)}; connecting again`);
          told = true;
          break;
        case "closing":
          status.textContent = "Closing";
          break;
        case "ended":
          status.textContent = "Disconnected";
          frames.notice(state.ended.kind === "final" ? `the server ended it${lost(state.ended.lost)}: ${state.ended.action}` : "disconnected");
      }
    },
    notice(notice) {
      if (notice.kind === "resumed") frames.notice(`resumed: nothing lost, ${notice.replayed} messages replayed`);
      else if (notice.kind === "lost-session") frames.notice(`a new session; the old one is lost (${notice.reason})`);
      else if (notice.kind === "unreadable") frames.notice(`the server sent what is no message: ${notice.why}`);
      else if (notice.kind === "not-sent") frames.notice(`${notice.type} was not sent: it is larger than ${notice.limit} bytes`);
    }
  });
  let current = connect2();
  drop.addEventListener("click", () => {
    const seconds = Number(byId("down").value);
    frames.notice(seconds > 0 ? `connection cut for ${seconds} s` : "connection cut");
    current.drop(seconds * 1e3);
  });
  end.addEventListener("click", () => {
    if (ended) current = connect2();
    else current.close();
  });
  byId("credentials").addEventListener("submit", (event) => {
    event.preventDefault();
    current.close();
    current = connect2();
  });
  return () => current;
}
function lost(why) {
  if (why.kind !== "closed") return ` (${why.kind})`;
  return why.code === 1006 ? "" : ` (${[why.code, why.reason].filter(Boolean).join(" ")})`;
}
function contents(protocol) {
  const messages = Object.entries(protocol.messages);
  const groups = [
    ["Clients send", messages.filter(([, { from, engine }]) => !engine && from !== "server").map(([name]) => [name, messageLink(name)])],
    ["The server sends", messages.filter(([, { from, engine }]) => !engine && from === "server").map(([name]) => [name, messageLink(name)])],
    ["Types", Object.keys(protocol.$defs).map((name) => [name, `#type/${encodeURIComponent(name)}`])],
    ["More", [["About", "#about"], ...protocol.states ? [["States", "#states"]] : [], ["Errors", "#errors"]]],
    ["Engine", messages.filter(([, { engine }]) => engine).map(([name]) => [name, messageLink(name)])]
  ];
  const nav = byId("contents");
  for (const [title, entries] of groups) {
    if (entries.length === 0) continue;
    const isCode = title !== "More";
    const items = entries.map(([name, href]) => h("li", {}, h("a", { href }, isCode ? h("code", {}, name) : name)));
    nav.append(h("section", {}, h("h2", {}, title), h("ul", {}, ...items)));
  }
  const filter = byId("filter");
  filter.addEventListener("input", () => {
    const wanted = filter.value.toLowerCase();
    for (const item of nav.querySelectorAll("li")) item.hidden = !(item.textContent ?? "").toLowerCase().includes(wanted);
    for (const section of nav.querySelectorAll("section")) section.hidden = !section.querySelector("li:not([hidden])");
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      show("contents-pane");
      filter.focus();
    }
  });
}
function views(protocol, connection) {
  const view = byId("view");
  const drafts = /* @__PURE__ */ new Map();
  const first = Object.entries(protocol.messages).find(([, { engine, from }]) => !engine && from !== "server")?.[0];
  const lookUp = (isMoved) => {
    const [kind, encoded = ""] = location.hash.slice(1).split("/");
    const name = decoded(encoded);
    const message = at(protocol.messages, name);
    const title = (text3, isCode = true) => h("h2", { tabindex: -1, id: "title" }, isCode ? h("code", {}, text3) : text3);
    if (kind === "message" && message) {
      const parts = [title(name)];
      if (message.from !== "server" && !message.engine) {
        let draft = drafts.get(name);
        if (!draft) drafts.set(name, draft = { value: begin(protocol, message), json: void 0 });
        parts.push(composer(protocol, name, message, draft, connection));
      }
      const sender = { client: "Clients send this.", server: "The server sends this.", both: "Both sides send this." }[message.from];
      view.replaceChildren(...parts, h("p", { class: "muted" }, sender), ...describe(protocol, name, message));
    } else if (kind === "type" && Object.hasOwn(protocol.$defs, name)) {
      view.replaceChildren(title(name), ...describeType(protocol, name));
    } else if (kind === "states" && protocol.states) {
      view.replaceChildren(title("States", false), ...describeStates(protocol.states));
    } else if (kind === "errors") {
      view.replaceChildren(title("Errors", false), ...describeErrors(protocol));
    } else if (kind === "about" || !first) {
      view.replaceChildren(title(`${protocol.info.name} ${protocol.info.version}`, false), ...about(protocol));
    } else {
      history.replaceState(null, "", messageLink(first));
      return lookUp(isMoved);
    }
    for (const link2 of byId("contents").querySelectorAll("a")) {
      if (link2.getAttribute("href") === location.hash) link2.setAttribute("aria-current", "page");
      else link2.removeAttribute("aria-current");
    }
    byId("main-pane").scrollTop = 0;
    if (isMoved) {
      show("main-pane");
      byId("title").focus();
    }
  };
  window.addEventListener("hashchange", () => lookUp(true));
  lookUp(false);
}
function decoded(text3) {
  try {
    return decodeURIComponent(text3);
  } catch {
    return "";
  }
}
function about(protocol) {
  const { connection } = protocol;
  const rows = [
    ["Endpoint", connection.path],
    ["Subprotocol", protocol.subprotocol],
    ["Heartbeat", `a ping every ${connection.heartbeatIntervalMs / 1e3} s`],
    ["Resume", `for ${connection.resumeWindowMs / 1e3} s`],
    ["Largest message", `${connection.limits.messageBytes} bytes`],
    ["Hash", protocol.hash]
  ];
  const facts2 = h("dl", { class: "facts" }, ...rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, h("code", {}, value)))));
  return [...prose(protocol.info.description), facts2];
}
function panes() {
  for (const tab of document.querySelectorAll("#panes button")) {
    tab.addEventListener("click", () => show(tab.dataset.pane ?? ""));
  }
  show("main-pane");
}
function show(pane) {
  document.body.dataset.pane = pane;
  for (const tab of document.querySelectorAll("#panes button")) {
    tab.setAttribute("aria-pressed", String(tab.dataset.pane === pane));
  }
}
