// Small helpers that several parts share.

export const mac = /Mac|iPhone|iPad/.test(navigator.platform);

/** Calls `act(element, event)` for events of `type` on elements that match, now and later. */
export function on(type, selector, act) {
  document.addEventListener(type, (event) => {
    const element = event.target instanceof Element ? event.target.closest(selector) : null;
    if (element) act(element, event);
  });
}

/** Says a sentence to screen readers, politely. */
export function announce(sentence) {
  const region = document.getElementById("sw-announce");
  if (region && sentence) region.textContent = sentence;
}

/** Whether a key belongs to what the person is typing in. */
export function typing(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}

/** Reads and writes JSON in the browser's storage; a refused storage is an empty one. */
export const store = {
  get(key, fallback) {
    try {
      return JSON.parse(localStorage.getItem(key)) ?? fallback;
    } catch {
      return fallback;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(key, JSON.stringify(value));
    } catch {
      // Storage is full or refused: nothing is remembered.
    }
  },
};

/** An element with attributes and children (text or elements); nothing is ever parsed as HTML. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== "" && child !== null && child !== undefined));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** An icon of the sheet that the page names. */
export function icon(sheet, name, css = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon ${css}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${sheet}#i-${name}`);
  svg.append(use);
  return svg;
}
