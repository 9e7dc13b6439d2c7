// Connecting, losing the connection, connecting again, closing: the session alone.

import { ACTIONS } from "../../dist/close-codes.js";
import { behaviour, holds, same, throws } from "./cases.mjs";
import { failure, Rig, SECOND } from "./rig.mjs";

behaviour("each_close_code_has_its_action", () => {
  for (const [code, action] of Object.entries(ACTIONS)) {
    const rig = Rig.connected();
    rig.close(+code);
    if (["stop", "fix", "upgrade", "log-in"].includes(action)) {
      // Without anyone who has other credentials, logging in is for the program.
      same([rig.state.ended?.kind, rig.state.ended?.action], ["final", action], code);
    } else if (action === "resume") {
      same(rig.core.step(rig.now), false, `${code}: at once`);
    } else {
      holds(rig.wait > 0 && rig.wait < 250, `${code}: ${rig.wait}`);
    }
  }
  same(Object.keys(ACTIONS).length, 17);
});

behaviour("unknown_close_code_backs_off", () => {
  for (const code of [1005, 1006, 3000, 4999]) {
    const rig = Rig.connected();
    rig.close(code);
    holds(rig.wait > 0 && rig.wait < 250, code);
  }
});

behaviour("back_off_doubles_with_full_jitter_up_to_the_cap", () => {
  const longest = Array(12).fill(0);
  const shortest = Array(12).fill(Infinity);
  for (let seed = 1; seed <= 200; seed++) {
    const rig = new Rig({ seed: (seed * 2_654_435_761) % 2_147_483_647 });
    for (let failed = 0; failed < 12; failed++) {
      holds(rig.core.step(rig.now) !== undefined, "it connects");
      rig.cut();
      longest[failed] = Math.max(longest[failed], rig.wait);
      shortest[failed] = Math.min(shortest[failed], rig.wait);
      rig.now += rig.wait;
    }
  }
  for (let failed = 0; failed < 12; failed++) {
    const bound = Math.min(250 * 2 ** failed, 30_000);
    holds(longest[failed] <= bound && longest[failed] > 0.9 * bound, `${failed}: ${longest[failed]}`);
    holds(shortest[failed] < 0.1 * bound, `${failed}: ${shortest[failed]}`);
  }
});

behaviour("back_off_starts_over_after_a_stable_connection", () => {
  const rig = new Rig({ settings: { attempts: 11 } });
  for (let failed = 0; failed < 10; failed++) {
    rig.core.step(rig.now);
    rig.cut();
    rig.now += rig.wait;
  }
  rig.connect();
  rig.pass(4 * SECOND);
  rig.cut();
  holds(rig.state.status === "waiting", "a short connection is one more failure");
  rig.reopen();
  rig.resumed({});
  rig.pass(5 * SECOND);
  rig.cut();
  holds(rig.wait < 250, rig.wait);
});

behaviour("server_that_closes_each_connection_at_once_is_not_hammered", () => {
  const rig = Rig.connected();
  rig.close(4503);
  rig.open();
  rig.resumed({});
  rig.close(4503);
  holds(rig.wait > 0);
});

behaviour("attempts_are_bounded", () => {
  const rig = new Rig({ settings: { attempts: 2 } });
  rig.connect();
  rig.cut();
  for (let attempt = 0; attempt < 2; attempt++) {
    rig.now += rig.wait;
    holds(rig.core.step(rig.now) !== undefined);
    rig.cut();
  }
  same(rig.state.ended, { kind: "gave-up", lost: { kind: "closed", code: 1006, reason: "" }, attempts: 2 });
});

behaviour("first_connection_failure_is_an_error", () => {
  const rig = new Rig({ settings: { attempts: 0 } });
  rig.core.step(rig.now);
  rig.cut();
  same(rig.state.ended?.kind, "gave-up");
});

behaviour("closing_hint_delays_the_reconnect", () => {
  for (const code of [1001, 1012, 1006]) {
    const rig = Rig.connected();
    const closing = { reason: "shutdown", reconnectAfterMs: 3_000 };
    rig.say("connection:closing", closing);
    rig.close(code);
    holds(rig.wait >= 3_000 && rig.wait <= 6_000, `${code}: ${rig.wait}`);
    same(rig.heard("connection:closing"), [closing]);
    // It was a wish for this once.
    rig.reopen();
    rig.cut();
    holds(rig.wait <= 500);
  }
  const rig = Rig.connected();
  rig.say("connection:closing", { reason: "shutdown", reconnectAfterMs: 1e12 });
  rig.close(1001);
  holds(rig.wait <= 600_000, "within a bound");
});

behaviour("unauthorized_asks_for_another_token", () => {
  const rig = Rig.connected({ canRenew: true });
  rig.close(4401);
  same(rig.core.step(rig.now), true, "at once");
  rig.close(4401);
  holds(rig.wait > 0, "the second time it backs off");
  rig.now += rig.wait;
  same(rig.core.step(rig.now), true);
});

