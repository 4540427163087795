// The search boxes: suggestions in the top bar, and the table of rooms filtered while typing. The server folds marks
// and knows aliases, so there is one truth; an answer that arrives late is thrown away.
function debounced(work, ms) {
  let timer;
  return (...values) => { clearTimeout(timer); timer = setTimeout(() => work(...values), ms); };
}

export function bindSearch({ merge, toast }) {
  const input = document.querySelector("#find"), list = document.querySelector("#found");
  let asked = 0, chosen = -1;
  const close = () => { list.hidden = true; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); chosen = -1; };
  const mark = (name) => `<svg class="mark m-${name}" aria-hidden="true"><use href="${document.querySelector(".brand use").getAttribute("href").split("#")[0]}#${name}"/></svg>`;
  const show = async () => {
    const query = input.value.trim(), mine = ++asked;
    if (!query) return close();
    const answer = await fetch(`/api/search?q=${encodeURIComponent(query)}`).catch(() => null);
    if (mine !== asked || !answer?.ok) return;
    const rows = await answer.json();
    list.replaceChildren(...rows.map((row, index) => {
      const link = document.createElement("a");
      Object.assign(link, { href: `/rooms/${row.room}`, id: `found-${index}`, innerHTML: mark(row.state) });
      link.setAttribute("role", "option");
      link.tabIndex = -1;
      for (const [tag, name, text] of [["span", "place", row.place], ["span", "word", row.word], ["small", "name", row.name]]) {
        const part = document.createElement(tag);
        Object.assign(part, { className: name, textContent: text });
        link.append(part);
      }
      return link;
    }));
    if (!rows.length) {
      const none = document.createElement("p");
      none.textContent = input.dataset.none;
      none.setAttribute("role", "option");
      none.setAttribute("aria-disabled", "true");
      list.append(none);
    }
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    choose(rows.length ? 0 : -1);
  };
  const choose = (index) => {
    const links = [...list.querySelectorAll("a")];
    chosen = links.length ? (index + links.length) % links.length : -1;
    links.forEach((link, i) => link.setAttribute("aria-selected", String(i === chosen)));
    if (chosen >= 0) input.setAttribute("aria-activedescendant", links[chosen].id);
  };
  input.addEventListener("input", debounced(show, 60));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { close(); input.blur(); }
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); choose(chosen + (event.key === "ArrowDown" ? 1 : -1)); }
    else if (event.key === "Enter" && chosen >= 0) { event.preventDefault(); location.href = list.querySelectorAll("a")[chosen].href; }
  });
  input.addEventListener("blur", () => setTimeout(close, 200));

  const filters = document.querySelector("form.filters");
  if (!filters) return;
  const table = document.querySelector("#f-table"), csv = document.querySelector(".csv");
  let turn = 0;
  const filter = async () => {
    const query = new URLSearchParams([...new FormData(filters)].filter(([, value]) => value)), mine = ++turn;
    history.replaceState(null, "", `/rooms${query.size ? `?${query}` : ""}`);
    csv.href = `/rooms.csv?${query}`;
    query.set("part", "table");
    const answer = await fetch(`/rooms?${query}`, { headers: { accept: "text/html" } }).catch(() => null);
    if (mine !== turn) return;
    if (!answer?.ok) return toast(document.body.dataset.offline, true);
    merge(table, new DOMParser().parseFromString(await answer.text(), "text/html"));
  };
  filters.querySelector("button").hidden = true;
  filters.addEventListener("input", debounced(filter, 80));
  filters.addEventListener("submit", (event) => { event.preventDefault(); filter(); });
}
