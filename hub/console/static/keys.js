// A whole shift without a mouse: j/k choose a row, the pane beside the list follows, single keys act on what is chosen.
const $ = (selector, root = document) => root.querySelector(selector);
const wide = matchMedia("(min-width:1180px)");

export function bindKeys({ refresh, toast }) {
  const dialog = $("#keys");
  const rows = () => [...document.querySelectorAll(".rows>.row")];
  const current = () => $(".rows [aria-current]")?.closest(".row");
  let asked = 0;

  async function choose(row, focus = true) {
    if (!row) return;
    for (const link of document.querySelectorAll(".rows [aria-current]")) link.removeAttribute("aria-current");
    const link = $(".open", row);
    link.setAttribute("aria-current", "true");
    if (focus) link.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
    const tab = new URLSearchParams(location.search).get("tab") || "new";
    const pane = $("#pane"), mine = ++asked;
    if (!pane || !wide.matches) return;
    const answer = await fetch(`/triage?part=pane&tab=${tab}&sel=${row.dataset.id}`, { headers: { accept: "text/html" } }).catch(() => null);
    if (mine !== asked) return;
    if (!answer?.ok) return toast(document.body.dataset.offline, true);
    pane.replaceChildren(...new DOMParser().parseFromString(await answer.text(), "text/html").body.childNodes);
    pane.scrollTop = 0;
  }

  // A row that was just taken leaves the list; the pane stays with it, since the call to the room comes next.
  document.addEventListener("merged", (event) => {
    if (event.target.matches(".queue") && $("#pane:empty") && rows().length) choose(rows()[0], false);
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-keys]")) return dialog.showModal();
    const link = event.target.closest(".row .open");
    if (!link || !$("#pane") || !wide.matches || event.metaKey || event.ctrlKey || event.shiftKey || event.detail === 0) return;
    event.preventDefault();
    choose(link.closest(".row"));
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details[open]")) { menu.open = false; }
      if (document.activeElement.matches("input,textarea")) document.activeElement.blur();
      return;
    }
    if (event.target.matches("input,textarea,select") || dialog.open) return;
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (step && rows().length && !event.target.closest(".tiles,details[open]")) {
      const list = rows(), here = list.indexOf(current());
      event.preventDefault();
      return choose(list[Math.min(list.length - 1, Math.max(0, here + step))]);
    }
    const page = { 1: "/", 2: "/triage", 3: "/rooms" }[event.key];
    if (page) return (location.href = page);
    if (event.key === "/") { event.preventDefault(); return $("#find").focus(); }
    if (event.key === "?") return dialog.showModal();
    if (event.key === "Enter" && document.activeElement === document.body) return $(".open", current() || document)?.click();
    if (!/^[asrn]$/.test(event.key)) return;
    const scope = wide.matches && $("#pane") ? $("#pane") : document;
    const target = $(`[data-key="${event.key}"]`, scope);
    if (!target || !target.offsetParent) {
      // On a narrow page without the pane, the chosen row's own page has every action.
      if (current()) location.href = $(".open", current()).href;
      return;
    }
    event.preventDefault();
    if (target.matches("textarea")) return target.focus();
    target.click();
    // At once: a menu without the focus in it may be brought up to date, and closed, at any moment.
    if (target.matches("summary")) $(".cell", target.parentElement)?.focus();
  });
}
