// Cases of docs/client-behaviour.md, by name, and what they are written with. Runs in Node and in a page.

/** @type {Map<string, () => unknown>} */
export const cases = new Map();

/** Adds a case of the table. */
export function behaviour(name, run) {
  if (cases.has(name)) throw new Error(`two cases are called ${name}`);
  cases.set(name, run);
}

const show = (value) => JSON.stringify(value, (_, part) => (part === undefined ? null : part));

/** What came is what should have come, as JSON. */
export function same(actual, expected, what = "") {
  if (show(actual) !== show(expected)) throw new Error(`${what}\n  expected ${show(expected)}\n  but got  ${show(actual)}`);
}

/** It is so. */
export function holds(condition, what) {
  if (!condition) throw new Error(String(what));
}

/** It throws an error with this code. */
export function throws(code, run) {
  try {
    run();
  } catch (error) {
    return same(error.code, code);
  }
  throw new Error(`nothing was thrown, expected ${code}`);
}

/** Waits for what must come. */
export async function soon(promise, what = "it") {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} should have come by now`)), 10_000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
