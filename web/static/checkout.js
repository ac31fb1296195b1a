// The page of an order while it is open. How the order stands is a part of the page that is fetched again whenever that
// changes; this keeps the rest of the page in step with it, says the change aloud, and makes paying easier.

import { refresh } from "./live.js";
import { goOn, load, loadFrom, steps, takeCards } from "./stripe.js";

const page = document.querySelector("[data-checkout]");
const place = page.querySelector(".checkout-state");
const said = document.getElementById("order-said");
const order = () => document.getElementById("order");

// -- the state --

let state = order().dataset.state;

// Forms stay where they are, so that nothing that was typed is lost, and are hidden while there is nothing to do with them.
function follow() {
  const now = order()?.dataset.state;
  if (!now || now === state) return;
  state = now;
  tidy();
  said.textContent = order().dataset.headline;
  if (state === "checkout" && !document.getElementById("pay")) location.reload();
  const lost = page.querySelector("[data-while]:focus-within");
  for (const part of page.querySelectorAll("[data-while]")) part.hidden = !part.dataset.while.split(" ").includes(state);
  if (lost?.hidden) {
    const headline = document.getElementById("state");
    headline.tabIndex = -1;
    headline.focus();
  }
}

// The bank has no question about a payment that is decided.
function tidy() {
  if (state !== "paying" && state !== "away") steps.forget(page.dataset.checkout);
}
tidy();
new MutationObserver(follow).observe(place, { childList: true });

// What changes in a moment is looked at again even if no event says so.
setInterval(() => {
  if (order()?.hasAttribute("data-settling") && !document.hidden) refresh(order());
}, 2000);

// -- the simulator's form: choosing a test card fills it in --

const cards = page.querySelector("form[data-cards]");
cards?.addEventListener("change", ({ target }) => {
  if (target.name !== "card") return;
  cards.elements.number.value = target.dataset.number;
  for (const [input, fits] of [[cards.elements.expiry, "12/34"], [cards.elements.cvc, "123"]]) {
    if (!input.value || input.getAttribute("aria-invalid")) input.value = fits;
  }
});
cards?.addEventListener("input", ({ target }) => {
  if (target.name !== "number") return;
  for (const card of cards.querySelectorAll("input[name=card]:checked")) card.checked = false;
});

// -- Stripe's form --

const options = { locale: document.documentElement.lang };
const real = page.querySelector("form[data-stripe]");
if (real) {
  load(page.querySelector("[data-stripe-script]"))
    .then((Stripe) => takeCards(real, Stripe(real.dataset.stripe, options), { style: look(), done: () => location.reload() }))
    .catch(() => {
      const fault = real.querySelector("[data-fault]");
      fault.textContent = real.dataset.blocked;
      fault.hidden = false;
    });
}

const step = page.querySelector("[data-step]");
if (step) {
  goOn(step, {
    open: async () => (await loadFrom(step.dataset.script))(step.dataset.step, options),
    done: () => refresh(order()),
  });
}

// Stripe's form lives in a frame of its own, which has to be told how this page looks.
function look() {
  const of = getComputedStyle(document.documentElement);
  const token = (name) => of.getPropertyValue(name).trim();
  return {
    theme: matchMedia("(prefers-color-scheme: dark)").matches ? "night" : "stripe",
    variables: {
      colorPrimary: token("--accent"), colorBackground: token("--surface"), colorText: token("--ink"),
      colorDanger: token("--danger"), borderRadius: token("--round"),
    },
  };
}
