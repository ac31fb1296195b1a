// Each buyer buys ticket after ticket: order and pay. The market must take payments by its simulator, or by Stripe's test mode.
import { check } from 'k6';
import { Trend } from 'k6/metrics';
import { buyers, crowd, list, post, signUp } from './market.js';

export const options = crowd({ thresholds: { http_req_failed: ['rate==0'], checks: ['rate==1'] } });

const buying = new Trend('purchase_ms', true);

export function setup() {
  return { people: signUp(buyers) };
}

export default function ({ people }) {
  const ticketId = list(__ITER, people[__VU % people.length]);
  const buyer = people[__VU - 1];
  const order = post('/api/orders', { ticketId }, buyer, { name: 'order' });
  const charge = post('/api/payments', { orderId: order.json('id'), token: 'pm_card_visa' }, buyer, { name: 'pay' });
  buying.add(order.timings.duration + charge.timings.duration);
  check(charge, { 'the ticket is paid': (r) => r.status === 201 });
}
