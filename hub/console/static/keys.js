// A whole shift without a mouse. The table in the help (hub/console/shortcuts.py) says which key does what; here is how. Single
// letters count outside of fields only, and can be switched off in the help (WCAG 2.1.4).
import { $, $$, FIELD } from "./dom.js";
import { letGo } from "./merge.js";
import { choose, current, hasPane, isComing, rows } from "./pane.js";

const dialog = $("#keys");
const OFF = "diemcau-keys-off";
let queued = []; // what was pressed, and then typed, before the pane of the chosen row was here

const stored = (work) => { try { return work(localStorage); } catch { return null; } };
const areOff = () => stored((desk) => desk.getItem(OFF)) === "1";

function step(by) {
  const list = rows(), here = list.indexOf(current());
  choose(list[Math.min(list.length - 1, Math.max(0, here + by))]);
}

function onChosen(came) {
  const waited = queued;
  queued = [];
  if (came) for (const one of waited) press(one.does, one.typed);
}

function press(does, typed = "") {
  if (isComing()) return queued.push({ does, typed: "" });
  const target = $(`[data-does="${does}"]`, hasPane() ? $("#pane") : document);
  if (!target || !target.offsetParent) {
    // On a narrow page without the pane, the chosen row's own page has every action.
    if (current() && !hasPane()) location.href = $(".open", current()).href;
    return;
  }
  if (target.matches("textarea")) {
    target.focus();
    if (typed) { target.setRangeText(typed, target.selectionStart, target.selectionEnd, "end"); target.dispatchEvent(new Event("input", { bubbles: true })); }
    return;
  }
  target.click();
  // At once: a menu without the focus in it may be closed at any moment.
  if (target.matches("summary")) $(".cell,input:not([type=hidden])", target.parentElement)?.focus();
}

/** Over the menu it was asked for in: with that open, the focus would return into it, and keys be the menu's. */
function showHelp(menu) {
  if (menu) { menu.open = false; $("summary", menu).focus(); }
  dialog.showModal();
}

function escape() {
  for (const menu of $$("details[open]")) menu.open = false;
  if (document.activeElement.matches(FIELD)) document.activeElement.blur();
}

const DOES = {
  next: () => step(1),
  previous: () => step(-1),
  open: () => $(".open", current() || document)?.click(),
  waiting: () => letGo(true),
  save: (_, event) => event.target.closest("form[data-act]")?.requestSubmit(),
  search: () => $("#find").focus(),
  go: (row) => (location.href = row.dataset.href),
  escape,
  help: () => showHelp(),
  ...Object.fromEntries(["ack", "shelve", "recheck", "order", "call", "note"].map((does) => [does, () => press(does)])),
};
const WHERE = {
  next: (event) => rows().length && !event.target.closest(".tiles,details[open]"),
  open: () => document.activeElement === document.body,
  save: (event) => event.target.matches("form[data-act] textarea"),
};
WHERE.previous = WHERE.next;

function table() {
  const found = new Map(), told = $$("[data-key-of]", dialog);
  for (const row of told) for (const key of row.dataset.on.split(" ")) found.set(key, row);
  const named = new Set(told.map((row) => row.dataset.keyOf));
  // Who may see no page yet, as before the second step, has none to go to.
  const odd = Object.keys(DOES).filter((does) => does !== "go" && !named.has(does)).concat([...named].filter((does) => !DOES[does]));
  if (odd.length) throw new Error(`only one of help and script knows ${odd}`);
  return found;
}

function onKey(keys, event) {
  if (event.isComposing || event.altKey || dialog.open) return;
  const letter = event.key.length === 1 && !event.ctrlKey && !event.metaKey;
  const note = queued.findLast((one) => one.does === "note");
  if (note && isComing()) { // the rest of the sentence, before its field is here
    if (letter) { note.typed += event.key; event.preventDefault(); }
    return;
  }
  const row = keys.get(`${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.key}`);
  const does = row?.dataset.keyOf;
  const anywhere = does === "save" || does === "escape";
  if (!row || (letter && areOff()) || (!anywhere && event.target.closest(FIELD))) return;
  if (event.repeat && does !== "next" && does !== "previous") return;
  if (WHERE[does] && !WHERE[does](event)) return;
  if (does !== "escape") event.preventDefault();
  DOES[does](row, event);
}

/** Buttons name their keys only while these work. */
function showKeys() {
  const off = areOff();
  document.body.classList.toggle("keys-off", off);
  if (off) for (const one of $$("[aria-keyshortcuts]")) one.removeAttribute("aria-keyshortcuts");
  $("#keys-on").checked = !off;
}

export function bindKeys() {
  const keys = table();
  document.addEventListener("keydown", (event) => onKey(keys, event));
  document.addEventListener("click", (event) => {
    const asked = event.target.closest("[data-keys]");
    if (asked) showHelp(asked.closest("details"));
  });
  document.addEventListener("choosing", () => (queued = []));
  document.addEventListener("chosen", (event) => onChosen(event.detail));
  document.addEventListener("merged", showKeys);
  $("#keys-on").addEventListener("change", (event) => {
    stored((desk) => (event.target.checked ? desk.removeItem(OFF) : desk.setItem(OFF, "1")));
    showKeys();
  });
  addEventListener("storage", showKeys); // switched in another tab
  showKeys();
}
