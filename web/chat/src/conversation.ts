/**
 * A conversation with the agent: what is said and answered, over a connection that may be lost and a page that may be
 * reloaded. Knows nothing of elements.
 */

import { connect, WireloomError, type Client, type State } from "@wireloom/client";

import type { AgentProtocol, SessionStatus } from "../../../generated/protocol";
import * as store from "./store";
import type { Turn } from "./store";

type Answer = Extract<Turn, { who: "agent" }>;

/** Who is told of changes. */
export interface Watcher {
  /** A turn was added, or has changed. */
  turn(index: number): void;
  connection(state: State): void;
  status(status: SessionStatus | undefined): void;
  /** There is a project now, or none any more. */
  project(): void;
}

/** Milliseconds between two times at which a growing answer is kept. */
const KEEP_EVERY = 250;

/** Why a new session begins, for people. */
const REASONS: { [reason: string]: string } = {
  expired: "You were away for too long.",
  gap: "More was said meanwhile than the server keeps.",
  unknown: "The server was restarted.",
  unsupported: "The connection was lost.",
};

export class Talk {
  readonly turns: Turn[];
  path: string;
  readonly #client: Client<AgentProtocol>;
  readonly #watcher: Watcher;
  #keeping: ReturnType<typeof setTimeout> | undefined;
  /** The agent that is being started. */
  #starting: Promise<void> | undefined;
  #cancel: (() => void) | undefined;

  constructor(watcher: Watcher, token: string | undefined) {
    const kept = store.conversation();
    this.#watcher = watcher;
    this.path = kept?.path ?? "";
    this.turns = kept?.turns ?? [];
    this.#client = connect<AgentProtocol>({ url: "/ws", session: kept?.session, ...(token ? { token } : {}) });
    this.#client.onState((state) => watcher.connection(state));
    this.#client.on("status:update", ({ status }) => watcher.status(status));
    this.#client.on("discontinuity", ({ reason }) => this.#begunAnew(reason));
    addEventListener("pagehide", () => this.#keep());
    addEventListener("visibilitychange", () => this.#keep());
    // An answer that the page before was reading goes on.
    const answer = this.#answer();
    if (answer?.call) void this.#read(answer, answer.call);
    else if (answer) answer.status = "interrupted";
  }

  get state(): State {
    return this.#client.state;
  }

  /** Whether an answer is under way. */
  get isAnswering(): boolean {
    return this.#answer() !== undefined;
  }

  /** Starts an agent in a project. Throws what the server says against it. */
  async open(path: string): Promise<void> {
    await this.#start(path);
    this.path = path;
    store.remember(path);
    this.#keep();
    this.#watcher.project();
  }

  /** Ends the agent, and the conversation with it. */
  leave(): void {
    this.stop();
    if (this.state.status === "connected") void this.#client.request("agent:cancel").outcome();
    this.path = "";
    this.turns.length = 0;
    store.keepConversation(undefined);
    this.#watcher.status(undefined);
    this.#watcher.project();
  }

  /** Says something to the agent. */
  say(text: string): void {
    this.#add({ who: "you", text });
    const answer: Answer = { who: "agent", text: "", status: "streaming" };
    this.#add(answer);
    void this.#read(answer);
  }

  /** Says once more what was answered by this turn. */
  sayAgain(index: number): void {
    const said = this.turns.slice(0, index).findLast((turn) => turn.who === "you");
    if (said && !this.isAnswering) this.say(said.text);
  }

  /** Stops the answer. */
  stop(): void {
    this.#cancel?.();
  }

  /** Ends the connection; the conversation is kept no more by this page. */
  end(): void {
    clearTimeout(this.#keeping);
    void this.#client.close();
  }

  async #start(path: string): Promise<void> {
    const projectId = path.split(/[/\\]/).findLast((part) => part !== "") ?? "project";
    const request = { projectId: projectId.slice(0, 128), projectPath: path };
    const starting = this.#client.request("agent:start", request).then(() => {});
    this.#starting = starting;
    try {
      await starting;
    } finally {
      if (this.#starting === starting) this.#starting = undefined;
    }
  }

  /** The answer that is under way. */
  #answer(): Answer | undefined {
    const isUnderWay = (turn: Turn): turn is Answer => turn.who === "agent" && turn.status === "streaming";
    return this.turns.findLast(isUnderWay);
  }

  /** Reads an answer: a new one, or, by its call, one that an earlier page has asked for. */
  async #read(answer: Answer, call?: number, isRetry = false): Promise<void> {
    const asked = this.turns.slice(0, this.turns.indexOf(answer)).findLast((turn) => turn.who === "you");
    const content = asked?.text ?? "";
    const stream = this.#client.stream("agent:message", { content }, call ? { id: call } : {});
    answer.call = stream.id;
    this.#cancel = () => stream.cancel();
    this.#changed(answer);
    try {
      for await (const chunk of stream) {
        answer.text += chunk.content;
        this.#changed(answer);
      }
      answer.status = "done";
    } catch (error) {
      const { code, message } = error as WireloomError;
      if (code === "session_not_found" && this.path && !isRetry) {
        // The server was restarted since: the agent is started anew, then it is asked again.
        try {
          await (this.#starting ?? this.#start(this.path));
          return this.#read(answer, undefined, true);
        } catch (error) {
          answer.why = (error as Error).message;
        }
        answer.status = "failed";
      } else if (code === "cancelled") {
        answer.status = "stopped";
      } else {
        answer.status = code === "interrupted" ? "interrupted" : "failed";
        answer.why = message;
      }
    }
    delete answer.call;
    this.#cancel = undefined;
    this.#watcher.status(undefined);
    this.#changed(answer);
    this.#keep();
  }

  /** What the server knew of this conversation is gone. What the page shows stays. */
  #begunAnew(reason: string): void {
    this.#watcher.status(undefined);
    if (!this.path) return;
    const starting = this.#start(this.path);
    const tell = (text: string) => {
      this.#add({ who: "notice", text: `${REASONS[reason] ?? "The connection was lost."} ${text}` });
    };
    starting.then(
      () => tell("The agent has begun anew and does not know what was said before."),
      (error: WireloomError) => tell(`The agent could not be started: ${error.message}`),
    );
  }

  #add(turn: Turn): void {
    this.turns.push(turn);
    this.#watcher.turn(this.turns.length - 1);
    this.#keep();
  }

  #changed(turn: Turn): void {
    const index = this.turns.indexOf(turn);
    if (index < 0) return;
    this.#watcher.turn(index);
    this.#keeping ??= setTimeout(() => this.#keep(), KEEP_EVERY);
  }

  /** Keeps what is shown together with what takes the session up again: neither is of use without the other. */
  #keep(): void {
    clearTimeout(this.#keeping);
    this.#keeping = undefined;
    if (!this.path) return;
    store.keepConversation({ path: this.path, turns: this.turns, session: this.#client.session });
  }
}
