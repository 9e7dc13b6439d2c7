/**
 * Owns the socket and the timer. Decides nothing: what happens goes to the core, and what the core says is done.
 */

import { CLOSE, type Core } from "./core.js";
import type { Lost } from "./state.js";

/** As much of a WebSocket as a client needs: that of browsers, of Node, and of the package `ws`. */
export interface Socket {
  readonly bufferedAmount: number;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

/** Makes a socket. */
export type SocketConstructor = new (url: string, protocols: string[]) => Socket;

/** Why a token is asked for: for any connection, or since the server refused the one used last. */
export type TokenNeed = "connect" | "refused";

/** A token, or who has one. */
export type TokenSource = string | ((need: TokenNeed) => string | Promise<string>);

/** Bounds that no setting changes; see the core's. */
const enum Bound {
  /** Bytes that wait in the socket before the rest waits in the queue, which is bounded. */
  Buffered = 64 * 1024,
  /** How long to wait until looking whether the socket has written them. */
  Retry = 50,
  /** No timer runs longer, so that none overflows. */
  Longest = 60_000,
  /** Closes a connection that is given up; the session waits. Pages may not send the codes of the standard. */
  GivenUp = 4000,
}

/** What may stand in a subprotocol, and so carry a token. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** Time that goes on while a device sleeps, and never back. */
export function clock(): () => number {
  let last = Date.now();
  let offset = 0;
  return () => {
    const now = Date.now();
    if (now < last) offset += last - now;
    last = now;
    return now + offset;
  };
}

/** Connects and keeps connected. What comes back does what is due, and is to be called whenever something happened. */
export function drive(
  core: Core,
  make: SocketConstructor,
  url: string,
  subprotocol: string,
  token: () => TokenSource | undefined,
  now: () => number,
): () => void {
  let socket: Socket | undefined;
  let isOpen = false;
  /** The attempt that is under way. */
  let attempt: object | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const listening = new AbortController();

  // A timer sleeps with the device, and with the page in the background.
  for (const event of ["visibilitychange", "online"]) {
    globalThis.addEventListener?.(event, wake, listening);
  }

  function wake(): void {
    if (globalThis.document?.hidden) return;
    core.wake(now());
    pump();
  }

  function pump(): void {
    const time = now();
    clearTimeout(timer);
    const lost = core.tick(time);
    if (lost) lose(lost);
    if (!attempt) {
      const renew = core.step(time);
      if (renew !== undefined) void connect(renew);
    }
    if (socket && isOpen) {
      while (socket.bufferedAmount < Bound.Buffered) {
        const text = core.transmit(time);
        if (text === undefined) break;
        if (text === CLOSE) socket.close(1000);
        else socket.send(text);
      }
    }
    if (core.ended()) {
      drop();
      listening.abort();
      return;
    }
    const full = socket && socket.bufferedAmount >= Bound.Buffered;
    timer = setTimeout(pump, Math.max(0, Math.min(core.deadline() - time, full ? Bound.Retry : Bound.Longest)));
  }

  async function connect(renew: boolean): Promise<void> {
    const mine = (attempt = {});
    const source = token();
    let shown: string | undefined;
    try {
      shown = typeof source === "function" ? await source(renew ? "refused" : "connect") : source;
    } catch (cause) {
      if (attempt === mine) lose({ kind: "token", cause });
      return pump();
    }
    if (attempt !== mine) return;
    const inHandshake = shown !== undefined && TOKEN.test(shown);
    const opened = (socket = new make(url, inHandshake ? [subprotocol, `bearer.${shown}`] : [subprotocol]));
    opened.onopen = () => {
      isOpen = true;
      core.opened(now(), inHandshake ? undefined : shown);
      pump();
    };
    opened.onmessage = ({ data }) => {
      core.received(data, now());
      pump();
    };
    opened.onclose = ({ code, reason }) => {
      lose({ kind: "closed", code, reason });
      pump();
    };
    // What follows is a close, which says as much as there is to know.
    opened.onerror = () => {};
  }

  function lose(lost: Lost): void {
    drop();
    core.lost(lost, now());
  }

  function drop(): void {
    const left = socket;
    socket = attempt = undefined;
    isOpen = false;
    if (!left) return;
    left.onopen = left.onmessage = left.onclose = null;
    left.close(Bound.GivenUp);
  }

  return pump;
}
