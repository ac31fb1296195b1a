// What the page does with Stripe's script, against a Stripe that only notes what it is asked.

import assert from "node:assert/strict";
import { test } from "node:test";
import { goOn, load, loadFrom, steps, takeCards } from "./stripe.mjs";

class Element extends EventTarget {
  constructor(dataset = {}) {
    super();
    Object.assign(this, { dataset, disabled: true, hidden: true, textContent: "", parts: {} });
  }
  querySelector(selector) {
    return (this.parts[selector] ??= new Element());
  }
}

// The memory of a tab.
const memory = new Map();
const storage = {
  setItem: (name, text) => memory.set(name, text), getItem: (name) => memory.get(name) ?? null, removeItem: (name) => memory.delete(name),
};
Object.defineProperty(globalThis, "sessionStorage", { configurable: true, get: () => storage });
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

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
      asked.steps.push({ ...options, kept: steps.of("o1", "c1") });
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
  return {
    asked, listeners, form, button: form.querySelector("button"), fault: form.querySelector("[data-fault]"),
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

const asks = { answers: [{ status: 202, body: { id: "c1", clientSecret: "secret" } }] };

test("the bank's step is taken before the page goes on, and kept until it is over", async () => {
  const p = page(asks);
  await p.pays();
  assert.deepEqual(p.asked.steps, [{ clientSecret: "secret", kept: "secret" }]);
  assert.equal(p.asked.done, 1);
  assert.equal(memory.size, 0);
});

test("a step that the buyer refuses is over too", async () => {
  const p = page({ ...asks, step: { error: { type: "invalid_request_error", message: "You did not confirm." } } });
  await p.pays();
  assert.equal(p.fault.textContent, "You did not confirm.");
  assert.equal(p.asked.done, 1);
  assert.equal(memory.size, 0);
});

test("a step that nobody knows the end of is kept for the next page", async () => {
  const p = page({ ...asks, step: { error: { type: "api_connection_error", message: "no connection" } } });
  await p.pays();
  assert.equal(p.asked.done, 1);
  assert.equal(steps.of("o1", "c1"), "secret");
  assert.equal(steps.of("o1", "c2"), null);
  assert.equal(steps.of("o2", "c1"), null);
  steps.forget("o1");
  assert.equal(memory.size, 0);
});

// again is the part of a page that was loaded again. The ends of the step are given, one for each time that it is taken.
function again(...ends) {
  const asked = { steps: [], done: 0 };
  const part = new Element({ order: "o1", charge: "c1", lost: "again, please" });
  const stripe = {
    async handleNextAction(options) {
      asked.steps.push(options);
      const end = ends.shift();
      if (end instanceof Error) throw end;
      return end;
    },
  };
  goOn(part, { open: async () => stripe, done: () => asked.done++ });
  return {
    asked, button: part.querySelector("button"), fault: part.querySelector("[data-fault]"),
    here: part.querySelector("[data-here]"),
  };
}

test("a page that is loaded again goes on with the step, until it is over", async () => {
  steps.keep("o1", "c1", "secret");
  const p = again(new Error("no connection"), { error: { type: "api_error", message: "broken" } }, {});
  await settled();
  for (const turn of [1, 2]) {
    assert.equal(p.fault.textContent, "again, please");
    assert.equal(p.fault.hidden, false);
    assert.equal(p.button.disabled, false);
    assert.equal(p.asked.steps.length, turn);
    p.button.dispatchEvent(new Event("click"));
    await settled();
  }
  assert.deepEqual(p.asked, { steps: Array(3).fill({ clientSecret: "secret" }), done: 1 });
  assert.equal(p.fault.hidden, true);
  assert.equal(p.button.disabled, true);
  assert.equal(p.here.hidden, false);
  assert.equal(memory.size, 0);
});

test("where the payment was not submitted, or another one, nothing is gone on with", async () => {
  assert.equal(again({}).asked.steps.length, 0);
  steps.keep("o1", "c0", "secret");
  const p = again({});
  await settled();
  assert.equal(p.asked.steps.length, 0);
  assert.equal(p.here.hidden, true);
  steps.forget("o1");
});

test("a browser without memory pays all the same", async () => {
  Object.defineProperty(globalThis, "sessionStorage", { configurable: true, get: () => { throw new Error("forbidden"); } });
  const p = page(asks);
  await p.pays();
  assert.equal(p.asked.done, 1);
  assert.equal(steps.of("o1", "c1"), null);
  Object.defineProperty(globalThis, "sessionStorage", { configurable: true, get: () => storage });
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

test("Stripe's script is loaded when it is needed", async () => {
  const added = [];
  globalThis.document = { createElement: () => new Element(), head: { append: (script) => added.push(script) } };
  const waiting = loadFrom("https://js.stripe.com/v3/");
  assert.equal(added[0].src, "https://js.stripe.com/v3/");
  globalThis.Stripe = () => "stripe";
  added[0].dispatchEvent(new Event("load"));
  assert.equal((await waiting)(), "stripe");
  delete globalThis.Stripe;
  delete globalThis.document;
});
