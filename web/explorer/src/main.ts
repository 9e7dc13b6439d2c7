/**
 * The explorer: the protocol that a server speaks, read, tried out and watched.
 */

import { begin, composer, type Draft } from "./composer.js";
import { describe, describeErrors, describeStates, describeType, messageLink } from "./docs.js";
import { byId, h, prose } from "./dom.js";
import { log, type Log } from "./log.js";
import { open, type Connection } from "./net.js";
import { at, type Protocol } from "./protocol.js";

const status = byId("status");

void start().catch((error: unknown) => {
  status.textContent = "The protocol cannot be read";
  status.dataset.kind = "bad";
  byId("view").replaceChildren(h("p", { role: "alert" }, `The protocol cannot be read: ${(error as Error).message}`));
});

async function start(): Promise<void> {
  const response = await fetch("explorer/protocol.json");
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const protocol = (await response.json()) as Protocol;
  const { name, version } = protocol.info;
  document.title = `${name} ${version}: explorer`;
  byId("protocol").replaceChildren(name, " ", h("span", { class: "muted" }, version));

  const frames = log(protocol, {
    rows: byId("rows"),
    filter: byId("log-filter"),
    engine: byId("log-engine"),
    follow: byId("log-follow"),
    clear: byId("log-clear"),
    count: byId("log-count"),
  });
  const connection = connected(protocol, frames);
  contents(protocol);
  views(protocol, connection);
  panes();
}

/** Keeps a connection, and has it cut and opened anew by the buttons. */
function connected(protocol: Protocol, frames: Log): () => Connection {
  const end = byId<HTMLButtonElement>("end");
  const drop = byId<HTMLButtonElement>("drop");
  let ended = false;
  let told = false;

  const connect = (): Connection =>
    open(protocol, byId<HTMLInputElement>("token").value.trim() || undefined, {
      frame: (direction, text) => frames.frame(direction, text),
      state(state) {
        ended = state.status === "ended";
        end.textContent = ended ? "Connect" : "Disconnect";
        drop.disabled = state.status !== "connected";
        status.dataset.kind = state.status === "connected" ? "good" : ended ? "bad" : "wait";
        switch (state.status) {
          case "connecting":
            status.textContent = "Connecting";
            break;
          case "connected":
            status.textContent = "Connected";
            status.title = state.clientId ?? "";
            told = false;
            break;
          case "waiting":
            status.textContent = "Connection lost";
            // Once, however often it is tried.
            if (!told) frames.notice(`connection lost${lost(state.lost)}; connecting again`);
            told = true;
            break;
          case "closing":
            status.textContent = "Closing";
            break;
          case "ended":
            status.textContent = "Disconnected";
            frames.notice(state.ended.kind === "final" ? `the server ended it${lost(state.ended.lost)}: ${state.ended.action}` : "disconnected");
        }
      },
      notice(notice) {
        if (notice.kind === "resumed") frames.notice(`resumed: nothing lost, ${notice.replayed} messages replayed`);
        else if (notice.kind === "lost-session") frames.notice(`a new session; the old one is lost (${notice.reason})`);
        else if (notice.kind === "unreadable") frames.notice(`the server sent what is no message: ${notice.why}`);
        else if (notice.kind === "not-sent") frames.notice(`${notice.type} was not sent: it is larger than ${notice.limit} bytes`);
      },
    });

  let current = connect();
  drop.addEventListener("click", () => {
    const seconds = Number(byId<HTMLSelectElement>("down").value);
    frames.notice(seconds > 0 ? `connection cut for ${seconds} s` : "connection cut");
    current.drop(seconds * 1000);
  });
  end.addEventListener("click", () => {
    if (ended) current = connect();
    else current.close();
  });
  byId<HTMLFormElement>("credentials").addEventListener("submit", (event) => {
    event.preventDefault();
    current.close();
    current = connect();
  });
  return () => current;
}

function lost(why: { kind: string; code?: number; reason?: string }): string {
  if (why.kind !== "closed") return ` (${why.kind})`;
  return why.code === 1006 ? "" : ` (${[why.code, why.reason].filter(Boolean).join(" ")})`;
}

