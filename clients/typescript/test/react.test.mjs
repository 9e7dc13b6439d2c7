// The hooks, in a page: what components show.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";

import { build } from "esbuild";
import { chromium } from "playwright-core";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { useClient, useConnectionState } from "@wireloom/client/react";

import { startServers } from "./servers.mjs";

const component = `
import { Activity, StrictMode, Suspense, use, useState } from "react";
import { createRoot } from "react-dom/client";
import { useClient, useConnectionState, useEvent, useStream } from "@wireloom/client/react";

function Demo({ url }) {
  const client = useClient({ url, backOffBaseMs: 5 });
  const state = useConnectionState(client);
  const [news, setNews] = useState([]);
  useEvent(client, "news", ({ text }) => setNews([...news, text]));
  const numbers = useStream(client, "count");
  // What was rendered before is thrown away.
  use(late);
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

const late = new Promise((resolve) => setTimeout(resolve, 50));
const root = createRoot(document.body);
window.show = (mode) =>
  root.render(
    <StrictMode>
      <Activity mode={mode}>
        <Suspense>
          <Demo url={location.hash.slice(1)} />
        </Suspense>
      </Activity>
    </StrictMode>,
  );
window.show("visible");
window.unmount = () => root.unmount();
`;

/** Waits until a server has made and has open so many connections, and a little, for more to come. */
async function connections(network, made, open) {
  const expected = { made, open };
  const now = () => servers.call("networkConnections", [network.id]);
  for (let tries = 0; tries < 100; tries++) {
    await sleep(50);
    if (isDeepStrictEqual(await now(), expected)) break;
  }
  await sleep(200);
  assert.deepEqual(await now(), expected);
}

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

/** A page that shows the component; `url` is where its client connects. */
async function open(url) {
  const page = await browser.newPage();
  page.setDefaultTimeout(10_000);
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(`http://localhost:${pages.address().port}/#${url}`);
  const shows = (id, text) => page.locator(`#${id}`, { hasText: text }).waitFor();
  await shows("state", "connected");
  return { page, errors, shows };
}

test("components show the connection, events and streams", { timeout: 60_000 }, async () => {
  const { page, errors, shows } = await open(await servers.call("engineUrl", []));
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
  assert.deepEqual(errors, []);
});

test("a component has one connection, and only while it is shown", { timeout: 60_000 }, async () => {
  const network = await servers.call("network", [false]);
  const { page, errors, shows } = await open(network.url);
  await connections(network, 1, 1);
  await page.evaluate(() => window.show("hidden"));
  await connections(network, 1, 0);
  await page.evaluate(() => window.show("visible"));
  await connections(network, 2, 1);
  await shows("state", "connected");
  await page.click("#note");
  await shows("news", "n0");
  await page.evaluate(() => window.unmount());
  await connections(network, 2, 0);
  assert.deepEqual(errors, []);
});

test("a server renders a component without a connection", () => {
  const Demo = () => useConnectionState(useClient({ url: "/ws" })).status;
  assert.equal(renderToString(createElement(Demo)), "connecting");
});
