// The chat, as people use it: start, stream, stop, reload, a lost connection, a server that is killed and comes back.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { startServer } from "../clients/server.mjs";
import { accessible, newPage, startBrowser, startNetwork, steady } from "./support.mjs";

const timeout = 90_000;
const words = (count) => Array.from({ length: count }, (_, at) => `word${at}`).join(" ");
/** Streams for some three seconds. */
const LONG = words(600);
const PACE = ["--echo-delay-ms", "10"];

/** What an answer gives back of a long question. */
const whole = (answer) => answer.slice(answer.indexOf("word0 "));

let browser;
let server;
let home;
before(async () => {
  browser = await startBrowser();
  server = await startServer(PACE);
  home = server.url.replace(/^ws(.*)\/ws$/, "http$1/").replace("127.0.0.1", "localhost");
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const connected = (page) => page.locator('#connection[data-state="connected"]').waitFor();
const lastAnswer = (page) => page.locator(".turn.agent .text").last();
const answered = (page, count) =>
  page.waitForFunction((count) => document.querySelectorAll(".turn.agent.done").length === count, count);

/** What a page complains of, but for what the browser says of a server that is not there. */
const own = (complaints) => complaints.filter((text) => !/^WebSocket connection to .* failed/.test(text));

/** Opens the chat, and a project. */
async function open(url, options) {
  const { page, complaints } = await newPage(browser, options);
  await page.goto(url);
  await connected(page);
  await page.fill("#path", "/srv/projects/p1");
  await page.click("#open-button");
  await page.locator("#prompt").waitFor();
  return { page, complaints };
}

async function ask(page, text) {
  await page.fill("#prompt", text);
  await page.press("#prompt", "Enter");
}

/** Waits until an answer is under way: some of it is there, most of it is not. */
async function underWay(page, question = LONG) {
  await page.waitForFunction(() => [...document.querySelectorAll(".turn.streaming .text")].at(-1)?.textContent.length > 200);
  const text = await lastAnswer(page).textContent();
  assert.ok(text.length < question.length / 2, "it has only begun");
  return text;
}

// Most of their time, they wait.
describe("the chat", { concurrency: 3 }, () => {
  test("pages come with their types, a policy, and a tag", async () => {
    for (const [path, type] of [
      ["", "text/html"],
      ["assets/chat/chat.js", "text/javascript"],
      ["assets/chat/chat.css", "text/css"],
      ["assets/shared/style.css", "text/css"],
      ["assets/shared/icon.svg", "image/svg+xml"],
    ]) {
      const response = await fetch(home + path);
      assert.equal(response.status, 200, path);
      assert.ok(response.headers.get("content-type").startsWith(type), path);
      assert.match(response.headers.get("content-security-policy"), /default-src 'none'/);
      assert.equal(response.headers.get("x-content-type-options"), "nosniff");
      const etag = response.headers.get("etag");
      const again = await fetch(home + path, { headers: { "if-none-match": etag } });
      assert.deepEqual([again.status, await again.text(), again.headers.get("etag")], [304, "", etag]);
    }
    for (const path of ["assets/chat/src/main.ts", "assets/build.mjs", "assets/tsconfig.json", "assets/nothing.js"]) {
      assert.equal((await fetch(home + path)).status, 404, path);
    }
  });

  for (const colorScheme of ["light", "dark"]) {
    for (const viewport of [
      { width: 1280, height: 800 },
      { width: 360, height: 740 },
    ]) {
      test(`a conversation, ${colorScheme}, ${viewport.width} pixels wide`, { timeout }, async () => {
        const { page, complaints } = await newPage(browser, { colorScheme, viewport });
        await page.goto(home);
        await connected(page);
        await accessible(page, "picking a project");
        await steady(page, "picking a project");
        await page.fill("#path", "/srv/projects/a-project-with-a-rather-long-name/and/some/more");
        await page.press("#path", "Enter");
        await page.locator("#prompt").waitFor();
        await accessible(page, "before the first word");

        const question = "What does `build.rs` do? <img src=x onerror=alert(1)>\n\n```rust\nfn main() { println!(\"hello, a line that is longer than a phone is wide\"); }\n```\nThanks.";
        await page.fill("#prompt", question);
        // The field grows as one types, which is no fault.
        await page.evaluate(() => requestAnimationFrame(() => setTimeout(() => (window.shifted = 0))));
        await page.press("#prompt", "Enter");
        await answered(page, 1);
        const answer = await lastAnswer(page).textContent();
        for (const part of ["What does build.rs do? <img src=x onerror=alert(1)>", "fn main() {", "Thanks."]) {
          assert.ok(answer.includes(part), answer);
        }
        assert.match(await page.locator(".turn.agent pre").textContent(), /^fn main\(\)/);
        assert.equal(await page.locator("#status").textContent(), "");
        await accessible(page, "an answer");
        await steady(page, "an answer");
        assert.deepEqual(complaints, []);
      });
    }
  }

  test("an answer is stopped, and the conversation goes on", { timeout }, async () => {
    const { page, complaints } = await open(home);
    await ask(page, LONG);
    await underWay(page);
    assert.ok(await page.locator("#send").isHidden());
    await page.click("#stop");
    await page.locator(".turn.stopped").waitFor();
    assert.ok(await page.locator("#send").isVisible());
    const stopped = await lastAnswer(page).textContent();
    await ask(page, "shorter");
    await answered(page, 1);
    assert.ok((await lastAnswer(page).textContent()).includes("shorter"));
    assert.equal(await page.locator(".turn.stopped .text").textContent(), stopped, "nothing came behind it");

    await ask(page, LONG);
    await underWay(page);
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => document.querySelectorAll(".turn.stopped").length === 2);
    assert.deepEqual(complaints, []);
  });

  test("a reload in the middle of an answer loses nothing", { timeout }, async () => {
    const { page, complaints } = await open(home);
    await ask(page, "the first question");
    await answered(page, 1);
    // Pages load slowly where many tests run.
    const question = words(1500);
    await ask(page, question);
    for (let reload = 0; reload < 2; reload++) {
      const before = await underWay(page, question);
      await page.reload();
      await page.locator(".turn.agent").nth(1).waitFor();
      assert.ok((await lastAnswer(page).textContent()).startsWith(before), "what was there is there");
      await connected(page);
      if (reload < 1) await page.waitForTimeout(200);
    }
    await answered(page, 2);
    assert.equal(whole(await lastAnswer(page).textContent()), question, "not a word is missing");
    assert.equal(await page.locator(".notice").count(), 0);
    await ask(page, "and on");
    await answered(page, 3);
    assert.deepEqual(complaints, []);
  });

  test("a question of a page that had no session yet is not asked twice", { timeout }, async () => {
    const { page, complaints } = await newPage(browser);
    // What the page before has left: it was asked, and reloaded before the server had greeted.
    await page.addInitScript(() => {
      const turns = [{ who: "you", text: "what?" }, { who: "agent", text: "", status: "streaming", call: 2 }];
      sessionStorage.setItem("agent.conversation", JSON.stringify({ path: "/srv/projects/p1", turns }));
    });
    await page.goto(home);
    await connected(page);
    const broken = page.locator(".turn.interrupted");
    await broken.waitFor();
    assert.ok(await page.locator("#send").isVisible(), "nothing is under way");
    await broken.getByRole("button", { name: "Send again" }).click();
    await answered(page, 1);
    assert.ok((await lastAnswer(page).textContent()).includes("what?"));
    assert.equal(await page.locator(".turn.agent").count(), 2, "it was asked when someone asked for it");
    assert.deepEqual(complaints, []);
  });

  test("a lost connection in the middle of an answer loses nothing", { timeout }, async () => {
    const network = await startNetwork(server.url);
    try {
      const { page, complaints } = await open(network.url);
      await ask(page, LONG);
      await underWay(page);
      for (let cut = 0; cut < 2; cut++) {
        network.cut();
        // Long enough to notice.
        await page.waitForTimeout(400);
        await connected(page);
      }
      await answered(page, 1);
      assert.equal(whole(await lastAnswer(page).textContent()), LONG, "not a word is missing");
      assert.equal(await page.locator(".notice").count(), 0);
      assert.deepEqual(own(complaints), []);
    } finally {
      network.stop();
    }
  });

  test("a server that is killed and comes back", { timeout }, async () => {
    const mortal = await startServer(PACE);
    const { port } = new URL(mortal.url);
    const { page, complaints } = await open(`http://localhost:${port}/`);
    await ask(page, "before");
    await answered(page, 1);
    await ask(page, LONG);
    const before = await underWay(page);
    await mortal.kill();
    await page.locator('#connection[data-state="waiting"]').waitFor();
    assert.ok((await lastAnswer(page).textContent()).startsWith(before));
    await page.locator("#status", { hasText: "goes on when the connection is back" }).waitFor();
    await accessible(page, "without a connection");
    // Whoever asks meanwhile is answered when the server is back.
    const again = await startServer(PACE, port);
    try {
      await connected(page);
      await page.locator(".notice", { hasText: "The server was restarted." }).waitFor();
      const broken = page.locator(".turn.interrupted");
      assert.ok((await broken.locator(".text").textContent()).startsWith(before), "not a word is lost");
      await accessible(page, "after the server came back");
      await broken.getByRole("button", { name: "Send again" }).click();
      await answered(page, 2);
      assert.ok((await lastAnswer(page).textContent()).includes(LONG));
      assert.equal(await page.locator(".turn.agent.done .text").first().textContent().then((text) => text.includes("before")), true);
      assert.deepEqual(own(complaints), []);
    } finally {
      await again.stop();
    }
  });

  test("what is said without a connection is answered when there is one", { timeout }, async () => {
    const mortal = await startServer(PACE);
    const { port } = new URL(mortal.url);
    const { page } = await open(`http://localhost:${port}/`);
    await mortal.kill();
    await page.locator('#connection[data-state="waiting"]').waitFor();
    await ask(page, "is anyone there?");
    const again = await startServer(PACE, port);
    try {
      await answered(page, 1);
      assert.ok((await lastAnswer(page).textContent()).includes("is anyone there?"));
    } finally {
      await again.stop();
    }
  });

  test("a project that is not allowed is refused at the field; another one is picked by keys alone", { timeout }, async () => {
    const confined = await startServer(["--project-root", "tests"]);
    try {
      const { page, complaints } = await newPage(browser);
      await page.goto(`http://localhost:${new URL(confined.url).port}/`);
      await connected(page);
      await page.keyboard.type("/etc");
      await page.keyboard.press("Enter");
      await page.locator("#open-error", { hasText: "does not exist or is not allowed" }).waitFor();
      assert.equal(await page.evaluate(() => document.activeElement.id), "path");
      await accessible(page, "a refused project");
      await page.keyboard.press("ControlOrMeta+A");
      await page.keyboard.type("pages");
      await page.keyboard.press("Enter");
      await page.locator("#prompt").waitFor();
      await page.keyboard.type("hello");
      await page.keyboard.press("Shift+Enter");
      await page.keyboard.type("there");
      await page.keyboard.press("Enter");
      await answered(page, 1);
      assert.ok((await lastAnswer(page).textContent()).includes("hello\nthere"));
      await page.click("#leave");
      await page.locator("#recent-list button", { hasText: "pages" }).click();
      await page.locator("#prompt").waitFor();
      assert.equal(await page.locator(".turn").count(), 0, "it is another conversation");
      assert.deepEqual(complaints, []);
    } finally {
      await confined.stop();
    }
  });

  test("where tokens are asked for, one signs in", { timeout }, async () => {
    const guarded = await startServer(["--tokens", "correct-horse-battery-staple-0123456789 alice"]);
    try {
      const { page } = await newPage(browser);
      await page.goto(`http://localhost:${new URL(guarded.url).port}/`);
      await page.locator("#token").waitFor();
      await accessible(page, "signing in");
      await page.fill("#token", "wrong");
      await page.press("#token", "Enter");
      await page.locator("#sign-in-error", { hasText: "not accepted" }).waitFor();
      await page.fill("#token", "correct-horse-battery-staple-0123456789");
      await page.press("#token", "Enter");
      await page.locator("#path").waitFor();
      await page.reload();
      await connected(page);
    } finally {
      await guarded.stop();
    }
  });

  test("the theme can be chosen, and stays", { timeout }, async () => {
    const { page } = await newPage(browser, { colorScheme: "light" });
    await page.goto(home);
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await background();
    await page.getByRole("button", { name: "Use the dark theme" }).click();
    const dark = await background();
    assert.notEqual(dark, light);
    await page.reload();
    assert.equal(await background(), dark);
    await page.getByRole("button", { name: "Use the light theme" }).click();
    assert.equal(await background(), light);
  });
});
