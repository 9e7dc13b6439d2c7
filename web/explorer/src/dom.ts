/**
 * Makes elements. Texts are text: nothing here reads markup.
 */

type Child = Node | string | undefined | false | null;
type Attributes = Record<string, string | number | boolean | undefined | ((event: any) => void)>;

/** An element with attributes, listeners (`onclick`) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: (Child | Child[])[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...shown(children));
  return element;
}

/** An element of a drawing. */
export function svg(name: string, attributes: Record<string, string | number> = {}, ...children: Child[]): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...shown(children));
  return element;
}

function shown(children: (Child | Child[])[]): (Node | string)[] {
  return children.flat().filter((child): child is Node | string => child !== undefined && child !== false && child !== null);
}

/** The element of this id, which the page has. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no ${id}`);
  return element as T;
}

/** A person's text: paragraphs, and code between backticks. */
export function prose(text: string | undefined): HTMLElement[] {
  if (!text) return [];
  return text
    .trim()
    .split(/\n\s*\n/)
    .map((paragraph) => {
      const parts = paragraph.split("`");
      const isOdd = parts.length % 2 === 0;
      const whole = isOdd ? [...parts.slice(0, -2), `${parts.at(-2)}\`${parts.at(-1)}`] : parts;
      return h("p", {}, ...whole.map((part, at) => (at % 2 === 1 ? h("code", {}, part) : part)));
    });
}
