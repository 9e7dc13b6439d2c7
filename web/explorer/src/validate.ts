/**
 * Says at once what is wrong with a payload, in the words and with the paths that the server's `details` have. A help for
 * whoever fills in a form: the server alone decides, and knows a few things more (formats, for one).
 */

import { at, isObject, resolve, step, type Json, type Problem, type Protocol, type Schema } from "./protocol.js";

/** What is wrong with a value, at most `MOST` things. */
export function problems(protocol: Protocol, schema: Schema, value: Json): Problem[] {
  const found: Problem[] = [];
  check({ protocol, report: (problem) => void found.push(problem) }, schema, value, "", 0);
  return found.slice(0, MOST);
}

const MOST = 16;

interface Work {
  protocol: Protocol;
  report: (problem: Problem) => void;
}

function fits(work: Work, schema: Schema, value: Json, depth: number): boolean {
  let good = true;
  check({ ...work, report: () => void (good = false) }, schema, value, "", depth + 1);
  return good;
}

function check(work: Work, unresolved: Schema, value: Json, path: string, depth: number): void {
  if (depth > 64) return;
  const { schema } = resolve(work.protocol, unresolved);
  const wrong = (keyword: string, message: string) => work.report({ path, keyword, message });
  if (schema === true) return;
  if (schema === false) return wrong("false", "nothing is allowed here");
  if (schema.type !== undefined) {
    const types: string[] = [schema.type].flat();
    if (!types.some((type) => isA(type, value))) {
      return wrong("type", `the value is not of type ${types.map((type) => `"${type}"`).join(" or ")}`);
    }
  }
  if ("const" in schema && !same(schema.const, value)) wrong("const", `${JSON.stringify(schema.const)} was expected`);
  if (Array.isArray(schema.enum) && !schema.enum.some((one: Json) => same(one, value))) {
    wrong("enum", "the value is none of those that are allowed");
  }
  if (typeof value === "string") checkString(schema, value, wrong);
  if (typeof value === "number") checkNumber(schema, value, wrong);
  if (Array.isArray(value)) checkArray(work, schema, value, path, depth, wrong);
  else if (isObject(value)) checkObject(work, schema, value, path, depth, wrong);
  for (const part of (schema.allOf ?? []) as Schema[]) check(work, part, value, path, depth + 1);
  checkChoices(work, schema, value, path, depth, wrong);
}

type Wrong = (keyword: string, message: string) => void;
type Keywords = Exclude<Schema, boolean>;

function checkString(schema: Keywords, value: string, wrong: Wrong): void {
  const length = [...value].length;
  if (length < (schema.minLength ?? 0)) wrong("minLength", `the text is shorter than ${count(schema.minLength, "character")}`);
  if (length > (schema.maxLength ?? Infinity)) wrong("maxLength", `the text is longer than ${count(schema.maxLength, "character")}`);
  if (typeof schema.pattern === "string" && !pattern(schema.pattern).test(value)) {
    wrong("pattern", `the text does not match "${schema.pattern}"`);
  }
}

const patterns = new Map<string, RegExp>();

function pattern(source: string): RegExp {
  let compiled = patterns.get(source);
  if (!compiled) {
    try {
      compiled = new RegExp(source, "u");
    } catch {
      compiled = /(?:)/;
    }
    patterns.set(source, compiled);
  }
  return compiled;
}

function checkNumber(schema: Keywords, value: number, wrong: Wrong): void {
  if (value < (schema.minimum ?? -Infinity)) wrong("minimum", `the number is less than ${schema.minimum}`);
  if (value > (schema.maximum ?? Infinity)) wrong("maximum", `the number is greater than ${schema.maximum}`);
  if (value <= (schema.exclusiveMinimum ?? -Infinity)) wrong("exclusiveMinimum", `the number is not greater than ${schema.exclusiveMinimum}`);
  if (value >= (schema.exclusiveMaximum ?? Infinity)) wrong("exclusiveMaximum", `the number is not less than ${schema.exclusiveMaximum}`);
  if (schema.multipleOf !== undefined) {
    const times = value / schema.multipleOf;
    if (Math.abs(times - Math.round(times)) > 1e-9) wrong("multipleOf", `the number is not a multiple of ${schema.multipleOf}`);
  }
}

function checkArray(work: Work, schema: Keywords, value: Json[], path: string, depth: number, wrong: Wrong): void {
  if (value.length < (schema.minItems ?? 0)) wrong("minItems", `there are fewer than ${count(schema.minItems, "item")}`);
  if (value.length > (schema.maxItems ?? Infinity)) wrong("maxItems", `there are more than ${count(schema.maxItems, "item")}`);
  if (schema.uniqueItems && value.some((item, at) => value.slice(0, at).some((other) => same(other, item)))) {
    wrong("uniqueItems", "an item stands there twice");
  }
  const prefix: Schema[] = schema.prefixItems ?? [];
  value.forEach((item, at) => {
    const of = prefix[at] ?? schema.items;
    if (of !== undefined) check(work, of, item, path + step(at), depth + 1);
  });
  if (schema.contains !== undefined) {
    const matching = value.filter((item) => fits(work, schema.contains, item, depth)).length;
    if (matching < (schema.minContains ?? 1)) wrong("contains", "no item is as one has to be");
    if (matching > (schema.maxContains ?? Infinity)) wrong("maxContains", "too many items are as some have to be");
  }
}

