// Live data: one event stream a page. Tiles and counters are patched in place; fragments that have news are fetched
// again and only the parts that differ are replaced, so that focus, scroll and open menus stay as they are.
import { ages, format } from "./ages.js";
import { bindKeys } from "./keys.js";
import { bindSearch } from "./find.js";

const body = document.body;
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const states = Object.fromEntries((body.dataset.states || "").split(";").filter(Boolean).map((pair) => pair.split("=")));

// The server's clock rules: a wrong clock on the desk must not make old data look fresh.
let offset = Number(body.dataset.now) * 1000 - Date.now();
const now = () => (Date.now() + offset) / 1000;

let heardAt; // server time of the last message from any room; null: none since the hub started
let lastBeat = performance.now();
let liveAt = now();
let wasOpen = false;

function toast(text, wrong = false) {
  const box = $(".toast");
  box.textContent = text;
  box.classList.toggle("wrong", wrong);
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => (box.textContent = ""), wrong ? 8000 : 4000);
}

/* ---- fragments ---- */
const waiting = new Map();

function refresh(element) {
  if (!element) return;
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

async function fetchParts(element) {
  const answer = await fetch(element.dataset.src || location.pathname + location.search, { headers: { accept: "text/html" } }).catch(() => null);
  if (answer && answer.status === 401) return location.reload();
  if (!answer || !answer.ok || answer.redirected) return;
  merge(element, new DOMParser().parseFromString(await answer.text(), "text/html"));
}

function merge(element, fresh) {
  const parts = element.matches("[data-frag]") ? [element] : $$("[data-frag]", element);
  for (const part of parts) {
    const next = fresh.getElementById(part.id);
    if (next) mergeRows(part, next);
  }
  ages();
  element.dispatchEvent(new CustomEvent("merged", { bubbles: true }));
}

function mergeRows(part, next) {
  const rows = $(".rows", part), nextRows = $(".rows", next);
  if (!rows || !nextRows) return replace(part, next);
  const chosen = $("[aria-current]", rows)?.closest(".row")?.id;
  for (const row of $$(":scope>.row", nextRows)) {
    $("[aria-current]", row)?.removeAttribute("aria-current");
    if (row.id === chosen) $(".open", row).setAttribute("aria-current", "true");
  }
  const old = new Map($$(":scope>.row", rows).map((row) => [row.id, row]));
  let before = null;
  for (const row of $$(":scope>.row", nextRows)) {
    let mine = old.get(row.id);
    old.delete(row.id);
    if (!mine) { mine = row; mine.classList.add("flash"); } else if (quietText(mine) !== quietText(row)) {
      const focused = mine.contains(document.activeElement);
      mine.replaceWith(row);
      mine = row;
      if (focused) $(".open", row).focus();
    }
    if ((before ? before.nextElementSibling : rows.firstElementChild) !== mine) before ? before.after(mine) : rows.prepend(mine);
    before = mine;
  }
  for (const gone of old.values()) gone.remove();
}

// Ages tick by themselves and a menu that someone opened is theirs: neither makes a part differ.
function quietText(node) {
  const copy = node.cloneNode(true);
  for (const time of $$("time[data-s],time[data-until]", copy)) time.textContent = "";
  for (const menu of $$("details[open]", copy)) menu.removeAttribute("open");
  for (const mark of $$(".flash", copy).concat(copy)) mark.classList?.remove("flash");
  return copy.outerHTML.replace(/ class=""/g, "");
}

function replace(part, next) {
  if (quietText(part) === quietText(next)) return;
  if (part.contains(document.activeElement) && document.activeElement.matches("textarea,input,button,summary,select")) {
    part.dataset.behind = "1"; // someone works in it: it is brought up to date when they leave it
    part.addEventListener("focusout", () => setTimeout(() => refresh(part.closest("[data-live]")), 200), { once: true });
    return;
  }
  const path = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const drafts = $$("textarea[id]", part).filter((area) => area.value).map((area) => [area.id, area.value]);
  part.innerHTML = next.innerHTML;
  for (const [id, text] of drafts) { const area = document.getElementById(id); if (area) area.value = text; }
  part.className = next.className;
  if (path) $$("a", part).find((link) => link.getAttribute("href") === path)?.focus();
}

/* ---- the stream ---- */
function concerned(element, patch) {
  const topics = element.dataset.live.split(" ");
  return patch.refresh || topics.some((topic) => {
    const [kind, id] = topic.split(":");
    if (kind === "health") return true;
    if (kind === "incidents") return Boolean(patch.incidents);
    if (kind === "rooms") return Boolean(patch.tiles);
    if (kind === "incident") return patch.incidents?.includes(Number(id));
    return kind === "room" && patch.rooms?.includes(id);
  });
}

function applyPatch(patch) {
  full = "";
  lastBeat = performance.now();
  if (patch.now) { offset = patch.now * 1000 - Date.now(); liveAt = patch.now; }
  if (patch.counters) counters(patch);
  if (patch.tiles) tiles(patch.tiles);
  for (const element of $$("[data-live]")) if (concerned(element, patch)) refresh(element);
  stale();
}

function counters(patch) {
  const c = patch.counters;
  heardAt = patch.age === null ? null : patch.now - patch.age;
  for (const item of $$("[data-c]")) {
    const name = item.dataset.c;
    if (name === "unhandled") { item.textContent = c.unhandled; item.hidden = !c.unhandled; }
    else if (name === "heard") item.textContent = item.dataset.t.replace("{n}", c.heard).replace("{total}", c.total);
    else if (name === "heard-n") item.textContent = c.heard;
    else if (name.startsWith("v-")) { const n = c.verdicts[name.slice(2)] || 0; item.textContent = n; item.closest("li").classList.toggle("none", !n); }
  }
  document.title = document.title.replace(/^\(\d+\) /, "").replace(/^/, c.unhandled ? `(${c.unhandled}) ` : "");
  $(".pulse")?.classList.toggle("on", patch.broker);
  $(".pulse")?.classList.toggle("off", !patch.broker);
}

function tiles(changed) {
  const map = $("#tiles");
  if (!map) return;
  for (const [room, verdict] of Object.entries(changed)) {
    const tile = $(`a[href="/rooms/${CSS.escape(room)}"]`, map);
    if (!tile || tile.classList.contains(`s-${verdict}`)) continue;
    tile.className = `s-${verdict} flash`;
  }
  hot(map);
}

function hot(map) {
  for (const commune of $$(".cm", map)) commune.classList.toggle("hot", Boolean($(".s-fault,.s-check,.s-lost,.s-unknown", commune)));
  for (const cluster of $$(".cl", map)) cluster.classList.toggle("hot", Boolean($(".hot", cluster)));
}

let full = "";

function connect() {
  const source = new EventSource("/api/stream");
  source.addEventListener("hello", (event) => {
    applyPatch({ ...JSON.parse(event.data), refresh: wasOpen });
    wasOpen = true;
  });
  source.addEventListener("patch", (event) => applyPatch(JSON.parse(event.data)));
  source.addEventListener("bye", () => location.reload());
  source.addEventListener("full", () => { source.close(); refused(); });
  source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) refused(); });
  addEventListener("pagehide", () => source.close(), { once: true });
}

