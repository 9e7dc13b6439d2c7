// The cases of docs/client-behaviour.md, in Node and in Chromium.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";

import { chromium } from "playwright-core";
import WebSocket from "ws";

import { cases, setting } from "./behaviour/all.mjs";
import { startServers } from "./servers.mjs";

const timeout = 60_000;

test("every documented case is here, and every case is documented", async () => {
  const table = await readFile(new URL("../../../docs/client-behaviour.md", import.meta.url), "utf8");
  const names = table
    .split("\n## ")
    .filter((section) => !section.startsWith("Rust alone"))
    .flatMap((section) => [...section.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name));
  assert.deepEqual([...cases.keys()].sort(), names.sort());
});

let servers;
before(async () => {
  servers = await startServers();
});
after(() => servers.stop());

describe("in Node", () => {
  before(() => {
    setting.call = servers.call;
    // Node has one of its own since version 22.
    if (!globalThis.WebSocket) setting.WebSocket = WebSocket;
  });
  for (const [name, run] of cases) test(name, { timeout }, run);
});

describe("in Chromium", () => {
  let browser;
  let page;
  let pages;
  const errors = [];
  before(async () => {
    const root = new URL("../", import.meta.url);
    pages = createServer(async (request, response) => {
      const { pathname } = new URL(request.url, "http://localhost");
      if (!pathname.endsWith("js")) return response.setHeader("content-type", "text/html").end("<!doctype html><title>a page</title>");
      const script = await readFile(new URL(`.${pathname}`, root));
      response.setHeader("content-type", "text/javascript; charset=utf-8").end(script);
    });
    await new Promise((resolve) => pages.listen(0, "127.0.0.1", resolve));
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      // There is no sandbox for root in a container; the pages are ours.
      args: ["--no-sandbox", "--disable-dev-shm-usage"],
    });
    page = await browser.newPage();
    page.on("pageerror", (error) => errors.push(error.message));
    await page.exposeFunction("call", servers.call);
    await page.goto(`http://localhost:${pages.address().port}/`);
    await page.evaluate(async () => {
      const { cases, setting } = await import("/test/behaviour/all.mjs");
      setting.call = window.call;
      window.cases = cases;
    });
  });
  after(async () => {
    await browser?.close();
    pages?.close();
  });
  for (const name of cases.keys()) {
    test(name, { timeout }, () => page.evaluate((name) => (async () => void (await window.cases.get(name)()))(), name).catch(rethrow));
  }
  test("nothing else went wrong in the page", () => assert.deepEqual(errors, []));
});

/** What a case throws in the page, without Playwright's own words. */
function rethrow(error) {
  throw new Error(error.message.replace(/^page\.evaluate: Error: /, ""));
}
