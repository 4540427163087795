// The map of all rooms: a tile a room, patched in place, one stop for the Tab key with arrows between tiles.
import { $, $$ } from "./dom.js";

const states = Object.fromEntries((document.body.dataset.states || "").split(";").filter(Boolean).map((pair) => pair.split("=")));
const map = $("#tiles");

export function showTiles(changed) {
  if (!map) return;
  for (const [room, verdict] of Object.entries(changed)) {
    const tile = $(`a[href="/rooms/${CSS.escape(room)}"]`, map);
    if (!tile || tile.classList.contains(`s-${verdict}`)) continue;
    tile.className = `s-${verdict} flash`;
  }
  hot();
}

function hot() {
  for (const commune of $$(".cm", map)) commune.classList.toggle("hot", Boolean($(".s-fault,.s-check,.s-lost,.s-unknown", commune)));
  for (const cluster of $$(".cl", map)) cluster.classList.toggle("hot", Boolean($(".hot", cluster)));
}

function name(tile) {
  const state = states[[...tile.classList].find((c) => c.startsWith("s-"))?.slice(2)] || "";
  const place = tile.parentElement.firstElementChild.textContent;
  tile.dataset.room ||= tile.title;
  tile.title = `${place} · ${tile.dataset.room} · ${state}`;
  tile.setAttribute("aria-label", tile.title);
}

const shown = () => $$(".cm a", map).filter((tile) => tile.offsetParent);

function move(event) {
  const list = shown(), here = list.indexOf(document.activeElement);
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 4, ArrowUp: -4, Home: -list.length, End: list.length }[event.key];
  if (here < 0 || !step) return;
  event.preventDefault();
  const next = list[Math.min(list.length - 1, Math.max(0, here + step))];
  list[here].tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

export function bindTiles() {
  if (!map) return;
  hot();
  const only = $("#only");
  only.addEventListener("change", () => map.classList.toggle("only", only.checked));
  if (matchMedia("(max-width:719px)").matches) { only.checked = true; map.classList.add("only"); }
  for (const kind of ["mouseover", "focusin"]) map.addEventListener(kind, (event) => event.target.matches("a") && name(event.target));
  shown().forEach((tile, index) => (tile.tabIndex = index ? -1 : 0));
  map.addEventListener("keydown", move);
}
