// Over sockets, against the engine.

import { behaviour, holds, same, soon } from "./cases.mjs";
import { client, engine, Network, next, reach } from "./remote.mjs";

/** A client of the engine, connected. */
async function connected(options) {
  const connected = client(await engine.url(), options);
  await soon(connected.connected());
  return connected;
}

/** Runs a case with a client that is closed behind it. */
function served(name, run) {
  behaviour(name, async () => {
    const own = await connected();
    try {
      await run(own);
    } finally {
      await soon(own.close(), "the end");
    }
  });
}

/** What would be reported as nobody's error. */
function reports() {
  const reported = [];
  if (globalThis.addEventListener) {
    const report = (event) => {
      event.preventDefault();
      reported.push(event.reason);
    };
    addEventListener("unhandledrejection", report);
    return { reported, stop: () => removeEventListener("unhandledrejection", report) };
  }
  // The test runner listens, too.
  const others = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", (reason) => reported.push(reason));
  const stop = () => {
    process.removeAllListeners("unhandledRejection");
    for (const other of others) process.on("unhandledRejection", other);
  };
  return { reported, stop };
}

const say = (text) => ({ text });

served("request_is_answered_by_its_reply", async (client) => {
  same(await soon(client.request("say", say("hi"))), { text: "hi" });
});

served("requests_run_side_by_side", async (client) => {
  const { hanging } = await engine.counts();
  const slow = client.request("hang", {}, { signal: AbortSignal.timeout(5_000) });
  slow.catch(() => {});
  await soon(engine.until("hanging", hanging + 1));
  const texts = Array.from({ length: 20 }, (_, at) => `${at}`);
  const replies = await soon(Promise.all(texts.map((text) => client.request("say", say(text)))));
  same(replies.map(({ text }) => text), texts);
});

served("declared_error_is_typed", async (client) => {
  const refused = await soon(client.request("say", say("no")).outcome());
  same([refused.ok, refused.error.code, refused.error.message], [false, "refused", "not that"], "the server's own text");
  holds(!refused.error.retryable);
  const busy = await soon(client.request("say", say("later")).outcome());
  same([busy.error.code, busy.error.message], ["busy", "Something else is being said."]);
  holds(busy.error.retryable);
  holds(busy.error instanceof Error && busy.error.name === "WireloomError", "it is an error like any other");
});

served("engine_error_keeps_code_and_details", async (client) => {
  const broken = await soon(client.request("say", say("broken")).outcome());
  same(broken.error.code, "internal");
  const invalid = await soon(client.request("say", say("")).outcome());
  same(invalid.error.code, "invalid_payload");
  same([invalid.error.details[0].path, invalid.error.details[0].keyword], ["/text", "minLength"]);
});

served("stream_yields_items_and_then_its_end", async (client) => {
  const ticks = client.stream("count", { to: 50 });
  const seen = [];
  for await (const { at } of ticks) seen.push(at);
  same(seen, Array.from({ length: 50 }, (_, at) => at));
  same(await soon(ticks.end()), { total: 50 });
  for await (const tick of ticks) holds(false, tick);
  same(await soon(client.stream("count", { to: 3 }).end()), { total: 3 });
});

served("stream_ends_with_its_error_message", async (client) => {
  const { error } = await soon(client.stream("count", { to: 2000 }).outcome());
  same([error.code, error.payload], ["stream_error", { why: "too far" }]);
});

served("stream_is_refused_before_its_first_item", async (client) => {
  const ticks = client.stream("count", { to: 1_000_001 });
  let refused;
  try {
    for await (const tick of ticks) holds(false, tick);
  } catch (error) {
    refused = error;
  }
  same(refused?.code, "invalid_payload");
  same((await soon(ticks.outcome())).error.code, "invalid_payload");
});

served("event_reaches_its_subscribers", async (client) => {
  const both = [next(client, "news"), next(client, "news")];
  client.send("note", { text: "fresh" });
  same(await Promise.all(both), [{ text: "fresh" }, { text: "fresh" }]);
  let heard = 0;
  client.on("news", () => heard++)();
  await soon(client.deliver("note", { text: "more" }));
  same(heard, 0, "who has left hears nothing");
});

