"use strict";
(() => {
  const filter = document.getElementById("filter");
  const found = document.getElementById("found");
  const contents = document.getElementById("contents");
  const entries = [...document.querySelectorAll("main .entry")];
  const words = new Map(entries.map((entry) => [entry, entry.textContent.toLowerCase()]));
  const links = [...document.querySelectorAll("nav [data-for]")];
  const groups = [...document.querySelectorAll("main .group")];

  const show = () => {
    const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const entry of entries) {
      const shown = wanted.every((word) => words.get(entry).includes(word));
      entry.hidden = !shown;
      count += shown ? 1 : 0;
    }
    for (const link of links) link.hidden = document.getElementById(link.dataset.for).hidden;
    for (const group of groups) {
      const inside = [...group.querySelectorAll(".entry")];
      group.hidden = wanted.length > 0 && inside.every((entry) => entry.hidden);
    }
    found.textContent = wanted.length > 0 ? `${count} of ${entries.length} entries` : "";
  };

  filter.addEventListener("input", show);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== filter && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      filter.focus();
    } else if (event.key === "Escape" && document.activeElement === filter) {
      filter.value = "";
      show();
    }
  });
  // A link to what the filter hides shows everything again.
  window.addEventListener("hashchange", () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target?.closest("[hidden]")) {
      filter.value = "";
      show();
      target.scrollIntoView();
    }
  });
  // On a phone the contents would fill the first screen.
  if (window.matchMedia("(max-width: 52rem)").matches) contents.open = false;
})();
