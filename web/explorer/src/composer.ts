/**
 * Sends one message: a form or JSON, what is wrong with it, and what came back.
 */

import { WireloomError } from "@wireloom/client";

import { h } from "./dom.js";
import { form, type Form } from "./form.js";
import type { Connection } from "./net.js";
import { sample, type Json, type Message, type Problem, type Protocol } from "./protocol.js";
import { problems } from "./validate.js";

/** What the page keeps of a message while others are looked at. */
export interface Draft {
  value: Json;
  /** The text, where it is edited as JSON. */
  json: string | undefined;
}

/** The part of the page that sends a message of this type. */
export function composer(protocol: Protocol, name: string, message: Message, draft: Draft, connection: () => Connection): HTMLElement {
  const list = h("ul", { class: "problems" });
  const verdict = h("p", { class: "verdict", role: "status" });
  const place = h("div", {});
  const isForm = h("input", { type: "radio", name: "editor", id: "editor-form", checked: draft.json === undefined });
  const isJson = h("input", { type: "radio", name: "editor", id: "editor-json", checked: draft.json !== undefined });
  const cancel = h("button", { type: "button", disabled: true, onclick: () => abort?.abort() }, "Cancel");
  let abort: AbortController | undefined;
  let fields: Form | undefined;
  let text: HTMLTextAreaElement | undefined;

  function layOut(): void {
    if (draft.json === undefined) {
      text = undefined;
      fields = form(protocol, message.payload, draft.value, (value) => {
        draft.value = value;
        feedback();
      });
      place.replaceChildren(fields.element);
    } else {
      fields = undefined;
      text = h("textarea", { class: "code", rows: 12, spellcheck: "false", autocomplete: "off", "aria-label": "Payload as JSON", "aria-describedby": "problems" });
      text.value = draft.json;
      text.addEventListener("input", () => {
        draft.json = text!.value;
        feedback();
      });
      place.replaceChildren(text);
    }
    feedback();
  }

  isForm.addEventListener("change", () => {
    const parsed = parse();
    if ("wrong" in parsed) {
      isJson.checked = true;
      tell("bad", "A form needs a payload that is JSON.");
      return;
    }
    draft.value = parsed.value;
    draft.json = undefined;
    layOut();
  });
  isJson.addEventListener("change", () => {
    draft.json = JSON.stringify(draft.value, null, 2);
    layOut();
  });

  function parse(): { value: Json } | { wrong: Problem } {
    if (draft.json === undefined) return { value: draft.value };
    try {
      return { value: JSON.parse(draft.json) as Json };
    } catch (error) {
      return { wrong: { path: "", keyword: "json", message: `this is no JSON: ${(error as Error).message}` } };
    }
  }

  /** What this page finds, at once. */
  function feedback(): void {
    const parsed = parse();
    show("wrong" in parsed ? [parsed.wrong] : problems(protocol, message.payload, parsed.value), "here");
    if (!abort) tell("", "");
  }

  function show(found: Problem[], by: "here" | "server"): void {
    fields?.show(found);
    text?.setAttribute("aria-invalid", String(found.length > 0));
    list.replaceChildren(
      ...found.map((problem) => {
        const where = h("code", {}, problem.path || "payload");
        const what = [by === "server" ? h("strong", {}, "server ") : "", where, ` ${problem.message}`];
        return h("li", {}, fields ? h("button", { type: "button", class: "plain", onclick: () => fields?.focus(problem) }, ...what) : h("span", {}, ...what));
      }),
    );
    list.dataset.by = by;
  }

  function tell(kind: "" | "good" | "bad" | "wait", words: string): void {
    verdict.dataset.kind = kind;
    verdict.textContent = words;
  }

  async function send(): Promise<void> {
    const parsed = parse();
    const { client, raw } = connection();
    if ("wrong" in parsed) {
      // Not even JSON: the server may say so itself.
      const sent = raw(`{"type":${JSON.stringify(name)},"payload":${draft.json}}`);
      return tell(sent ? "wait" : "bad", sent ? "Sent as it stands; the log has the answer." : "There is no connection.");
    }
    const mine = (abort = new AbortController());
    cancel.disabled = false;
    const began = performance.now();
    const options = { signal: mine.signal };
    tell("wait", client.state.status === "connected" ? "Sent." : "Waits for the connection.");
    try {
      if (message.stream) {
        let items = 0;
        for await (const _item of client.stream(name, parsed.value, options)) tell("wait", `${(items += 1)} items so far.`);
        tell("good", `${items} items in ${took(began)}.`);
      } else if (message.reply) {
        await client.request(name, parsed.value, options);
        tell("good", `Answered by ${message.reply} in ${took(began)}.`);
      } else {
        await client.deliver(name, parsed.value, options);
        tell("good", `Taken by the server in ${took(began)}.`);
      }
    } catch (error) {
      if (!(error instanceof WireloomError)) throw error;
      tell("bad", `${error.code}: ${error.message}${error.retryable ? " (may be retried)" : ""}`);
      if (error.details.length > 0) {
        show([...error.details], "server");
        fields?.focus(error.details[0]!);
      }
    } finally {
      if (abort === mine) {
        abort = undefined;
        cancel.disabled = true;
      }
    }
  }

  const examples = (message.examples ?? []).map((example, at) =>
    h("button", { type: "button", class: "small", onclick: () => use(example) }, (message.examples ?? []).length > 1 ? `example ${at + 1}` : "example"),
  );

  function use(value: Json): void {
    draft.value = structuredClone(value);
    draft.json = draft.json === undefined ? undefined : JSON.stringify(value, null, 2);
    layOut();
  }

  const element = h(
    "form",
    { class: "composer", novalidate: true, "aria-label": `Send ${name}` },
    h(
      "div",
      { class: "bar" },
      h(
        "fieldset",
        { class: "switch" },
        h("legend", { class: "unseen" }, "Edit as"),
        isForm,
        h("label", { for: "editor-form" }, "Form"),
        isJson,
        h("label", { for: "editor-json" }, "JSON"),
      ),
      h("div", { class: "fill" }, ...examples, h("button", { type: "button", class: "small", onclick: () => use(begin(protocol, message)) }, "reset")),
    ),
    place,
    h("div", { id: "problems" }, list),
    h("div", { class: "bar send" }, h("button", { type: "submit", class: "primary" }, "Send"), cancel, verdict),
  );
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    void send();
  });
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void send();
    }
  });
  layOut();
  return element;
}

/** What the editor of a message begins with. */
export function begin(protocol: Protocol, message: Message): Json {
  return structuredClone(message.examples?.[0] ?? sample(protocol, message.payload));
}

function took(began: number): string {
  return `${(performance.now() - began).toFixed(0)} ms`;
}