served("handler_that_throws_disturbs_nobody", async (client) => {
  const { reported, stop: stopReports } = reports();
  const stop = client.on("news", () => {
    throw new Error("a mistake of the program");
  });
  const heard = next(client, "news");
  client.send("note", { text: "x" });
  same(await heard, { text: "x" });
  same(await soon(client.request("say", say("still here"))), { text: "still here" });
  stop();
  stopReports();
  same(reported.map(({ message }) => message), ["a mistake of the program"], "it is not swallowed");
});

served("dropped_stream_is_cancelled", async (client) => {
  const { said } = await engine.counts();
  for await (const { at } of client.stream("count", { to: 1000 })) if (at === 3) break;
  // Requests of a connection are taken in order; the cancellation came before.
  same(await soon(client.request("say", say("still here"))), { text: "still here" });
  same((await engine.counts()).said, said + 1);
  const { hanging, dropped } = await engine.counts();
  const stream = client.stream("hang", {});
  await soon(engine.until("hanging", hanging + 1));
  stream.cancel();
  same((await soon(stream.outcome())).error.code, "cancelled");
  await soon(engine.until("dropped", dropped + 1));
});

served("cancel_ends_the_request", async (client) => {
  const { hanging, dropped } = await engine.counts();
  const controller = new AbortController();
  const call = client.request("hang", {}, { signal: controller.signal }).outcome();
  await soon(engine.until("hanging", hanging + 1));
  controller.abort("no time");
  const { error } = await soon(call);
  same([error.code, error.cause], ["cancelled", "no time"]);
  await soon(engine.until("dropped", dropped + 1));
  const late = await soon(client.request("hang", {}, { signal: controller.signal }).outcome());
  same(late.error.code, "cancelled");
  same((await engine.counts()).hanging, hanging + 1, "it was never sent");
});

behaviour("lost_connection_is_resumed", async () => {
  const network = await Network.new();
  const own = client(network.url);
  await soon(own.connected());
  const name = own.state.clientId;
  const lost = [];
  own.on("discontinuity", (why) => lost.push(why));
  const heard = [];
  own.on("news", ({ text }) => heard.push(text));
  for (const text of ["1", "2"]) {
    const resumed = next(own, "notice");
    await network.cut();
    same((await resumed).kind, "resumed");
    await reach(own, "connected");
    same(own.state.clientId, name);
    await soon(own.deliver("note", { text }));
  }
  same([heard, lost], [["1", "2"], []]);
  await soon(own.close());
});

behaviour("request_survives_a_lost_connection", async () => {
  const network = await Network.new();
  const own = client(network.url);
  await soon(own.connected());
  const { said } = await engine.counts();
  const ticks = own.stream("count", { to: 300 });
  const seen = [];
  let call;
  for await (const { at } of ticks) {
    seen.push(at);
    if (at !== 20) continue;
    call = own.request("say", say("across"));
    await network.cut();
  }
  same(seen.length, 300);
  same(await soon(call), { text: "across" });
  same((await engine.counts()).said, said + 1, "it ran once");
  await soon(own.close());
});

behaviour("recovery_is_whole_whatever_is_cut", async () => {
  const network = await Network.new(true);
  const own = client(network.url);
  const lost = [];
  own.on("discontinuity", (why) => lost.push(why));
  const { said } = await engine.counts();
  const numbers = (async () => {
    const ticks = own.stream("count", { to: 400 });
    let expected = 0;
    for await (const { at } of ticks) same(at, expected++);
    same(await ticks.end(), { total: 400 });
    same(expected, 400);
  })();
  const requests = (async () => {
    for (let at = 0; at < 150; at++) same(await own.request("say", say(`request ${at}`)), { text: `request ${at}` });
  })();
  await Promise.all([numbers, requests]);
  same(lost, []);
  same((await engine.counts()).said, said + 150, "each request ran once");
  holds((await network.cuts()) >= 10, "it was cut often enough to mean something");
  await soon(own.close());
});
