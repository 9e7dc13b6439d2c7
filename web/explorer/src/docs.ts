/**
 * What the protocol says of its messages, types, errors and states, as people read it.
 */

import { h, prose, svg } from "./dom.js";
import { at, constraints, isObject, resolve, words, type Json, type Message, type Protocol, type Schema } from "./protocol.js";

/** The address of a view of the page. */
export function messageLink(name: string): string {
  return `#message/${encodeURIComponent(name)}`;
}

function typeLink(name: string): string {
  return `#type/${encodeURIComponent(name)}`;
}

/** What is said of a message, its payload's fields last. */
export function describe(protocol: Protocol, name: string, message: Message): HTMLElement[] {
  return [
    ...(message.deprecated ? [h("p", {}, h("strong", {}, "Deprecated."))] : []),
    ...prose(message.description),
    facts(protocol, message),
    h("h3", {}, "Payload"),
    shape(message.payload, message.payloadOptional ? "no payload" : "an empty object", `Fields of ${name}`),
    ...examples(message.examples ?? [], name),
  ].filter((part): part is HTMLElement => part !== undefined);
}

function facts(protocol: Protocol, message: Message): HTMLElement | undefined {
  const rows: [string, (Node | string)[]][] = [];
  if (message.reply) rows.push(["Answered by", [link(message.reply)]]);
  if (message.stream) {
    const { item, end, error } = message.stream;
    const failing = error ? [", or ", link(error), " if it fails"] : [];
    rows.push(["Answered by a stream", ["any number of ", link(item), ", then ", link(end), ...failing]]);
  }
  for (const code of message.errors) {
    rows.push(["Error", [h("a", { href: "#errors" }, h("code", {}, code)), ` ${at(protocol.errors, code)?.description ?? ""}`]]);
  }
  if (message.auth.length > 0) rows.push(["Scopes needed", message.auth.flatMap((scope, at) => [at > 0 ? ", " : "", h("code", {}, scope)])]);
  const { rate, burst, messageBytes, timeoutMs } = message.limits;
  if (rate !== undefined) rows.push(["Rate", [`${rate} a second`]]);
  if (burst !== undefined) rows.push(["At once", [`${burst}`]]);
  if (messageBytes !== undefined) rows.push(["Largest message", [`${messageBytes} bytes`]]);
  if (timeoutMs !== undefined) rows.push(["Longest handling", [`${timeoutMs} ms`]]);
  if (message.since) rows.push(["Since", [message.since]]);
  if (rows.length === 0) return undefined;
  return h("dl", { class: "facts" }, ...rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, ...value))));
}

function link(message: string): HTMLElement {
  return h("a", { href: messageLink(message) }, h("code", {}, message));
}

/** The fields of an object as a table, or a sentence about what else it is. */
function shape(schema: Schema, empty: string, label: string): HTMLElement {
  const properties: [string, Schema][] = typeof schema === "object" && schema.properties ? Object.entries(schema.properties) : [];
  if (properties.length === 0) {
    const isEmpty = typeof schema === "object" && schema.type === "object" && schema.additionalProperties === false;
    return h("p", {}, ...(isEmpty ? [empty] : [...inWords(schema), ...constraints(schema).map((text) => `; ${text}`)]));
  }
  const required: string[] = (typeof schema === "object" && schema.required) || [];
  const row = ([name, of]: [string, Schema]) => {
    const more = constraints(of).join("; ");
    const notes = typeof of === "object" ? of : {};
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, h("code", {}, name), required.includes(name) ? "" : h("span", { class: "tag" }, "optional")),
      h("td", {}, ...inWords(of), more ? h("div", { class: "muted small" }, more) : ""),
      h("td", {}, ...prose(notes.description), "default" in notes ? h("p", { class: "muted" }, "Default: ", h("code", {}, JSON.stringify(notes.default))) : ""),
    );
  };
  const head = h("thead", {}, h("tr", {}, ...["Field", "Type", "Description"].map((text) => h("th", { scope: "col" }, text))));
  return wide(label, h("table", { class: "fields-table" }, head, h("tbody", {}, ...properties.map(row))));
}

function inWords(schema: Schema): (Node | string)[] {
  return words(schema).map(({ text, type }) => (type === undefined ? text : h("a", { href: typeLink(type) }, text)));
}

function wide(label: string, inside: Node): HTMLElement {
  return h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": label }, inside);
}

function examples(values: Json[], of: string): HTMLElement[] {
  return values.map((value, at) =>
    h("pre", { tabindex: 0, role: "region", "aria-label": `Example ${at + 1} of ${of}` }, h("code", {}, JSON.stringify(value, null, 2))),
  );
}

/** A named type. */
export function describeType(protocol: Protocol, name: string): HTMLElement[] {
  const schema = at(protocol.$defs, name) ?? true;
  const { schema: whole } = resolve(protocol, schema);
  const notes = isObject(whole) ? whole : {};
  return [
    ...prose(notes["description"] as string | undefined),
    shape(schema, "an empty object", `Fields of ${name}`),
    ...examples((notes["examples"] as Json[] | undefined) ?? [], name),
    h("details", {}, h("summary", {}, "JSON Schema"), ...examples([schema as Json], `the schema of ${name}`)),
  ];
}

