// Live pages: one EventSource a tab. Hints are gathered for half a second, then what they concern is
// fetched once and morphed in place: a region, or only the rows of it that they name. Hidden tabs
// close the stream and look again when they return.
import htmx from "./htmx.js";

import { announce } from "./dom.js";

const GATHER = 500; // ms
const SECOND = 1000; // ms
const SLOW = 1000; // ms from the page's arrival to the stream, in which a hint may have been missed
const WORDS = { live: "Live", paused: "Paused", lost: "Reconnecting", connecting: "Connecting" };

let source, timer, topics;
let rendered = performance.getEntriesByType("navigation")[0]?.responseEnd ?? 0;
const ALL = ""; // in place of a row: the hint named none
const touched = new Map(); // topic → the rows that hints named

function regions() {
  return [...document.querySelectorAll("[data-live-topic][id]")];
}

function wanted() {
  const named = regions().flatMap((region) => region.dataset.liveTopic.split(/\s+/));
  const page = (document.body.dataset.liveTopics ?? "").split(/\s+/);
  return [...new Set([...named, ...page])].filter(Boolean).sort();
}

function show(state) {
  for (const dot of document.querySelectorAll("[data-live]")) {
    dot.classList.toggle("is-paused", state === "paused");
    dot.classList.toggle("is-lost", state === "lost" || state === "connecting");
    const word = dot.querySelector("[data-live-word]");
    if (word) word.textContent = WORDS[state];
  }
}

function stamp() {
  const now = new Date();
  for (const place of document.querySelectorAll("[data-live-when]")) {
    const time = document.createElement("relative-time");
    time.setAttribute("datetime", now.toISOString());
    time.setAttribute("prefix", "");
    place.replaceChildren(time);
  }
}

/** What of a region looks again: ALL of it, a list of its rows, or undefined. */
function concerned(region) {
  if (region.querySelector("form[data-dirty]")) return undefined; // never under somebody's hands
  const rows = new Set(region.dataset.liveTopic.split(/\s+/).flatMap((topic) => [...(touched.get(topic) ?? [])]));
  const { liveRow, liveRows } = region.dataset;
  if (!rows.size) return undefined;
  if (rows.has(ALL)) return ALL;
  if (liveRow) return rows.has(liveRow) ? ALL : undefined;
  if (!liveRows) return ALL;
  const here = [...region.querySelectorAll("[data-live-row][id]")].map((row) => row.id);
  return here.filter((row) => rows.has(row));
}

async function fetchPage(address) {
  const answer = await fetch(address, {
    headers: { "HX-Request": "true", Accept: "text/html" },
    signal: AbortSignal.timeout(10000),
  });
  if (answer.redirected || !answer.ok) throw new Error(`${address} answered ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

async function renew(address, places) {
  const fresh = await fetchPage(address);
  for (const place of places) {
    const region = document.getElementById(place);
    const next = fresh.getElementById(place);
    if (region && !next && region.dataset.liveRow && !region.dataset.liveTopic) region.remove(); // it left the list
    if (!region || !next) continue;
    if (region.outerHTML === next.outerHTML) continue;
    const before = region.querySelector("[data-live-announce]")?.textContent.trim();
    await htmx.swap({ sourceElement: region, target: region, text: next.outerHTML, swap: "outerMorph" });
    const now = document.getElementById(place);
    const after = now?.querySelector("[data-live-announce]")?.textContent.trim();
    if (after && after !== before) announce(after);
    follow(now);
  }
}

/** Fetches what no stream tells of, every so many seconds, while somebody can see it. */
function poll(region) {
  const again = () => setTimeout(async () => {
    const now = document.getElementById(region.id);
    if (!now?.dataset.liveEvery) return;
    if (!document.hidden) await renew(now.dataset.liveRefetch, [now.id]).catch(() => {}); // the next look comes anyway
    again();
  }, Number(region.dataset.liveEvery) * SECOND);
  again();
}

function follow(region) {
  for (const log of region?.querySelectorAll("[data-follow]") ?? []) {
    if (log.dataset.left !== "true") log.scrollTop = log.scrollHeight;
  }
}

async function flush() {
  timer = undefined;
  const byAddress = new Map();
  for (const region of regions()) {
    const what = concerned(region);
    if (what === ALL) {
      const address = region.dataset.liveRefetch || location.pathname + location.search;
      byAddress.set(address, [...(byAddress.get(address) ?? []), region.id]);
    } else if (what?.length) {
      byAddress.set(region.dataset.liveRows + encodeURIComponent(what.join(",")), what);
    }
  }
  touched.clear();
  for (const [address, places] of byAddress) {
    try {
      await renew(address, places);
      stamp();
    } catch {
      show("lost");
      const again = wanted();
      setTimeout(() => touch(again), 3000);
    }
  }
  const now = wanted();
  if (source && now.join() !== topics) open();
}

function touch(names, row = ALL) {
  for (const name of names) touched.set(name, (touched.get(name) ?? new Set()).add(row));
  timer ??= setTimeout(flush, GATHER);
}

function heard(event) {
  let data = {};
  try {
    data = JSON.parse(event.data);
  } catch {
    return;
  }
  touch(data.topic ? [data.topic] : wanted(), data.data?.row ?? ALL);
}

function open() {
  close();
  const names = wanted();
  topics = names.join();
  const address = document.body.dataset.events;
  if (!names.length || !address) return;
  show("connecting");
  // What the page shows already: nothing is missed between its rendering and this connection.
  const shown = [...document.querySelectorAll("[data-live-position]")];
  const position = [...new Set(shown.map((place) => place.dataset.livePosition))].join(",");
  const query = [
    ...names.map((name) => `topic=${encodeURIComponent(name)}`),
    ...(position ? [`position=${encodeURIComponent(position)}`] : []),
  ].join("&");
  source = new EventSource(`${address}?${query}`);
  source.addEventListener("open", () => {
    show("live");
    stamp();
    if (performance.now() - rendered > SLOW) touch(wanted()); // hints of lists have no positions
    rendered = Infinity;
  });
  source.addEventListener("message", heard);
  source.addEventListener("error", () => show(source?.readyState === EventSource.CLOSED ? "paused" : "lost"));
  source.addEventListener("end", () => { // the access behind it ended: the next look decides anew
    close();
    show("paused");
  });
}

function close() {
  source?.close();
  source = undefined;
}

export function startLive() {
  document.addEventListener("scroll", ({ target: log }) => {
    if (!(log instanceof Element) || !log.matches("[data-follow]")) return;
    log.dataset.left = String(log.scrollTop + log.clientHeight < log.scrollHeight - 24);
  }, true); // scrolling does not bubble
  follow(document);
  for (const region of document.querySelectorAll("[data-live-every][id]")) poll(region);
  if (!wanted().length) return;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      close();
      show("paused");
    } else {
      open();
      touch(wanted()); // what was missed meanwhile
    }
  });
  window.addEventListener("pagehide", close);
  if (document.hidden) show("paused");
  else open();
}
