/**
 * Why a call failed.
 */

/** One thing that is wrong with a payload. */
export interface Detail {
  /** JSON Pointer into the payload. */
  path: string;
  /** The keyword of the schema that is violated. */
  keyword: string;
  /** What is wrong, for people. */
  message: string;
}

/**
 * Why a call failed. `code` tells which error it is: one that the protocol declares for the message, one of the engine, or
 * one of the client's own. `ErrorOf` is the union of what may come of a message.
 */
export class WireloomError<Code extends string = string, Payload = undefined> extends Error {
  /** Which error it is. */
  declare readonly code: Code;
  /** Whether the same message may succeed later. After `timeout` and `interrupted` the server may have done it. */
  declare readonly retryable: boolean;
  /** What is wrong with the payload. */
  declare readonly details: readonly Detail[];
  /** Of `stream_error`: the payload of the message that ended the stream. */
  declare readonly payload: Payload;

  constructor(code: Code, message: string, retryable = false, details: readonly Detail[] = [], payload?: Payload, options?: ErrorOptions) {
    super(message, options);
    Object.assign(this, { name: "WireloomError", code, retryable, details, payload });
  }
}
