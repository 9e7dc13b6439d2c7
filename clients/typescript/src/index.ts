/**
 * A client for servers that speak the Wireloom protocol, typed by what is generated from `protocol.yaml`.
 */

export { connect } from "./client.js";
export type { Authenticated, Call, CallOptions, Client, ConnectOptions, Events } from "./client.js";
export type { Action } from "./close-codes.js";
export type { Session } from "./core.js";
export type { SocketConstructor, TokenNeed, TokenSource } from "./driver.js";
export { WireloomError } from "./error.js";
export type { Detail } from "./error.js";
export type { Settings } from "./settings.js";
export type { Ended, Lost, Notice, Reason, State } from "./state.js";
export type { Stream } from "./stream.js";
export type {
  ClientErrorCode,
  EndOf,
  ErrorOf,
  EventOf,
  EventType,
  ItemOf,
  Outcome,
  PayloadOf,
  Protocol,
  ReplyOf,
  RequestType,
  SendType,
  StreamType,
} from "./types.js";
