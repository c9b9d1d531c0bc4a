// Takes webhooks of Postdesk and verifies them (Standard Webhooks 1.0.0). Needs nothing but Node's own library.
//
//     WEBHOOK_SECRET=whsec_... PORT=8000 node webhook_receiver.mjs

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const key = Buffer.from(process.env.WEBHOOK_SECRET.replace(/^whsec_/, ""), "base64");
const tolerance = 5 * 60; // seconds
const largest = 20_000; // no event is larger

const seen = new Set(); // in your shop: a table

/** Whether Postdesk sent this, just now. */
function verified(headers, body) {
  const id = headers["webhook-id"] ?? "";
  const at = headers["webhook-timestamp"] ?? "";
  if (!/^\d+$/.test(at) || Math.abs(Date.now() / 1000 - Number(at)) > tolerance) return false;
  const expected = Buffer.from("v1," + createHmac("sha256", key).update(`${id}.${at}.`).update(body).digest("base64"));
  return (headers["webhook-signature"] ?? "").split(" ").some((one) => {
    const signature = Buffer.from(one);
    return signature.length === expected.length && timingSafeEqual(signature, expected);
  });
}

/** The body as it came: parsed and written again, it would be another. */
async function read(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > largest) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

createServer(async (request, response) => {
  const answer = (status) => response.writeHead(status).end();
  const body = await read(request).catch(() => null);
  if (body === null) return answer(413);
  if (!verified(request.headers, body)) return answer(400);
  const id = request.headers["webhook-id"];
  if (!seen.has(id)) { // the same event may come again
    seen.add(id);
    const event = JSON.parse(body);
    console.log(event.type, event.data.ticket?.number ?? "");
  }
  answer(204); // within 15 seconds; what takes longer is done behind it
}).listen(Number(process.env.PORT ?? 8000), "127.0.0.1");
