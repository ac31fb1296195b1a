// What every page does beyond its HTML. All of it is a bonus: each page works without.

// The server writes times in the reader's zone once it knows it, but for those of events.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.split("; ").includes(`zone=${encodeURIComponent(zone)}`)) {
  document.cookie = `zone=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=lax`;
}

// On a small screen the links of the header are a line that may begin with others than this page's.
const line = document.querySelector(".top .main");
const here = line?.querySelector("[aria-current]");
if (here) line.scrollLeft = here.offsetLeft - (line.clientWidth - here.offsetWidth) / 2;

// Whoever sent a form with mistakes in it begins with what is wrong, unless they were faster than this script.
if (document.activeElement === document.body) document.querySelector(".faults")?.focus();

// The page of an order goes through several states while it is open.
if (document.querySelector("[data-checkout]")) import("./checkout.js");

// A form that has been sent is not sent again by a second click. The server would not mind.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, 5000);
});
// A page that comes back out of the browser's memory can be sent again.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

if (document.body.dataset.live) import("./live.js");
if (document.querySelector("[data-countdown]")) import("./countdown.js");
if (document.querySelector("[data-search]")) import("./search.js");
if (document.querySelector("#fresh, #say")) import("./market.js");
