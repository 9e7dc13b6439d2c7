// Over sockets, against a server that does what a test says.

import { behaviour, holds, same, soon } from "./cases.mjs";
import { client, Fake, next, reach, states } from "./remote.mjs";

/** Runs a case with a server of its own, and ends the clients that it has made. */
function scripted(name, run) {
  behaviour(name, async () => {
    const fake = await Fake.new();
    const clients = [];
    const connect = (options) => {
      const own = client(fake.url, options);
      clients.push(own);
      return own;
    };
    try {
      await run(fake, connect);
    } finally {
      await fake.end();
      for (const own of clients) await soon(own.close());
    }
  });
}

const news = (seq) => ({ type: "news", payload: { text: `${seq}` }, timestamp: 1, seq });

scripted("queue_waits_for_the_connection", async (fake, connect) => {
  const own = connect();
  for (const text of ["a", "b"]) own.send("note", { text });
  const peer = await fake.greet("t");
  for (const text of ["a", "b"]) same((await peer.expect("note")).payload, { text });
  const lost = reach(own, "waiting");
  await peer.cut();
  await lost;
  own.send("note", { text: "c" });
  const again = await fake.resume("t", 0);
  same((await again.expect("note")).payload, { text: "c" });
});

scripted("undefined_option_is_left_out", async (_fake, connect) => {
  const bounded = connect({ calls: undefined, queueMessages: 2_000 });
  const outcomes = Array.from({ length: 1_025 }, () => bounded.request("say", { text: "a" }).outcome());
  same((await soon(outcomes.at(-1))).error.code, "queue_full");
  const patient = connect({ requestTimeoutMs: 100 });
  const late = patient.request("say", { text: "b" }, { timeoutMs: undefined });
  same((await soon(late.outcome())).error.code, "timeout");
});

scripted("server_that_closes_during_the_handshake_is_tried_again", async (fake, connect) => {
  await fake.drop(1);
  const own = connect();
  const seen = states(own);
  await fake.greet("t");
  await reach(own, "connected");
  same(seen.map(({ status }) => status), ["waiting", "connecting", "connected"]);
  same(seen[0].lost.code, 1006);
});

scripted("half_open_connection_is_left", async (fake, connect) => {
  // Accepts TCP, and never answers the handshake.
  await fake.stall(1);
  const own = connect({ connectTimeoutMs: 300 });
  const seen = states(own);
  await fake.greet("t");
  await reach(own, "connected");
  same(seen[0].lost, { kind: "timeout" });
});

scripted("stop_code_ends_the_client", async (fake, connect) => {
  for (const code of [1000, 4403, 4409, 4400, 4406]) {
    const own = connect();
    await (await fake.greet("t")).close(code);
    const { ended } = await reach(own, "ended");
    same([ended.kind, ended.lost], ["final", { kind: "closed", code, reason: "because" }]);
    same((await own.request("say", {}).outcome()).error.code, "disconnected");
  }
});

scripted("reconnect_code_is_followed_by_a_resume", async (fake, connect) => {
  connect();
  let peer = await fake.greet("t");
  let token = "t";
  for (const code of [1011, 1012, 1013, 4408, 4429, 4503, 4999]) {
    await peer.close(code);
    peer = await fake.resume(token, 0);
    token += "+";
  }
});

scripted("close_hint_is_waited_for", async (fake, connect) => {
  const own = connect();
  const peer = await fake.greet("t");
  await reach(own, "connected");
  const closing = next(own, "connection:closing");
  await peer.say("connection:closing", { reason: "shutdown", reconnectAfterMs: 300 });
  await closing;
  const began = Date.now();
  await peer.close(1001);
  await fake.resume("t", 0);
  holds(Date.now() - began >= 295, `${Date.now() - began}`);
});

scripted("gap_closes_and_resumes", async (fake, connect) => {
  const own = connect();
  const heard = [];
  own.on("news", ({ text }) => heard.push(text));
  const peer = await fake.greet("t");
  await peer.send(news(1));
  await peer.send(news(3));
  holds((await peer.closed()) !== 1000, "the session waits");
  const again = await fake.resume("t", 1, [news(2), news(3)]);
  await again.expect("connection:ack").catch(() => {});
  await reach(own, "connected");
  same(heard, ["1", "2", "3"]);
});

scripted("refused_resume_is_told_in_its_place", async (fake, connect) => {
  const own = connect();
  const told = [];
  own.on("news", ({ text }) => told.push(text));
  own.on("discontinuity", ({ reason }) => told.push(reason));
  const call = own.request("say", {}).outcome();
  const peer = await fake.greet("t");
  await peer.expect("say");
  await peer.send(news(1));
  await peer.close(4503);
  const again = await fake.accept();
  await again.greet("new");
  await again.expect("connection:resume");
  await again.say("connection:resumed", { clientId: "b", resumed: false, reason: "expired", replayed: 0 });
  await again.send({ ...news(1), payload: { text: "new" } });
  same((await soon(call)).error.code, "interrupted");
  await again.cut();
  await fake.resume("new", 1);
  same(told, ["1", "expired", "new"]);
});

