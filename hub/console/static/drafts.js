// A note half written outlives the pane, the page and a new sign-in: kept in this tab, for this person, until it is sent.
import { $$ } from "./dom.js";

const mine = `draft/${document.body.dataset.user}/`;
const AREA = "form[data-act] textarea[id]";

// A browser that was told to keep nothing keeps no drafts.
const stored = (work) => { try { return work(sessionStorage); } catch { return null; } };

export function keepDraft(area) {
  stored((tab) => (area.value ? tab.setItem(mine + area.id, area.value) : tab.removeItem(mine + area.id)));
}

export function restoreDrafts(root = document) {
  for (const area of $$(AREA, root)) if (!area.value) area.value = stored((tab) => tab.getItem(mine + area.id)) || "";
}

/** What was sent goes; what has been typed since stays, with its caret. */
export function forgetSent(area, sent) {
  if (area.value.startsWith(sent)) area.setRangeText("", 0, sent.length, "preserve");
  keepDraft(area);
}

export function bindDrafts() {
  stored((tab) => Object.keys(tab).filter((key) => key.startsWith("draft/") && !key.startsWith(mine)).forEach((key) => tab.removeItem(key)));
  document.addEventListener("input", (event) => event.target.matches(AREA) && keepDraft(event.target));
  restoreDrafts();
}