/** The errors that the protocol declares. */
export function describeErrors(protocol: Protocol): HTMLElement[] {
  const codes = Object.entries(protocol.errors);
  if (codes.length === 0) return [h("p", {}, "This protocol declares no errors of its own.")];
  const head = h("thead", {}, h("tr", {}, ...["Code", "Retryable", "Meaning"].map((text) => h("th", { scope: "col" }, text))));
  const rows = codes.map(([code, { description, retryable }]) =>
    h("tr", {}, h("th", { scope: "row" }, h("code", {}, code)), h("td", {}, retryable ? "yes" : "no"), h("td", {}, ...prose(description))),
  );
  return [wide("Errors", h("table", {}, head, h("tbody", {}, ...rows)))];
}

const LETTER = 8;
const ROW = 40;
const TOP = 96;
const LOOP = 28;

/**
 * The state machine: states are columns, and each message that leads from one to another is an arrow in a row of its own,
 * so that nothing overlaps.
 */
export function describeStates(machine: NonNullable<Protocol["states"]>): HTMLElement[] {
  const order = reached(machine);
  const arrows = order.flatMap((state, from) =>
    Object.entries(machine.states[state] ?? {}).map(([message, to]) => ({ message, from, to: order.indexOf(to) })),
  );
  const half = (name: string) => (name.length * LETTER + 32) / 2;
  const xs: number[] = [];
  let next = 16;
  order.forEach((name, at) => {
    if (at === 0) next += Math.max(half(name), 40);
    xs.push(next);
    let gap = Math.max(120, half(name) + half(order[at + 1] ?? "") + 24);
    for (const { message, from, to } of arrows) {
      const [low, high] = [Math.min(from, to), Math.max(from, to)];
      if (low === high && low === at) gap = Math.max(gap, LOOP + 24 + message.length * LETTER);
      else if (low <= at && at < high) gap = Math.max(gap, (message.length * LETTER + 40) / (high - low));
    }
    next += gap;
  });
  const bottom = TOP + ROW * arrows.length + 8;
  const drawing = svg("svg", { class: "states", width: next, height: bottom + 8, viewBox: `0 0 ${next} ${bottom + 8}`, role: "img", "aria-label": "States and the messages that lead from one to another; the table below says the same" });
  order.forEach((name, at) => {
    const x = xs[at]!;
    if (name === machine.initial) {
      drawing.append(svg("circle", { class: "head", cx: x, cy: 12, r: 6 }), svg("path", { class: "line", d: `M${x},18 V30` }), svg("polygon", { class: "head", points: `${x},38 ${x - 5},29 ${x + 5},29` }));
    }
    drawing.append(
      svg("path", { class: "life", d: `M${x},76 V${bottom}` }),
      svg("rect", { class: "state", x: x - half(name), y: 38, width: 2 * half(name), height: 38, rx: 8 }),
      svg("text", { class: "name", x, y: 62, "text-anchor": "middle" }, name),
    );
  });
  arrows.forEach(({ message, from, to }, row) => {
    const y = TOP + ROW * row + ROW / 2;
    const [x, goal] = [xs[from]!, xs[to]!];
    const isLoop = from === to;
    const head = isLoop ? y + 10 : y;
    const tail = x < goal ? goal - 9 : goal + 9;
    const far = x + LOOP;
    drawing.append(
      svg("path", { class: "line", d: isLoop ? `M${x},${y - 10} C${far},${y - 10} ${far},${y + 10} ${x + 8},${y + 10}` : `M${x},${y} H${goal}` }),
      svg("circle", { class: "head", cx: x, cy: isLoop ? y - 10 : y, r: 3 }),
      svg("polygon", { class: "head", points: `${goal},${head} ${tail},${head - 5} ${tail},${head + 5}` }),
      svg("text", { class: "message", x: isLoop ? far + 8 : (x + goal) / 2, y: isLoop ? y + 5 : y - 7, "text-anchor": isLoop ? "start" : "middle" }, message),
    );
  });
  const head = h("thead", {}, h("tr", {}, ...["In the state", "Message", "Leads to"].map((text) => h("th", { scope: "col" }, text))));
  const rows = arrows.map(({ message, from, to }) => h("tr", {}, h("td", {}, order[from]!), h("td", {}, link(message)), h("td", {}, order[to]!)));
  return [
    h("p", {}, "Each session is in one state. A message that stands on no arrow is accepted in every state."),
    wide("Diagram of the states", drawing),
    wide("Table of the states", h("table", {}, head, h("tbody", {}, ...rows))),
  ];
}

/** The states, the initial one first, then as they are reached. */
function reached(machine: NonNullable<Protocol["states"]>): string[] {
  const order = [machine.initial];
  for (const state of order) {
    for (const to of Object.values(machine.states[state] ?? {})) if (!order.includes(to)) order.push(to);
  }
  return order;
}
