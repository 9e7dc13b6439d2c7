// @generated from the table of close codes in crates/wireloom/src/close.rs. Do not edit.

/** What a client does when it sees a close code. */
export type Action = "stop" | "reconnect-after-hint" | "fix" | "back-off" | "log-in" | "upgrade" | "resume";

/** What a client does, by the close codes of servers. */
export const ACTIONS: { readonly [code: number]: Action } = {
  1000: "stop",
  1001: "reconnect-after-hint",
  1002: "fix",
  1003: "fix",
  1007: "fix",
  1009: "fix",
  1011: "back-off",
  1012: "back-off",
  1013: "back-off",
  4400: "fix",
  4401: "log-in",
  4403: "stop",
  4406: "upgrade",
  4408: "resume",
  4409: "stop",
  4429: "back-off",
  4503: "resume",
};
