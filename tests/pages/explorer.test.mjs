// The explorer, as people use it: read, send, mend what is wrong, watch a connection that is lost and comes back.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { createInterface } from "node:readline";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { startServer } from "../clients/server.mjs";
import { accessible, newPage, startBrowser, steady } from "./support.mjs";

const timeout = 90_000;
const corpus = fileURLToPath(new URL("../corpus/", import.meta.url));

let browser;
let server;
let home;
before(async () => {
  browser = await startBrowser();
  // One chunk a word, slowly enough to be cut off in the middle.
  server = await startServer(["--echo-chunk-chars", "6", "--echo-delay-ms", "40"]);
  home = server.url.replace(/^ws(.*)\/ws$/, "http$1/explorer").replace("127.0.0.1", "localhost");
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));

const WIDE = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };
/** Whether there are some minutes for every protocol of the corpus, in every look. */
const LONG = Boolean(process.env.EXPLORE_CORPUS);

/** A mock of a protocol; its explorer, and what ends it. */
async function startMock(file, args = []) {
  const program = process.env.WIRELOOM ?? "target/debug/wireloom";
  const child = spawn(program, ["mock", file, "--port", "0", "--pace", "0", ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const url = await new Promise((resolve, reject) => {
    void exited.then((code) => reject(new Error(`the mock of ${file} ended with ${code}`)));
    createInterface({ input: child.stdout }).once("line", (line) => resolve(line.replace(/.* at ws:(\/\/[^/]*).*/, "http:$1/explorer")));
  });
  return {
    url,
    stop() {
      child.kill("SIGTERM");
      return exited;
    },
  };
}

async function open(url, hash = "", options = {}) {
  const { page, complaints } = await newPage(browser, options);
  await page.goto(url + hash);
  await page.locator('#status[data-kind="good"]').waitFor();
  return { page, complaints };
}

const send = (page) => page.getByRole("button", { name: "Send", exact: true }).click();
const verdict = (page, kind, text) => page.locator(`.verdict[data-kind="${kind}"]`, { hasText: text }).waitFor();
const row = (page, text) => page.locator("#rows .row", { hasText: text });

test("a request and a stream are sent, and the log joins what belongs together", { timeout }, async () => {
  const { page, complaints } = await open(home);
  assert.equal(await page.getByLabel("projectId").inputValue(), "p1", "the example is filled in");
  await send(page);
  await verdict(page, "good", "Answered by agent:started");
  const [asked, answered] = [row(page, "agent:start").first(), row(page, "agent:started")];
  assert.equal(await answered.getAttribute("data-id"), await asked.getAttribute("data-id"));
  assert.equal(await answered.locator("circle").count(), 1, "a line joins them");
  assert.match(await answered.locator(".took").textContent(), /^\+\d/);
  await answered.locator("summary").click();
  assert.match(await answered.locator("pre").textContent(), /"sessionId"/);

  await page.locator("#contents a", { hasText: "agent:message" }).click();
  await page.getByLabel("content", { exact: true }).fill("one two three");
  await page.getByLabel("content", { exact: true }).press("Control+Enter");
  await verdict(page, "good", "items in");
  assert.ok((await row(page, "stream:chunk").count()) >= 2);
  await page.fill("#log-filter", '"type":"stream:complete"');
  assert.equal(await page.locator("#rows .row:visible").count(), 1);
  assert.deepEqual(complaints, []);
});

test("what is wrong is shown at its field, by the page at once and by the server", { timeout }, async () => {
  const { page, complaints } = await open(home);
  const field = page.locator(".field", { has: page.getByLabel("projectId") });
  await page.getByLabel("projectId").fill("");
  await field.locator(".wrong", { hasText: "shorter than 1 character" }).waitFor();
  assert.equal(await page.getByLabel("projectId").getAttribute("aria-invalid"), "true");
  await page.getByLabel("projectPath").focus();
  await send(page);
  await verdict(page, "bad", "invalid_payload");
  await page.locator('.problems[data-by="server"]', { hasText: "/projectId" }).waitFor();
  assert.notEqual(await field.locator(".wrong").textContent(), "");
  assert.ok(await page.getByLabel("projectId").evaluate((field) => field === document.activeElement), "and one is there");
  await accessible(page, "a refused message");

  await page.getByText("JSON", { exact: true }).click();
  await page.getByLabel("Payload as JSON").fill('{"projectId": "p1", ');
  await page.locator(".problems", { hasText: "no JSON" }).waitFor();
  await page.getByLabel("Payload as JSON").fill('{"projectId": "p1", "more": 1}');
  await send(page);
  await verdict(page, "bad", "invalid_payload");
  await page.getByText("Form", { exact: true }).click();
  await page.locator(".absent", { hasText: "projectPath" }).locator(".wrong", { hasText: "required" }).waitFor();
  await page.getByRole("button", { name: "Add projectPath" }).click();
  await page.getByRole("button", { name: "Leave more out" }).click();
  await page.getByLabel("projectPath").fill("/srv/p1");
  await send(page);
  await verdict(page, "good", "Answered by agent:started");
  assert.deepEqual(complaints, []);
});

test("a connection that is cut is taken up again, without losing an item", { timeout }, async () => {
  const { page, complaints } = await open(home);
  await send(page);
  await verdict(page, "good", "agent:started");
  await page.locator("#contents a", { hasText: "agent:message" }).click();
  await page.getByLabel("content", { exact: true }).fill("word ".repeat(60));
  await send(page);
  await row(page, "stream:chunk").nth(3).waitFor();
  await page.selectOption("#down", "0");
  await page.click("#drop");
  await row(page, "connection lost").waitFor();
  await row(page, "resumed: nothing lost").waitFor();
  await verdict(page, "good", "items in");
  const pieces = await page.locator("#rows .row").evaluateAll((rows) => {
    const frames = rows.map((row) => row.dataset.text).filter((text) => text.includes('"stream:chunk"'));
    return frames.map((text) => JSON.parse(text).payload.content);
  });
  assert.ok(pieces.join("").includes("word ".repeat(59)), "the pieces joined are the whole, each once");
  await accessible(page, "after a resume");
  assert.deepEqual(complaints, []);
});

test("everything is reached by the keyboard", { timeout }, async () => {
  const { page, complaints } = await open(home);
  await page.keyboard.press("/");
  await page.keyboard.type("cancel");
  assert.equal(await page.locator("#contents li:visible").count(), 3);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.locator("#title", { hasText: "agent:cancel" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "title", "a reader begins where the message does");
  await page.locator("#editor-form").focus();
  await page.keyboard.press("Control+Enter");
  await verdict(page, "bad", "session_not_found");
  await page.click("#end");
  await page.locator("#status", { hasText: "Disconnected" }).waitFor();
  await page.click("#end");
  await page.locator("#status", { hasText: "Connected" }).waitFor();
  assert.deepEqual(complaints, []);
});

test("it is for everyone: light and dark, wide and narrow, and nothing moves", { timeout }, async () => {
  for (const colorScheme of ["light", "dark"]) {
    for (const viewport of [WIDE, PHONE]) {
      // Each once, unless there is time for all.
      if (!LONG && (colorScheme === "dark") !== (viewport === PHONE)) continue;
      const what = `${colorScheme}, ${viewport.width} pixels`;
      const { page, complaints } = await open(home, "#message/agent%3Amessage", { colorScheme, viewport });
      const pane = async (name) => {
        if (viewport === PHONE) await page.locator("#panes button", { hasText: name }).click();
      };
      await send(page);
      await verdict(page, "bad", "session_not_found");
      await accessible(page, `${what}: a message`);
      await steady(page, `${what}: a message`);
      await pane("Log");
      await row(page, "error").locator("summary").click();
      await accessible(page, `${what}: the log`);
      await pane("Contents");
      await accessible(page, `${what}: the contents`);
      await page.locator("#contents a", { hasText: "Errors" }).click();
      await accessible(page, `${what}: errors`);
      await page.evaluate(() => (location.hash = "#type/SessionStatus"));
      await accessible(page, `${what}: a type`);
      await steady(page, `${what}: in the end`);
      assert.deepEqual(complaints, [], what);
      await page.context().close();
    }
  }
});

test("any protocol: states, unions, lists and maps", { timeout }, async () => {
  const mock = await startMock(`${corpus}collaborative-editor.yaml`);
  try {
    const { page, complaints } = await open(mock.url, "#about");
    for (const link of await page.locator("#contents a").evaluateAll((links) => links.map((link) => link.getAttribute("href")))) {
      await page.evaluate((link) => (location.hash = link), link);
      await page.waitForFunction((link) => document.querySelector("#contents a[aria-current]")?.getAttribute("href") === link, link);
    }
    await accessible(page, "another protocol");
    assert.deepEqual(complaints, []);
  } finally {
    await mock.stop();
  }
  const states = await startMock(`${corpus}states.yaml`);
  try {
    const { page, complaints } = await open(states.url, "#states");
    assert.ok((await page.locator("svg.states .state").count()) > 1);
    await accessible(page, "states");
    assert.deepEqual(complaints, []);
  } finally {
    await states.stop();
  }
});

// Every message of every protocol of the corpus.
test("what the page fills in is accepted", { skip: !LONG && "set EXPLORE_CORPUS=1", timeout: 900_000 }, async () => {
  const refused = [];
  for (const file of (await readdir(corpus)).filter((name) => name.endsWith(".yaml"))) {
    const mock = await startMock(corpus + file);
    const { page, complaints } = await open(mock.url, "#about");
    const links = await page.locator("#contents section", { hasText: "Clients send" }).first().locator("a").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
    for (const link of links) {
      await page.evaluate((link) => (location.hash = link), link);
      await page.locator(`#contents a[aria-current][href="${link}"]`).waitFor({ state: "attached" });
      await send(page);
      await page.locator('.verdict:is([data-kind="good"], [data-kind="bad"])').waitFor();
      const said = await page.locator(".verdict").textContent();
      const found = await page.locator(".problems").textContent();
      if (said.startsWith("invalid_payload") || complaints.length > 0) refused.push([file, link, said, found, ...complaints]);
    }
    await page.context().close();
    await mock.stop();
  }
  assert.deepEqual(refused, []);
});
