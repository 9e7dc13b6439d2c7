// Taking a session up again: what is replayed, what is sent again, what is acknowledged, what is lost. The session alone.

import { behaviour, holds, same, throws } from "./cases.mjs";
import { done, failure, Rig, SECOND } from "./rig.mjs";

/** A session with three messages received, whose connection was cut and opened again. */
function broken() {
  const rig = Rig.connected();
  for (let seq = 1; seq <= 3; seq++) rig.numbered(seq, undefined, "news", seq);
  rig.heard("news");
  rig.cut();
  rig.reopen();
  return rig;
}

const refused = (reason) => ({ clientId: "b", resumed: false, reason, resumeToken: "t9" });
const shortLived = { clientId: "b", resumeToken: "short-lived" };

behaviour("resume_is_the_first_message", () => {
  const rig = broken();
  rig.begin();
  const resume = { type: "connection:resume", payload: { resumeToken: "t1", lastSeq: 3 }, correlationId: "resume" };
  same(rig.said(), [resume], "and nothing else until it is answered");
  rig.greet(shortLived);
  same(rig.said(), []);
  rig.resumed({});
  same(rig.brief(), ["say c-1"]);
});

behaviour("resume_replays_what_was_missed", () => {
  const rig = broken();
  rig.said();
  rig.resumed({ replayed: 2 });
  holds(!rig.isConnected);
  for (let seq = 4; seq <= 6; seq++) {
    rig.numbered(seq, undefined, "news", seq);
    same(rig.isConnected, seq >= 5, "the last of the replay is the fifth");
  }
  same(rig.heard("news"), [4, 5, 6]);
  same(rig.heard("notice"), [{ kind: "resumed", replayed: 2 }]);
});

behaviour("messages_of_the_short_lived_session_are_ignored", () => {
  const rig = broken();
  rig.numbered(1, undefined, "news", "of the short-lived session");
  rig.numbered(4, undefined, "news", "of the short-lived session");
  rig.resumed({ replayed: 1 });
  rig.numbered(4, undefined, "news", "missed");
  same(rig.heard("news"), ["missed"]);
});

behaviour("token_is_rotated", () => {
  const rig = broken();
  rig.resumed({});
  rig.said();
  rig.cut();
  rig.reopen();
  same(rig.said()[0].payload.resumeToken, "t2");
});

behaviour("token_is_used_again_when_resumed_was_lost", () => {
  const rig = broken();
  for (let attempt = 0; attempt < 3; attempt++) {
    rig.greet(shortLived);
    same(rig.said()[0].payload, { resumeToken: "t1", lastSeq: 3 });
    rig.cut();
    rig.reopen();
  }
});

behaviour("resumed_is_confirmed_by_an_acknowledgement", () => {
  let rig = broken();
  rig.said();
  rig.resumed({ replayed: 1 });
  same(rig.said(), [], "the replay comes first");
  rig.numbered(4, undefined, "news", {});
  same(rig.said(), [{ type: "connection:ack", payload: { seq: 4 } }]);

  rig = Rig.connected();
  rig.cut();
  rig.reopen();
  rig.said();
  rig.resumed({});
  same(rig.said(), [{ type: "connection:ack", payload: { seq: 0 } }]);
});

behaviour("replay_that_stops_halfway_is_tried_again", () => {
  const rig = broken();
  rig.said();
  rig.resumed({ replayed: 2 });
  rig.numbered(4, undefined, "news", {});
  same(rig.pass(10 * SECOND), { kind: "timeout" });
  rig.lose({ kind: "timeout" });
  rig.reopen();
  same(rig.said()[0].payload, { resumeToken: "t2", lastSeq: 4 });
});

behaviour("duplicate_is_dropped", () => {
  const rig = Rig.connected();
  for (const seq of [1, 2, 2, 1, 3]) rig.numbered(seq, undefined, "news", seq);
  same(rig.heard("news"), [1, 2, 3]);
});

behaviour("gap_is_an_error_and_is_resumed", () => {
  const rig = Rig.connected();
  rig.numbered(1, undefined, "news", 1);
  rig.numbered(3, undefined, "news", 3);
  const gap = { kind: "gap", expected: 2, got: 3 };
  same(rig.pass(1), gap);
  rig.numbered(2, undefined, "news", "too late");
  same(rig.said(), []);
  rig.lose(gap);
  rig.open();
  same(rig.said()[0].payload.lastSeq, 1);
  rig.resumed({ replayed: 2 });
  rig.numbered(2, undefined, "news", 2);
  rig.numbered(3, undefined, "news", 3);
  same(rig.heard("news"), [1, 2, 3]);
});

behaviour("unnumbered_messages_are_taken_as_they_come", () => {
  const rig = Rig.connected();
  rig.numbered(1, undefined, "news", 1);
  rig.say("news", "without");
  rig.numbered(2, undefined, "news", 2);
  same(rig.heard("news"), [1, "without", 2]);
});