/** The list of everything that can be looked at. */
function contents(protocol: Protocol): void {
  const messages = Object.entries(protocol.messages);
  const groups: [string, [string, string][]][] = [
    ["Clients send", messages.filter(([, { from, engine }]) => !engine && from !== "server").map(([name]) => [name, messageLink(name)])],
    ["The server sends", messages.filter(([, { from, engine }]) => !engine && from === "server").map(([name]) => [name, messageLink(name)])],
    ["Types", Object.keys(protocol.$defs).map((name) => [name, `#type/${encodeURIComponent(name)}`])],
    ["More", [["About", "#about"], ...(protocol.states ? [["States", "#states"] as [string, string]] : []), ["Errors", "#errors"]]],
    ["Engine", messages.filter(([, { engine }]) => engine).map(([name]) => [name, messageLink(name)])],
  ];
  const nav = byId("contents");
  for (const [title, entries] of groups) {
    if (entries.length === 0) continue;
    const isCode = title !== "More";
    const items = entries.map(([name, href]) => h("li", {}, h("a", { href }, isCode ? h("code", {}, name) : name)));
    nav.append(h("section", {}, h("h2", {}, title), h("ul", {}, ...items)));
  }
  const filter = byId<HTMLInputElement>("filter");
  filter.addEventListener("input", () => {
    const wanted = filter.value.toLowerCase();
    for (const item of nav.querySelectorAll("li")) item.hidden = !(item.textContent ?? "").toLowerCase().includes(wanted);
    for (const section of nav.querySelectorAll("section")) section.hidden = !section.querySelector("li:not([hidden])");
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      show("contents-pane");
      filter.focus();
    }
  });
}

/** Shows what the address of the page names. */
function views(protocol: Protocol, connection: () => Connection): void {
  const view = byId("view");
  const drafts = new Map<string, Draft>();
  const first = Object.entries(protocol.messages).find(([, { engine, from }]) => !engine && from !== "server")?.[0];

  const lookUp = (isMoved: boolean) => {
    const [kind, encoded = ""] = location.hash.slice(1).split("/");
    const name = decoded(encoded);
    const message = at(protocol.messages, name);
    const title = (text: string, isCode = true) => h("h2", { tabindex: -1, id: "title" }, isCode ? h("code", {}, text) : text);
    if (kind === "message" && message) {
      const parts: HTMLElement[] = [title(name)];
      if (message.from !== "server" && !message.engine) {
        let draft = drafts.get(name);
        if (!draft) drafts.set(name, (draft = { value: begin(protocol, message), json: undefined }));
        parts.push(composer(protocol, name, message, draft, connection));
      }
      const sender = { client: "Clients send this.", server: "The server sends this.", both: "Both sides send this." }[message.from];
      view.replaceChildren(...parts, h("p", { class: "muted" }, sender), ...describe(protocol, name, message));
    } else if (kind === "type" && Object.hasOwn(protocol.$defs, name)) {
      view.replaceChildren(title(name), ...describeType(protocol, name));
    } else if (kind === "states" && protocol.states) {
      view.replaceChildren(title("States", false), ...describeStates(protocol.states));
    } else if (kind === "errors") {
      view.replaceChildren(title("Errors", false), ...describeErrors(protocol));
    } else if (kind === "about" || !first) {
      view.replaceChildren(title(`${protocol.info.name} ${protocol.info.version}`, false), ...about(protocol));
    } else {
      history.replaceState(null, "", messageLink(first));
      return lookUp(isMoved);
    }
    for (const link of byId("contents").querySelectorAll("a")) {
      if (link.getAttribute("href") === location.hash) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    byId("main-pane").scrollTop = 0;
    if (isMoved) {
      show("main-pane");
      byId("title").focus();
    }
  };
  window.addEventListener("hashchange", () => lookUp(true));
  lookUp(false);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

function about(protocol: Protocol): HTMLElement[] {
  const { connection } = protocol;
  const rows: [string, string][] = [
    ["Endpoint", connection.path],
    ["Subprotocol", protocol.subprotocol],
    ["Heartbeat", `a ping every ${connection.heartbeatIntervalMs / 1000} s`],
    ["Resume", `for ${connection.resumeWindowMs / 1000} s`],
    ["Largest message", `${connection.limits.messageBytes} bytes`],
    ["Hash", protocol.hash],
  ];
  const facts = h("dl", { class: "facts" }, ...rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, h("code", {}, value)))));
  return [...prose(protocol.info.description), facts];
}

/** On a narrow screen one pane is seen at a time. */
function panes(): void {
  for (const tab of document.querySelectorAll<HTMLButtonElement>("#panes button")) {
    tab.addEventListener("click", () => show(tab.dataset.pane ?? ""));
  }
  show("main-pane");
}

function show(pane: string): void {
  document.body.dataset.pane = pane;
  for (const tab of document.querySelectorAll<HTMLButtonElement>("#panes button")) {
    tab.setAttribute("aria-pressed", String(tab.dataset.pane === pane));
  }
}
