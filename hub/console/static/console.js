// A page of the console: what the stream tells goes into counters and tiles at once; fragments that have news are fetched again.
import { ages, format } from "./ages.js";
import { now, setNow } from "./clock.js";
import { $, $$ } from "./dom.js";
import { bindDrafts } from "./drafts.js";
import { bindSearch } from "./find.js";
import { bindForms, toast } from "./forms.js";
import { refresh, refreshAll } from "./fragments.js";
import { bindKeys } from "./keys.js";
import { letGo, merge } from "./merge.js";
import { bindPane } from "./pane.js";
import { bindPicker } from "./picker.js";
import { listen, SILENT_MS } from "./stream.js";
import { bindTiles, showTiles } from "./tiles.js";

const body = document.body;

let heardAt; // server time of the last message from any room; null: none since the hub started
let liveAt = now();
let full = "";
let wasOpen = false;

function concerned(element, patch) {
  const topics = element.dataset.live.split(" ");
  return patch.refresh || topics.some((topic) => {
    const [kind, id] = topic.split(":");
    if (kind === "health") return true;
    if (kind === "incidents") return Boolean(patch.incidents) || shown(element, patch.rooms);
    if (kind === "rooms") return Boolean(patch.tiles);
    if (kind === "incident") return patch.incidents?.includes(Number(id));
    return kind === "room" && patch.rooms?.includes(id);
  });
}

// What is told of a row changes with its room, too: why it waits, and until when.
function shown(element, rooms) {
  return Boolean(rooms) && $$("[data-room]", element).some((row) => rooms.includes(row.dataset.room));
}

// `late`: how many seconds ago it was told to the tabs that were open by then. What a page missed between its drawing and the
// stream, or while there was none, it reads anew.
function applyPatch(patch, late, begins) {
  full = "";
  if (patch.now) { liveAt = patch.now; setNow(patch.now + late); }
  if (patch.counters) counters(patch);
  if (patch.tiles) showTiles(patch.tiles);
  const missed = begins && (wasOpen || String(patch.change ?? "") !== body.dataset.change || !body.dataset.change);
  if (begins) wasOpen = true;
  const news = begins ? { refresh: missed } : patch;
  for (const element of $$("[data-live]")) if (concerned(element, news)) refresh(element);
  stale();
}

function hands(count) {
  for (const item of $$('[data-c="hands"]')) { item.textContent = count; item.hidden = !count; }
  document.title = document.title.replace(/^\(\d+\) /, "").replace(/^/, count ? `(${count}) ` : "");
}

// The list may be newer than the patch that had it fetched: badge and list say the same.
document.addEventListener("merged", () => {
  const told = $("#h-triage [data-hands]");
  if (told) hands(Number(told.dataset.hands));
});

function counters(patch) {
  const c = patch.counters;
  heardAt = patch.age === null ? null : patch.now - patch.age;
  for (const item of $$("[data-c]")) {
    const name = item.dataset.c;
    if (name === "heard") item.textContent = item.dataset.t.replace("{n}", c.heard).replace("{total}", c.total);
    else if (name === "heard-n") item.textContent = c.heard;
    else if (name.startsWith("v-")) { const n = c.verdicts[name.slice(2)] || 0; item.textContent = n; item.closest(".legend li")?.classList.toggle("none", !n); }
    // Of a meeting to which every room is invited; else its box comes with its fragment alone.
    else if (name === "unready") item.textContent = item.dataset.t.replace("{n}", Object.values(c.verdicts).reduce((sum, n) => sum + n, 0) - (c.verdicts.ready || 0));
  }
  hands(c.hands);
  $(".pulse")?.classList.toggle("on", patch.broker);
  $(".pulse")?.classList.toggle("off", !patch.broker);
}

function stale() {
  const lost = stream.watch() >= SILENT_MS;
  const banner = $(".stale[data-text]");
  if (lost) banner.textContent = full || banner.dataset.text.replace("{time}", format.clock(liveAt));
  banner.hidden = !lost;
  body.classList.toggle("is-stale", lost);
}

function tick() {
  const at = now();
  const clock = $(".clock b");
  if (clock) clock.textContent = format.clock(at);
  const since = heardAt == null ? null : Math.max(0, at - heardAt);
  if (heardAt !== undefined) for (const item of $$('[data-c="age"]')) item.textContent = since === null ? item.dataset.none : item.dataset.t.replace("{age}", format.age(since));
  for (const item of $$('[data-c="age-n"]')) if (since !== null) item.textContent = item.dataset.t.replace("{age}", format.age(since));
  ages();
  letGo();
  stale();
}

const said = new URLSearchParams(location.search).get("said");
if (said) { toast(said); history.replaceState(null, "", location.pathname); }
bindDrafts();
bindForms();
bindTiles();
bindPane();
bindKeys();
bindSearch({ merge, toast });
bindPicker();
setInterval(tick, 1000);
// Some things change by the clock alone: a shelf ends, a meeting begins, an incident grows a day old.
setInterval(refreshAll, 60000);
const stream = listen({ hear: applyPatch, refused: (why) => { full = why; stale(); } });
tick();
