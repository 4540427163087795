// The page's end of the live stream: shared with all other tabs by a worker, or the page's own where a browser has none. A
// stream can die without a word (sleep, another Wi-Fi): whoever misses three beats has it opened anew.
import { signedOut } from "./net.js";
import { Source } from "./source.js";

const BEAT_MS = 5000; // hub/console/live.py
export const SILENT_MS = 3 * BEAT_MS;
const FULL_MS = 30000, REFUSED_MS = 3000;

/** Hear the stream from now on. `hear` gets a patch, how old it is in seconds, and whether it begins a stream. */
export function listen({ hear, refused }) {
  let turn = 0, heardAt = performance.now(), askedAt = heardAt, tries = 0, ask;

  function said(told) {
    if (told.kind === "bye") return signedOut();
    turn = told.turn;
    if (told.kind === "wait") return;
    if (told.kind === "refused") {
      refused(told.why);
      return setTimeout(() => ask({ silent: told.turn }), told.why ? FULL_MS : REFUSED_MS);
    }
    heardAt = performance.now() - told.late * 1000;
    tries = 0;
    hear(told.patch, told.late, told.kind === "hello");
  }

  function own() {
    const source = new Source(said);
    ask = ({ leave, silent }) => (leave ? source.close() : source.open(silent));
  }

  function shared() {
    const { stream, csrf } = document.body.dataset;
    // Named after the session: another account of the same browser has a stream of its own.
    const worker = new SharedWorker(stream, { type: "module", name: csrf });
    worker.onerror = () => { own(); ask({}); };
    worker.port.onmessage = ({ data }) => said(data);
    ask = (wish) => worker.port.postMessage(wish);
  }

  function join() {
    try { shared(); } catch { own(); }
    ask({ join: true });
  }

  /** To be called each second. Gives for how long nothing has been heard, in milliseconds. */
  function watch() {
    const at = performance.now(), silent = at - heardAt;
    if (silent >= SILENT_MS && at - askedAt >= SILENT_MS) {
      askedAt = at;
      tries += 1;
      if (tries % 2 === 0) { ask({ leave: true }); join(); } // the worker itself may be gone
      ask({ silent: turn });
    }
    return silent;
  }

  addEventListener("pagehide", () => ask({ leave: true }));
  addEventListener("pageshow", (event) => event.persisted && join());
  addEventListener("online", () => ask({ silent: turn }));
  join();
  return { watch };
}
