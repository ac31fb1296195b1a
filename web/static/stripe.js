// Takes a real card with Stripe's Payment Element. The number goes from Stripe's frame to Stripe; this page gets a name for
// it, gives that to the API, and takes the buyer through the bank's step if there is one, also after it was loaded again.

/** Waits for Stripe's script, which is another element of the page. */
export function load(script, patience = 15_000) {
  return new Promise((resolve, reject) => {
    const arrived = () => (globalThis.Stripe ? resolve(globalThis.Stripe) : reject(new Error("Stripe's script did nothing")));
    if (globalThis.Stripe) return arrived();
    const late = setTimeout(arrived, patience);
    script.addEventListener("load", arrived);
    script.addEventListener("error", reject);
    for (const end of ["load", "error"]) script.addEventListener(end, () => clearTimeout(late));
  });
}

/** Loads Stripe's script into a page that is without it so far. */
export function loadFrom(address) {
  const script = document.createElement("script");
  script.src = address;
  const loading = load(script);
  document.head.append(script);
  return loading;
}

// -- the bank's step --

// A browser may have no memory for a tab, or forbid it. Then the step is lost with the page.
function remember(what) {
  try {
    return what(globalThis.sessionStorage);
  } catch {
    return null;
  }
}

const place = (order) => `bank:${order}`;

/**
 * What Stripe needs for the bank's step is told once, when the payment is submitted. It is kept while the tab is open and the
 * payment is not decided, so that a page which is loaded again goes on with the step.
 */
export const steps = {
  keep: (order, charge, secret) => remember((memory) => memory.setItem(place(order), `${charge} ${secret}`)),
  forget: (order) => remember((memory) => memory.removeItem(place(order))),
  of(order, charge) {
    const [kept, secret] = remember((memory) => memory.getItem(place(order)))?.split(" ") ?? [];
    return kept === charge ? secret : null;
  },
};

// What Stripe says when it does not know itself how the step has ended.
const unknown = ["api_connection_error", "api_error", "rate_limit_error"];

/** Takes the buyer through the step. What went wrong is returned; it throws when nobody knows how the step has ended. */
async function take(stripe, order, clientSecret) {
  const { error } = await stripe.handleNextAction({ clientSecret });
  if (unknown.includes(error?.type)) throw new Error(error.message);
  steps.forget(order);
  return error?.message ?? "";
}

/**
 * Goes on with the bank's step of a payment that was submitted before the page was loaded, if it was in this tab. When that
 * does not get through, the buyer can try again.
 */
export function goOn(part, { open, done }) {
  const { order, charge, lost } = part.dataset;
  const secret = steps.of(order, charge);
  if (!secret) return;
  const button = part.querySelector("button");
  const fault = part.querySelector("[data-fault]");
  const complain = (text) => {
    fault.textContent = text;
    fault.hidden = !text;
  };
  part.querySelector("[data-elsewhere]").hidden = true;
  part.querySelector("[data-here]").hidden = false;
  async function go() {
    button.disabled = true;
    complain("");
    try {
      complain(await take(await open(), order, secret)); // the server hears of it too, and decides
      done();
    } catch {
      complain(lost);
      button.disabled = false;
    }
  }
  button.addEventListener("click", go);
  go();
}

// -- the card --

/**
 * Shows Stripe's form in the page's, and pays with it. Whatever the outcome is, done is called as soon as the server knows
 * it: the order's page says it. A payment that may have been sent is sent again as the same one.
 */
export function takeCards(form, stripe, { style, done, send = (...args) => fetch(...args) }) {
  const { order, minor, currency, key, lost } = form.dataset;
  const button = form.querySelector("button");
  const fault = form.querySelector("[data-fault]");
  const elements = stripe.elements({
    mode: "payment", amount: Number(minor), currency, paymentMethodCreation: "manual", paymentMethodTypes: ["card"], appearance: style,
  });
  const element = elements.create("payment", { wallets: { applePay: "never", googlePay: "never" } });
  let method = null; // that was made, and not yet answered for
  let busy = false;

  element.on("ready", () => (button.disabled = false));
  element.on("change", () => (method = null));
  element.mount(form.querySelector(".payment-element"));

  const complain = (text) => {
    fault.textContent = text;
    fault.hidden = !text;
  };

  async function make() {
    if (method) return method;
    const checked = await elements.submit();
    const made = checked.error ? checked : await stripe.createPaymentMethod({ elements });
    if (made.error) complain(made.error.message);
    return (method = made.paymentMethod?.id ?? null);
  }

  async function pay() {
    const token = await make();
    if (!token) return;
    const answer = await send("/api/payments", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", "Idempotency-Key": `${key}-${token}` },
      body: JSON.stringify({ orderId: order, token }),
    });
    if (answer.status >= 500 || answer.status === 429) throw new Error("not now");
    method = null;
    const charge = await answer.json();
    if (answer.status === 202 && charge.clientSecret) {
      steps.keep(order, charge.id, charge.clientSecret);
      complain(await take(stripe, order, charge.clientSecret).catch(() => "")); // what is not known, the next page finds out
    }
    done();
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = button.disabled = true;
    complain("");
    try {
      await pay();
    } catch {
      complain(lost);
    } finally {
      busy = button.disabled = false;
    }
  });
}
