/**
 * A form made from a schema: it edits a JSON value, and shows what is wrong with it at the field that it is about.
 */

import { h } from "./dom.js";
import {
  at,
  constraints,
  isObject,
  resolve,
  sample,
  step,
  typeOf,
  words,
  type Json,
  type Problem,
  type Protocol,
  type Schema,
} from "./protocol.js";
import { isMeant } from "./validate.js";

/** A form at work. */
export interface Form {
  readonly element: HTMLElement;
  /** Shows these at their fields, in place of those shown before. */
  show(problems: Problem[]): void;
  /** Moves to the field that a problem is about. */
  focus(problem: Problem): void;
}

/** Where a value is, and how it is changed there. */
interface Place {
  schema: Schema;
  path: string;
  label: string;
  value: Json;
  /** Whether what is around it says already what it is. */
  bare?: boolean;
  /** Takes the value away, where it may be missing. */
  remove?: () => void;
  set: (value: Json) => void;
}

/** Levels that are laid out as fields; what is below is edited as JSON. */
const DEEPEST = 8;
/** Length from which a text gets several lines. */
const LONG = 5000;

let numbers = 0;

/** Makes a form of a value; every change is told. */
export function form(protocol: Protocol, schema: Schema, value: Json, changed: (value: Json) => void): Form {
  const shown = new Map<string, { note: HTMLElement; control: HTMLElement }>();
  const element = h("div", { class: "form" });

  const root: Place = { schema, path: "", label: "payload", value, set: (next) => changed((root.value = next)) };
  element.append(editor(root, 0));

  function editor(place: Place, depth: number): HTMLElement {
    const { schema } = resolve(protocol, place.schema);
    if (depth > DEEPEST || typeof schema === "boolean") return asJson(place);
    if ("const" in schema) return fixed(place, schema.const);
    if (Array.isArray(schema.enum)) return choice(place, schema, schema.enum);
    const variants = variantsOf(schema);
    if (variants) return union(place, schema, variants, depth);
    const whole = merged(schema);
    switch (typeOf(whole)) {
      case "string":
        return line(place, whole);
      case "integer":
      case "number":
        return line(place, whole, true);
      case "boolean":
        return choice(place, whole, [true, false]);
      case "null":
        return fixed(place, null);
      case "array":
        return list(place, whole, depth);
      case "object":
        return object(place, whole, depth);
      default:
        return asJson(place);
    }
  }

  /** An object that is described in parts, as one. */
  function merged(schema: Exclude<Schema, boolean>): Exclude<Schema, boolean> {
    if (!Array.isArray(schema.allOf)) return schema;
    const parts = schema.allOf.map((part: Schema) => resolve(protocol, part).schema);
    const areObjects = parts.every((part) => typeof part !== "boolean" && (part.properties || part.required));
    if (!areObjects) return schema.type ? schema : { ...(typeof parts[0] === "object" ? parts[0] : {}), ...schema };
    const all = [...(parts as Exclude<Schema, boolean>[]), schema];
    return {
      ...schema,
      type: "object",
      properties: Object.fromEntries(all.flatMap((part) => Object.entries(part.properties ?? {}))),
      required: [...new Set(all.flatMap((part) => part.required ?? []))],
    };
  }

  function field(place: Place, control: HTMLElement, schema: Schema): HTMLElement {
    const id = `field-${(numbers += 1)}`;
    control.id = id;
    const note = h("p", { class: "wrong", id: `${id}-wrong`, role: "alert" });
    const hint = [words(schema).map(({ text }) => text).join(""), ...constraints(schema)].join(", ");
    control.setAttribute("aria-describedby", `${id}-hint ${id}-wrong`);
    shown.set(place.path, { note, control });
    const description = typeof schema === "object" ? schema.description : undefined;
    return h(
      "div",
      { class: "field" },
      h("div", { class: "label" }, h("label", { for: id }, place.label), h("span", { class: "muted", id: `${id}-hint` }, hint), remover(place)),
      description && h("p", { class: "muted about" }, description),
      control,
      note,
    );
  }

  function remover(place: Place): HTMLElement | undefined {
    if (!place.remove) return undefined;
    return h("button", { type: "button", class: "small", onclick: place.remove, "aria-label": `Leave ${place.label} out` }, "leave out");
  }

  function line(place: Place, schema: Exclude<Schema, boolean>, isNumber = false): HTMLElement {
    const attributes = { autocomplete: "off", spellcheck: "false" };
    const isLong = !isNumber && (schema.maxLength ?? 0) > LONG && !schema.format;
    const control = isLong ? h("textarea", { ...attributes, rows: 3 }) : h("input", { ...attributes, type: "text" });
    if (isNumber) control.setAttribute("inputmode", "decimal");
    control.value = typeof place.value === "string" ? place.value : JSON.stringify(place.value);
    // What is no number is sent as it stands: the server says so.
    const read = () => (isNumber && control.value.trim() !== "" && !Number.isNaN(Number(control.value)) ? Number(control.value) : control.value);
    control.addEventListener("input", () => place.set(read()));
    return field(place, control, schema);
  }

  function choice(place: Place, schema: Exclude<Schema, boolean>, values: Json[]): HTMLElement {
    const texts = values.map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
    const control = h("select", {}, ...texts.map((text, at) => h("option", { value: at }, text)));
    control.selectedIndex = values.findIndex((value) => JSON.stringify(value) === JSON.stringify(place.value));
    control.addEventListener("change", () => place.set(values[control.selectedIndex]!));
    return field(place, control, { ...schema, enum: undefined, type: schema.type ?? "one of these" });
  }

  function fixed(place: Place, value: Json): HTMLElement {
    const control = h("input", { type: "text", readonly: true });
    control.value = typeof value === "string" ? value : JSON.stringify(value);
    return field(place, control, { type: "always this" });
  }

  function asJson(place: Place): HTMLElement {
    const control = h("textarea", { rows: 3, class: "code", spellcheck: "false", autocomplete: "off" });
    control.value = JSON.stringify(place.value, null, 2);
    const element = field(place, control, place.schema);
    control.addEventListener("input", () => {
      try {
        place.set(JSON.parse(control.value) as Json);
        control.setCustomValidity("");
      } catch {
        control.setCustomValidity("this is no JSON");
        control.reportValidity();
      }
    });
    return element;
  }

  /** A part that is laid out anew as a whole when fields come or go. */
  function group(place: Place, rebuild: (body: HTMLElement) => void): { element: HTMLElement; again: (focus?: string) => void } {
    const isBare = place.path === "" || place.bare;
    const note = h("p", { class: "wrong", role: "alert" });
    const body = h("div", { class: "fields" });
    const element = h(
      "fieldset",
      isBare ? { class: "root" } : {},
      h("legend", isBare ? { class: "unseen" } : {}, place.label, " ", remover(place)),
      note,
      body,
    );
    element.tabIndex = -1;
    const again = (focus?: string) => {
      for (const path of shown.keys()) if (path.startsWith(`${place.path}/`)) shown.delete(path);
      shown.set(place.path, { note, control: element });
      body.replaceChildren();
      rebuild(body);
      if (focus !== undefined) shown.get(focus)?.control.focus();
    };
    again();
    return { element, again };
  }

  function object(place: Place, schema: Exclude<Schema, boolean>, depth: number): HTMLElement {
    const properties: Record<string, Schema> = schema.properties ?? {};
    const required: string[] = schema.required ?? [];
    const current = () => (isObject(place.value) ? place.value : {});
    const { element, again } = group(place, (body) => {
      const names = [...new Set([...Object.keys(properties), ...required, ...Object.keys(current())])];
      for (const name of names) {
        const of = at(properties, name) ?? extra(schema);
        const path = place.path + step(name);
        // What tells a variant apart is chosen above it.
        if (place.bare && isConstant(of) && Object.hasOwn(current(), name)) continue;
        if (Object.hasOwn(current(), name)) body.append(editor(inside(name, of, path), depth + 1));
        else body.append(missing(name, path, () => put(name, sample(protocol, of), path)));
      }
      if (schema.additionalProperties !== false) body.append(adder(schema));
      if (names.length === 0 && schema.additionalProperties === false) body.append(h("p", { class: "muted" }, "no payload"));
    });

    function inside(name: string, of: Schema, path: string): Place {
      const inner: Place = {
        schema: of,
        path,
        label: name,
        value: current()[name]!,
        set: (value) => {
          inner.value = value;
          place.set((place.value = { ...current(), [name]: value }));
        },
      };
      if (!required.includes(name)) {
        inner.remove = () => {
          const { [name]: _gone, ...rest } = current();
          place.set((place.value = rest));
          again(path);
        };
      }
      return inner;
    }

    function put(name: string, value: Json, path: string): void {
      place.set((place.value = { ...current(), [name]: value }));
      again(path);
    }

    function missing(name: string, path: string, add: () => void): HTMLElement {
      const isRequired = required.includes(name);
      const note = h("p", { class: "wrong", role: "alert" });
      const control = h("button", { type: "button", class: "small", onclick: add, "aria-label": `Add ${name}` }, "add");
      shown.set(path, { note, control });
      const label = h("div", { class: "label" }, h("span", { class: "name" }, name), h("span", { class: "muted" }, isRequired ? "required, missing" : "optional"), control);
      return h("div", { class: "field absent" }, label, note);
    }

    function adder(schema: Exclude<Schema, boolean>): HTMLElement {
      const id = `field-${(numbers += 1)}`;
      const name = h("input", { type: "text", id, autocomplete: "off", spellcheck: "false" });
      const add = (event: Event) => {
        event.preventDefault();
        if (!Object.hasOwn(current(), name.value)) put(name.value, sample(protocol, extra(schema)), place.path + step(name.value));
      };
      name.addEventListener("keydown", (event) => {
        if (event.key === "Enter") add(event);
      });
      return h(
        "div",
        { class: "adder" },
        h("label", { for: id, class: "muted" }, "another property"),
        name,
        h("button", { type: "button", class: "small", onclick: add, "aria-label": `Add a property to ${place.label}` }, "add"),
      );
    }
    return element;
  }

  function isConstant(of: Schema): boolean {
    const { schema } = resolve(protocol, of);
    return typeof schema === "object" && "const" in schema;
  }

  function extra(schema: Exclude<Schema, boolean>): Schema {
    return typeof schema.additionalProperties === "object" ? schema.additionalProperties : true;
  }

  function list(place: Place, schema: Exclude<Schema, boolean>, depth: number): HTMLElement {
    const prefix: Schema[] = schema.prefixItems ?? [];
    const current = () => (Array.isArray(place.value) ? place.value : []);
    const { element, again } = group(place, (body) => {
      current().forEach((value, at) => {
        const path = place.path + step(at);
        const inner: Place = {
          schema: prefix[at] ?? schema.items ?? true,
          path,
          label: `${place.label} ${at + 1}`,
          value,
          set: (value) => {
            inner.value = value;
            place.set((place.value = current().with(at, value)));
          },
          remove: () => {
            place.set((place.value = current().toSpliced(at, 1)));
            again(place.path);
          },
        };
        body.append(editor(inner, depth + 1));
      });
      if (schema.items === false && current().length >= prefix.length) return;
      const add = () => {
        const at = current().length;
        place.set((place.value = [...current(), sample(protocol, prefix[at] ?? schema.items ?? true)]));
        again(place.path + step(at));
      };
      body.append(h("button", { type: "button", class: "small", onclick: add, "aria-label": `Add an item to ${place.label}` }, "add an item"));
    });
    return element;
  }

  function variantsOf(schema: Exclude<Schema, boolean>): Schema[] | undefined {
    if (schema.oneOf ?? schema.anyOf) return schema.oneOf ?? schema.anyOf;
    if (!Array.isArray(schema.type) || schema.type.length < 2) return undefined;
    return schema.type.map((type: string) => ({ ...schema, type }));
  }

  function union(place: Place, schema: Exclude<Schema, boolean>, variants: Schema[], depth: number): HTMLElement {
    const { oneOf: _oneOf, anyOf: _anyOf, ...beside } = schema;
    const isShared = Boolean(beside.properties);
    const full = variants.map((variant) => (isShared ? { ...beside, allOf: [...(beside.allOf ?? []), { properties: beside.properties, required: beside.required ?? [] }, variant] } : variant));
    let chosen = Math.max(0, variants.findIndex((variant) => isMeant(protocol, variant, place.value)));
    const id = `field-${(numbers += 1)}`;
    const { element, again } = group(place, (body) => {
      const select = h("select", { id }, ...variants.map((variant, at) => h("option", { value: at }, name(variant, at))));
      select.selectedIndex = chosen;
      select.addEventListener("change", () => {
        chosen = select.selectedIndex;
        place.set((place.value = sample(protocol, full[chosen]!)));
        again();
        document.getElementById(id)?.focus();
      });
      const { remove: _remove, ...inner } = place;
      const value: Place = { ...inner, schema: full[chosen]!, label: place.label, bare: true, set: (next) => place.set((place.value = value.value = next)) };
      body.append(h("div", { class: "field" }, h("label", { for: id, class: "muted" }, "variant"), select), editor(value, depth + 1));
    });
    return element;
  }

  /** What a variant is called: its constant property, its type. */
  function name(variant: Schema, at: number): string {
    const { schema, name } = resolve(protocol, variant);
    if (typeof schema === "object" && schema.properties) {
      for (const [property, of] of Object.entries(schema.properties as Record<string, Schema>)) {
        const constant = resolve(protocol, of).schema;
        if (typeof constant === "object" && "const" in constant) return `${property}: ${JSON.stringify(constant.const)}`;
      }
    }
    return name ?? (words(variant).map(({ text }) => text).join("") || `variant ${at + 1}`);
  }

  /** Where a problem is shown: at the property that is missing, else at the innermost part that is laid out. */
  function target({ path, keyword, message }: Problem): { note: HTMLElement; control: HTMLElement } | undefined {
    if (keyword === "required" || keyword === "additionalProperties") {
      const name = quoted(message);
      const property = name === undefined ? undefined : shown.get(path + step(name));
      if (property) return property;
    }
    for (let prefix = path; ; prefix = prefix.slice(0, prefix.lastIndexOf("/"))) {
      const at = shown.get(prefix);
      if (at || prefix === "") return at;
    }
  }

  return {
    element,
    show(problems) {
      for (const { note, control } of shown.values()) {
        if (note.textContent) note.textContent = "";
        control.removeAttribute("aria-invalid");
      }
      for (const problem of problems) {
        const at = target(problem);
        if (!at) continue;
        at.note.textContent = [at.note.textContent, problem.message].filter(Boolean).join("; ");
        if (!(at.control instanceof HTMLFieldSetElement) && !(at.control instanceof HTMLButtonElement)) at.control.setAttribute("aria-invalid", "true");
      }
    },
    focus(problem) {
      target(problem)?.control.focus();
    },
  };
}

/** The first name that stands in quotes in a text. */
function quoted(text: string): string | undefined {
  const found = /"(?:[^"\\]|\\.)*"/.exec(text)?.[0];
  try {
    return found === undefined ? undefined : (JSON.parse(found) as string);
  } catch {
    // Not quoted as JSON quotes it.
    return undefined;
  }
}
