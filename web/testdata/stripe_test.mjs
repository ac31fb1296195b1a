// What the page does with Stripe's script, against a Stripe that only notes what it is asked.

import assert from "node:assert/strict";
import { test } from "node:test";
import { load, takeCards } from "./stripe.mjs";

class Element extends EventTarget {
  constructor(dataset = {}) {
    super();
    Object.assign(this, { dataset, disabled: true, hidden: true, textContent: "", parts: {} });
  }
  querySelector(selector) {
    return (this.parts[selector] ??= new Element());
  }
}

// page is a form with a Stripe behind it; the parts of it that a test is about are given.
function page({ answers = [{ status: 201, body: {} }], submit = {}, methods = ["pm_1", "pm_2"], step = {} } = {}) {
  const asked = { elements: [], methods: 0, sent: [], steps: [], done: 0 };
  const listeners = {};
  const form = new Element({ order: "o1", minor: "4990", currency: "usd", key: "k", lost: "again, please" });
  const stripe = {
    elements(options) {
      asked.elements.push(options);
      return {
        create: (kind, { wallets }) => ({ kind, wallets, on: (name, f) => (listeners[name] = f), mount: (where) => (asked.where = where) }),
        submit: async () => submit,
      };
    },
    async createPaymentMethod({ elements }) {
      assert.ok(elements);
      return { paymentMethod: { id: methods[asked.methods++] } };
    },
    async handleNextAction(options) {
      asked.steps.push(options);
      return step;
    },
  };
  const send = async (path, options) => {
    asked.sent.push({ path, key: options.headers["Idempotency-Key"], ...JSON.parse(options.body) });
    const { status, body } = answers.length > 1 ? answers.shift() : answers[0];
    if (!status) throw new TypeError("no connection");
    return { status, json: async () => body };
  };
  takeCards(form, stripe, { send, done: () => asked.done++ });
  const settled = () => new Promise((resolve) => setTimeout(resolve, 0));
  return {
    asked, listeners, form, button: form.querySelector("button"), fault: form.querySelector("[data-fault]"), settled,
    async pays() {
      const event = new Event("submit", { cancelable: true });
      form.dispatchEvent(event);
      assert.ok(event.defaultPrevented, "the browser would send the form itself");
      await settled();
    },
  };
}

test("a card is paid with, and only its name is sent to us", async () => {
  const p = page();
  assert.deepEqual({ ...p.asked.elements[0], appearance: null }, {
    mode: "payment", amount: 4990, currency: "usd", paymentMethodCreation: "manual", paymentMethodTypes: ["card"], appearance: null,
  });
  assert.equal(p.asked.where, p.form.querySelector(".payment-element"));
  assert.equal(p.button.disabled, true);
  p.listeners.ready();
  assert.equal(p.button.disabled, false);
  await p.pays();
  assert.deepEqual(p.asked.sent, [{ path: "/api/payments", key: "k-pm_1", orderId: "o1", token: "pm_1" }]);
  assert.equal(p.asked.done, 1);
  assert.equal(p.fault.hidden, true);
});

test("a double click pays once", async () => {
  const p = page();
  await Promise.all([p.pays(), p.pays(), p.pays()]);
  assert.equal(p.asked.sent.length, 1);
  assert.equal(p.asked.methods, 1);
});

test("what is wrong with the card is said, and nothing is sent", async () => {
  const p = page({ submit: { error: { message: "Your card number is incomplete." } } });
  await p.pays();
  assert.equal(p.fault.textContent, "Your card number is incomplete.");
  assert.equal(p.fault.hidden, false);
  assert.equal(p.asked.sent.length, 0);
  assert.equal(p.button.disabled, false);
});

test("the bank's step is taken before the page goes on", async () => {
  const p = page({ answers: [{ status: 202, body: { clientSecret: "secret" } }] });
  await p.pays();
  assert.deepEqual(p.asked.steps, [{ clientSecret: "secret" }]);
  assert.equal(p.asked.done, 1);
});

test("a payment that may have been sent is sent again as the same one", async () => {
  const p = page({ answers: [{}, { status: 503, body: {} }, { status: 201, body: {} }] });
  await p.pays();
  assert.equal(p.fault.textContent, "again, please");
  await p.pays();
  await p.pays();
  assert.deepEqual(p.asked.sent.map(({ key }) => key), ["k-pm_1", "k-pm_1", "k-pm_1"]);
  assert.equal(p.asked.done, 1);
  assert.equal(p.fault.hidden, true);
});

test("another card is another payment", async () => {
  const p = page({ answers: [{}, { status: 201, body: {} }] });
  await p.pays();
  p.listeners.change();
  await p.pays();
  assert.deepEqual(p.asked.sent.map(({ token }) => token), ["pm_1", "pm_2"]);
});

test("after a refusal the page says why, and the next try is a new payment", async () => {
  const p = page({ answers: [{ status: 402, body: {} }, { status: 201, body: {} }] });
  await p.pays();
  assert.equal(p.asked.done, 1);
  await p.pays();
  assert.deepEqual(p.asked.sent.map(({ token }) => token), ["pm_1", "pm_2"]);
});

test("Stripe's script is waited for", async () => {
  const script = new Element();
  const waiting = load(script);
  globalThis.Stripe = () => "stripe";
  script.dispatchEvent(new Event("load"));
  assert.equal((await waiting)(), "stripe");
  assert.equal((await load(new Element()))(), "stripe");
  delete globalThis.Stripe;
  const blocked = new Element();
  const never = load(blocked);
  blocked.dispatchEvent(new Event("error"));
  await assert.rejects(never);
  await assert.rejects(load(new Element(), 1));
});
