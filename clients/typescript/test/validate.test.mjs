// The generated schemas, by Ajv, say of the server's messages what the protocol says.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { Ajv2020 } from "ajv/dist/2020.js";
import { validator } from "@wireloom/client/validate";

test("payloads are checked against the generated schemas", async () => {
  const schemas = JSON.parse(await readFile(new URL("../../../schemas/protocol.json", import.meta.url), "utf8"));
  const validate = validator(new Ajv2020({ strict: false }), schemas);
  assert.equal(validate("status:update", { sessionId: "s", status: "idle" }), undefined);
  assert.match(validate("status:update", { sessionId: "s", status: "asleep" }), /status must be equal to one of/);
  assert.match(validate("stream:chunk", { sessionId: "s" }), /content/);
  assert.equal(validate("connection:closing", { reason: "x", reconnectAfterMs: 1, new: true }), undefined);
  assert.equal(validate("from:the:future", 7), undefined);
});
