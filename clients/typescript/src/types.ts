/**
 * What the generated interface of a protocol (`AgentProtocol`) makes of a client. Types only.
 */

import type { WireloomError } from "./error.js";

/** What a protocol's interface looks like. The build writes one from `protocol.yaml`, into `protocol.d.ts`. */
export interface Protocol {
  name: string;
  version: string;
  subprotocol: string;
  requests: object;
  streams: object;
  oneWay: object;
  events: object;
  errors: string;
  engineErrors: string;
}

/** Types of the messages that are answered by one message. */
export type RequestType<P extends Protocol> = keyof P["requests"] & string;
/** Types of the messages that are answered by a stream. */
export type StreamType<P extends Protocol> = keyof P["streams"] & string;
/** Types of the messages that nothing answers. */
export type SendType<P extends Protocol> = keyof P["oneWay"] & string;
/** Types of the messages that the server sends unasked. */
export type EventType<P extends Protocol> = keyof P["events"] & string;

type Field<M, Name extends string> = M extends { [name in Name]: infer T } ? T : never;

/** The payload of a request, a stream's request, or a message that nothing answers. */
export type PayloadOf<P extends Protocol, T extends string> = T extends keyof P["requests"]
  ? PayloadIn<P["requests"][T]>
  : T extends keyof P["streams"]
    ? PayloadIn<P["streams"][T]>
    : T extends keyof P["oneWay"]
      ? PayloadIn<P["oneWay"][T]>
      : never;
type PayloadIn<M> = M extends { payload?: infer Payload } ? Payload : never;

/** Parameters behind the type: the payload, which may be left out where the message has none, and options. */
export type Arguments<M, Options> = M extends { payload: infer Payload }
  ? [payload: Payload, options?: Options]
  : M extends { payload?: infer Payload }
    ? [payload?: Payload, options?: Options]
    : never;

/** The payload of the message that answers a request. */
export type ReplyOf<P extends Protocol, T extends RequestType<P>> = Field<P["requests"][T], "reply">;
/** The payload of the items of a stream. */
export type ItemOf<P extends Protocol, T extends StreamType<P>> = Field<P["streams"][T], "item">;
/** The payload of the message that ends a stream well. */
export type EndOf<P extends Protocol, T extends StreamType<P>> = Field<P["streams"][T], "end">;
/** The payload of a message that the server sends unasked. */
export type EventOf<P extends Protocol, T extends EventType<P>> = P["events"][T];

type MessageOf<P extends Protocol, T extends string> = T extends keyof P["requests"]
  ? P["requests"][T]
  : T extends keyof P["streams"]
    ? P["streams"][T]
    : T extends keyof P["oneWay"]
      ? P["oneWay"][T]
      : never;

/** Codes of errors that the client itself ends calls with. */
export type ClientErrorCode =
  | "cancelled"
  | "disconnected"
  | "interrupted"
  | "invalid_message"
  | "overrun"
  | "queue_full"
  | "timeout"
  | "too_large";

type StreamError<M> = Field<M, "error"> extends infer E ? ([E] extends [never] ? never : WireloomError<"stream_error", E>) : never;

type OneOf<Code extends string> = Code extends string ? WireloomError<Code> : never;

/**
 * Why a call of this type failed: a union by `code`. The protocol's declared errors, `stream_error` with the payload of the
 * message that ends the stream badly, the engine's codes, and the client's own.
 */
export type ErrorOf<P extends Protocol, T extends RequestType<P> | StreamType<P> | SendType<P>> =
  | OneOf<Field<MessageOf<P, T>, "errors"> & string>
  | StreamError<MessageOf<P, T>>
  | OneOf<P["engineErrors"] | ClientErrorCode>;

/** How a call ended, for those who rather read a result than catch. */
export type Outcome<Value, Failure> = { ok: true; value: Value } | { ok: false; error: Failure };
