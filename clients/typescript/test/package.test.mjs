// What is published: its size, its files, its entry points.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

test("a page pays at most 5 kB for it, minified and gzipped", async (t) => {
  const { outputFiles } = await build({
    stdin: { contents: 'export * from "@wireloom/client";', resolveDir: root },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  const bytes = gzipSync(outputFiles[0].contents, { level: 9 }).length;
  t.diagnostic(`${bytes} bytes`);
  assert.ok(bytes <= 5000, `${bytes} bytes`);
});

test("it needs nothing at run time", async () => {
  const manifest = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));
  assert.equal(manifest.dependencies, undefined);
  assert.deepEqual(manifest.peerDependenciesMeta, { react: { optional: true } });
});

test("types, source maps and every entry point are in the package", async () => {
  const { stdout } = spawnSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: root });
  const files = JSON.parse(stdout)[0].files.map(({ path }) => path);
  for (const entry of ["index", "react", "validate"]) {
    for (const end of ["js", "d.ts", "js.map", "d.ts.map"]) assert.ok(files.includes(`dist/${entry}.${end}`), `${entry}.${end}`);
  }
  assert.ok(files.includes("README.md"));
  assert.ok(files.every((file) => /^(dist\/|README\.md$|package\.json$)/.test(file)), files.join());
  for (const entry of ["@wireloom/client", "@wireloom/client/react", "@wireloom/client/validate"]) await import(entry);
});
