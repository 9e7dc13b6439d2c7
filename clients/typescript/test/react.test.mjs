// The hooks, in a page: what components show.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";
import { chromium } from "playwright-core";

import { startServers } from "./servers.mjs";

const component = `
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { useClient, useConnectionState, useEvent, useStream } from "@wireloom/client/react";

function Demo({ url }) {
  const client = useClient({ url, backOffBaseMs: 5 });
  const state = useConnectionState(client);
  const [news, setNews] = useState([]);
  useEvent(client, "news", ({ text }) => setNews([...news, text]));
  const numbers = useStream(client, "count");
  window.clients.add(client);
  return <>
    <p id="state">{state.status}</p>
    <p id="news">{news.join()}</p>
    <p id="stream">{numbers.status}: {numbers.items.map(({ at }) => at).join()}: {numbers.end?.total} {numbers.error?.code}</p>
    <button id="note" onClick={() => client.send("note", { text: "n" + news.length })}>note</button>
    <button id="count" onClick={() => numbers.start({ to: 3 })}>count</button>
    <button id="long" onClick={() => numbers.start({ to: 1_000_000 })}>long</button>
    <button id="cancel" onClick={numbers.cancel}>cancel</button>
  </>;
}

window.clients = new Set();
const root = createRoot(document.body);
root.render(<StrictMode><Demo url={location.hash.slice(1)} /></StrictMode>);
window.unmount = () => root.unmount();
`;

let servers;
let pages;
let browser;
before(async () => {
  servers = await startServers();
  const { outputFiles } = await build({
    stdin: { contents: component, loader: "jsx", resolveDir: fileURLToPath(new URL("..", import.meta.url)) },
    bundle: true,
    format: "esm",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"development"' },
    write: false,
  });
  pages = createServer(({ url }, response) => {
    if (url === "/") return response.setHeader("content-type", "text/html").end('<!doctype html><body><script type="module" src="/page.js"></script>');
    response.setHeader("content-type", "text/javascript; charset=utf-8").end(outputFiles[0].text);
  });
  await new Promise((resolve) => pages.listen(0, "127.0.0.1", resolve));
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
});
after(async () => {
  await browser?.close();
  pages?.close();
  await servers?.stop();
});

test("components show the connection, events and streams", { timeout: 60_000 }, async () => {
  const page = await browser.newPage();
  page.setDefaultTimeout(10_000);
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(`http://localhost:${pages.address().port}/#${await servers.call("engineUrl", [])}`);
  const shows = (id, text) => page.locator(`#${id}`, { hasText: text }).waitFor();
  await shows("state", "connected");
  for (const text of ["n0", "n0,n1"]) {
    await page.click("#note");
    await shows("news", text);
  }
  await page.click("#count");
  await shows("stream", "done: 0,1,2: 3");
  await page.click("#long");
  await shows("stream", "streaming: 0,1,2,3,4,5,6,7,8,9:");
  await page.click("#cancel");
  await shows("stream", "cancelled");
  await page.evaluate(() => window.unmount());
  await page.waitForFunction(() => [...window.clients].at(-1).state.status === "ended");
  assert.deepEqual(errors, []);
});
