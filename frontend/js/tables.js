// Selection of rows and the bar that acts on it.
import { on } from "./dom.js";

function show(table) {
  const rows = [...table.querySelectorAll("[data-select-row]")];
  const chosen = rows.filter((box) => box.checked);
  for (const box of rows) box.closest("tr")?.setAttribute("aria-selected", String(box.checked));
  const all = table.querySelector("[data-select-all]");
  if (all) {
    all.checked = rows.length > 0 && chosen.length === rows.length;
    all.indeterminate = chosen.length > 0 && chosen.length < rows.length;
  }
  const bar = table.closest("form, .sw-panel")?.querySelector("[data-bulk]");
  if (!bar) return;
  bar.hidden = chosen.length === 0;
  const number = bar.querySelector("[data-bulk-count]");
  if (number) number.textContent = `${chosen.length} selected`;
}

export function startTables() {
  on("change", "[data-select-row]", (box) => show(box.closest("table")));
  on("change", "[data-select-all]", (all) => {
    const table = all.closest("table");
    for (const box of table.querySelectorAll("[data-select-row]")) box.checked = all.checked;
    show(table);
  });
  on("click", "[data-bulk-clear]", (button) => {
    const table = button.closest("form, .sw-panel")?.querySelector("table");
    for (const box of table?.querySelectorAll("[data-select-row]") ?? []) box.checked = false;
    if (table) show(table);
  });
}
