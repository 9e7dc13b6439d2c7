// Uses that must not compile, each of them. A line under `@ts-expect-error` that compiles is an error of tsc.

import { connect, WireloomError, type Client, type ErrorOf, type PayloadOf, type State } from "@wireloom/client";
import { useClient, useConnectionState, useEvent, useStream } from "@wireloom/client/react";
import { validator } from "@wireloom/client/validate";

import type { AgentProtocol } from "../../../../generated/protocol.js";
import type { DemoProtocol } from "../../../../crates/wireloom-client/tests/generated/protocol.js";

declare const client: Client<AgentProtocol>;
declare const demo: Client<DemoProtocol>;
declare const state: State;
declare const cancelError: ErrorOf<AgentProtocol, "agent:cancel">;

export async function connecting(): Promise<void> {
  // @ts-expect-error a client needs a URL
  connect<AgentProtocol>({});
  // @ts-expect-error a URL is no number
  connect<AgentProtocol>({ url: 3001 });
  // @ts-expect-error another protocol's subprotocol
  connect<AgentProtocol>({ url: "/ws", subprotocol: "demo.v1" });
  // @ts-expect-error a setting that is not there
  connect<AgentProtocol>({ url: "/ws", requestTimeout: 5 });
  // @ts-expect-error a setting of another type
  connect<AgentProtocol>({ url: "/ws", requestTimeoutMs: "5s" });
  // @ts-expect-error a token is a text
  connect<AgentProtocol>({ url: "/ws", token: 5 });
  // @ts-expect-error a function that has no token
  connect<AgentProtocol>({ url: "/ws", token: () => undefined });
  // @ts-expect-error a need that is not there
  connect<AgentProtocol>({ url: "/ws", token: (need) => (need === "expired" ? "a" : "b") });
  // @ts-expect-error half of a session
  connect<AgentProtocol>({ url: "/ws", session: { token: "t" } });
  // @ts-expect-error validation says what is wrong, or nothing
  connect<AgentProtocol>({ url: "/ws", validate: () => true });
  // @ts-expect-error no protocol
  connect<{ name: "agent" }>({ url: "/ws" });
  // @ts-expect-error Ajv is needed
  validator({}, { messages: {} });
}

export async function requesting(): Promise<void> {
  // @ts-expect-error no such message
  await client.request("agent:begin", {});
  // @ts-expect-error of another protocol
  await client.request("say", { text: "hi" });
  // @ts-expect-error a stream is no request
  await client.request("agent:message", { content: "hi" });
  // @ts-expect-error only the server sends it
  await client.request("agent:started", { sessionId: "s" });
  // @ts-expect-error the engine's own messages are the client's
  await client.request("connection:resume", { resumeToken: "t", lastSeq: 0 });
  // @ts-expect-error the payload is missing
  await client.request("agent:start");
  // @ts-expect-error a field is missing
  await client.request("agent:start", { projectId: "p" });
  // @ts-expect-error a field of another type
  await client.request("agent:start", { projectId: 1, projectPath: "/p" });
  // @ts-expect-error a field that is not there
  await client.request("agent:start", { projectId: "p", projectPath: "/p", name: "n" });
  // @ts-expect-error a name that is misspelt
  await client.request("agent:start", { projectID: "p", projectPath: "/p" });
  // @ts-expect-error null is no text
  await client.request("agent:start", { projectId: null, projectPath: "/p" });
  // @ts-expect-error a payload that is no object
  await client.request("agent:start", "p1");
  // @ts-expect-error a payload where there is none
  await client.request("agent:cancel", { force: true });
  // @ts-expect-error an option that is not there
  await client.request("agent:cancel", {}, { retries: 3 });
  // @ts-expect-error the controller is not its signal
  await client.request("agent:cancel", {}, { signal: new AbortController() });
  // @ts-expect-error a time-out is a number
  await client.request("agent:cancel", {}, { timeoutMs: "1s" });
  // @ts-expect-error too many parameters
  await client.request("agent:cancel", {}, {}, {});
  const started = await client.request("agent:start", { projectId: "p", projectPath: "/p" });
  // @ts-expect-error a field that the reply does not have
  started.projectId;
  // @ts-expect-error a text is no number
  const id: number = started.sessionId;
  // @ts-expect-error a call is a promise, not its reply
  client.request("agent:cancel").sessionId;
}

