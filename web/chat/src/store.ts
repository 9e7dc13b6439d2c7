/**
 * What outlives the page: in the tab, the conversation with what takes its session up again; in the browser, the projects
 * that were opened and the theme.
 */

import type { Session } from "@wireloom/client";

/** One thing that was said. */
export type Turn =
  | { who: "you"; text: string }
  | { who: "agent"; text: string; status: "streaming" | "done" | "stopped" | "interrupted" | "failed"; call?: number; why?: string }
  /** Something that happened to the conversation. */
  | { who: "notice"; text: string };

/** A conversation. The session and the turns belong together: what was received is in the turns, what is missing comes again. */
export interface Conversation {
  path: string;
  turns: Turn[];
  session?: Session | undefined;
}

const CONVERSATION = "agent.conversation";
const TOKEN = "agent.token";
const RECENT = "agent.recent";
const THEME = "agent.theme";
/** Projects that are remembered. */
const MOST_RECENT = 6;

/** Storage may be full, or forbidden: then nothing outlives the page. */
function read(storage: Storage, key: string): unknown {
  try {
    return JSON.parse(storage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

function write(storage: Storage, key: string, value: unknown): void {
  try {
    if (value === undefined) storage.removeItem(key);
    else storage.setItem(key, JSON.stringify(value));
  } catch {
    // As if there were none.
  }
}

export function conversation(): Conversation | undefined {
  const kept = read(sessionStorage, CONVERSATION) as Conversation | null;
  return kept && typeof kept.path === "string" && Array.isArray(kept.turns) ? kept : undefined;
}

export function keepConversation(conversation: Conversation | undefined): void {
  write(sessionStorage, CONVERSATION, conversation);
}

export function token(): string | undefined {
  const kept = read(sessionStorage, TOKEN);
  return typeof kept === "string" ? kept : undefined;
}

export function keepToken(token: string | undefined): void {
  write(sessionStorage, TOKEN, token);
}

export function recent(): string[] {
  const kept = read(localStorage, RECENT);
  return Array.isArray(kept) ? kept.filter((path) => typeof path === "string").slice(0, MOST_RECENT) : [];
}

export function remember(path: string): void {
  write(localStorage, RECENT, [path, ...recent().filter((other) => other !== path)].slice(0, MOST_RECENT));
}

export function theme(): string | undefined {
  const kept = read(localStorage, THEME);
  return kept === "light" || kept === "dark" ? kept : undefined;
}

export function keepTheme(theme: string): void {
  write(localStorage, THEME, theme);
}
