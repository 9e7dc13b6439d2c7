/**
 * The agent's page: signs in where it must, picks a project, talks. Ties the elements to the conversation.
 */

import type { State, WireloomError } from "@wireloom/client";

import type { SessionStatus } from "../../../generated/protocol";
import { Talk } from "./conversation";
import * as store from "./store";
import { announce, byId, scrollToEnd, showConnection, showProject, showStatus, showTurn, showTurns } from "./view";

const prompt = byId<HTMLTextAreaElement>("prompt");
const path = byId<HTMLInputElement>("path");
const token = byId<HTMLInputElement>("token");
let talk: Talk | undefined;
/** What the agent does, as the server said last. */
let doing: SessionStatus | undefined;
/** Turns that have changed since the page was drawn. */
const changed = new Set<number>();

/** Shows one of the parts of the page. */
function show(part: "sign-in" | "open" | "chat"): void {
  for (const id of ["sign-in", "open", "chat"]) byId(id).hidden = id !== part;
  byId("leave").hidden = part !== "chat";
}

function showButtons(): void {
  const answering = talk?.isAnswering ?? false;
  // Focus goes with the button that takes the other's place.
  const hadFocus = document.activeElement === byId(answering ? "send" : "stop");
  byId("send").hidden = answering;
  byId("stop").hidden = !answering;
  if (hadFocus) prompt.focus();
}

function showRecent(): void {
  const paths = store.recent();
  byId("recent").hidden = paths.length === 0;
  byId("recent-list").replaceChildren(
    ...paths.map((recent) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = recent;
      button.addEventListener("click", () => {
        path.value = recent;
        void open();
      });
      item.append(button);
      return item;
    }),
  );
}

function showPart(): void {
  if (!talk) return;
  showProject(talk.path);
  if (talk.path) {
    show("chat");
    showTurns(talk.turns, sayAgain);
    showButtons();
    prompt.focus();
  } else {
    show("open");
    showRecent();
    path.focus();
  }
}

/** Draws what has changed, once for everything that came since the last time. */
function draw(): void {
  for (const index of changed) {
    showTurn(talk?.turns ?? [], index, sayAgain);
    const turn = talk?.turns[index];
    if (turn?.who === "agent" && turn.status !== "streaming") announce(turn.text || "The agent did not answer.");
    if (turn?.who === "notice") announce(turn.text);
  }
  changed.clear();
  showButtons();
}

function sayAgain(index: number): void {
  talk?.sayAgain(index);
  scrollToEnd();
  prompt.focus();
}

function begin(): void {
  talk?.end();
  talk = new Talk(
    {
      turn: (index) => {
        if (changed.size === 0) requestAnimationFrame(draw);
        changed.add(index);
      },
      connection: connectionChanged,
      status: (status) => {
        doing = status;
        showDoing();
      },
      project: showPart,
    },
    store.token(),
  );
  showConnection(talk.state);
  showPart();
}

function showDoing(): void {
  showStatus(doing, talk?.state.status === "connected");
}

function connectionChanged(state: State): void {
  showConnection(state);
  showDoing();
  if (state.status !== "ended" || state.ended.kind !== "final") return;
  if (state.ended.action === "log-in") signIn("The token is not accepted, or no longer.");
}

function signIn(why: string): void {
  byId("sign-in-error").textContent = why;
  store.keepToken(undefined);
  show("sign-in");
  token.focus();
}

async function open(): Promise<void> {
  const button = byId<HTMLButtonElement>("open-button");
  const failure = byId("open-error");
  failure.textContent = "";
  path.removeAttribute("aria-invalid");
  button.disabled = true;
  try {
    await talk?.open(path.value.trim());
  } catch (error) {
    failure.textContent = (error as WireloomError).message;
    path.setAttribute("aria-invalid", "true");
    path.focus();
  } finally {
    button.disabled = false;
  }
}

function say(): void {
  const text = prompt.value.trim();
  if (!text || !talk || talk.isAnswering) return;
  prompt.value = "";
  talk.say(text);
  showButtons();
  requestAnimationFrame(scrollToEnd);
}

function isDark(): boolean {
  return (store.theme() ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
}

function showTheme(): void {
  const theme = store.theme();
  if (theme) document.documentElement.dataset.theme = theme;
  byId("theme").setAttribute("aria-label", isDark() ? "Use the light theme" : "Use the dark theme");
}

byId("sign-in-form").addEventListener("submit", (event) => {
  event.preventDefault();
  store.keepToken(token.value.trim());
  token.value = "";
  begin();
});
byId("open-form").addEventListener("submit", (event) => {
  event.preventDefault();
  void open();
});
byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  say();
});
byId("stop").addEventListener("click", () => talk?.stop());
byId("leave").addEventListener("click", () => talk?.leave());
byId("theme").addEventListener("click", () => {
  store.keepTheme(isDark() ? "light" : "dark");
  showTheme();
});
prompt.addEventListener("keydown", (event) => {
  // Enter also ends the composition of a character.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  say();
});
addEventListener("keydown", ({ key }) => {
  if (key === "Escape") talk?.stop();
});
setInterval(() => {
  if (talk?.state.status === "waiting") showConnection(talk.state);
}, 1000);

showTheme();
// Where tokens are asked for, a page without one would wait for nothing.
const guarded = !store.token() && (await fetch("/api/sessions", { method: "HEAD" })).status === 401;
if (guarded) signIn("");
else begin();
