// Parts of the page that have news are fetched again, each at most as often as it says, and merged.
import { $$ } from "./dom.js";
import { merge } from "./merge.js";
import { askPage, parse, signedOut } from "./net.js";

const waiting = new Map();
const inFull = new WeakSet();

/** Fetch an element's parts again. `mine`: what I did myself shows at once, also in a list that is held still. */
export function refresh(element, mine = false) {
  if (mine) inFull.add(element);
  const stage = waiting.get(element);
  // An answer that is already on its way may be older than the news: ask once more when it is here.
  if (stage === "asked") waiting.set(element, "again");
  if (stage) return;
  // A background tab fetches later and less often, but its stream and its counters go on.
  const gap = (Number(element.dataset.slow) || 0.15) * 1000;
  waiting.set(element, "soon");
  setTimeout(() => {
    waiting.set(element, "asked");
    fetchParts(element).finally(() => {
      const again = waiting.get(element) === "again";
      waiting.delete(element);
      if (again) refresh(element);
    });
  }, gap);
}

export const refreshAll = (mine = false) => $$("[data-live]").forEach((element) => refresh(element, mine));

async function fetchParts(element) {
  const full = inFull.delete(element);
  const answer = await askPage(element.dataset.src || location.pathname + location.search);
  if (answer?.status === 401) return signedOut();
  if (answer?.ok && element.isConnected) merge(element, parse(answer.text), full);
}
