// Forms: sent once, asked about when left with edits, focus on what is wrong, steps of numbers.
import { on } from "./dom.js";

function sendOnce(form, event) {
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "true";
  delete form.dataset.dirty;
  (event.submitter ?? form.querySelector("[type=submit]"))?.setAttribute("aria-busy", "true");
}

function free() {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
  }
}

function step(button) {
  const input = document.getElementById(button.dataset.for);
  if (!input) return;
  const wanted = (Number.parseInt(input.value, 10) || 0) + Number(button.dataset.step);
  const low = input.min === "" ? 0 : Number(input.min);
  const high = input.max === "" ? Number.MAX_SAFE_INTEGER : Number(input.max);
  input.value = String(Math.min(high, Math.max(low, wanted)));
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

export function startForms() {
  on("submit", "form[data-once], form[data-warn-unsaved]", sendOnce);
  window.addEventListener("pageshow", free);
  on("input", "form[data-warn-unsaved]", (form) => { form.dataset.dirty = "true"; });
  window.addEventListener("beforeunload", (event) => {
    if (document.querySelector("form[data-dirty]:not([data-sent])")) event.preventDefault();
  });
  on("change", "[data-autosubmit]", (element) => element.form?.requestSubmit());
  on("click", "[data-step][data-for]", step);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.metaKey || event.ctrlKey)) return;
    const form = event.target instanceof Element ? event.target.closest("form") : null;
    const marked = form ?? document.querySelector("form[data-warn-unsaved]");
    if (!marked || marked.closest("dialog.sw-palette")) return;
    event.preventDefault();
    marked.requestSubmit();
  });
  document.querySelector("[data-focus]")?.focus();
}
