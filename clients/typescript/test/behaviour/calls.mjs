// Requests, streams, cancellation, time-outs, the queue: the session alone.

import { behaviour, holds, same, throws } from "./cases.mjs";
import { done, failure, isDone, Rig, SECOND } from "./rig.mjs";

behaviour("answers_find_their_requests_in_any_order", () => {
  const rig = Rig.connected();
  const [first, second] = [rig.begin(), rig.begin()];
  same(rig.brief(), ["say c-1", "say c-2"]);
  rig.answer("c-2", "said", { n: 2 });
  same(first.ended, undefined);
  done(second, { n: 2 });
  rig.answer("c-1", "said", { n: 1 });
  done(first, { n: 1 });
});

behaviour("late_answer_is_dropped", () => {
  const rig = Rig.connected();
  const call = rig.begin();
  rig.said();
  rig.core.cancel(call.id);
  rig.answer("c-1", "said", {});
  rig.answer("c-9", "said", {});
  same(rig.heard("said"), []);
});

behaviour("unknown_message_type_is_ignored", () => {
  const rig = Rig.connected();
  const [call, stream] = [rig.begin(), rig.stream()];
  rig.said();
  rig.say("from:the:future", 7, { new: [] });
  rig.answer("c-1", "from:the:future", {});
  rig.answer("c-2", "from:the:future", {});
  rig.answer("c-1", "said", {});
  rig.answer("c-2", "done", {});
  done(call);
  done(stream);
  same(stream.items, []);
});

behaviour("unreadable_text_is_a_notice", () => {
  const rig = Rig.connected();
  for (const text of ["{", "[]", "7", "null", '{"type":7}']) rig.core.received(text, rig.now);
  same(rig.heard("notice").map(({ kind }) => kind), Array(5).fill("unreadable"));
  holds(rig.isConnected);
});

behaviour("request_times_out_and_is_cancelled", () => {
  const rig = Rig.connected();
  const call = rig.begin({ timeoutMs: SECOND });
  rig.said();
  same(rig.core.deadline(), rig.now + SECOND);
  rig.pass(SECOND - 1);
  same(call.ended, undefined);
  rig.pass(1);
  same(failure(call), "timeout");
  same(rig.brief(), ["request:cancel c-1"]);
});

behaviour("request_times_out_while_offline", () => {
  const rig = new Rig();
  const call = rig.begin({ timeoutMs: SECOND });
  rig.pass(SECOND);
  same(failure(call), "timeout");
  rig.connect();
  same(rig.said(), [], "it is not sent any more");
});

behaviour("stream_times_out_by_silence_only", () => {
  const rig = Rig.connected();
  const stream = rig.stream({ timeoutMs: SECOND });
  rig.said();
  for (let at = 0; at < 3; at++) {
    rig.pass(SECOND - 1);
    rig.answer("c-1", "tick", { at });
  }
  same(stream.ended, undefined);
  rig.pass(SECOND);
  same(failure(stream), "timeout");
});

behaviour("cancel_before_sending_sends_nothing", () => {
  const rig = new Rig();
  const call = rig.begin();
  rig.core.cancel(call.id);
  same(failure(call), "cancelled");
  rig.connect();
  same(rig.said(), []);
});

behaviour("cancel_is_sent_once", () => {
  const rig = Rig.connected();
  const call = rig.begin();
  rig.said();
  rig.core.cancel(call.id);
  rig.core.cancel(call.id);
  same(rig.brief(), ["request:cancel c-1"]);
  rig.answer("c-1", "error", { code: "cancelled", message: "" });
  rig.core.cancel(call.id);
  same(rig.said(), []);
});

behaviour("message_without_answer_is_over_when_it_is_taken", () => {
  const rig = Rig.connected();
  const taken = rig.begin({ kind: "send" });
  same(rig.brief(), ["say c-1", "ping p-1"]);
  rig.answer("p-1", "pong", {});
  done(taken);
  const refused = rig.begin({ kind: "send" });
  rig.said();
  rig.answer("c-2", "error", { code: "unauthorized", message: "no" });
  rig.answer("p-2", "pong", {});
  same(failure(refused), "unauthorized");
});

behaviour("refused_send_is_a_notice", () => {
  const rig = Rig.connected();
  rig.core.send("note", "{}");
  same(rig.brief(), ["note"]);
  const error = { code: "rate_limited", message: "slow down", retryable: true };
  rig.say("error", error);
  same(rig.heard("error"), [error]);
});

