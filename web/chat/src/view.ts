/**
 * What the page shows of a conversation. Writes elements, decides nothing.
 */

import type { Ended, State } from "@wireloom/client";

import type { SessionStatus } from "../../../generated/protocol";
import type { Turn } from "./store";
import { elements } from "./text";

/** The element of this id. */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no ${id}`);
  return element as E;
}

const STATUS: { [status in SessionStatus]: string } = {
  idle: "",
  thinking: "The agent is thinking …",
  streaming: "The agent is answering …",
  error: "The agent has failed.",
};

/** What the agent does, as far as it can be known without a connection. */
export function showStatus(status: SessionStatus | undefined, isConnected: boolean): void {
  const text = status ? STATUS[status] : "";
  byId("status").textContent = text && !isConnected ? "The answer goes on when the connection is back." : text;
}

/** Why there will be no further attempt, for people. */
function whyEnded(ended: Ended): string {
  if (ended.kind !== "final") return "Closed";
  const { lost, action } = ended;
  if (lost.kind === "closed" && lost.code === 4409) return "Open elsewhere";
  return { "log-in": "Signed out", upgrade: "Reload the page" }[action as string] ?? "Refused";
}

/** How the connection is. */
export function showConnection(state: State): void {
  const { status } = state;
  const waits = status === "waiting" ? Math.ceil((state.retryAt - Date.now()) / 1000) : 0;
  const texts = {
    connecting: "Connecting",
    connected: "Connected",
    waiting: waits > 1 ? `Retry in ${waits} s` : "Reconnecting",
    closing: "Closing",
    ended: status === "ended" ? whyEnded(state.ended) : "",
  };
  const badge = byId("connection");
  if (badge.dataset.state !== status) badge.dataset.state = status;
  const text = byId("connection-text");
  if (text.textContent !== texts[status]) text.textContent = texts[status];
}

/** The project that is open. */
export function showProject(path: string): void {
  byId("project").textContent = path;
  byId("project").title = path;
  document.title = path ? `${path.split(/[/\\]/).findLast((part) => part !== "") ?? path} – Agent` : "Agent";
}

const log = () => byId("log");

/** Runs a change of the log; who has scrolled to its end stays there. */
function atTheEnd(change: () => void): void {
  const element = log();
  const follows = element.scrollHeight - element.scrollTop - element.clientHeight < 48;
  change();
  if (follows) element.scrollTop = element.scrollHeight;
}

/** Shows the end of the conversation. */
export function scrollToEnd(): void {
  log().scrollTop = log().scrollHeight;
}

/** Every turn. */
export function showTurns(turns: readonly Turn[], sayAgain: (index: number) => void): void {
  byId("turns").replaceChildren();
  byId("empty").hidden = turns.length > 0;
  turns.forEach((_, index) => showTurn(turns, index, sayAgain));
  scrollToEnd();
}

/** One turn, new or changed. */
export function showTurn(turns: readonly Turn[], index: number, sayAgain: (index: number) => void): void {
  const turn = turns[index];
  if (!turn) return;
  atTheEnd(() => {
    byId("empty").hidden = true;
    const list = byId("turns");
    const item = list.children[index] ?? list.appendChild(document.createElement("li"));
    item.replaceChildren(...parts(turn, () => sayAgain(index)));
    item.className = turn.who === "notice" ? "notice" : `turn ${turn.who} ${turn.who === "agent" ? turn.status : ""}`;
  });
}

const ENDS = {
  streaming: "",
  done: "",
  stopped: "Stopped.",
  interrupted: "The answer broke off.",
  failed: "There is no answer.",
};

function parts(turn: Turn, sayAgain: () => void): Node[] {
  if (turn.who === "notice") return [create("p", "", turn.text)];
  const who = create("span", "who", turn.who === "you" ? "You" : "Agent");
  const text = create("div", "text");
  text.append(...elements(turn.text));
  if (turn.who === "you" || !ENDS[turn.status]) return [who, text];
  const end = create("p", "end", `${ENDS[turn.status]} ${turn.status === "failed" ? (turn.why ?? "") : ""}`.trim());
  const again = create("button", "", "Send again") as HTMLButtonElement;
  again.type = "button";
  again.addEventListener("click", sayAgain);
  end.append(again);
  return turn.text ? [who, text, end] : [who, end];
}

function create(name: string, className: string, text = ""): HTMLElement {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}

/** Has a text read out to those who hear the page. */
export function announce(text: string): void {
  byId("announcer").textContent = text;
}
