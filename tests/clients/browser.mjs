// A page in Chromium, with the WebSocket that the browser has.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

import { chromium } from "playwright-core";

const script = new URL("conversation.mjs", import.meta.url);

async function servePage() {
  const pages = createServer(async (request, response) => {
    if (request.url === "/conversation.mjs") {
      response.setHeader("content-type", "text/javascript; charset=utf-8").end(await readFile(script));
    } else {
      response.setHeader("content-type", "text/html; charset=utf-8").end("<!doctype html><title>a page</title>");
    }
  });
  await new Promise((resolve) => pages.listen(0, "127.0.0.1", resolve));
  return pages;
}

export async function run(server, mistakes) {
  const pages = await servePage();
  const { port } = pages.address();
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // There is no sandbox for root in a container; the pages are ours.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--host-resolver-rules=MAP elsewhere.example 127.0.0.1"],
  });
  try {
    const page = await browser.newPage();
    await page.goto(`http://localhost:${port}/`);
    const checked = await page.evaluate(
      async ({ url, mistakes }) => {
        const { converse } = await import("/conversation.mjs");
        return converse(WebSocket, url, mistakes);
      },
      { url: server.url, mistakes },
    );

    const stranger = await browser.newPage();
    await stranger.goto(`http://elsewhere.example:${port}/`);
    const refused = await stranger.evaluate(
      async (url) =>
        new Promise((resolve) => {
          new WebSocket(url).addEventListener("close", ({ code }) => resolve(code));
        }),
      server.url,
    );
    assert.equal(refused, 4403, "a page from elsewhere is refused");

    await page.exposeFunction("terminate", () => {
      server.terminate();
    });
    const end = await page.evaluate(async (url) => {
      const { seeTheEnd } = await import("/conversation.mjs");
      return seeTheEnd(WebSocket, url, window.terminate);
    }, server.url);
    return [...checked, "a page from elsewhere", ...end];
  } finally {
    await browser.close();
    pages.close();
  }
}
