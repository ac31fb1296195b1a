// All buyers want the same ticket, then all the next one. Each ticket has one winner: the winners are counted, and there must
// never be more of them than there were tickets.
import { check, sleep } from 'k6';
import { Counter } from 'k6/metrics';
import { buyers, crowd, list, post, signUp, summary } from './market.js';

const tickets = Number(__ENV.TICKETS || 50);

export const options = {
  ...crowd(),
  summaryTrendStats: summary,
  scenarios: { rush: { executor: 'per-vu-iterations', vus: buyers, iterations: tickets, maxDuration: '5m' } },
  thresholds: { http_req_failed: ['rate==0'], checks: ['rate==1'], winners: [`count==${tickets}`] },
};

const winners = new Counter('winners');

export function setup() {
  const people = signUp(buyers + 1);
  const ids = Array.from({ length: tickets }, (_, n) => list(n, people[buyers]));
  sleep(1);
  return { people, ids, gate: Date.now() + 2000 };
}

// A ticket is wanted by all at the same moment: four of them a second.
export default function ({ people, ids, gate }) {
  sleep(Math.max(0, gate + __ITER * 250 - Date.now()) / 1000);
  const order = post('/api/orders', { ticketId: ids[__ITER] }, people[__VU - 1], { name: 'order' });
  check(order, { 'answered': (r) => r.status === 201 || r.status === 409 });
  if (order.status === 201) winners.add(1);
}
