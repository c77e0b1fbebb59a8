// ⌘K: pages, objects and commands from /palette/, the last visited first while nothing is typed.
import Combobox from "@github/combobox-nav";

import { icon, make, on, store } from "./dom.js";

const RECENT = 6;
const WAIT = 80; // ms without a key before asking

let dialog, input, list, count, combobox, sheet, timer, asked;

const recentKey = () => `recent:${document.body.dataset.user ?? ""}`;

function remember() {
  const heading = document.querySelector(".sw-crumbs")?.textContent.replace(/\s+/g, " ").trim();
  if (!heading || location.pathname === "/" || document.querySelector("[data-error-page]")) return;
  const here = { title: heading.replaceAll(" / ", " / "), url: location.pathname };
  const others = store.get(recentKey(), []).filter((entry) => entry.url !== here.url);
  store.set(recentKey(), [here, ...others].slice(0, RECENT + 1));
}

function marked(title, text) {
  const span = make("span");
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let rest = title;
  while (rest) {
    const lower = rest.toLowerCase();
    const found = words.map((word) => [lower.indexOf(word), word.length]).filter(([at]) => at >= 0).sort((a, b) => a[0] - b[0])[0];
    if (!found) break;
    const [at, length] = found;
    span.append(rest.slice(0, at), make("mark", {}, rest.slice(at, at + length)));
    rest = rest.slice(at + length);
  }
  span.append(rest);
  return span;
}

function option(hit, text, id) {
  const right = make("span", { class: "r" });
  if (hit.status) right.append(make("span", { class: `sw-status is-${hit.tone}` }, icon(sheet, hit.status_icon), hit.status));
  if (hit.detail) right.append(hit.detail);
  for (const key of hit.keys ?? []) right.append(make("kbd", {}, key));
  const attributes = { role: "option", id, tabindex: "-1" };
  const body = [icon(sheet, hit.disabled ? "lock" : hit.icon), marked(hit.title, text), right];
  if (hit.disabled) return make("div", { ...attributes, "aria-disabled": "true" }, ...body);
  return make("a", { ...attributes, href: hit.url }, ...body);
}

function show(groups, text, total) {
  list.replaceChildren();
  let number = 0;
  for (const [place, group] of groups.entries()) {
    if (!group.hits.length) continue;
    const title = make("div", { class: "grp", id: `palette-group-${place}` }, group.title);
    const options = group.hits.map((hit) => option(hit, text, `palette-option-${number++}`));
    list.append(make("div", { role: "group", "aria-labelledby": title.id }, title, ...options));
  }
  if (!number) list.append(make("div", { class: "grp", role: "option", "aria-disabled": "true", id: "palette-none" }, `Nothing that you can see is called “${text}”.`));
  count.textContent = number ? `${number} of ${Math.max(total, number)} that you can see` : "";
  combobox.stop();
  combobox.start();
}

async function ask() {
  const text = input.value.trim();
  const turn = (asked = Symbol("question"));
  try {
    const answer = await fetch(`${dialog.dataset.url}?q=${encodeURIComponent(text)}`, {
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(5000),
    });
    if (!answer.ok) throw new Error(String(answer.status));
    const { groups, total } = await answer.json();
    if (turn !== asked) return;
    const recent = text ? [] : store.get(recentKey(), []).filter((entry) => entry.url !== location.pathname).slice(0, RECENT);
    const visited = { title: "Visited last", hits: recent.map((entry) => ({ ...entry, icon: "history" })) };
    show([visited, ...groups], text.replace(/^>\s*/, ""), total + recent.length);
  } catch {
    if (turn !== asked) return;
    list.replaceChildren(make("div", { class: "grp" }, "The search did not answer. Type again to retry."));
    count.textContent = "";
  }
}

function open(event) {
  event?.preventDefault();
  if (dialog.open) return dialog.close();
  for (const other of document.querySelectorAll("dialog[open]")) other.close();
  input.value = "";
  dialog.showModal();
  input.focus();
  combobox = new Combobox(input, list, { firstOptionSelectionMode: "selected" });
  ask();
}

export function startPalette() {
  dialog = document.getElementById("palette");
  if (!dialog) return;
  input = document.getElementById("palette-input");
  list = document.getElementById("palette-list");
  count = document.getElementById("palette-count");
  sheet = dialog.dataset.icons;
  remember();
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.metaKey || event.ctrlKey)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const chosen = list.querySelector('[aria-selected="true"][href]');
    if (chosen) window.open(chosen.href, "_blank", "noopener");
  }, true);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => combobox?.destroy());
  on("click", "[data-palette-open]", (_, event) => open(event));
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "k" && (event.metaKey || event.ctrlKey) && !event.shiftKey && !event.altKey) open(event);
  });
}
