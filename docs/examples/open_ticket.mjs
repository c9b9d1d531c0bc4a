#!/usr/bin/env node
// Open a ticket from a shop's server, once, however often it is tried. Node 18 or newer, nothing else.
//
// POSTDESK_URL=http://127.0.0.1:8080 POSTDESK_TOKEN=pdk_... node open_ticket.mjs
// The token needs the scope tickets:create, and tickets:read for the list.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

const base = `${process.env.POSTDESK_URL.replace(/\/$/, '')}/api/support`;

/** An answer that trying again does not change; `problem` is the body (RFC 9457). */
class Refused extends Error {
  constructor(problem) {
    super(`${problem.code}: ${problem.detail}`);
    this.problem = problem;
  }
}

/** One call; repeated on trouble of the network or the desk. With a key a repeat does nothing twice. */
async function call(method, path, { body, key } = {}) {
  const headers = { authorization: `Bearer ${process.env.POSTDESK_TOKEN}`, accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (key) headers['idempotency-key'] = key;
  for (let attempt = 0; ; attempt++) {
    let wait = 2 ** attempt;
    try {
      const answer = await fetch(base + path, {
        method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(15_000),
      });
      if (answer.ok) return await answer.json();
      const after = answer.headers.get('retry-after');
      if (!after && ![429, 500, 503].includes(answer.status)) throw new Refused(await answer.json());
      wait = Math.min(60, Number(after) || wait);
    } catch (error) {
      if (error instanceof Refused) throw error;
    }
    if (attempt === 4) throw new Error('the desk does not answer');
    await sleep(wait * 1000);
  }
}

/** What the button "I have a problem with this order" does. */
const reportProblem = (order, customer, text) => call('POST', '/tickets', {
  key: `order-${order.id}-${customer.request}`,
  body: {
    subject: `Problem with order ${order.id}`,
    description: text,
    category: 'order',
    customer_email: customer.email,
    customer_name: customer.name,
    user_id: customer.id,
    order_id: order.id,
    store_id: order.store,
    metadata: { page_url: order.page },
  },
});

/** What the order's page shows. */
async function ticketsOf(orderId) {
  const query = new URLSearchParams({ order_id: orderId, sort: '-updated_at', fields: 'number,subject,status' });
  return (await call('GET', `/tickets?${query}`)).data;
}

const order = { id: '1001', store: 'st_81', page: 'https://shop.example/orders/1001' };
// `request` is made with the form the customer fills in: sent twice, it opens one ticket.
const customer = { id: 'u_312', name: 'Jo Doe', email: 'jo@example.org', request: randomUUID() };
const first = await reportProblem(order, customer, 'The lid is broken.');
const again = await reportProblem(order, customer, 'The lid is broken.');
if (first.number !== again.number) throw new Error('opened twice');
console.log('opened', first.number);
for (const ticket of await ticketsOf('1001')) console.log(ticket.number, ticket.status, ticket.subject);
try {
  await call('POST', '/tickets', { body: { subject: '', priority: 'asap' } });
} catch (error) {
  for (const { pointer, detail } of error.problem.errors) console.log('refused:', pointer, detail);
}
