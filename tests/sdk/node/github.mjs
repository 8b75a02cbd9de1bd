// Real events as input: the GitHub payload examples of @octokit/webhooks-examples must arrive byte for byte as they were
// sent. They go over plain HTTP, so that the bytes of the payload are ours and not an SDK's.

import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { test } from "./journey.mjs";
import { folder, load } from "./packages.mjs";
import { test as receiving } from "./receiving.mjs";

const octokit = await load("@octokit/webhooks-methods");
const IN_FLIGHT = 16;
const agent = new http.Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
const examples = folder("@octokit/webhooks-examples");
const sha256 = (bytes) => crypto.createHash("sha256").update(bytes).digest("hex");

// Compact, indented as people write it, and with escapes where none are needed: each is the same JSON in other bytes.
const FORMS = [
  (value) => JSON.stringify(value),
  (value) => JSON.stringify(value, null, 2),
  (value) => JSON.stringify(value, null, "\t").replaceAll("/", "\\/").replaceAll("é", "\\u00e9"),
];

const collections = fs.readdirSync(examples).filter((name) => fs.existsSync(path.join(examples, name, "index.json")));

/** [{name: "push", text}] of a collection. */
function payloads(collection) {
  const kinds = JSON.parse(fs.readFileSync(path.join(examples, collection, "index.json"), "utf8"));
  const all = kinds.flatMap(({ name, examples }) => examples.map((example) => ({ name, example })));
  assert.ok(all.length > 0);
  return all.map(({ name, example }, at) => ({ name, text: FORMS[at % FORMS.length](example) }));
}

/** Calls `send` with each item, some at once. */
async function each(items, send) {
  const queue = [...items];
  const work = async () => {
    for (let next = queue.pop(); next; next = queue.pop()) await send(next);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
}

for (const collection of collections) {
  test(`every GitHub example of ${collection} arrives byte for byte`, async (journey) => {
    const all = payloads(collection);
    const { inbox } = await journey.endpoint();
    const sent = new Map();
    await each(all, async ({ name, text }) => {
      const id = await post(journey.app, `{"eventType":"github.${name}", "payload":${text}}`);
      sent.set(id, sha256(text));
    });
    assert.equal(sent.size, all.length);
    for (const request of await inbox.takeMany(all.length)) {
      const id = request.headers["webhook-id"];
      assert.equal(sha256(request.body), sent.get(id), `${id} arrived changed, or twice`);
      sent.delete(id);
    }
    console.log(`${all.length} payloads of ${collection} arrived byte for byte`);
  });

  receiving(`every GitHub example of ${collection} passes through a source once, however often it comes`, async (journey) => {
    const secret = "the secret of a repository's hook";
    const source = await journey.source("github", { secret });
    const deliveries = new Map();
    for (const { name, text } of payloads(collection)) {
      const headers = {
        "content-type": "application/json",
        "user-agent": "GitHub-Hookshot/044aadd",
        "x-github-delivery": crypto.randomUUID(),
        "x-github-event": name,
        "x-hub-signature-256": await octokit.sign(secret, text),
      };
      deliveries.set(headers["x-github-delivery"], { url: source.url, headers, body: text });
    }
    const count = deliveries.size;
    await each(deliveries.values(), (delivery) => journey.post(200, delivery));
    const missing = new Map(deliveries);
    for (const { headers, body } of await source.inbox.takeMany(count)) {
      const sent = missing.get(headers["x-github-delivery"]);
      assert.ok(sent, "nothing arrives twice");
      assert.equal(sha256(body), sha256(sent.body), "it arrived changed");
      for (const [name, value] of Object.entries(sent.headers)) assert.equal(headers[name], value, name);
      missing.delete(headers["x-github-delivery"]);
    }
    // GitHub's "redeliver" has the delivery's id again.
    await each(deliveries.values(), (delivery) => journey.post(200, delivery));
    const accepted = await source.requests("accepted", "&with_content=false");
    assert.deepEqual([accepted.length, (await source.messages()).length], [count, count]);
    for (const { headers, duplicates, messages, eventType } of accepted) {
      const { "x-github-delivery": id, "x-github-event": name } = Object.fromEntries(headers);
      assert.deepEqual([duplicates, messages, eventType], [1, 1, name], id);
      deliveries.delete(id);
    }
    assert.equal(deliveries.size, 0);
    console.log(`${count} payloads of ${collection} passed through a source byte for byte`);
  });
}

/** Posts a message; the id it got. */
function post(app, body) {
  return new Promise((resolve, reject) => {
    const options = {
      agent,
      method: "POST",
      headers: {
        authorization: `Bearer ${process.env.JOURNEY_TOKEN}`,
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
      },
    };
    const request = http.request(`${process.env.JOURNEY_URL}/api/v1/app/${app}/msg`, options, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 202) resolve(JSON.parse(text).id);
        else reject(new Error(`${response.statusCode} ${text}`));
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}
