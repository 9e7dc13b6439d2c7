// Parses AsyncAPI documents and compares what was understood with `NAME.expected.json` beside each. Says what is wrong
// and ends with 1.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const ERROR = 0;
const WARNING = 1;

const parser = new Parser();
let wrong = 0;
for (const file of process.argv.slice(2)) {
  const { document, diagnostics } = await parser.parse(readFileSync(file, "utf8"));
  const problems = diagnostics
    .filter(({ severity }) => severity === ERROR || severity === WARNING)
    .map(({ path, message }) => `${path.join("/")}: ${message}`);
  if (document) {
    const expected = JSON.parse(readFileSync(file.replace(/\.yaml$/, ".expected.json"), "utf8"));
    const operations = document.operations().all();
    const components = document.components().messages().all();
    const found = {
      title: document.info().title(),
      version: document.info().version(),
      address: document.channels().get("connection").address(),
      receive: operations.filter((operation) => operation.isReceive()).length,
      send: operations.filter((operation) => operation.isSend()).length,
      messages: components.map((message) => message.name()),
    };
    for (const [name, value] of Object.entries(found)) {
      if (JSON.stringify(value) !== JSON.stringify(expected[name])) {
        problems.push(`${name} is ${JSON.stringify(value)}, not ${JSON.stringify(expected[name])}`);
      }
    }
    if (components.some((message) => message.json().payload?.properties?.payload === undefined)) {
      problems.push("a payload has no schema");
    }
  }
  if (problems.length > 0) {
    wrong += 1;
    console.error(`${file}\n  ${problems.join("\n  ")}`);
  }
}
process.exitCode = wrong > 0 ? 1 : 0;
