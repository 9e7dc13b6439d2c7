/**
 * The frames of a connection as they come and go: what belongs together is joined by a line.
 */

import { h, svg } from "./dom.js";
import { at, ends, type Protocol } from "./protocol.js";

/** Rows that are kept; older ones go. */
const MOST = 1000;
/** Lines that run side by side; further exchanges go without. */
const LANES = 5;
const LANE = 12;
const HEIGHT = 28;
/** Length of a text that is laid out as JSON when it is opened. */
const PRETTY = 256 * 1024;

/** The log. */
export interface Log {
  frame(direction: "out" | "in", text: string): void;
  /** Something that happened to the connection and is no frame. */
  notice(text: string): void;
}

interface Exchange {
  lane: number | undefined;
  began: number;
}

interface Envelope {
  type?: string;
  correlationId?: string;
  seq?: number;
}

/** Makes a log of the elements of the page. */
export function log(
  protocol: Protocol,
  parts: { rows: HTMLElement; filter: HTMLInputElement; engine: HTMLInputElement; clear: HTMLElement; count: HTMLElement; follow: HTMLInputElement },
): Log {
  const { rows } = parts;
  const began = performance.now();
  const open = new Map<string, Exchange>();
  /** What was asked by which id. An id is used once; what is sent again after it was answered begins nothing. */
  const asked = new Map<string, string>();
  let frames = 0;

  parts.filter.addEventListener("input", refilter);
  parts.engine.addEventListener("change", refilter);
  parts.clear.addEventListener("click", () => {
    rows.replaceChildren();
    count();
  });

  // What belongs together is shown together, by mouse and by keyboard.
  for (const event of ["mouseover", "focusin"]) rows.addEventListener(event, ({ target }) => mark((target as Element).closest<HTMLElement>(".row")?.dataset.id));
  for (const event of ["mouseleave", "focusout"]) rows.addEventListener(event, () => mark(undefined));

  function mark(id: string | undefined): void {
    for (const row of rows.children as Iterable<Element> as HTMLElement[]) row.classList.toggle("marked", id !== undefined && row.dataset.id === id);
  }

  function refilter(): void {
    for (const row of [...rows.children]) apply(row as HTMLElement);
    count();
  }

  function apply(row: HTMLElement): void {
    const wanted = parts.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const isHidden = (!parts.engine.checked && row.dataset.engine === "") || !wanted.every((word) => (row.dataset.text ?? "").includes(word));
    row.hidden = isHidden;
  }

  function count(): void {
    const shown = [...rows.children].filter((row) => !(row as HTMLElement).hidden).length;
    const all = rows.children.length;
    const noun = all === 1 ? "row" : "rows";
    parts.count.textContent = shown === all ? `${all} ${noun}` : `${shown} of ${all} ${noun}`;
  }

  function append(row: HTMLElement): void {
    apply(row);
    rows.append(row);
    while (rows.children.length > MOST) rows.firstElementChild?.remove();
    if (parts.follow.checked) rows.scrollTop = rows.scrollHeight;
    count();
  }

  function lanes(own: Exchange | undefined, place: "begins" | "goes on" | "ends"): SVGElement {
    const drawing = svg("svg", { class: "lanes", width: LANES * LANE, height: HEIGHT, viewBox: `0 0 ${LANES * LANE} ${HEIGHT}`, "aria-hidden": "true" });
    const middle = HEIGHT / 2;
    for (const { lane } of open.values()) {
      if (lane === undefined) continue;
      const isOwn = own?.lane === lane;
      const from = isOwn && place === "begins" ? middle : 0;
      const to = isOwn && place === "ends" ? middle : HEIGHT;
      const x = lane * LANE + LANE / 2;
      drawing.append(svg("path", { class: `lane lane-${lane}`, d: `M${x},${from} V${to}` }));
      if (isOwn) drawing.append(svg("circle", { class: `dot lane-${lane}`, cx: x, cy: middle, r: 3.5 }));
    }
    return drawing;
  }

  function begin(id: string, now: number): Exchange {
    const taken = new Set([...open.values()].map(({ lane }) => lane));
    const lane = Array.from({ length: LANES }, (_, at) => at).find((at) => !taken.has(at));
    const exchange = { lane, began: now };
    open.set(id, exchange);
    return exchange;
  }

  return {
    frame(direction, text) {
      const now = performance.now();
      const { type, correlationId: id, seq } = envelope(text);
      const message = type === undefined ? undefined : at(protocol.messages, type);
      const isRequest = direction === "out" && id !== undefined && !asked.has(id) && type !== "request:cancel";
      const exchange = id === undefined ? undefined : isRequest ? begin(id, now) : open.get(id);
      const request = id === undefined ? undefined : asked.get(id);
      if (isRequest && type !== undefined) asked.set(id, type);
      for (const [old] of asked) if (asked.size > MOST) asked.delete(old);
      const isLast = direction === "in" && exchange && type !== undefined && endsOf(request).includes(type);
      const place = isRequest ? "begins" : isLast ? "ends" : "goes on";
      const drawing = lanes(exchange, place);
      if (isLast && id !== undefined) {
        open.delete(id);
        // The client's own exchanges have the same id each time.
        if (request !== undefined && at(protocol.messages, request)?.engine) asked.delete(id);
      }
      const took = !isRequest && exchange ? `+${milliseconds(now - exchange.began)}` : "";
      const what = direction === "out" ? "sent" : "received";
      const row = h(
        "details",
        { class: `row ${direction}${type === "error" ? " bad" : ""}` },
        h(
          "summary",
          {},
          h("span", { class: "time" }, milliseconds(now - began)),
          h("span", { class: "way", title: what }, h("span", { "aria-hidden": "true" }, direction === "out" ? "↑" : "↓"), h("span", { class: "unseen" }, what)),
          drawing,
          h("code", { class: "type" }, type ?? "not a message"),
          h("span", { class: "id muted" }, [id, seq === undefined ? undefined : `#${seq}`].filter(Boolean).join(" ")),
          h("span", { class: "took muted" }, took),
        ),
      );
      row.dataset.text = text.slice(0, PRETTY).toLowerCase();
      if (id !== undefined) row.dataset.id = id;
      // Once they end in an error, pings and acknowledgements are worth a look.
      if (message?.engine && type !== "error") row.dataset.engine = "";
      row.addEventListener("toggle", () => {
        if (row.open && !row.querySelector("pre")) row.append(h("pre", { tabindex: 0, role: "region", "aria-label": `${type ?? "text"} ${what}` }, h("code", {}, pretty(text))));
      });
      frames += 1;
      row.id = `frame-${frames}`;
      append(row);
    },
    notice(text) {
      const row = h("p", { class: "row notice" }, h("span", { class: "time" }, milliseconds(performance.now() - began)), h("span"), lanes(undefined, "goes on"), h("span", { class: "words" }, text));
      row.dataset.text = text.toLowerCase();
      append(row);
    },
  };

  function endsOf(type: string | undefined): string[] {
    const message = type === undefined ? undefined : at(protocol.messages, type);
    return message ? ends(message) : ["error"];
  }
}

function envelope(text: string): Envelope {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return {};
    const { type, correlationId, seq } = value as Record<string, unknown>;
    return {
      ...(typeof type === "string" ? { type } : {}),
      ...(typeof correlationId === "string" ? { correlationId } : {}),
      ...(typeof seq === "number" ? { seq } : {}),
    };
  } catch {
    return {};
  }
}

function pretty(text: string): string {
  if (text.length > PRETTY) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function milliseconds(time: number): string {
  return time < 10_000 ? `${time.toFixed(time < 100 ? 1 : 0)} ms` : `${(time / 1000).toFixed(1)} s`;
}
