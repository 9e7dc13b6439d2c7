// Compiles the pages: of each folder here that has `src/main.ts`, one module of plain JavaScript, named like the folder. It
// holds our own code alone, and is committed, so that `cargo run` needs no Node. `--check` compares instead of writing.

import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const client = new URL("../clients/typescript/", import.meta.url);
const { build } = createRequire(client)("esbuild");

const stale = [];
for (const folder of await readdir(new URL(".", import.meta.url))) {
  const main = fileURLToPath(new URL(`${folder}/src/main.ts`, import.meta.url));
  if (!existsSync(main)) continue;
  const { outputFiles } = await build({
    entryPoints: [main],
    bundle: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    alias: { "@wireloom/client": fileURLToPath(new URL("src/index.ts", client)) },
    banner: { js: `// @generated from web/${folder}/src by web/build.mjs. Do not edit.` },
    write: false,
  });
  const page = new URL(`${folder}/${folder}.js`, import.meta.url);
  const fresh = outputFiles[0].text;
  const current = existsSync(page) ? await readFile(page, "utf8") : "";
  if (current === fresh) continue;
  stale.push(`web/${folder}/${folder}.js`);
  if (!process.argv.includes("--check")) await writeFile(page, fresh);
}
if (process.argv.includes("--check") && stale.length > 0) {
  console.error(`not what \`node web/build.mjs\` writes: ${stale.join(", ")}`);
  process.exit(1);
}
console.log(stale.length > 0 ? `wrote ${stale.join(", ")}` : "pages are up to date");
