// A list holds still under the pointer and the focus: rows change in place, none comes, goes or moves, until the hand is
// elsewhere or has rested for a minute. How many new ones wait is said beside it.
import { $, $$ } from "./dom.js";

const REST_MS = 60000;
const POINTER = matchMedia("(hover:hover)"); // a finger leaves its hover behind where it last tapped
let movedAt = performance.now();
for (const kind of ["pointermove", "pointerdown", "wheel", "keydown"]) {
  addEventListener(kind, () => (movedAt = performance.now()), { capture: true, passive: true });
}

export function isHeld(part) {
  if (performance.now() - movedAt > REST_MS) return false;
  return part.contains(document.activeElement) || (POINTER.matches && part.matches(":hover"));
}

/** `next` with the rows of `part` in their places, and how many rows wait to come. */
export function heldStill(part, next) {
  const fresh = new Map($$(".rows>.row", next).map((row) => [row.id, row]));
  const still = part.cloneNode(true);
  for (const row of $$(".rows>.row", still)) {
    const now = fresh.get(row.id);
    fresh.delete(row.id);
    if (now) row.replaceWith(now.cloneNode(true));
    else row.classList.add("gone");
  }
  return { still, waiting: fresh.size };
}

export function sayWaiting(part, count) {
  const said = $("[data-waiting]", part.parentElement);
  if (!said) return;
  said.textContent = count ? said.dataset.waiting.replace("{n}", count) : "";
  said.hidden = !count;
}

/** Call `check` whenever a held list may have been let go. */
export function watchRelease(check) {
  const soon = () => setTimeout(check); // the focus is nowhere while it moves
  for (const kind of ["focusout", "pointerout"]) document.addEventListener(kind, soon, { passive: true });
}
