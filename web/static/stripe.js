// Takes a real card with Stripe's Payment Element. The number goes from Stripe's frame to Stripe; this page gets a name for
// it, gives that to the API, and takes the buyer through the bank's step if there is one.

/** Waits for Stripe's script, which is another element of the page. */
export function load(script, patience = 15_000) {
  return new Promise((resolve, reject) => {
    const arrived = () => (globalThis.Stripe ? resolve(globalThis.Stripe) : reject(new Error("Stripe's script did nothing")));
    if (globalThis.Stripe) return arrived();
    script.addEventListener("load", arrived);
    script.addEventListener("error", reject);
    setTimeout(arrived, patience);
  });
}

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
      const step = await stripe.handleNextAction({ clientSecret: charge.clientSecret });
      if (step.error) complain(step.error.message); // the server hears of it too, and decides
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
