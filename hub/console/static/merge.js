// What the server drew anew goes into the page with idiomorph: elements stay, only what differs changes. Whatever belongs to
// the one who works here stays theirs: the focus, what is typed or ticked, an open menu, the chosen row.
import { ages } from "./ages.js";
import { $, $$, FIELD, fieldInUse } from "./dom.js";
import { restoreDrafts } from "./drafts.js";
import { heldStill, isHeld, sayWaiting, watchRelease } from "./still.js";

const { Idiomorph } = window;
const KEPT = { open: "details", "aria-busy": "button", "aria-current": ".row .open" };

function touched(field) {
  if (field.matches("select")) return field.selectedIndex !== Math.max(0, [...field.options].findIndex((one) => one.defaultSelected));
  if (field.matches("[type=checkbox],[type=radio]")) return field.checked !== field.defaultChecked;
  return field.value !== field.defaultValue;
}

const theirs = (node) => Boolean(node.matches?.(FIELD)) && (node === document.activeElement || touched(node));

function morph(part, next) {
  const focus = document.activeElement, row = focus.closest(".row")?.id, href = focus.getAttribute("href");
  const inPart = part.contains(focus);
  // The server chooses the first row for a page without a choice; here it is made already.
  if ($(".rows", part)) for (const link of $$(".row [aria-current]", next)) link.removeAttribute("aria-current");
  Idiomorph.morph(part, next, {
    callbacks: {
      beforeNodeMorphed: (node) => !theirs(node),
      beforeNodeRemoved: (node) => !node.contains(fieldInUse()),
      beforeAttributeUpdated: (name, node) => !(KEPT[name] && node.matches(KEPT[name])),
      afterNodeAdded: (node) => node.matches?.(".row") && node.classList.add("flash"),
    },
  });
  if (!inPart || document.activeElement === focus) return;
  const again = focus.isConnected ? focus : href && $$("a", row ? document.getElementById(row) ?? part : part).find((link) => link.getAttribute("href") === href);
  again?.focus({ preventScroll: true });
}

const held = new Map(); // a part that holds still → what it is to become

function mergePart(part, next, inFull) {
  if ($(".rows", part) && !inFull && isHeld(part)) {
    const { still, waiting } = heldStill(part, next);
    held.set(part, next);
    sayWaiting(part, waiting);
    return morph(part, still);
  }
  if (held.delete(part)) sayWaiting(part, 0);
  morph(part, next);
}

/** Let the held parts go that nobody holds any more, or all of them. */
export function letGo(all = false) {
  for (const [part, next] of [...held]) {
    if (!part.isConnected) held.delete(part);
    else if (all || !isHeld(part)) { mergePart(part, next, true); done(part); }
  }
}

function done(element) {
  restoreDrafts(element);
  ages();
  element.dispatchEvent(new CustomEvent("merged", { bubbles: true }));
}

/** Bring the parts of an element up to date with a fresh document. `inFull`: also a list that somebody holds. */
export function merge(element, fresh, inFull = false) {
  for (const part of element.matches("[data-frag]") ? [element] : $$("[data-frag]", element)) {
    const next = fresh.getElementById(part.id);
    if (next) mergePart(part, next, inFull);
  }
  done(element);
}

watchRelease(letGo);
document.addEventListener("click", (event) => event.target.closest("[data-waiting]") && letGo(true));