export async function failing(): Promise<void> {
  const result = await client.request("agent:start", { projectId: "p", projectPath: "/p" }).outcome();
  // @ts-expect-error it may have failed
  result.value;
  if (result.ok) return;
  // @ts-expect-error a code that this message does not declare
  if (result.error.code === "session_busy") return;
  // @ts-expect-error a code that nobody declares
  if (result.error.code === "project_lost") return;
  // @ts-expect-error a request has no payload of a stream's error
  if (result.error.code === "stream_error") return;
  // @ts-expect-error details are not to be changed
  result.error.details.push({ path: "", keyword: "", message: "" });
  switch (cancelError.code) {
    // @ts-expect-error of another message
    case "project_not_found":
      break;
  }
  const streamed = await client.stream("agent:message", { content: "" }).outcome();
  // @ts-expect-error the payload is there only if the stream has ended badly
  if (!streamed.ok) streamed.error.payload.message;
  // @ts-expect-error an error has a code
  new WireloomError();
}

export async function streaming(): Promise<void> {
  // @ts-expect-error a request is no stream
  client.stream("agent:start", { projectId: "p", projectPath: "/p" });
  // @ts-expect-error no such stream
  client.stream("agent:talk", { content: "hi" });
  // @ts-expect-error the payload is missing
  client.stream("agent:message");
  // @ts-expect-error a field of another type
  client.stream("agent:message", { content: ["hi"] });
  // @ts-expect-error a field that is not there
  client.stream("agent:message", { content: "hi", model: "m" });
  // @ts-expect-error an option that is not there
  client.stream("agent:message", { content: "hi" }, { timeout: 5 });
  const stream = client.stream("agent:message", { content: "hi" });
  // @ts-expect-error a stream is no list
  stream.map((chunk) => chunk);
  for await (const chunk of stream) {
    // @ts-expect-error a field that items do not have
    chunk.text;
  }
  // @ts-expect-error items are not read in step
  for (const chunk of stream) void chunk;
  // @ts-expect-error the end has no content
  (await stream.end()).content;
}

export function sending(): void {
  // @ts-expect-error a request is answered
  client.send("agent:cancel", {});
  // @ts-expect-error no such message
  demo.send("memo", { text: "x" });
  // @ts-expect-error the payload is missing
  demo.send("note");
  // @ts-expect-error a field of another type
  demo.send("note", { text: 1 });
  // @ts-expect-error what nobody waits for has no time-out
  demo.send("note", { text: "x" }, { timeoutMs: 5 });
  // @ts-expect-error it is no request
  void demo.request("note", { text: "x" });
  // @ts-expect-error a request is answered
  void demo.deliver("say", { text: "x" });
}

export function listening(): void {
  // @ts-expect-error no such event
  client.on("status:updated", () => {});
  // @ts-expect-error an answer is no event
  client.on("agent:started", () => {});
  // @ts-expect-error an item is no event
  client.on("stream:chunk", () => {});
  // @ts-expect-error of another protocol
  client.on("news", () => {});
  // @ts-expect-error a field that the event does not have
  client.on("status:update", (update) => update.state);
  // @ts-expect-error a status that is not there
  client.on("status:update", (update) => update.status === "sleeping");
  // @ts-expect-error a handler is needed
  client.on("status:update");
  // @ts-expect-error a handler of another event
  client.on("status:update", (update: { text: string }) => update);
  // @ts-expect-error a notice that is not there
  client.on("notice", (notice) => notice.kind === "reconnected");
  // @ts-expect-error the state is told, not set
  client.state = { status: "connected", clientId: "me" };
  // @ts-expect-error only who is connected has a name
  state.clientId;
  // @ts-expect-error no such state
  if (state.status === "open") return;
}

export function rendering(): void {
  // @ts-expect-error a client needs a URL
  useClient<AgentProtocol>({});
  // @ts-expect-error the state is that of a client
  useConnectionState("agent");
  // @ts-expect-error no such event
  useEvent(client, "status", () => {});
  // @ts-expect-error no such stream
  useStream(client, "agent:start");
  // @ts-expect-error a field of another type
  useStream(client, "agent:message").start({ content: 1 });
  // @ts-expect-error a field that items do not have
  useStream(client, "agent:message").items.map((chunk) => chunk.text);
}

// @ts-expect-error the payload of another message
export const payload: PayloadOf<AgentProtocol, "agent:message"> = { projectId: "p", projectPath: "/p" };
// @ts-expect-error a client of another protocol
export const other: Client<DemoProtocol> = client;
