// What all scenarios need: where the market is, people with sessions, and tickets to sell.
import http from 'k6/http';
import { fail } from 'k6';

export const url = __ENV.MARKET || 'http://localhost:8080';
export const buyers = Number(__ENV.BUYERS || 64);
export const seconds = Number(__ENV.SECONDS || 30);

// What k6 prints at the end has these of every figure.
export const summary = ['med', 'p(90)', 'p(99)', 'max'];

function headers(token) {
  const all = { 'Content-Type': 'application/json' };
  if (token) all.Authorization = `Bearer ${token}`;
  return all;
}

// post sends JSON in somebody's session. Refusals are answers too; the scenarios say which they expect.
export function post(path, body, token, tags) {
  return http.post(url + path, JSON.stringify(body), {
    headers: headers(token), tags: { name: path, ...tags }, responseCallback: http.expectedStatuses({ min: 200, max: 499 }),
  });
}

export function get(path, name) {
  return http.get(url + path, { tags: { name: name || path } });
}

// signUp makes so many accounts and returns their sessions. It costs what passwords must cost, some 50 ms each.
export function signUp(count) {
  const tokens = [];
  for (let i = 0; i < count; i++) {
    const email = `k6.${Date.now()}.${i}@example.com`;
    const answer = post('/api/users/signup', { email, password: 'a password for a while' });
    if (answer.status !== 201) fail(`sign-up: ${answer.status} ${answer.body}`);
    tokens.push(answer.cookies.session[0].value);
    http.cookieJar().clear(url);
  }
  return tokens;
}

// list puts a ticket on the market and returns its id.
export function list(n, seller) {
  const answer = post('/api/tickets', {
    title: `Nina Simone, night ${n}`, price: 20 + (n % 80), venue: 'Tempodrom, Berlin', details: `Seat ${n}`,
  }, seller, { name: 'list' });
  if (answer.status !== 201) fail(`list: ${answer.status} ${answer.body}`);
  return answer.json('id');
}

// crowd is options in which that many people do the same again and again.
export function crowd(more) {
  return {
    summaryTrendStats: summary,
    setupTimeout: '5m',
    scenarios: { crowd: { executor: 'constant-vus', vus: buyers, duration: `${seconds}s`, gracefulStop: '30s' } },
    ...more,
  };
}
