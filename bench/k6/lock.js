// Each buyer locks ticket after ticket, each another one, of tickets that they list as the seller next to them.
import { check } from 'k6';
import { Trend } from 'k6/metrics';
import { buyers, crowd, list, post, signUp } from './market.js';

export const options = crowd({ thresholds: { http_req_failed: ['rate==0'], checks: ['rate==1'] } });

const locking = new Trend('lock_ms', true);

export function setup() {
  return { people: signUp(buyers) };
}

export default function ({ people }) {
  const ticketId = list(__ITER, people[__VU % people.length]);
  const order = post('/api/orders', { ticketId }, people[__VU - 1], { name: 'order' });
  locking.add(order.timings.duration);
  check(order, { 'the ticket is locked': (r) => r.status === 201 && r.json('status') === 'AwaitingPayment' });
}
