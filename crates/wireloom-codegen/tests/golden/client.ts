// What a typed client makes of the agent protocol. Lines under `@ts-expect-error` must not compile.
import type { AgentProtocol, ClientMessage, ErrorCode, Replies, ServerMessage, ServerPayloads } from "./protocol";

interface Protocol {
  requests: object;
  streams: object;
  oneWay: object;
  events: object;
}

type Payload<M> = M extends { payload: infer P } ? [payload: P] : M extends { payload?: infer P } ? [payload?: P] : never;
type Of<M, Key extends string> = M extends { [key in Key]: infer T } ? T : never;

interface Client<P extends Protocol> {
  request<T extends keyof P["requests"]>(type: T, ...payload: Payload<P["requests"][T]>): Promise<Of<P["requests"][T], "reply">>;
  stream<T extends keyof P["streams"]>(type: T, ...payload: Payload<P["streams"][T]>): AsyncIterable<Of<P["streams"][T], "item">>;
  on<T extends keyof P["events"]>(type: T, handler: (payload: P["events"][T]) => void): void;
}

export async function use(client: Client<AgentProtocol>): Promise<void> {
  const started = await client.request("agent:start", { projectId: "p", projectPath: "/p" });
  const id: string = started.sessionId;
  await client.request("agent:cancel");
  for await (const item of client.stream("agent:message", { content: id })) {
    const text: string = item.content;
    void text;
  }
  client.on("status:update", ({ status }) => {
    const known: "idle" | "thinking" | "streaming" | "error" = status;
    void known;
  });
  // @ts-expect-error a field is missing
  await client.request("agent:start", { projectId: "p" });
  // @ts-expect-error not a request
  await client.request("agent:message", { content: "" });
  // @ts-expect-error not an event
  client.on("agent:started", () => {});
}

export function handle(message: ServerMessage): string {
  switch (message.type) {
    case "stream:chunk":
      return message.payload.content;
    case "error": {
      const code: string = message.payload.code;
      return code;
    }
    default:
      return String(message.timestamp);
  }
}

export const messages: ClientMessage[] = [
  { type: "agent:cancel" },
  { type: "agent:start", payload: { projectId: "p", projectPath: "/p" }, correlationId: "c" },
  // @ts-expect-error an unknown type
  { type: "agent:stop" },
  // @ts-expect-error the server numbers messages
  { type: "agent:cancel", seq: 1 },
];

export const code: ErrorCode = "session_not_found";
// @ts-expect-error an unknown code
export const wrong: ErrorCode = "session_lost";

type StartReply = ServerPayloads[Replies["agent:start"]];
export const reply: StartReply = { sessionId: "s" };
