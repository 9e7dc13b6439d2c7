/**
 * Every bound and deadline of a client, with its default. Times in milliseconds.
 */

/** Bounds and deadlines. */
export interface Settings {
  /** Longest time from opening a connection to a session that takes messages. 10 seconds. */
  connectTimeoutMs: number;
  /** Longest wait before the first attempt to connect again; each further one may wait twice as long. 250 milliseconds. */
  backOffBaseMs: number;
  /** Longest wait before any attempt. 30 seconds. */
  backOffCapMs: number;
  /** Attempts in a row that may fail before the client ends; 0 never connects again. No limit. */
  attempts: number;
  /** Longest time of a request, the time without a connection included. 30 seconds; `Infinity` waits for ever. */
  requestTimeoutMs: number;
  /** Longest silence of a stream. No limit. */
  streamTimeoutMs: number;
  /** Messages that may wait to be sent. 1024. */
  queueMessages: number;
  /** Bytes that may wait to be sent. 4 MiB. */
  queueBytes: number;
  /** Requests and streams that may be under way together. 1024. */
  calls: number;
  /** Items that may wait in one stream until the program takes them. 1024. */
  inboxMessages: number;
  /** Whether nothing is sent until the server has greeted. On, unless a server does not greet. */
  waitForGreeting: boolean;
}

/** The settings that hold unless told otherwise. */
export const DEFAULTS: Settings = {
  connectTimeoutMs: 10_000,
  backOffBaseMs: 250,
  backOffCapMs: 30_000,
  attempts: Infinity,
  requestTimeoutMs: 30_000,
  streamTimeoutMs: Infinity,
  queueMessages: 1024,
  queueBytes: 4 * 1024 * 1024,
  calls: 1024,
  inboxMessages: 1024,
  waitForGreeting: true,
};