// A browser does not tell a page why its stream was refused, so the page asks.
async function refused() {
  const answer = await fetch("/api/stream?why=1", { headers: { accept: "application/json" } }).catch(() => null);
  if (answer?.status === 401) return location.reload();
  full = answer?.status === 429 ? (await answer.json()).error : "";
  setTimeout(connect, full ? 30000 : 3000);
  stale();
}

function stale() {
  const lost = performance.now() - lastBeat > 15000;
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
  stale();
}

/* ---- forms: sent without leaving the page ---- */
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form[data-act]")) return;
  event.preventDefault();
  const data = new URLSearchParams(new FormData(form, event.submitter || undefined));
  const button = event.submitter || $("button", form);
  if (button?.getAttribute("aria-busy") === "true") return;
  button?.setAttribute("aria-busy", "true");
  const answer = await fetch(form.action, { method: "POST", body: data, headers: { accept: "application/json" } }).catch(() => null);
  const said = answer ? await answer.json().catch(() => ({})) : {};
  button?.removeAttribute("aria-busy");
  toast(answer?.ok ? said.said : said.error || body.dataset.offline, !answer?.ok);
  if (!answer?.ok) return;
  const menu = form.closest("details");
  if (menu) { menu.open = false; $("summary", menu).focus(); }
  if (form.matches(".note")) form.reset();
  document.activeElement?.blur?.();
  for (const element of $$("[data-live]")) refresh(element);
});

document.addEventListener("click", (event) => {
  for (const menu of $$(".user[open],.shelve[open]")) if (!menu.contains(event.target)) menu.open = false;
});

const map = $("#tiles");
if (map) {
  hot(map);
  const only = $("#only");
  only.addEventListener("change", () => map.classList.toggle("only", only.checked));
  if (matchMedia("(max-width:719px)").matches) { only.checked = true; map.classList.add("only"); }
  const name = (tile) => {
    const state = states[[...tile.classList].find((c) => c.startsWith("s-"))?.slice(2)] || "";
    const place = tile.parentElement.firstElementChild.textContent;
    tile.dataset.room ||= tile.title;
    tile.title = `${place} · ${tile.dataset.room} · ${state}`;
    tile.setAttribute("aria-label", tile.title);
  };
  for (const kind of ["mouseover", "focusin"]) map.addEventListener(kind, (event) => event.target.matches("a") && name(event.target));
  // One stop for the Tab key; arrows move between tiles.
  const all = () => $$(".cm a", map).filter((tile) => tile.offsetParent);
  all().forEach((tile, index) => (tile.tabIndex = index ? -1 : 0));
  map.addEventListener("keydown", (event) => {
    const list = all(), here = list.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 4, ArrowUp: -4, Home: -list.length, End: list.length }[event.key];
    if (here < 0 || !step) return;
    event.preventDefault();
    const next = list[Math.min(list.length - 1, Math.max(0, here + step))];
    list[here].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

const said = new URLSearchParams(location.search).get("said");
if (said) { toast(said); history.replaceState(null, "", location.pathname); }
bindKeys({ refresh, merge, toast });
bindSearch({ merge, toast });
setInterval(tick, 1000);
// Some things change by the clock alone: a shelf ends, a meeting begins, an incident grows a day old.
setInterval(() => $$("[data-live]").forEach(refresh), 60000);
tick();
connect();
