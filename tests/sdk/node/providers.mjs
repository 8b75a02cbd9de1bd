// Providers whose own libraries sign requests here, and verify what was forwarded. Each signature is made by the provider's
// library and judged by it.

import assert from "node:assert/strict";
import { load } from "./packages.mjs";
import { test } from "./receiving.mjs";

const { default: Stripe } = await load("stripe");
const { WorkOS } = await load("@workos-inc/node");
const { default: OpenAI } = await load("openai");
const { Resend } = await load("resend");
const octokit = await load("@octokit/webhooks-methods");
const contentful = await load("@contentful/node-apps-toolkit");
const standard = await load("standardwebhooks");

const stripe = new Stripe("sk_test_none");
const workos = new WorkOS("sk_test_none");
const openai = new OpenAI({ apiKey: "none" });
const resend = new Resend("re_none");

const JSON_TYPE = { "content-type": "application/json" };
const SECRET = "a signing secret that is exactly sixty-four characters in length";
const OTHER = "another signing secret, also of sixty-four characters in length.";
const whsec = (text) => `whsec_${Buffer.from(text.slice(0, 32)).toString("base64")}`;

// `at` is in milliseconds; `staleMs` how old a signature may not be, where the provider signs the time.
const providers = [
  {
    type: "stripe",
    staleMs: 301_000,
    sign({ url, secret, at }) {
      const body = JSON.stringify({ id: `evt_${at}`, object: "event", type: "charge.refunded", data: { amount: 4200 } }, null, 2);
      const timestamp = Math.floor(at / 1000);
      const signature = stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp });
      return { url, body, headers: { ...JSON_TYPE, "Stripe-Signature": signature } };
    },
    accepts({ secret, headers, body }) {
      return stripe.webhooks.constructEvent(body, headers["stripe-signature"], secret).type === "charge.refunded";
    },
  },
  {
    type: "github",
    async sign({ url, secret, at }) {
      const body = JSON.stringify({ action: "opened", number: 4200, title: "Grüße \u2028" });
      const headers = { "X-GitHub-Event": "issues", "X-GitHub-Delivery": `delivery-${at}` };
      return { url, body, headers: { ...JSON_TYPE, ...headers, "X-Hub-Signature-256": await octokit.sign(secret, body) } };
    },
    accepts({ secret, headers, body }) {
      return octokit.verify(secret, body.toString(), headers["x-hub-signature-256"]);
    },
  },
  {
    type: "workos",
    stock: false,
    staleMs: 181_000,
    async sign({ url, secret, at }) {
      const payload = { id: `event_${at}`, event: "dsync.user.created", data: { n: 4200 } };
      const signature = await workos.webhooks.computeSignature(at, payload, secret);
      return { url, body: JSON.stringify(payload), headers: { ...JSON_TYPE, "WorkOS-Signature": `t=${at}, v1=${signature}` } };
    },
    accepts({ secret, headers, body }) {
      const sigHeader = headers["workos-signature"];
      return workos.webhooks.verifyHeader({ payload: JSON.parse(body), sigHeader, secret, tolerance: 180_000 });
    },
  },
  {
    type: "contentful",
    stock: false,
    staleMs: 31_000,
    sign({ url, secret, at }) {
      const sent = new URL(`${url}?space=a&tag=b`);
      const body = JSON.stringify({ sys: { id: `entry${at}` }, n: 4200 });
      const headers = { ...JSON_TYPE, "x-contentful-topic": "ContentManagement.Entry.publish" };
      const path = sent.pathname + sent.search;
      const signed = contentful.signRequest(secret, { method: "POST", path, headers, body }, at);
      return { url: sent.href, body, headers: { ...headers, ...signed } };
    },
    accepts({ secret, url, headers, body }) {
      const { pathname, search } = new URL(url);
      return contentful.verifyRequest(secret, { method: "POST", path: pathname + search, headers, body: body.toString() }, 30);
    },
  },
  {
    type: "standard-webhooks",
    stock: false,
    staleMs: 301_000,
    secret: whsec(SECRET),
    other: whsec(OTHER),
    // Its headers have the names of the server's own, which then go by others.
    hasOurHeaders: true,
    sign({ url, secret, at }) {
      const body = JSON.stringify({ type: "invoice.paid", data: { amount: 4200 } });
      const signature = new standard.Webhook(secret).sign(`msg_${at}`, new Date(at), body);
      const timestamp = String(Math.floor(at / 1000));
      const headers = { "webhook-id": `msg_${at}`, "webhook-timestamp": timestamp, "webhook-signature": signature };
      return { url, body, headers: { ...JSON_TYPE, ...headers } };
    },
    accepts({ secret, headers, body }) {
      return new standard.Webhook(secret).verify(body, headers).type === "invoice.paid";
    },
  },
];

