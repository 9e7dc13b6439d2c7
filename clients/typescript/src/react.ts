/**
 * Hooks for React 18 and later.
 */

import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";

import { prepare, type CallOptions, type Client, type ConnectOptions, type Events } from "./client.js";
import type { State } from "./state.js";
import type { Stream } from "./stream.js";
import type { EndOf, ErrorOf, ItemOf, PayloadOf, Protocol, StreamType } from "./types.js";

/**
 * A client for as long as the component is mounted. It connects when it is, not before: React may render a component that it
 * never shows, on a server for one. The options of the first rendering count.
 */
export function useClient<P extends Protocol>(options: ConnectOptions<P>): Client<P> {
  const [mountable, setMountable] = useState(() => prepareToMount(options));
  useEffect(() => {
    // React may hide a component, which unmounts it, and show it again with the state that it had.
    if (mountable.client.state.status === "ended") setMountable(prepareToMount(options));
    else mountable.mount();
    return mountable.unmount;
  }, [mountable]);
  return mountable.client;
}

/** A client that waits for its component. */
function prepareToMount<P extends Protocol>(options: ConnectOptions<P>) {
  const [client, start] = prepare(options);
  let started = false;
  let closing: ReturnType<typeof setTimeout>;
  return {
    client,
    mount() {
      clearTimeout(closing);
      if (started) return;
      started = true;
      start();
    },
    unmount() {
      // React may unmount and mount again at once, to find effects that do not stand it.
      closing = setTimeout(() => void client.close(), 0);
    },
  };
}

/** The state of the connection, rendered anew when it changes. */
export function useConnectionState<P extends Protocol>(client: Client<P>): State {
  const state = () => client.state;
  return useSyncExternalStore(
    useCallback((changed) => client.onState(changed), [client]),
    state,
    state,
  );
}

/** Has the latest handler called with every event of a type while the component is mounted. */
export function useEvent<P extends Protocol, T extends keyof Events<P> & string>(
  client: Client<P>,
  type: T,
  handler: (payload: Events<P>[T]) => void,
): void {
  const latest = useRef(handler);
  useEffect(() => {
    latest.current = handler;
  });
  useEffect(() => client.on(type, (payload) => latest.current(payload)), [client, type]);
}

/** A stream as a component shows it. */
export interface StreamView<P extends Protocol, T extends StreamType<P>> {
  status: "idle" | "streaming" | "done" | "failed";
  /** What came so far. */
  items: readonly ItemOf<P, T>[];
  /** The payload of the end, when it is done. */
  end: EndOf<P, T> | undefined;
  /** Why it failed. */
  error: ErrorOf<P, T> | undefined;
  /** Begins the stream; one that is under way is cancelled. */
  start(payload: PayloadOf<P, T>, options?: CallOptions): void;
  /** Cancels it. */
  cancel(): void;
}

/** Streams of one type, one at a time. Cancelled when the component is unmounted. */
export function useStream<P extends Protocol, T extends StreamType<P>>(client: Client<P>, type: T): StreamView<P, T> {
  type View = Pick<StreamView<P, T>, "status" | "items" | "end" | "error">;
  const idle: View = { status: "idle", items: [], end: undefined, error: undefined };
  const [view, setView] = useState(idle);
  const current = useRef<Stream<ItemOf<P, T>, EndOf<P, T>, ErrorOf<P, T>>>(undefined);
  const cancel = useCallback(() => current.current?.cancel(), []);
  const start = useCallback(
    (payload: PayloadOf<P, T>, options?: CallOptions) => {
      cancel();
      const begin = client.stream.bind(client) as (
        type: T,
        payload: PayloadOf<P, T>,
        options?: CallOptions,
      ) => Stream<ItemOf<P, T>, EndOf<P, T>, ErrorOf<P, T>>;
      const stream = begin(type, payload, options);
      current.current = stream;
      const show = (change: (view: View) => View) => {
        if (current.current === stream) setView(change);
      };
      show(() => ({ ...idle, status: "streaming" }));
      void (async () => {
        try {
          for await (const item of stream) show((view) => ({ ...view, items: [...view.items, item] }));
          const end = await stream.end();
          show((view) => ({ ...view, status: "done", end }));
        } catch (error) {
          show((view) => ({ ...view, status: "failed", error: error as ErrorOf<P, T> }));
        }
      })();
    },
    [client, type],
  );
  useEffect(() => cancel, [cancel]);
  return { ...view, start, cancel };
}
