// Shows what happens on the market while a page is open.
//
// The page says in data-live what it wants to hear of. Each event is a CustomEvent on document, "live:ticket", "live:order"
// or "live:charge", with what happened as its detail. Two things are done here for all pages: a ticket's status and price
// change in place (in the card #ticket-<id>, which is fetched anew when its seller has edited it), and a part of the page
// that names its topics in data-about is fetched again from data-fragment. Where there are no events, every such part is
// fetched again every few seconds.

import { setNow } from "./clock.js";

const page = document.body.dataset;
const locale = document.documentElement.dataset.locale;
const offline = document.getElementById("offline");
const pollEvery = 5000;
const hiddenFor = 10_000; // then the page lets its connection go: a browser has only a few for all its tabs

let source = null;
let last = page.liveAfter;
let wait = 0;
let later = 0;
let complaint = 0;

// -- parts of a page --

const fetching = new Map();
const newest = new Map(); // the newest version that was told of, by ticket

/** Fetches a part of the page again. What asks while it is being fetched is answered by one more. */
export async function refresh(part, address = part.dataset.fragment) {
  if (fetching.has(part)) {
    fetching.set(part, true);
    return;
  }
  fetching.set(part, false);
  let html = null;
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html" }, redirect: "manual", cache: "no-store" });
    if (answer.type === "opaqueredirect") location.reload(); // the session is over
    else if (answer.ok) html = await answer.text();
  } catch {
    // There is no connection. The next event, or the next connection, asks again.
  }
  const again = fetching.get(part);
  fetching.delete(part);
  const fresh = html === null ? part : replace(part, html);
  if (again && fresh.isConnected) refresh(fresh, address);
  else if (isBehind(fresh)) setTimeout(() => isBehind(fresh) && refresh(fresh, address), 300);
}

// What was fetched may be older than what the page has been told of, or not have come at all.
function isBehind({ isConnected, dataset, id }) {
  return isConnected && Number(dataset.version) < newest.get(dataset.offer ?? id.replace("ticket-", ""));
}

/** Puts the new part in the place of the old one, and the focus where it was. */
export function replace(part, html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const fresh = holder.content.firstElementChild;
  if (!fresh || !part.isConnected) return part;
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  part.replaceWith(fresh);
  if (focused) sameAs(focused, fresh)?.focus({ preventScroll: true });
  return fresh;
}

// The element of the fresh part that is what another was in the old one.
function sameAs({ id, attributes }, fresh) {
  const byId = id && document.getElementById(id);
  return byId || (attributes.href && fresh.querySelector(`[href="${CSS.escape(attributes.href.value)}"]`));
}

function refreshAbout(...topics) {
  for (const part of document.querySelectorAll("[data-fragment][data-about]")) {
    if (part.dataset.about.split(" ").some((topic) => topics.includes(topic))) refresh(part);
  }
}

function refreshAll() {
  for (const part of document.querySelectorAll("[data-fragment]")) refresh(part);
}

// For a page that was away for too long to be told all that it has missed.
function lookAgain() {
  if (document.querySelector("[data-fragment]")) refreshAll();
  else location.reload();
}

// -- tickets in place --

function showTicket(ticket) {
  const shown = document.getElementById(`ticket-${ticket.id}`);
  if (!shown || Number(shown.dataset.version) >= ticket.version) return;
  const edited = shown.dataset.status === "available" && ticket.status === "available";
  shown.dataset.version = ticket.version;
  shown.dataset.status = ticket.status;
  const status = document.getElementById("statuses").content.querySelector(`[data-status="${CSS.escape(ticket.status)}"]`);
  shown.querySelector("[data-field=status]")?.replaceChildren(status.cloneNode(true));
  const price = shown.querySelector("[data-field=price]");
  if (price) price.textContent = money(ticket.price, ticket.currency);
  shown.classList.remove("changed");
  void shown.offsetWidth; // so that the animation begins anew
  shown.classList.add("changed");
  // Whatever else its seller has changed is in the card, which all pages would fetch at once.
  if (edited) setTimeout(() => shown.isConnected && refresh(shown, `/fragments/tickets/${ticket.id}`), Math.random() * 1000);
}

/** An amount as the server writes it. */
export const money = (amount, currency) =>
  new Intl.NumberFormat(locale, { style: "currency", currency: currency.toUpperCase() }).format(amount);

// -- the connection --

const heard = {
  hello: ({ now }) => {
    setNow(now);
    connected();
  },
  ticket: (ticket) => {
    newest.set(ticket.id, Math.max(ticket.version, newest.get(ticket.id) ?? 0));
    showTicket(ticket);
    refreshAbout("market", "selling", `ticket:${ticket.id}`);
  },
  order: (order) => refreshAbout("orders", `order:${order.id}`),
  charge: (charge) => refreshAbout(`order:${charge.orderId}`),
  reset: lookAgain,
};

function connect() {
  clearTimeout(later);
  if (source) return;
  source = new EventSource(`/live?${new URLSearchParams({ topics: page.live, after: last })}`);
  for (const [name, show] of Object.entries(heard)) {
    source.addEventListener(name, (event) => {
      last = event.lastEventId || last;
      const what = JSON.parse(event.data);
      show(what);
      document.dispatchEvent(new CustomEvent(`live:${name}`, { detail: what }));
    });
  }
  source.onerror = () => {
    complaint ||= setTimeout(() => offline && (offline.hidden = false), 4000);
    if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    disconnect();
    wait = Math.min(30_000, (wait || 500) * 2);
    later = setTimeout(connect, wait * (0.5 + Math.random()));
  };
}

function connected() {
  wait = 0;
  clearTimeout(complaint);
  complaint = 0;
  if (offline) offline.hidden = true;
}

function disconnect() {
  source?.close();
  source = null;
}

function begin() {
  connect();
  let hiding = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(disconnect, hiddenFor);
    else connect();
  });
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", connect);
  addEventListener("online", connect);
}

if ("poll" in page) setInterval(() => document.hidden || refreshAll(), pollEvery);
else if (page.live) begin();
