// A room is picked by its name: the server looks, which folds marks and knows old names. Without this script a button asks it.
import { $, $$ } from "./dom.js";
import { toast } from "./forms.js";
import { merge } from "./merge.js";
import { askPage, parse } from "./net.js";

const REST_MS = 80;

export function bindPicker() {
  const picker = $(".picker");
  if (!picker) return;
  const field = $("[name=find]", picker), list = $(".choices", picker);
  let turn = 0, timer;

  async function look() {
    const mine = ++turn, chosen = $(":checked", list)?.value ?? "";
    const answer = await askPage(`/enrol?${new URLSearchParams({ part: "choices", find: field.value, room: chosen })}`);
    if (mine !== turn) return;
    if (!answer?.ok) return toast(document.body.dataset.offline, true);
    merge(list, parse(answer.text));
  }

  function keyed(event) {
    if (event.key !== "Enter" && event.key !== "ArrowDown") return;
    event.preventDefault(); // what is looked for is no answer yet
    ($(":checked", list) ?? $("input", list))?.focus();
  }

  Object.assign($("button", picker), { hidden: true, type: "button" }); // nor what Enter in another field presses
  field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, REST_MS); });
  field.addEventListener("keydown", keyed);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-code]");
    if (!link) return;
    event.preventDefault();
    $("#code").value = link.dataset.code;
    field.focus();
  });
}
