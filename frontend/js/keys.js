// Shortcuts: `g e` and its like from [data-hotkey], `/` to the filter, `?` to the help.
import { install } from "@github/hotkey";

import { on, typing } from "./dom.js";

function openHelp(event) {
  const help = document.getElementById("help");
  if (!help) return;
  event.preventDefault();
  document.getElementById("account")?.hidePopover?.();
  help.showModal();
}

export function startKeys() {
  for (const element of document.querySelectorAll("[data-hotkey]")) install(element);
  document.addEventListener("keydown", (event) => {
    if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    const filter = document.querySelector("[data-filter]");
    if (event.key === "/" && filter) {
      event.preventDefault();
      filter.focus();
      filter.select?.();
    } else if (event.key === "?") {
      openHelp(event);
    }
  });
  on("click", "[data-help]", (_, event) => openHelp(event));
}
