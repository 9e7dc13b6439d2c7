// Compiles the pages: of each folder here that has `src/main.ts`, one module of plain JavaScript, named like the folder. It
// holds our own code alone, and is committed, so that `cargo run` needs no Node. The explorer's files go where the crate is
// that serves them. `--check` compares instead of writing.

import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const client = new URL("../clients/typescript/", import.meta.url);
const { build } = createRequire(client)("esbuild");
const here = (path) => new URL(path, import.meta.url);

/** What is written, by path. */
const files = new Map();
for (const folder of await readdir(here("."))) {
  const main = fileURLToPath(here(`${folder}/src/main.ts`));
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
  files.set(folder === "explorer" ? "../crates/wireloom/explorer/explorer.js" : `${folder}/${folder}.js`, outputFiles[0].text);
}
// A crate is published without what lies outside of it.
const text = (path) => readFile(here(path), "utf8");
const from = (sources) => `@generated from ${sources} by web/build.mjs. Do not edit.`;
const page = await text("explorer/index.html");
files.set("../crates/wireloom/explorer/index.html", page.replace("\n", `\n<!-- ${from("web/explorer/index.html")} -->\n`));
files.set("../crates/wireloom/explorer/icon.svg", await text("shared/icon.svg"));
const styles = ["shared/style.css", "explorer/explorer.css"];
const note = `/* ${from(styles.map((path) => `web/${path}`).join(" and "))} */`;
files.set("../crates/wireloom/explorer/explorer.css", [note, ...(await Promise.all(styles.map(text)))].join("\n"));

const stale = [];
for (const [path, fresh] of files) {
  const current = existsSync(here(path)) ? await text(path) : "";
  if (current === fresh) continue;
  stale.push(fileURLToPath(here(path)));
  if (!process.argv.includes("--check")) await writeFile(here(path), fresh);
}
if (process.argv.includes("--check") && stale.length > 0) {
  console.error(`not what \`node web/build.mjs\` writes: ${stale.join(", ")}`);
  process.exit(1);
}
console.log(stale.length > 0 ? `wrote ${stale.join(", ")}` : "pages are up to date");
