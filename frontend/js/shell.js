// Theme, copying, the navigation on a phone, the keys' names on this machine.
import { announce, mac, on } from "./dom.js";

function showTheme() {
  const chosen = document.documentElement.dataset.theme ?? "system";
  for (const button of document.querySelectorAll("[data-set-theme]")) {
    button.setAttribute("aria-pressed", String(button.dataset.setTheme === chosen));
  }
}

function keep(key, value) {
  try {
    if (value) localStorage.setItem(key, value);
    else localStorage.removeItem(key);
  } catch {
    // Storage is refused: the choice holds for this page.
  }
}

function setTheme(chosen) {
  const theme = chosen === "system" ? "" : chosen;
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  keep("theme", theme);
  showTheme();
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    announce(`${what} copied`);
    toast(`${what} copied`);
  } catch {
    toast("The browser does not allow copying here.");
  }
}

function toast(sentence) {
  document.querySelector(".sw-toast")?.remove();
  const note = document.createElement("div");
  note.className = "sw-toast";
  note.textContent = sentence;
  document.body.append(note);
  setTimeout(() => note.remove(), 2500);
}

function nameKeys() {
  if (!mac) return;
  for (const key of document.querySelectorAll("kbd[data-mod]")) key.textContent = `⌘${key.dataset.mod}`;
}

export function startShell() {
  showTheme();
  nameKeys();
  for (const clock of document.querySelectorAll("time[data-clock]")) {
    clock.textContent = new Date(clock.dateTime).toLocaleTimeString();
  }
  on("click", "[data-set-theme]", (button) => setTheme(button.dataset.setTheme));
  on("click", '[href^="#theme-"]', (link, event) => {  // the palette's commands
    event.preventDefault();
    setTheme(link.hash.slice("#theme-".length));
    link.closest("dialog")?.close();
  });
  on("click", "[data-copy]", (element) => copy(element.dataset.copy, "Text"));
  on("click", "[data-copy-curl]", (element, event) => {
    event.preventDefault();
    const url = new URL(element.dataset.copyCurl, location.href);
    copy(`curl -H "Authorization: Bearer $SLIPWAY_TOKEN" '${url}'`, "Command");
  });
  on("click", "[data-nav-toggle]", (element, event) => {
    event.preventDefault();
    const open = document.body.toggleAttribute("data-nav-open");
    element.setAttribute("aria-expanded", String(open));
    if (open) document.querySelector(".sw-nav a")?.focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !document.body.hasAttribute("data-nav-open")) return;
    document.body.removeAttribute("data-nav-open");
    document.querySelector("[data-nav-toggle]")?.focus();
  });
}
