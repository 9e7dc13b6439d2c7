/**
 * The connection: the client of Wireloom over sockets that can be listened to, and cut.
 */

import { connect, type Client, type Notice, type Session, type State } from "@wireloom/client";

import type { Protocol } from "./protocol.js";

/** A protocol whose messages are not known while this is compiled. */
export interface AnyProtocol {
  name: string;
  version: string;
  subprotocol: string;
  requests: Record<string, { payload?: unknown; reply: unknown; errors: string }>;
  streams: Record<string, { payload?: unknown; item: unknown; end: unknown; error: unknown; errors: string }>;
  oneWay: Record<string, { payload?: unknown; errors: string }>;
  events: Record<string, unknown>;
  errors: string;
  engineErrors: string;
}

/** What is told of a connection. */
export interface Listener {
  frame(direction: "out" | "in", text: string): void;
  state(state: State): void;
  notice(notice: Notice | { kind: "lost-session"; reason: string }): void;
}

/** A connection at work. */
export interface Connection {
  readonly client: Client<AnyProtocol>;
  /** Sends a text as it stands; whether there is a connection to do so. */
  raw(text: string): boolean;
  /** Cuts the connection as a network does, and lets none through for so long. */
  drop(milliseconds: number): void;
  /** Ends it for good. */
  close(): void;
}

/** Connects. */
export function open(protocol: Protocol, token: string | undefined, listener: Listener, session?: Session): Connection {
  const url = new URL(protocol.connection.path, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  let downUntil = 0;
  let current: Tapped | undefined;

  class Tapped {
    onopen: ((event: any) => void) | null = null;
    onmessage: ((event: any) => void) | null = null;
    onclose: ((event: any) => void) | null = null;
    onerror: ((event: any) => void) | null = null;
    #socket: WebSocket | undefined;

    constructor(url: string, protocols: string[]) {
      current = this;
      if (performance.now() < downUntil) {
        setTimeout(() => this.onclose?.({ code: 1006, reason: "" }));
        return;
      }
      const socket = (this.#socket = new WebSocket(url, protocols));
      socket.onopen = (event) => this.onopen?.(event);
      socket.onerror = (event) => this.onerror?.(event);
      socket.onclose = ({ code, reason }) => this.onclose?.({ code, reason });
      socket.onmessage = (event) => {
        listener.frame("in", String(event.data));
        this.onmessage?.(event);
      };
    }

    get bufferedAmount(): number {
      return this.#socket?.bufferedAmount ?? 0;
    }

    get isOpen(): boolean {
      return this.#socket?.readyState === WebSocket.OPEN;
    }

    send(text: string): void {
      listener.frame("out", text);
      this.#socket?.send(text);
    }

    close(code?: number): void {
      this.#socket?.close(code);
    }

    /** What comes from now on is lost on the way. */
    cut(): void {
      const { onclose } = this;
      if (this.#socket) {
        this.#socket.onmessage = this.#socket.onclose = null;
        // Not 1000: the server shall keep the session.
        this.#socket.close(4000);
      }
      onclose?.({ code: 1006, reason: "" });
    }
  }

  const client = connect<AnyProtocol>({
    url,
    subprotocol: protocol.subprotocol,
    ...(token ? { token } : {}),
    session,
    WebSocket: Tapped,
    requestTimeoutMs: 120_000,
    backOffCapMs: 2_000,
  });
  listener.state(client.state);
  client.onState((state) => listener.state(state));
  client.on("notice", (notice) => listener.notice(notice as Notice));
  client.on("discontinuity", (lost) => listener.notice({ kind: "lost-session", reason: (lost as { reason: string }).reason }));

  return {
    client,
    raw(text) {
      if (!current?.isOpen) return false;
      current.send(text);
      return true;
    },
    drop(milliseconds) {
      downUntil = performance.now() + milliseconds;
      current?.cut();
    },
    close() {
      void client.close().catch(() => {});
    },
  };
}