behaviour("unanswered_requests_are_sent_again_in_order", () => {
  const rig = Rig.connected();
  for (let n = 0; n < 4; n++) rig.begin();
  rig.said();
  rig.numbered(1, "c-1", "said", {});
  rig.cut();
  rig.begin();
  rig.reopen();
  rig.said();
  rig.resumed({ replayed: 1 });
  rig.numbered(2, "c-3", "said", {});
  const said = rig.said();
  same(said.map(({ correlationId }) => correlationId), ["c-2", "c-4", "c-5"], "those answered in the replay are not");
  same(said[0].payload, {});
  same(said[0].ack, 2, "the first message acknowledges");
});

behaviour("stream_goes_on_after_resume", () => {
  const rig = Rig.connected();
  const stream = rig.stream();
  rig.said();
  rig.numbered(1, "c-1", "tick", 1);
  rig.cut();
  rig.reopen();
  rig.said();
  rig.resumed({ replayed: 1 });
  rig.numbered(2, "c-1", "tick", 2);
  same(rig.brief(), ["count c-1"], "the server runs an id once");
  rig.numbered(3, "c-1", "tick", 3);
  rig.numbered(4, "c-1", "done", {});
  same(stream.items, [1, 2, 3]);
  done(stream);
});

behaviour("cancelled_while_offline_is_cancelled_after_resume", () => {
  const rig = Rig.connected();
  const call = rig.begin();
  rig.begin();
  rig.said();
  rig.cut();
  rig.core.cancel(call.id);
  rig.reopen();
  rig.said();
  rig.resumed({});
  same(rig.brief(), ["request:cancel c-1", "say c-2"]);
});

behaviour("refused_resume_is_a_discontinuity", () => {
  for (const reason of ["expired", "gap", "unknown", "unsupported", "haunted"]) {
    const rig = broken();
    rig.said();
    rig.greet(shortLived);
    rig.told = [];
    rig.resumed(refused(reason));
    rig.numbered(1, undefined, "news", "new");
    same(rig.told, [["discontinuity", { reason }], ["news", "new"]], "in its place");
    same(rig.state, { status: "connected", clientId: "b" });
    rig.said();
    rig.cut();
    rig.reopen();
    same(rig.said()[0].payload, { resumeToken: "t9", lastSeq: 1 }, "it starts over");
  }
});

behaviour("refused_resume_keeps_the_new_session", () => {
  const rig = broken();
  rig.said();
  rig.greet(shortLived);
  rig.resumed({ ...refused("expired"), resumeToken: undefined });
  rig.cut();
  rig.reopen();
  same(rig.said()[0].payload, { resumeToken: "short-lived", lastSeq: 0 });
});

behaviour("resume_answered_by_an_error_is_a_discontinuity", () => {
  const rig = broken();
  rig.said();
  rig.answer("resume", "error", { code: "unknown_type", message: "what?" });
  holds(rig.isConnected);
  same(rig.heard("discontinuity"), [{ reason: "unsupported" }]);
});

behaviour("refused_resume_interrupts_what_was_sent", () => {
  const rig = Rig.connected();
  const sent = rig.begin();
  const idempotent = rig.begin({ idempotent: true });
  const stream = rig.stream();
  rig.said();
  rig.numbered(1, "c-3", "tick", {});
  rig.cut();
  const queued = rig.begin();
  rig.reopen();
  rig.said();
  rig.greet(shortLived);
  rig.resumed(refused("gap"));
  for (const call of [sent, stream]) same(failure(call), "interrupted");
  same(rig.brief(), ["say c-2", "say c-4"], "what may run twice, and what was never sent");
  rig.numbered(1, "c-2", "said", {});
  rig.numbered(2, "c-4", "said", {});
  done(idempotent);
  done(queued);
});

behaviour("begun_stream_is_never_sent_twice", () => {
  const rig = Rig.connected();
  const stream = rig.stream({ idempotent: true });
  rig.said();
  rig.numbered(1, "c-1", "tick", {});
  rig.cut();
  rig.reopen();
  rig.said();
  rig.resumed(refused("gap"));
  same(failure(stream), "interrupted");
  same(rig.said(), []);
});

behaviour("server_without_sessions_interrupts_at_once", () => {
  const rig = new Rig();
  rig.open();
  rig.greet({ resumeToken: undefined });
  const call = rig.begin();
  rig.begin({ idempotent: true });
  rig.said();
  rig.cut();
  same(failure(call), "interrupted");
  rig.reopen();
  same(rig.said(), [], "there is nothing to resume");
  rig.greet({ resumeToken: undefined });
  same(rig.heard("discontinuity"), [{ reason: "unsupported" }]);
  same(rig.brief(), ["say c-2"]);
});

