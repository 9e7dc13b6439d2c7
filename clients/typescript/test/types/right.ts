// Uses that must compile, with the types that they must have.

import { Ajv2020 } from "ajv/dist/2020.js";
import { connect, WireloomError, type Client, type ErrorOf, type State } from "@wireloom/client";
import { useClient, useConnectionState, useEvent, useStream } from "@wireloom/client/react";
import { validator, type ProtocolSchemas } from "@wireloom/client/validate";

import type { AgentProtocol } from "../../../../generated/protocol.js";
import type { DemoProtocol } from "../../../../crates/wireloom-client/tests/generated/protocol.js";

/** Compiles if both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <_T extends true>() => {};

/** The package `ws` brings no types. */
declare const WebSocketOfWs: unknown;
declare const schemas: ProtocolSchemas;
declare function print(text: string): void;

export async function asTheReadmeShows(): Promise<void> {
  const client = connect<AgentProtocol>({ url: "ws://localhost:3001/ws" });
  const { sessionId } = await client.request("agent:start", { projectId: "p1", projectPath: "/srv/p1" });
  for await (const chunk of client.stream("agent:message", { content: "hello" })) print(chunk.content);
  client.on("status:update", (update) => print(update.status));
  print(sessionId);
}

export const full = connect<AgentProtocol>({
  url: new URL("wss://example.org/ws"),
  subprotocol: "agent.v1",
  token: async (need) => (need === "refused" ? "new" : "old"),
  session: undefined,
  WebSocket: WebSocketOfWs,
  validate: validator(new Ajv2020({ strict: false }), schemas),
  requestTimeoutMs: Infinity,
  attempts: 3,
});

export async function requests(client: Client<AgentProtocol>, signal: AbortSignal): Promise<void> {
  const call = client.request("agent:start", { projectId: "p", projectPath: "/p" }, { signal, timeoutMs: 5, idempotent: true });
  print(`${call.id}`);
  await client.request("agent:cancel");
  await client.request("agent:cancel", {});
  await client.request("agent:cancel", undefined, { signal });
  const result = await call.outcome();
  if (result.ok) {
    is<Same<typeof result.value.sessionId, string>>();
    print(result.value.sessionId);
  } else {
    switch (result.error.code) {
      case "project_not_found":
      case "too_many_sessions":
      case "agent_failed":
        print(result.error.message);
        break;
      case "invalid_payload":
        print(result.error.details.map((detail) => `${detail.path} ${detail.keyword}`).join());
        break;
      case "timeout":
      case "interrupted":
        print(String(result.error.retryable));
        break;
      default:
        is<Same<typeof result.error extends WireloomError ? true : false, true>>();
    }
  }
  const { subject, scopes } = await client.authenticate("token");
  print(subject + scopes.join());
}

export async function streams(client: Client<AgentProtocol>): Promise<void> {
  const stream = client.stream("agent:message", { content: "hi" }, { timeoutMs: 1, id: 7 });
  for await (const chunk of stream) {
    is<Same<typeof chunk.content, string>>();
    break;
  }
  const end = await stream.end();
  print(end.sessionId);
  const result = await stream.outcome();
  if (!result.ok && result.error.code === "stream_error") {
    // The payload of the message that ends the stream badly.
    print(result.error.payload.message);
  }
  if (!result.ok && result.error.code === "session_busy") print(result.error.message);
  stream.cancel();
}

export function events(client: Client<AgentProtocol>): void {
  const stop: () => void = client.on("status:update", ({ status }) => {
    is<Same<typeof status, "idle" | "thinking" | "streaming" | "error">>();
  });
  stop();
  client.on("connection:closing", ({ reconnectAfterMs }) => print(reconnectAfterMs.toFixed()));
  client.on("error", ({ code, retryable }) => print(code + retryable));
  client.on("discontinuity", ({ reason }) => print(reason));
  client.on("notice", (notice) => {
    if (notice.kind === "not-sent") print(`${notice.type} ${notice.bytes} ${notice.limit}`);
    if (notice.kind === "resumed") print(notice.replayed.toFixed());
  });
}

export async function messagesWithoutAnswer(client: Client<DemoProtocol>): Promise<void> {
  client.send("note", { text: "x" });
  const taken: void = await client.deliver("note", { text: "x" }, { timeoutMs: 10 });
  print(String(taken));
}

export function state(client: Client<AgentProtocol>): void {
  const show = (state: State): string => {
    switch (state.status) {
      case "connecting":
      case "closing":
        return state.status;
      case "connected":
        return state.clientId ?? "";
      case "waiting":
        return state.lost.kind === "closed" ? `${state.lost.code}` : `${state.retryAt}`;
      case "ended":
        return state.ended.kind === "final" ? state.ended.action : state.ended.kind;
    }
  };
  client.onState((state) => print(show(state)))();
  print(show(client.state));
  const { session } = client;
  if (session) connect<AgentProtocol>({ url: "/ws", session });
}

export function caught(error: unknown): string {
  return error instanceof WireloomError ? error.code : "?";
}

type StartError = ErrorOf<AgentProtocol, "agent:start">;
export const codes: StartError["code"][] = ["project_not_found", "internal", "disconnected", "queue_full"];

export function Component(): null {
  const client = useClient<AgentProtocol>({ url: "/ws" });
  const { status } = useConnectionState(client);
  useEvent(client, "status:update", (update) => print(update.status + status));
  useEvent(client, "discontinuity", ({ reason }) => print(reason));
  const answer = useStream(client, "agent:message");
  answer.start({ content: "hi" });
  answer.items.map((chunk) => chunk.content).join();
  if (answer.status === "failed" && answer.error?.code === "session_busy") print(answer.error.message);
  if (answer.end) print(answer.end.sessionId);
  answer.cancel();
  return null;
}