const lowered = (headers) => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** Whether the provider's library takes a request; it may throw instead of saying no. */
async function judge(provider, request) {
  try {
    return await provider.accepts(request);
  } catch {
    return false;
  }
}

for (const provider of providers) {
  const { type, stock, staleMs, secret = SECRET, other = OTHER } = provider;

  test(`what ${type}'s library signs is forwarded so that it verifies it`, async (journey) => {
    const source = await journey.source(type, { secret }, { stock });
    const signed = await provider.sign({ url: source.url, secret, at: Date.now() });
    if (provider.hasOurHeaders) source.inbox.originals = lowered(signed.headers);
    const answer = await journey.post(200, signed);
    const came = await source.inbox.take();
    assert.equal(came.body.toString(), signed.body);
    const headers = lowered(signed.headers);
    for (const [name, value] of Object.entries(headers)) assert.equal(came.headers[name], value, name);
    const forwarded = { ...came, url: source.url + came.query };
    assert.equal(await judge(provider, { ...forwarded, secret }), true);
    assert.equal(await judge(provider, { ...forwarded, secret: other }), false);
    // The provider's retry.
    assert.equal(await journey.post(200, signed), answer);
    const [one, ...more] = await source.requests("accepted");
    assert.deepEqual([one.duplicates, one.messages, more.length], [1, 1, 0]);
    assert.equal((await source.messages()).length, 1);
  });

  test(`what ${type}'s library would refuse is refused, stored and not forwarded`, async (journey) => {
    const source = await journey.source(type, { secret }, { stock });
    const at = Date.now();
    const good = await provider.sign({ url: source.url, secret, at });
    const bad = [
      { ...good, body: good.body.replace("4200", "9900") },
      await provider.sign({ url: source.url, secret: other, at }),
    ];
    if (staleMs) bad.push(await provider.sign({ url: source.url, secret, at: at - staleMs }));
    for (const signed of bad) {
      await journey.post(401, signed);
      const [newest] = await source.requests("refused");
      assert.deepEqual([newest.status, newest.messages, newest.body], [401, 0, signed.body]);
      assert.ok(newest.reason);
      assert.equal(await judge(provider, { ...signed, secret, headers: lowered(signed.headers) }), false);
    }
    assert.equal((await source.requests("refused")).length, bad.length);
    assert.deepEqual([await source.requests("accepted"), await source.messages()], [[], []]);
    // What was refused didn't take the event's place.
    if (provider.hasOurHeaders) source.inbox.originals = lowered(good.headers);
    await journey.post(200, good);
    assert.equal((await source.inbox.take()).body.toString(), good.body);
    assert.equal((await source.messages()).length, 1);
  });
}

test("a message's envelope is verified by every library for Standard Webhooks", async (journey) => {
  const [provider] = providers;
  const source = await journey.source("stripe", { secret: SECRET }, { options: { delivery: "message" } });
  const signed = await provider.sign({ url: source.url, secret: SECRET, at: Date.now() });
  await journey.post(200, signed);
  // The receiver verifies it with `standardwebhooks` and `svix`.
  const { headers, body } = await source.inbox.take();
  const envelope = JSON.parse(body);
  assert.deepEqual(Object.keys(envelope), ["type", "timestamp", "data"]);
  assert.deepEqual([envelope.type, envelope.data], ["charge.refunded", JSON.parse(signed.body)]);
  assert.ok(body.includes(signed.body), "the event is in it byte for byte");
  const [key] = source.inbox.keys;
  const changed = body.toString().replace("4200", "9900");
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature } = headers;
  const libraries = {
    openai: (payload) => openai.webhooks.unwrap(payload, headers, key),
    resend: (payload) => resend.webhooks.verify({ payload, headers: { id, timestamp, signature }, webhookSecret: key }),
  };
  for (const [name, verify] of Object.entries(libraries)) {
    assert.deepEqual(await verify(body.toString()), envelope, name);
    await assert.rejects(async () => verify(changed), name);
  }
});