behaviour("slow_stream_is_cancelled", () => {
  const rig = Rig.connected();
  const stream = rig.stream();
  stream.room = 2;
  rig.said();
  for (let at = 1; at <= 4; at++) rig.answer("c-1", "tick", at);
  same(stream.items.slice(0, 2), [1, 2], "what was taken in time is not lost");
  same(failure(stream), "overrun");
  same(rig.brief(), ["request:cancel c-1"]);
});

behaviour("queue_keeps_order_offline", () => {
  const rig = new Rig();
  rig.begin();
  rig.core.send("note", "{}");
  rig.begin();
  same(rig.said(), []);
  rig.connect();
  same(rig.brief(), ["say c-1", "note", "say c-2"]);
});

behaviour("queue_is_bounded_in_messages", () => {
  const rig = new Rig({ settings: { queueMessages: 2 } });
  const call = rig.begin();
  rig.core.send("note", "{}");
  throws("queue_full", () => rig.begin());
  throws("queue_full", () => rig.core.send("note", "{}"));
  rig.core.cancel(call.id);
  rig.core.send("note", "{}");
});

behaviour("queue_is_bounded_in_bytes", () => {
  const rig = new Rig({ settings: { queueBytes: 1_000 } });
  // Two bytes each on the wire.
  const payload = JSON.stringify("ž".repeat(300));
  rig.core.send("note", payload);
  throws("queue_full", () => rig.core.send("note", payload));
});

behaviour("calls_under_way_are_bounded", () => {
  const rig = Rig.connected({ settings: { calls: 1 } });
  let call = rig.begin();
  rig.said();
  throws("queue_full", () => rig.begin());
  rig.core.cancel(call.id);
  // Calls that were cancelled and are never answered are forgotten in the end.
  for (let at = 0; at < 5; at++) {
    call = rig.begin();
    rig.said();
    rig.core.cancel(call.id);
  }
  rig.said();
  rig.cut();
  rig.reopen();
  rig.said();
  rig.resumed({});
  same(rig.brief(), ["request:cancel c-6"]);
});

behaviour("message_larger_than_the_server_takes_is_refused_here", () => {
  const rig = Rig.connected();
  const payload = (bytes) => JSON.stringify("x".repeat(bytes));
  // By the connection's limit, and by the type's.
  for (const [type, limit] of [["note", 2_000], ["short", 300]]) {
    throws("too_large", () => rig.core.send(type, payload(limit)));
    rig.core.send(type, payload(limit - 200));
  }
  same(rig.brief(), ["note", "short"]);
});

behaviour("message_queued_before_the_limit_was_known_is_not_sent", () => {
  const rig = new Rig();
  const payload = JSON.stringify("x".repeat(3_000));
  const call = rig.begin({ payload });
  rig.core.send("note", payload);
  rig.core.send("small", "{}");
  rig.connect();
  same(rig.brief(), ["small"]);
  same(failure(call), "too_large");
  const [notice] = rig.heard("notice");
  same([notice.kind, notice.type, notice.limit], ["not-sent", "note", 2_000]);
});

behaviour("end_is_told_to_everyone", () => {
  const rig = Rig.connected();
  const sent = rig.begin();
  rig.said();
  const queued = rig.begin();
  rig.close(4403);
  for (const call of [sent, queued]) same(failure(call), "disconnected");
  throws("disconnected", () => rig.begin());
  throws("disconnected", () => rig.core.send("note", "{}"));
  same(rig.pass(3600 * SECOND), undefined);
  same(rig.core.deadline(), Infinity);
});

behaviour("invalid_message_is_refused_where_a_client_validates", () => {
  const check = (type, payload) => (payload.bad ? `${type} is bad` : undefined);
  const rig = Rig.connected({ check });
  const [call, stream] = [rig.begin(), rig.stream()];
  rig.said();
  rig.answer("c-1", "said", { bad: true });
  rig.answer("c-2", "tick", { bad: true });
  same([failure(call), failure(stream)], ["invalid_message", "invalid_message"]);
  holds(!isDone(stream));
  rig.say("news", { bad: true });
  same(rig.heard("news"), [{ bad: true }], "an event comes all the same");
  same(rig.heard("notice").map(({ kind, type }) => [kind, type]), [
    ["invalid", "said"],
    ["invalid", "tick"],
    ["invalid", "news"],
  ]);
});
