// People look around: the newest tickets, every order of the list, words, one ticket, and the page of the market.
import { check } from 'k6';
import { crowd, get, list, signUp } from './market.js';

export const options = crowd({ thresholds: { http_req_failed: ['rate==0'], checks: ['rate==1'] } });

const lists = ['', '?sort=price', '?sort=-price', '?sort=date', '?status=all', '?q=simone%20berlin'];

export function setup() {
  const [seller] = signUp(1);
  return { tickets: Array.from({ length: 200 }, (_, n) => list(n, seller)) };
}

export default function ({ tickets }) {
  const found = get('/api/tickets' + lists[__ITER % lists.length], 'list of tickets');
  check(found, { '20 tickets': (r) => r.status === 200 && r.json().length === 20 });
  check(get('/api/tickets/' + tickets[(__ITER + __VU) % tickets.length], 'one ticket'), { 'the ticket': (r) => r.status === 200 });
  if (__ITER % 10 === 0) check(get('/', 'market page'), { 'the page': (r) => r.status === 200 });
}
