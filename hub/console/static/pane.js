// The pane beside the list follows the chosen row. While it is on its way nothing can be done in the old one: what is pressed
// and typed meanwhile goes to the new one.
import { $, $$ } from "./dom.js";
import { restoreDrafts } from "./drafts.js";
import { toast } from "./forms.js";
import { askPage, parse } from "./net.js";

const wide = matchMedia("(min-width:1180px)");
const pane = $("#pane");
let asked = 0;

export const rows = () => $$(".rows>.row");
export const current = () => $(".rows [aria-current]")?.closest(".row");
/** Whether the pane stands beside the list on this screen. */
export const hasPane = () => Boolean(pane) && wide.matches;
/** Whether the pane of the chosen row is still to come. */
export const isComing = () => hasPane() && pane.inert;

function mark(row) {
  for (const link of $$(".rows [aria-current]")) link.removeAttribute("aria-current");
  if (row) $(".open", row).setAttribute("aria-current", "true");
}

const say = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

/** Choose a row; its pane follows. `choosing` is said at once, `chosen` with whether the pane came. */
export async function choose(row, focus = true) {
  if (!row) return;
  say("choosing");
  mark(row);
  if (focus) $(".open", row).focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
  if (!hasPane()) return;
  const tab = new URLSearchParams(location.search).get("tab") || "open", mine = ++asked;
  pane.inert = true;
  const answer = await askPage(`/triage?part=pane&tab=${tab}&sel=${row.dataset.id}`);
  if (mine !== asked) return; // another was chosen meanwhile
  pane.inert = false;
  if (!answer?.ok) {
    mark(document.getElementById(`r${$("article", pane)?.dataset.id}`)); // what can be done is what is shown
    toast(document.body.dataset.offline, true);
    return say("chosen", false);
  }
  pane.replaceChildren(...parse(answer.text).body.childNodes);
  pane.scrollTop = 0;
  restoreDrafts(pane);
  pane.dispatchEvent(new CustomEvent("merged", { bubbles: true }));
  say("chosen", true);
}

export function bindPane() {
  // A row that was just taken leaves the list; the pane stays with it, since the call to the room comes next.
  document.addEventListener("merged", (event) => {
    if (event.target.matches(".queue,#f-rows") && pane && !pane.children.length && rows().length) choose(rows()[0], false);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".row .open");
    if (!link || !hasPane() || event.metaKey || event.ctrlKey || event.shiftKey || event.detail === 0) return;
    event.preventDefault();
    choose(link.closest(".row"));
  });
}
