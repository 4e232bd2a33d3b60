// The stream of events. A browser opens at most six connections to a server, for all of its tabs together: so the
// stream is closed while the tab is hidden, and everything is read again when it comes back.
import { changed, onEvent, readAll, setOnline, state } from "./store.js";

const kFirstWait = 500, kLongestWait = 5000;
let source = null;
let wait = kFirstWait;
let timer = 0;

export function openStream() {
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : connect()));
  if (!document.hidden) connect();
}

/** Tries at once, where the server did not answer. */
export function connect() {
  close();
  source = new EventSource("api/v1/events?previews=1");
  source.addEventListener("hello", () => {
    wait = kFirstWait;
    readAll();
  });
  source.addEventListener("resync", () => readAll());
  for (const [name, take] of Object.entries(onEvent)) {
    source.addEventListener(name, (event) => take(JSON.parse(event.data)));
  }
  source.onerror = retry;
}

function close() {
  clearTimeout(timer);
  source?.close();
  source = null;
}

/** The browser's own retry gives up at an answer such as 503; this one does not. */
function retry() {
  close();
  if (document.hidden || state.needsToken) return;
  // Offline is a server that does not answer; it may also have closed a stream read too slowly.
  fetch("api/v1/info", { cache: "no-store" }).then((answer) => {
    if (answer.status === 401) {  // it has started again: its sessions are gone
      state.needsToken = true;
      changed();
    } else if (!answer.ok) setOnline(false);
  }, () => setOnline(false));
  timer = window.setTimeout(connect, wait);
  wait = Math.min(2 * wait, kLongestWait);
}
