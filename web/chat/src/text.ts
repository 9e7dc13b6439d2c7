/**
 * Text of an agent as elements: fenced blocks and code stand out, everything else stays as it is. Elements only, never HTML.
 */

/** Parts of a text: what stands between fences, and the rest. A fence that is not closed yet runs to the end. */
function blocks(text: string): { code: boolean; text: string }[] {
  const blocks = [];
  let rest = text;
  for (let fence; (fence = /^```[^\n`]*\n/m.exec(rest)); ) {
    blocks.push({ code: false, text: rest.slice(0, fence.index).replace(/\n$/, "") });
    rest = rest.slice(fence.index + fence[0].length);
    const end = /^```[^\S\n]*(\n|$)/m.exec(rest);
    blocks.push({ code: true, text: (end ? rest.slice(0, end.index) : rest).replace(/\n$/, "") });
    rest = end ? rest.slice(end.index + end[0].length) : "";
  }
  blocks.push({ code: false, text: rest });
  return blocks.filter(({ code, text }) => code || text !== "");
}

function element(name: string, text: string): HTMLElement {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}

/** Elements of a text. */
export function elements(text: string): Node[] {
  return blocks(text).flatMap((block): Node[] => {
    if (block.code) {
      const pre = document.createElement("pre");
      pre.append(element("code", block.text));
      // It may be too wide: who has no mouse scrolls it by keys.
      pre.tabIndex = 0;
      return [pre];
    }
    return block.text.split(/(`[^`\n]+`)/).map((part) => {
      const isCode = part.length > 2 && part.startsWith("`") && part.endsWith("`");
      return isCode ? element("code", part.slice(1, -1)) : document.createTextNode(part);
    });
  });
}
