// Forms are sent without leaving the page. When the answer is here, the focus stays with whatever is being done by then.
import { $, $$ } from "./dom.js";
import { forgetSent } from "./drafts.js";
import { refreshAll } from "./fragments.js";
import { ask } from "./net.js";

export function toast(text, wrong = false) {
  const box = $(".toast");
  box.textContent = text;
  box.classList.toggle("wrong", wrong);
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => (box.textContent = ""), wrong ? 8000 : 4000);
}

function told(text) {
  try { return JSON.parse(text); } catch { return {}; }
}

function closeMenu(menu) {
  const inside = menu.contains(document.activeElement);
  menu.open = false;
  if (inside) $("summary", menu).focus();
}

export function bindForms() {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("form[data-act]")) return;
    event.preventDefault();
    const button = event.submitter || $("button", form);
    if (button?.getAttribute("aria-busy") === "true") return;
    const data = new URLSearchParams(new FormData(form, event.submitter || undefined));
    const sent = $$("textarea[id]", form).map((area) => [area, area.value]);
    button?.setAttribute("aria-busy", "true");
    const answer = await ask(form.action, { method: "POST", body: data, headers: { accept: "application/json" } });
    button?.removeAttribute("aria-busy");
    const said = told(answer?.text);
    toast(answer?.ok ? said.said : said.error || document.body.dataset.offline, !answer?.ok);
    if (!answer?.ok) return;
    for (const [area, text] of sent) forgetSent(area, text);
    const menu = form.closest("details");
    if (menu) closeMenu(menu);
    else if (document.activeElement === button) button.blur(); // the same place may soon be the button that takes it back
    refreshAll(!form.closest(".rows"));
  });

  document.addEventListener("click", (event) => {
    for (const menu of $$(".user[open],.shelve[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
}
