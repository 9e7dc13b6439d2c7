// What must compile does, and what must not doesn't, by `tsc --strict`, through the package's own exports.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("right uses compile, wrong ones do not", async () => {
  const wrong = await readFile(new URL("types/wrong.ts", import.meta.url), "utf8");
  // Each is a case of its own: tsc reports a line under the comment that compiles.
  const uses = wrong.match(/^ *\/\/ @ts-expect-error \S/gm).length;
  assert.ok(uses >= 40, `${uses} wrong uses`);
  const tsc = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));
  const { stdout, status } = spawnSync(process.execPath, [tsc, "-p", fileURLToPath(new URL("types", import.meta.url))]);
  assert.equal(String(stdout), "");
  assert.equal(status, 0);
});
