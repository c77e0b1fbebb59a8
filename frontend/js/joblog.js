// The log of a running job: what the stream says is appended where it belongs. The server made the
// HTML and escaped every text in it; a lost connection resumes where it was, by the event's id.
import { announce } from "./dom.js";

function inside(log) {
  const open = log.querySelectorAll("details[data-log-open]");
  return open.length ? open[open.length - 1].querySelector("ol") : log;
}

function append(log, { ops, rest }) {
  log.querySelector("[data-log-rest]")?.remove();
  for (const [what, text] of ops) {
    if (what === "close") {
      const ended = inside(log).closest("details[data-log-open]");
      ended?.removeAttribute("data-log-open");
      const took = ended?.querySelector(".pl-took");
      if (took) took.textContent = text;
    } else {
      inside(log).insertAdjacentHTML("beforeend", text);
    }
  }
  if (rest) inside(log).insertAdjacentHTML("beforeend", `<li data-log-rest><span></span><span>${rest}</span></li>`);
  if (log.dataset.left !== "true") log.scrollTop = log.scrollHeight;
}

export function startJobLog() {
  const log = document.querySelector("[data-job-log]");
  if (!log) return;
  const source = new EventSource(`${log.dataset.jobLog}&position=${encodeURIComponent(log.dataset.position)}`);
  source.addEventListener("message", (event) => append(log, JSON.parse(event.data)));
  source.addEventListener("end", () => {
    source.close();
    announce("The log is complete.");
  });
  window.addEventListener("pagehide", () => source.close());
}