scripted("first_connection_is_waited_for", async (fake, connect) => {
  const own = connect({ attempts: 0 });
  const connected = own.connected();
  await fake.greet("t");
  await soon(connected);
  same(own.state, { status: "connected", clientId: "a" });
  await fake.end();
  const nobody = client(fake.url, { attempts: 0 });
  const error = await soon(nobody.connected().catch((error) => error));
  same(error.code, "disconnected");
  same(nobody.state.ended.kind, "gave-up");
});

scripted("close_sends_1000", async (fake, connect) => {
  const own = connect();
  const peer = await fake.greet("t");
  await reach(own, "connected");
  own.send("note", { text: "last words" });
  const closed = own.close();
  await peer.expect("note");
  same(await peer.closed(), 1000);
  await soon(closed);
  same(own.state, { status: "ended", ended: { kind: "closed" } });
});

scripted("unknown_fields_of_a_newer_server_are_tolerated", async (fake, connect) => {
  const validate = (type, { text }) => (type === "said" && typeof text !== "string" ? "/text must be string" : undefined);
  const own = connect({ validate });
  const peer = await fake.greet("t");
  const said = own.request("say", { text: "hi" });
  await peer.answer(await peer.expect("say"), "said", { text: "hi", mood: "good", by: { name: "x", age: 7 } });
  same((await soon(said)).by.name, "x");
  const wrong = own.request("say", { text: "hi" }).outcome();
  await peer.answer(await peer.expect("say"), "said", { text: 7 });
  same((await soon(wrong)).error.code, "invalid_message");
});

scripted("unknown_error_code_is_kept", async (fake, connect) => {
  const own = connect();
  const peer = await fake.greet("t");
  const said = own.request("say", { text: "hi" }).outcome();
  const error = { code: "from_the_future", message: "later", retryable: true, new: 1 };
  await peer.answer(await peer.expect("say"), "error", error);
  const outcome = await soon(said);
  same([outcome.error.code, outcome.error.message, outcome.error.retryable], ["from_the_future", "later", true]);
});

scripted("token_is_shown_at_the_handshake", async (fake, connect) => {
  connect({ token: "abc.DEF-123_~" });
  const { protocols } = await fake.greet("t");
  same(protocols, ["wireloom.v1", "bearer.abc.DEF-123_~"]);
});

scripted("token_that_no_subprotocol_holds_is_shown_by_a_message", async (fake, connect) => {
  connect({ token: "a token/with=others", subprotocol: "demo.v1" });
  const peer = await fake.accept();
  same(peer.protocols, ["demo.v1"]);
  same((await peer.expect("connection:authenticate")).payload, { token: "a token/with=others" });
});

scripted("refused_token_is_replaced", async (fake, connect) => {
  let asked = 0;
  connect({ token: (need) => `${need === "refused" ? "new" : "old"}${asked++}` });
  const peer = await fake.greet("t");
  same(peer.protocols[1], "bearer.old0");
  await peer.close(4401);
  const second = await fake.resume("t", 0);
  same(second.protocols[1], "bearer.new1");
  await second.cut();
  same((await fake.resume("t+", 0)).protocols[1], "bearer.old2");
});

scripted("refused_fixed_token_ends_the_client", async (fake, connect) => {
  const own = connect({ token: "secret" });
  await (await fake.greet("t")).close(4401);
  const { ended } = await reach(own, "ended");
  same([ended.kind, ended.action], ["final", "log-in"]);
});

scripted("provider_without_a_token_is_asked_again", async (fake, connect) => {
  let asked = 0;
  const own = connect({
    token: async () => {
      if (asked++ === 0) throw new Error("nobody is logged in");
      return "token";
    },
  });
  const seen = states(own);
  await fake.greet("t");
  await reach(own, "connected");
  same([seen[0].lost.kind, seen[0].lost.cause.message], ["token", "nobody is logged in"]);
});

scripted("token_is_refreshed_in_place", async (fake, connect) => {
  const own = connect({ token: "old" });
  const peer = await fake.greet("t");
  const refreshed = own.authenticate("new");
  const request = await peer.expect("connection:authenticate");
  same(request.payload, { token: "new" });
  await peer.answer(request, "connection:authenticated", { subject: "me", scopes: [] });
  same((await soon(refreshed)).subject, "me");
  // From now on it is the one that is shown.
  await peer.cut();
  const again = await fake.resume("t", 0);
  same(again.protocols[1], "bearer.new");
  const refused = own.authenticate("bad").catch((error) => error);
  await again.answer(await again.expect("connection:authenticate"), "error", { code: "unauthorized", message: "no" });
  same((await soon(refused)).code, "unauthorized");
  // What is refused takes no other's place.
  await again.cut();
  same((await fake.resume("t+", 0)).protocols[1], "bearer.new");
});

scripted("answer_that_was_missed_is_replayed", async (fake, connect) => {
  const own = connect();
  const peer = await fake.greet("t");
  const said = own.request("say", { text: "hi" });
  const { correlationId } = await peer.expect("say");
  await peer.cut();
  const again = await fake.resume("t", 0, [{ type: "said", payload: { text: "hi" }, timestamp: 1, seq: 1, correlationId }]);
  same((await soon(said)).text, "hi");
  same((await again.next()).type, "connection:ack", "it is not sent again");
});
