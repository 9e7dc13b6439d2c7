/**
 * What a program sees of the connection.
 */

import type { Action } from "./close-codes.js";

/** Why there is no connection any more, or why there was none. */
export type Lost =
  /** It was closed, or could not be opened: a browser tells 1006 for both. */
  | { kind: "closed"; code: number; reason: string }
  /** It was not ready in time. */
  | { kind: "timeout" }
  /** Nothing was heard of the server for longer than its heartbeat allows. */
  | { kind: "silent" }
  /** A message is missing between two that came. */
  | { kind: "gap"; expected: number; got: number }
  /** There were no credentials to connect with. */
  | { kind: "token"; cause: unknown };

/** Why the client has ended for good. */
export type Ended =
  /** The program closed it. */
  | { kind: "closed" }
  /** Connecting again would change nothing; `action` says what would. */
  | { kind: "final"; lost: Lost; action: Action }
  /** As many attempts as allowed have failed. */
  | { kind: "gave-up"; lost: Lost; attempts: number };

/** State of the connection. */
export type State =
  /** A connection is being opened, or the session taken up again. */
  | { status: "connecting" }
  /** Messages travel. `clientId` is the client's name on the server, if it has told. */
  | { status: "connected"; clientId: string | undefined }
  /** There is no connection; another attempt follows at `retryAt`, in milliseconds since the epoch. */
  | { status: "waiting"; lost: Lost; retryAt: number }
  /** The program has closed it; what waited is being written. */
  | { status: "closing" }
  /** It is over, and stays so. */
  | { status: "ended"; ended: Ended };

/** Why a session could not be taken up again. */
export type Reason = "expired" | "gap" | "unknown" | "unsupported" | (string & {});

/** Something that happened to the connection and is no message. */
export type Notice =
  /** The session goes on: nothing was lost. So many messages had been missed, and follow. */
  | { kind: "resumed"; replayed: number }
  /** The server sent a text that is no message. */
  | { kind: "unreadable"; why: string }
  /** A message was queued, and is larger than the server turned out to take. */
  | { kind: "not-sent"; type: string; bytes: number; limit: number }
  /** The server sent a message whose payload is not what its type says. Only where a client validates. */
  | { kind: "invalid"; type: string; why: string };