function checkObject(work: Work, schema: Keywords, value: { [name: string]: Json }, path: string, depth: number, wrong: Wrong): void {
  const names = Object.keys(value);
  for (const name of (schema.required ?? []) as string[]) {
    if (!Object.hasOwn(value, name)) wrong("required", `${JSON.stringify(name)} is a required property`);
  }
  if (names.length < (schema.minProperties ?? 0)) wrong("minProperties", `there are fewer than ${schema.minProperties} properties`);
  if (names.length > (schema.maxProperties ?? Infinity)) wrong("maxProperties", `there are more than ${schema.maxProperties} properties`);
  const patternProperties = Object.entries((schema.patternProperties ?? {}) as Record<string, Schema>);
  for (const name of names) {
    const own = at<Schema>(schema.properties, name);
    const matching = patternProperties.filter(([source]) => pattern(source).test(name));
    if (own !== undefined) check(work, own, value[name]!, path + step(name), depth + 1);
    for (const [, of] of matching) check(work, of, value[name]!, path + step(name), depth + 1);
    if (own === undefined && matching.length === 0 && schema.additionalProperties !== undefined) {
      if (schema.additionalProperties === false) {
        wrong("additionalProperties", `the property ${JSON.stringify(name)} is not allowed`);
      } else check(work, schema.additionalProperties, value[name]!, path + step(name), depth + 1);
    }
    if (schema.propertyNames !== undefined && !fits(work, schema.propertyNames, name, depth)) {
      wrong("propertyNames", `${JSON.stringify(name)} is no name of a property`);
    }
    for (const needed of at<string[]>(schema.dependentRequired, name) ?? []) {
      if (!Object.hasOwn(value, needed)) wrong("dependentRequired", `${JSON.stringify(needed)} is required beside ${JSON.stringify(name)}`);
    }
    const dependent = at<Schema>(schema.dependentSchemas, name);
    if (dependent !== undefined) check(work, dependent, value, path, depth + 1);
  }
}

function checkChoices(work: Work, schema: Keywords, value: Json, path: string, depth: number, wrong: Wrong): void {
  if (Array.isArray(schema.anyOf) && !schema.anyOf.some((one: Schema) => fits(work, one, value, depth))) {
    closest(work, schema.anyOf, value, path, depth, () => wrong("anyOf", "the value is as none of the variants"));
  }
  if (Array.isArray(schema.oneOf)) {
    const fitting = schema.oneOf.filter((one: Schema) => fits(work, one, value, depth)).length;
    if (fitting === 0) closest(work, schema.oneOf, value, path, depth, () => wrong("oneOf", "the value is as none of the variants"));
    if (fitting > 1) wrong("oneOf", "the value is as more than one of the variants");
  }
  if (schema.not !== undefined && fits(work, schema.not, value, depth)) wrong("not", "the value is as it must not be");
  if (schema.if !== undefined) {
    const branch = fits(work, schema.if, value, depth) ? schema.then : schema.else;
    if (branch !== undefined) check(work, branch, value, path, depth + 1);
  }
}

/** Of several variants, what is wrong with the one that is meant: the only one, but for null, whose constants fit. */
function closest(work: Work, variants: Schema[], value: Json, path: string, depth: number, vague: () => void): void {
  const meant = variants.filter((variant) => isMeant(work.protocol, variant, value));
  if (meant.length === 1) check(work, meant[0]!, value, path, depth + 1);
  else vague();
}

/** Whether a variant may be the one that a value is meant to be: its type, and its constant properties. */
export function isMeant(protocol: Protocol, variant: Schema, value: Json): boolean {
  const { schema } = resolve(protocol, variant);
  if (typeof schema === "boolean") return schema;
  if (schema.type !== undefined && ![schema.type].flat().some((type: string) => isA(type, value))) return false;
  if ("const" in schema) return same(schema.const, value);
  if (Array.isArray(schema.enum)) return schema.enum.some((one: Json) => same(one, value));
  if (!isObject(value)) return true;
  return Object.entries((schema.properties ?? {}) as Record<string, Schema>).every(([name, of]) => {
    const property = resolve(protocol, of).schema;
    if (typeof property === "boolean" || !("const" in property)) return true;
    return Object.hasOwn(value, name) ? same(property.const, value[name]!) : !(schema.required ?? []).includes(name);
  });
}

function isA(type: string, value: Json): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "integer":
      return typeof value === "number" && Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function same(one: Json, other: Json): boolean {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, at) => same(item, other[at]!));
  }
  if (isObject(one) && isObject(other)) {
    const names = Object.keys(one);
    return names.length === Object.keys(other).length && names.every((name) => Object.hasOwn(other, name) && same(one[name]!, other[name]!));
  }
  return one === other;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
