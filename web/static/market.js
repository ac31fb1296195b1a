// What the pages with tickets do while they are open: they count what is listed, tell aloud what has changed, and keep the
// time of locks that began after the page was opened.

import "./countdown.js"; // now: when a lock begins there may be no connection to fetch it with
import { refresh } from "./live.js";

const fresh = document.getElementById("fresh");
const say = document.getElementById("say");
const found = document.getElementById("found");

// -- new tickets: they are announced above the list, which does not move until somebody asks for it --

const listed = new Set();

function count() {
  const results = document.getElementById("results");
  if (!results || !("fresh" in results.dataset)) listed.clear();
  for (const id of listed) if (document.getElementById(`ticket-${id}`)) listed.delete(id);
  if (listed.size === 0) {
    fresh.replaceChildren();
    return;
  }
  const button = fresh.querySelector("button") ?? document.createElement("button");
  button.type = "button";
  button.className = "button second small";
  const text = listed.size === 1 ? fresh.dataset.single : fresh.dataset.more.replace("#", listed.size);
  if (button.textContent !== text) button.textContent = text;
  if (!button.isConnected) {
    button.addEventListener("click", showFresh);
    fresh.append(button);
  }
}

async function showFresh() {
  listed.clear();
  await refresh(document.getElementById("results"));
  document.getElementById("list").focus();
}

if (fresh) {
  document.addEventListener("live:ticket", ({ detail: ticket }) => {
    const results = document.getElementById("results");
    if (!("fresh" in results.dataset)) return;
    if (ticket.version === 1 && ticket.status === "available") listed.add(ticket.id);
    else if (ticket.status !== "available") listed.delete(ticket.id);
    count();
  });
  document.addEventListener("market:shown", count);
}

// -- what is replaced --

const said = new Map(); // by the id of the part

function remember() {
  for (const part of document.querySelectorAll("[data-says]")) {
    const before = said.get(part.id);
    said.set(part.id, part.dataset.says);
    if (say && before !== undefined && before !== part.dataset.says) {
      say.textContent = part.dataset.says;
      part.classList.add("changed");
    }
  }
}

new MutationObserver(() => {
  remember();
  const results = document.getElementById("results");
  if (found && results && found.textContent !== results.dataset.found) found.textContent = results.dataset.found;
  if (fresh) count();
}).observe(document.getElementById("main"), { childList: true, subtree: true });
remember();
