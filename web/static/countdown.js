// Keeps countdowns going, by the server's clock. They are shown anew with every second, told aloud at five minutes, at one
// and at the end, and never in between. When one is over, "countdown:over" bubbles up from it, and the part of the page that
// it belongs to is fetched again until the server has noticed too.

import { now } from "./clock.js";
import { refresh } from "./live.js";

const sayAt = [0, 60, 300];

function digits(seconds) {
  const two = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

function show(countdown) {
  const data = countdown.dataset;
  const left = Math.max(0, Number(data.expires) - now());
  const seconds = Math.ceil(left / 1000);
  countdown.querySelector("[data-digits]").textContent = digits(seconds);
  countdown.style.setProperty("--left", Math.min(1, left / Number(data.total)));
  countdown.toggleAttribute("data-urgent", seconds <= 60);
  const mark = sayAt.find((at) => seconds <= at);
  if (mark !== undefined && data.told !== String(mark)) {
    // A page that is opened late says nothing about what had been before; its text says it.
    if (data.told !== undefined || seconds === mark) countdown.querySelector("[data-said]").textContent = data[`say-${mark}`] ?? "";
    data.told = mark;
  }
  data.told ??= "none";
  if (seconds === 0 && !("over" in data)) over(countdown);
}

function over(countdown) {
  countdown.dataset.over = "";
  countdown.dispatchEvent(new CustomEvent("countdown:over", { bubbles: true }));
  for (const hidden of document.querySelectorAll("[data-when-over]")) hidden.hidden = false;
  let tries = 0;
  const ask = () => {
    const part = countdown.closest("[data-fragment]");
    if (!part || !countdown.isConnected || tries++ > 20) return;
    refresh(part);
    setTimeout(ask, 500 * Math.min(tries, 8));
  };
  ask();
}

// Shows all countdowns, and again when the next of them has another second to show.
function tick() {
  let pause = 1000;
  for (const countdown of document.querySelectorAll("[data-countdown]")) {
    show(countdown);
    const left = Number(countdown.dataset.expires) - now();
    if (left > 0) pause = Math.min(pause, left % 1000 || 1000);
  }
  setTimeout(tick, pause + 3);
}
tick();
