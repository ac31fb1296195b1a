// The server's clock, which all open pages follow, whatever their own clocks say.

const own = () => performance.timeOrigin + performance.now(); // does not jump when somebody sets the clock
const began = performance.getEntriesByType("navigation")[0]?.responseStart;
let ahead = Number(document.body.dataset.now) - (began ? performance.timeOrigin + began : own());

/** The time of the server, in milliseconds since 1970. */
export const now = () => own() + ahead;

/** Takes what the server says its time is. */
export const setNow = (time) => {
  ahead = time - own();
};
