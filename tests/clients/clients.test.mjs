// Every client against a server of its own: the program that users run, not a part of it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import * as browser from "./browser.mjs";
import * as nodeWs from "./node_ws.mjs";
import * as reference from "./reference_client.mjs";
import { startServer } from "./server.mjs";

const mistakes = JSON.parse(await readFile(new URL("mistakes.json", import.meta.url), "utf8"));

async function against(client) {
  const server = await startServer();
  try {
    const checked = await client(server);
    assert.equal(await server.exited, 0, "the server ends well");
    return checked;
  } finally {
    await server.stop();
  }
}

const options = { timeout: 60_000 };

test("ws on Node", options, async (t) => {
  const checked = await against((server) => nodeWs.run(server, mistakes));
  t.diagnostic(checked.join(", "));
});

test("a client of the hand-written server", options, async (t) => {
  t.diagnostic((await against(reference.run)).join(", "));
});

test("websockets on Python", options, async (t) => {
  const checked = await against(async (server) => {
    const program = fileURLToPath(new URL("python_websockets.py", import.meta.url));
    const child = spawn(process.env.PYTHON ?? "python3", [program, server.url, String(server.pid)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    for await (const text of child.stdout.setEncoding("utf8")) said += text;
    assert.equal(child.exitCode ?? (await new Promise((resolve) => child.once("exit", resolve))), 0);
    return [said.trim()];
  });
  t.diagnostic(checked.join());
});

test("a page in Chromium", options, async (t) => {
  const checked = await against((server) => browser.run(server, mistakes));
  t.diagnostic(checked.join(", "));
});
