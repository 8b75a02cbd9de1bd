// Real events as input: the GitHub payload examples of @octokit/webhooks-examples must arrive byte for byte as they were
// sent. They go over plain HTTP, so that the bytes of the payload are ours and not an SDK's.

import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { test } from "./journey.mjs";
import { folder } from "./packages.mjs";

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

for (const collection of fs.readdirSync(examples).filter((name) => fs.existsSync(path.join(examples, name, "index.json")))) {
  test(`every GitHub example of ${collection} arrives byte for byte`, async (journey) => {
    const kinds = JSON.parse(fs.readFileSync(path.join(examples, collection, "index.json"), "utf8"));
    const payloads = kinds.flatMap(({ name, examples }) => examples.map((example) => ({ name, example })));
    assert.ok(payloads.length > 0);
    const { inbox } = await journey.endpoint();
    const sent = new Map();
    const queue = payloads.map(({ name, example }, at) => ({ name, text: FORMS[at % FORMS.length](example) }));
    const send = async () => {
      for (let next = queue.pop(); next; next = queue.pop()) {
        const id = await post(journey.app, `{"eventType":"github.${next.name}", "payload":${next.text}}`);
        sent.set(id, sha256(next.text));
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, send));
    assert.equal(sent.size, payloads.length);
    for (const request of await inbox.takeMany(payloads.length)) {
      const id = request.headers["webhook-id"];
      assert.equal(sha256(request.body), sent.get(id), `${id} arrived changed, or twice`);
      sent.delete(id);
    }
    console.log(`${payloads.length} payloads of ${collection} arrived byte for byte`);
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