behaviour("server_that_never_greets_is_left", () => {
  const rig = new Rig();
  rig.open();
  const call = rig.begin();
  same(rig.said(), [], "nothing is sent before the greeting");
  same(rig.pass(10 * SECOND - 1), undefined);
  same(rig.pass(1), { kind: "timeout" });
  rig.lose({ kind: "timeout" });
  same(call.ended, undefined, "it waits for the next connection");
  holds(rig.wait < SECOND);
});

behaviour("silent_server_is_left", () => {
  const rig = Rig.connected();
  // One and a half of 10 seconds, and 5. A page does not see the server's pings, so it asks after the first heartbeat.
  same(rig.pass(10 * SECOND - 1), undefined);
  same(rig.said(), []);
  same(rig.pass(1), undefined);
  same(rig.brief(), ["ping"]);
  rig.pass(9 * SECOND);
  rig.say("pong", {});
  same(rig.core.deadline(), rig.now + 10 * SECOND);
  same(rig.pass(10 * SECOND), undefined);
  same(rig.pass(10 * SECOND - 1), undefined);
  same(rig.pass(1), { kind: "silent" });
  rig.lose({ kind: "silent" });
  same(rig.core.step(rig.now), false, "at once, to resume");
});

behaviour("throttled_tab_keeps_its_connection", () => {
  // Timers of a tab in the background run once a minute; the device may sleep for longer.
  const rig = Rig.connected();
  for (let minute = 0; minute < 5; minute++) {
    same(rig.pass(60 * SECOND), undefined, "late timers are no silence");
    same(rig.brief(), ["ping"]);
    rig.say("pong", {});
  }
  same(rig.pass(8 * 3600 * SECOND), undefined);
  same(rig.brief(), ["ping"]);
  same(rig.pass(60 * SECOND), undefined, "the answer may wait to be read: it is asked once more");
  same(rig.brief(), ["ping"]);
  same(rig.pass(60 * SECOND), { kind: "silent" }, "once");
});

behaviour("waking_up_tries_the_connection", () => {
  const rig = Rig.connected();
  rig.core.wake(rig.now);
  rig.core.wake(rig.now);
  same(rig.brief(), ["ping"], "to see at once whether it is there");
  same(rig.pass(10 * SECOND), { kind: "silent" });
  rig.lose({ kind: "silent" });
  for (let failed = 0; failed < 8; failed++) {
    rig.now += rig.wait;
    rig.core.step(rig.now);
    rig.cut();
  }
  holds(rig.wait > 0);
  rig.core.wake(rig.now);
  same(rig.core.step(rig.now), false, "no back-off is waited for");
});

behaviour("waking_up_does_not_shorten_a_hint", () => {
  const rig = Rig.connected();
  rig.say("connection:closing", { reason: "shutdown", reconnectAfterMs: 3_000 });
  rig.close(1001);
  rig.core.wake(rig.now);
  same(rig.core.step(rig.now), undefined);
});

behaviour("state_is_told", () => {
  const rig = new Rig();
  rig.connect();
  same(rig.states.splice(0), [{ status: "connecting" }, { status: "connected", clientId: "a" }]);
  rig.cut();
  same(rig.states.splice(0).map(({ status }) => status), ["waiting"]);
  rig.pass(SECOND);
  rig.open();
  rig.resumed({});
  rig.core.close(rig.now);
  same(rig.states.map(({ status }) => status), ["connecting", "connected", "closing"]);
});

behaviour("close_sends_what_waits_and_then_1000", () => {
  const rig = Rig.connected();
  rig.core.send("note", "{}");
  rig.core.close(rig.now);
  throws("disconnected", () => rig.begin());
  same(rig.brief(), ["note", "close"]);
  same(rig.said(), []);
  rig.close(1000);
  same(rig.state.ended, { kind: "closed" });
});

behaviour("close_does_not_wait_for_ever", () => {
  const rig = Rig.connected();
  rig.core.close(rig.now);
  rig.said();
  holds(rig.pass(2 * SECOND) !== undefined);
  rig.lose({ kind: "timeout" });
  same(rig.state.ended, { kind: "closed" });
});

behaviour("close_without_a_connection_is_at_once", () => {
  const rig = Rig.connected();
  const call = rig.begin();
  rig.said();
  rig.cut();
  rig.core.close(rig.now);
  same(rig.state.ended, { kind: "closed" });
  same(failure(call), "disconnected");
});

behaviour("server_that_does_not_greet_can_be_spoken_to", () => {
  const rig = new Rig({ settings: { waitForGreeting: false } });
  rig.begin();
  rig.open();
  same(rig.brief(), ["say c-1"]);
  rig.greet({ clientId: "late" });
  same(rig.state, { status: "connected", clientId: "late" });
});

behaviour("greeting_of_a_newer_server_is_understood", () => {
  const rig = new Rig();
  rig.open();
  rig.greet({ heartbeatMs: 5, limits: { new: {} }, protocol: undefined, colour: "blue" });
  holds(rig.isConnected);
  const call = rig.begin();
  rig.said();
  rig.answer("c-1", "said", {});
  holds(call.ended, "without a word on what answers what, a reply is a reply");
});