behaviour("idempotent_request_survives_several_losses", () => {
  const rig = new Rig();
  rig.open();
  rig.greet({ resumeToken: undefined });
  const call = rig.begin({ idempotent: true });
  rig.said();
  for (let cut = 0; cut < 3; cut++) {
    rig.cut();
    rig.reopen();
  }
  rig.greet({ resumeToken: undefined });
  same(rig.brief(), ["say c-1"]);
  rig.answer("c-1", "said", {});
  done(call);
});

behaviour("acknowledges_after_32_messages", () => {
  const rig = Rig.connected();
  for (let seq = 1; seq <= 31; seq++) rig.numbered(seq, undefined, "news", {});
  same(rig.said(), []);
  rig.numbered(32, undefined, "news", {});
  same(rig.said(), [{ type: "connection:ack", payload: { seq: 32 } }]);
});

behaviour("acknowledges_after_64_kib", () => {
  const rig = Rig.connected();
  rig.numbered(1, undefined, "news", "x".repeat(60_000));
  same(rig.said(), []);
  rig.numbered(2, undefined, "news", "x".repeat(6_000));
  same(rig.brief(), ["connection:ack"]);
});

behaviour("acknowledges_after_a_second", () => {
  const rig = Rig.connected();
  rig.numbered(1, undefined, "news", {});
  rig.pass(600);
  rig.numbered(2, undefined, "news", {});
  same(rig.core.deadline(), rig.now + 400, "after the first, not the last");
  rig.pass(399);
  same(rig.said(), []);
  rig.pass(1);
  same(rig.said(), [{ type: "connection:ack", payload: { seq: 2 } }]);
  rig.pass(2 * SECOND);
  same(rig.said(), [], "once");
});

behaviour("acknowledgement_rides_on_what_is_sent_anyway", () => {
  const rig = Rig.connected();
  rig.numbered(1, undefined, "news", {});
  rig.begin();
  rig.begin();
  same(rig.said().map(({ ack }) => ack), [1, undefined]);
  rig.pass(2 * SECOND);
  same(rig.said(), []);
});

behaviour("nothing_is_acknowledged_without_a_session", () => {
  const rig = new Rig();
  rig.open();
  rig.greet({ resumeToken: undefined });
  rig.numbered(1, undefined, "news", {});
  rig.pass(2 * SECOND);
  rig.begin();
  same(rig.said()[0].ack, undefined);
});

behaviour("session_is_taken_up_by_another_page", () => {
  const before = Rig.connected();
  before.stream();
  before.said();
  before.numbered(1, "c-1", "tick", 1);
  // The page is reloaded; what it knew is kept as text.
  const session = JSON.parse(JSON.stringify(before.core.session()));
  same([session.token, session.lastSeq, session.lastCall], ["t1", 1, 1]);
  const rig = new Rig({ session });
  const stream = rig.stream({ id: 1 });
  const another = rig.begin();
  same(another.id, 2, "numbers go on");
  rig.open();
  same(rig.said()[0].payload, { resumeToken: "t1", lastSeq: 1 });
  // A server that takes a session up at once does not greet before.
  rig.resumed({ replayed: 1 });
  rig.numbered(2, "c-1", "tick", 2);
  same(rig.brief(), ["count c-1", "say c-2"]);
  rig.numbered(3, "c-1", "done", {});
  same(stream.items, [2]);
  done(stream);
});

behaviour("call_of_an_earlier_page_never_runs_twice", () => {
  const session = { token: "t1", lastSeq: 1, lastCall: 1 };
  const rig = new Rig({ session });
  const stream = rig.stream({ id: 1 });
  rig.open();
  rig.said();
  rig.greet(shortLived);
  rig.resumed(refused("unknown"));
  same(failure(stream), "interrupted");
  throws("interrupted", () => rig.stream({ id: 1 }));
  same(rig.said(), [], "neither before the refusal nor behind it");
});

behaviour("call_of_an_earlier_page_is_interrupted_without_its_session", () => {
  const rig = new Rig();
  throws("interrupted", () => rig.stream({ id: 2, idempotent: true }));
  rig.connect();
  throws("interrupted", () => rig.stream({ id: 2 }));
  same([rig.begin().id, rig.begin().id], [3, 4], "no other call has its number");
  same(rig.brief(), ["say c-3", "say c-4"]);
});

behaviour("call_of_an_earlier_page_comes_before_its_session", () => {
  const session = { ...Rig.connected().core.session(), lastCall: 1 };
  const rig = new Rig({ session });
  rig.open();
  const stream = rig.stream({ id: 1 });
  throws("interrupted", () => rig.stream({ id: 1 }));
  rig.said();
  rig.resumed({ replayed: 1 });
  // Of what is replayed, it might have missed something.
  throws("interrupted", () => rig.stream({ id: 2 }));
  rig.numbered(1, "c-1", "tick", 1);
  throws("interrupted", () => rig.stream({ id: 2 }));
  same(rig.brief(), ["count c-1"]);
  same(stream.items, [1]);
});
