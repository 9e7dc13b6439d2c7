// A browser, what goes wrong in its pages, and a network that can be cut.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import { connect, createServer } from "node:net";

import { chromium } from "playwright-core";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Longest time that a test waits for what must come, in milliseconds. */
export const PATIENCE = 15_000;

export async function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // There is no sandbox for root in a container; the pages are ours.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
}

/** A page of its own, with a list of what it complains of and how much of it moved by itself. */
export async function newPage(browser, options = {}) {
  // Scripts that look at a page are not the page's own.
  const context = await browser.newContext({ bypassCSP: false, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.stack));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  await page.addInitScript(() => {
    window.shifted = 0;
    window.shifts = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        if (entry.hadRecentInput) continue;
        window.shifted += entry.value;
        for (const { node, previousRect, currentRect } of entry.sources) {
          const name = node?.id || node?.className || node?.nodeName;
          window.shifts.push(`${name} ${[previousRect, currentRect].map(({ x, y, width, height }) => [x, y, width, height].join())}`);
        }
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
  return { page, complaints };
}

/** Everyone can use the page as it is now: nothing that axe finds is wrong. */
export async function accessible(page, what) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html, any }) => `${html} ${any[0]?.message ?? ""}`).join("; ")}`);
  });
  assert.deepEqual(violations, [], what);
}

/** Nothing is cut off at the side, and nothing has moved by itself. */
export async function steady(page, what) {
  const { over, shifted, shifts } = await page.evaluate(() => ({
    shifts: window.shifts,
    over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    shifted: window.shifted,
  }));
  assert.ok(over <= 0, `${what}: ${over} pixels wider than the window`);
  assert.ok(shifted < 0.01, `${what}: layout shift of ${shifted}: ${shifts.join("; ")}`);
}

/** A way to a server that can be cut. */
export async function startNetwork(url) {
  const { hostname, port } = new URL(url);
  const sockets = new Set();
  const server = createServer((client) => {
    const upstream = connect(port, hostname);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => sockets.forEach((socket) => socket.destroy());
  return {
    url: `http://localhost:${server.address().port}/`,
    cut,
    stop() {
      server.close();
      cut();
    },
  };
}
