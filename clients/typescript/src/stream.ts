/**
 * A stream as a program reads it: items that wait, up to a bound, and how it ended.
 */

import type { NewCall } from "./core.js";
import type { WireloomError } from "./error.js";
import type { Outcome } from "./types.js";

type Begin = (item: NonNullable<NewCall["item"]>, done: NewCall["done"]) => { id: number; cancel: () => void };

/** Items of a stream. For one reader. Leaving the loop cancels the stream, here and on the server. */
export interface Stream<Item, End, Failure> extends AsyncIterable<Item, undefined> {
  /** Number of the call; see `CallOptions.id`. 0 if it could not be begun. */
  readonly id: number;
  /** Cancels it, here and on the server. */
  cancel(): void;
  /** The payload of the message that ends it; items that were not read are passed over. */
  end(): Promise<End>;
  /** The same as a result, typed, for those who rather not catch. */
  outcome(): Promise<Outcome<End, Failure>>;
}

/** What {@link Stream} and a call have in common: how it ended, as a result. */
export function outcome(promise: Promise<any>): Promise<Outcome<any, any>> {
  return promise.then(
    (value) => ({ ok: true, value }),
    (error) => ({ ok: false, error }),
  );
}

/** A stream that is begun at once; `most` items may wait in it. */
export function stream<Item, End, Failure>(most: number, begin: Begin): Stream<Item, End, Failure> {
  const items: Item[] = [];
  /** Whether nobody reads items any more. */
  let discard = false;
  let ended = false;
  let error: WireloomError | undefined;
  let wake = () => {};
  let begun = { id: 0, cancel: () => {} };
  const last = new Promise<End>((resolve, reject) => {
    const done: NewCall["done"] = (why, payload) => {
      ended = true;
      error = why;
      wake();
      if (why) reject(why);
      else resolve(payload);
    };
    const item = (payload: Item) => {
      if (discard) return true;
      if (items.length >= most) return false;
      items.push(payload);
      wake();
      return true;
    };
    try {
      begun = begin(item, done);
    } catch (why) {
      done(why as WireloomError);
    }
  });
  // Whoever reads the items sees the error there.
  last.catch(() => {});

  const end = () => {
    discard = true;
    items.length = 0;
    return last;
  };
  return {
    ...begun,
    end,
    outcome: () => outcome(end()),
    [Symbol.asyncIterator]: () => ({
      async next() {
        while (!items.length && !ended) await new Promise<void>((resolve) => (wake = resolve));
        if (items.length) return { done: false, value: items.shift()! };
        const why = error;
        error = undefined;
        if (why) throw why;
        return { done: true, value: undefined };
      },
      async return() {
        if (!ended) begun.cancel();
        return { done: true, value: undefined };
      },
    }),
  };
}
