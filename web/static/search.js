// Searches while somebody types, and when they choose: the results come without the rest of the page, and the address of
// the page is that of the search, so that it can be kept, sent, and gone back from.

import { replace } from "./live.js";

const form = document.querySelector("[data-search]");
const pauseAfterKey = 180;

let waiting = 0;
let asking = null;
let typing = false; // what is typed in one go is one step back

function query() {
  const chosen = new URLSearchParams(new FormData(form));
  if (!chosen.get("q").trim()) chosen.delete("q");
  if (chosen.get("status") === "available") chosen.delete("status");
  if (chosen.get("sort") === "new") chosen.delete("sort");
  return chosen.size ? `?${chosen}` : "";
}

// Shows what is found for the query. The newest question alone is answered.
async function show(search) {
  clearTimeout(waiting);
  asking?.abort();
  asking = new AbortController();
  let html = "";
  try {
    const answer = await fetch(form.dataset.search + search, { headers: { Accept: "text/html" }, signal: asking.signal });
    if (!answer.ok) throw new Error(answer.status);
    html = await answer.text();
  } catch (error) {
    if (error.name !== "AbortError") location.assign(location.pathname + search); // the page itself says what is wrong
    return;
  }
  const results = replace(document.getElementById("results"), html);
  document.getElementById("found").textContent = results.dataset.found;
  document.dispatchEvent(new CustomEvent("market:shown"));
}

function search(asTyped) {
  const wanted = query();
  if (wanted === location.search) return;
  if (asTyped && typing) history.replaceState(null, "", `/${wanted}`);
  else history.pushState(null, "", `/${wanted}`);
  typing = asTyped;
  show(wanted);
}

// What the address says, for somebody who goes back.
function restore() {
  const said = new URLSearchParams(location.search);
  form.elements.q.value = said.get("q") ?? "";
  form.elements.status.value = said.get("status") ?? "available";
  form.elements.sort.value = said.get("sort") ?? "new";
  typing = false;
  show(location.search);
}

form.addEventListener("input", (event) => {
  if (event.target.name !== "q") return;
  clearTimeout(waiting);
  waiting = setTimeout(search, pauseAfterKey, true);
});
form.addEventListener("change", (event) => {
  if (event.target.name !== "q") search(false);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  event.stopPropagation(); // a search may be sent any number of times
  clearTimeout(waiting);
  search(false);
});
addEventListener("popstate", () => {
  if (query() !== location.search) restore(); // else it was a link to a part of this page
});
form.classList.add("by-itself"); // nothing needs to be sent
