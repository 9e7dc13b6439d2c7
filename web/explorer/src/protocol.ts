/**
 * The description of a protocol that the server tells, and what can be read from it.
 */

/** A JSON value. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** A JSON Schema; references are `#/$defs/NAME`. */
export type Schema = boolean | { [keyword: string]: any };

/** What the protocol says of one message. */
export interface Message {
  from: "client" | "server" | "both";
  engine: boolean;
  description?: string;
  deprecated?: boolean;
  since?: string;
  payload: Schema;
  payloadOptional: boolean;
  reply?: string;
  stream?: { item: string; end: string; error?: string; onDisconnect: "detach" | "cancel" };
  errors: string[];
  auth: string[];
  limits: { rate?: number; burst?: number; messageBytes?: number; timeoutMs?: number };
  delivery?: { resumable: boolean; overflow: "disconnect" | "drop" | "coalesce"; key?: string };
  examples?: Json[];
}

/** A protocol. */
export interface Protocol {
  info: { name: string; version: string; description?: string };
  subprotocol: string;
  hash: string;
  connection: { path: string; heartbeatIntervalMs: number; resumeWindowMs: number; limits: { messageBytes: number } };
  errors: Record<string, { description: string; retryable: boolean }>;
  messages: Record<string, Message>;
  states?: { initial: string; states: Record<string, Record<string, string>> };
  $defs: Record<string, Schema>;
}

/** One thing that is wrong with a payload. */
export interface Problem {
  /** JSON Pointer into the payload. */
  path: string;
  keyword: string;
  message: string;
}

/** What a record holds under a name; names such as `constructor` are names like others. */
export function at<T>(record: Record<string, T> | undefined, name: string): T | undefined {
  return record && Object.hasOwn(record, name) ? record[name] : undefined;
}

/** A schema without references at its top; `name` is that of the last one. */
export function resolve(protocol: Protocol, schema: Schema): { schema: Schema; name: string | undefined } {
  let name: string | undefined;
  // A chain of references is finite in a checked protocol; the bound is for others.
  for (let hops = 0; hops < 64; hops += 1) {
    if (typeof schema === "boolean" || typeof schema.$ref !== "string") break;
    const { $ref, ...beside } = schema;
    name = referred($ref);
    const target: Schema = at(protocol.$defs, name) ?? true;
    const asserts = Object.keys(beside).some((keyword) => !NOTES.has(keyword));
    if (asserts) return { schema: { allOf: [target], ...beside }, name };
    schema = typeof target === "boolean" ? target : { ...target, ...beside };
  }
  return { schema, name };
}

const NOTES = new Set(["title", "description", "$comment", "default", "examples", "deprecated"]);

/** The name of the type that a reference leads to. */
export function referred(reference: string): string {
  return decodeURIComponent(reference.replace(/^#\/\$defs\//, "")).replaceAll("~1", "/").replaceAll("~0", "~");
}

/** How one step of a JSON Pointer is written. */
export function step(name: string | number): string {
  return `/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** The types of the messages that end the answer to a message well or badly. */
export function ends(message: Message): string[] {
  if (message.reply) return [message.reply, "error"];
  if (message.stream) return [message.stream.end, ...(message.stream.error ? [message.stream.error] : []), "error"];
  return ["error"];
}

/** A value to begin with: the first example, else as little as the schema asks for. */
export function sample(protocol: Protocol, schema: Schema, depth = 0): Json {
  const { schema: resolved } = resolve(protocol, schema);
  if (typeof resolved === "boolean" || depth > 12) return null;
  if (Array.isArray(resolved.examples) && resolved.examples.length > 0) return structuredClone(resolved.examples[0]);
  if ("default" in resolved) return structuredClone(resolved.default);
  if ("const" in resolved) return structuredClone(resolved.const);
  if (Array.isArray(resolved.enum)) return structuredClone(resolved.enum[0] ?? null);
  if (Array.isArray(resolved.allOf)) {
    const parts = resolved.allOf.map((part: Schema) => sample(protocol, part, depth + 1));
    const objects = parts.filter(isObject);
    if (objects.length > 0) return Object.fromEntries([...objects, own(protocol, resolved, depth)].flatMap((part) => Object.entries(part)));
    if (!resolved.type) return parts[0] ?? null;
  }
  const variants: Schema[] | undefined = resolved.oneOf ?? resolved.anyOf;
  if (variants?.length) {
    const chosen = sample(protocol, variants[0]!, depth + 1);
    return isObject(chosen) ? { ...chosen, ...own(protocol, resolved, depth) } : chosen;
  }
  switch (typeOf(resolved)) {
    case "string":
      return text(resolved);
    case "integer":
    case "number":
      return number(resolved);
    case "boolean":
      return false;
    case "array":
      return array(protocol, resolved, depth);
    case "object":
      return own(protocol, resolved, depth);
    default:
      return null;
  }
}

function own(protocol: Protocol, schema: Exclude<Schema, boolean>, depth: number): { [name: string]: Json } {
  const required: string[] = schema.required ?? [];
  return Object.fromEntries(required.map((name) => [name, sample(protocol, at<Schema>(schema.properties, name) ?? true, depth + 1)]));
}

function array(protocol: Protocol, schema: Exclude<Schema, boolean>, depth: number): Json[] {
  const prefix: Schema[] = schema.prefixItems ?? [];
  const least = Math.min(schema.minItems ?? 0, 50);
  return Array.from({ length: least }, (_, at) => sample(protocol, prefix[at] ?? schema.items ?? true, depth + 1));
}

/** Values of the formats that the engine checks. */
const FORMATS: Record<string, string> = {
  "date-time": "2026-01-31T12:00:00Z",
  date: "2026-01-31",
  time: "12:00:00Z",
  duration: "PT1H",
  uuid: "0190d7c5-6f2e-7c3a-9b1e-3f6c2d1e0a5b",
  uri: "https://example.com/",
  email: "ada@example.com",
  hostname: "example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  int64: "0",
  uint64: "0",
};

function text(schema: Exclude<Schema, boolean>): string {
  const format = FORMATS[schema.format];
  if (format !== undefined) return format;
  return "a".repeat(Math.min(schema.minLength ?? 0, 1000));
}

function number(schema: Exclude<Schema, boolean>): number {
  const low = schema.minimum ?? (schema.exclusiveMinimum === undefined ? undefined : schema.exclusiveMinimum + 1);
  const high = schema.maximum ?? (schema.exclusiveMaximum === undefined ? undefined : schema.exclusiveMaximum - 1);
  if (low !== undefined && low > 0) return low;
  if (high !== undefined && high < 0) return high;
  return 0;
}

/** The type that a schema is about; `undefined` if there are several, or none. */
export function typeOf(schema: Schema): string | undefined {
  if (typeof schema === "boolean") return undefined;
  if (typeof schema.type === "string") return schema.type;
  if (Array.isArray(schema.type)) {
    const types = schema.type.filter((type: string) => type !== "null");
    return types.length === 1 ? types[0] : undefined;
  }
  if (schema.properties || schema.required || schema.additionalProperties !== undefined) return "object";
  if (schema.items !== undefined || schema.prefixItems) return "array";
  return undefined;
}

/** Whether a value is an object. */
export function isObject(value: unknown): value is { [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A schema in a few words; `type` is called with the names of types. */
export function words(schema: Schema): { text: string; type?: string }[] {
  if (typeof schema === "boolean") return [{ text: schema ? "anything" : "nothing" }];
  if (typeof schema.$ref === "string") {
    const name = referred(schema.$ref);
    return [{ text: name, type: name }];
  }
  if ("const" in schema) return [{ text: JSON.stringify(schema.const) }];
  if (Array.isArray(schema.enum)) return [{ text: schema.enum.map((value: Json) => JSON.stringify(value)).join(" | ") }];
  const variants: Schema[] | undefined = schema.oneOf ?? schema.anyOf;
  if (variants) {
    return variants.flatMap((variant, at) => [...(at > 0 ? [{ text: " | " }] : []), ...words(variant)]);
  }
  if (Array.isArray(schema.allOf) && schema.allOf.length > 0 && !schema.type) {
    return schema.allOf.flatMap((part: Schema, at: number) => [...(at > 0 ? [{ text: " & " }] : []), ...words(part)]);
  }
  const types: string[] = Array.isArray(schema.type) ? schema.type : [typeOf(schema) ?? "anything"];
  return types.flatMap((type, at) => [...(at > 0 ? [{ text: " or " }] : []), ...one(schema, type)]);
}

function one(schema: Exclude<Schema, boolean>, type: string): { text: string; type?: string }[] {
  if (type === "array") {
    if (schema.prefixItems) {
      const items = (schema.prefixItems as Schema[]).flatMap((item, at) => [...(at > 0 ? [{ text: ", " }] : []), ...words(item)]);
      return [{ text: "tuple of (" }, ...items, { text: ")" }];
    }
    return [{ text: "list of " }, ...words(schema.items ?? true)];
  }
  const isMap = type === "object" && !schema.properties && typeof schema.additionalProperties === "object";
  if (isMap) return [{ text: "map of " }, ...words(schema.additionalProperties)];
  return [{ text: type }];
}

/** What a schema asks beyond its type. */
export function constraints(schema: Schema): string[] {
  if (typeof schema === "boolean") return [];
  const found: string[] = [];
  const range = (low: unknown, high: unknown, what: string) => {
    if (low !== undefined && high !== undefined) found.push(low === high ? `${low} ${what}` : `${low} to ${high} ${what}`);
    else if (low !== undefined) found.push(`at least ${low} ${what}`);
    else if (high !== undefined) found.push(`at most ${high} ${what}`);
  };
  const safe = (bound: unknown) => (Math.abs(Number(bound)) >= Number.MAX_SAFE_INTEGER ? undefined : bound);
  range(schema.minLength || undefined, schema.maxLength, "characters");
  range(safe(schema.minimum), safe(schema.maximum), "");
  if (schema.exclusiveMinimum !== undefined) found.push(`more than ${schema.exclusiveMinimum}`);
  if (schema.exclusiveMaximum !== undefined) found.push(`less than ${schema.exclusiveMaximum}`);
  if (schema.multipleOf !== undefined) found.push(`a multiple of ${schema.multipleOf}`);
  range(schema.minItems || undefined, schema.maxItems, "items");
  range(schema.minProperties || undefined, schema.maxProperties, "properties");
  if (schema.uniqueItems) found.push("no item twice");
  if (schema.format) found.push(`format ${schema.format}`);
  if (schema.pattern) found.push(`matches ${schema.pattern}`);
  return found.map((text) => text.trim());
}
