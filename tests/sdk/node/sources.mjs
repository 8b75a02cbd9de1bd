// Sources and their endpoints, managed with the SDK as it comes.

import assert from "node:assert/strict";
import { client, refused, unique, walk } from "./journey.mjs";
import { test } from "./receiving.mjs";

const secret = "a signing secret of 32 letters...";

test("a source is made, found, changed, listed and deleted", async ({ name, svix, sources }) => {
  const uid = unique("source");
  const made = await svix.ingest.source.create({ name, uid, type: "slack", config: { secret }, metadata: { a: "b" } });
  sources.push(made.id);
  for (const key of [made.id, uid]) assert.deepEqual(await svix.ingest.source.get(key), made);
  assert.deepEqual([made.type, made.metadata], ["slack", { a: "b" }]);
  assert.ok(!JSON.stringify(made).includes(secret));
  const changed = await svix.ingest.source.upsert(uid, { name: "changed", type: "github", config: { secret } });
  assert.deepEqual([changed.id, changed.name, changed.type, changed.ingestUrl], [made.id, "changed", "github", made.ingestUrl]);
  const other = await svix.ingest.source.upsert(unique("source"), { name, type: "generic-webhook", config: {} });
  sources.push(other.id);
  const all = await walk((options) => svix.ingest.source.list(options), { limit: 1 });
  assert.deepEqual(all.map(({ id }) => id).filter((id) => sources.includes(id)), sources);
  await refused(409, svix.ingest.source.create({ name, uid, type: "slack", config: { secret } }));
  await refused(422, svix.ingest.source.create({ name, type: "slack", config: { secret: "short" } }));
  await svix.ingest.source.delete(made.id);
  await refused(404, svix.ingest.source.get(uid));
});

test("after a rotation both URLs of a source work", async (journey) => {
  const source = await journey.source("generic-webhook", {});
  const { ingestUrl } = await journey.svix.ingest.source.rotateToken(source.id);
  assert.notEqual(ingestUrl, source.url);
  assert.equal((await journey.svix.ingest.source.get(source.id)).ingestUrl, ingestUrl);
  for (const url of [source.url, ingestUrl]) await journey.post(200, { url, headers: {}, body: url });
  const came = await source.inbox.takeMany(2);
  assert.deepEqual(came.map(({ body }) => body.toString()).sort(), [source.url, ingestUrl].sort());
});

test("a source's endpoint is changed, has secrets and headers, and is deleted", async (journey) => {
  const source = await journey.source("generic-webhook", {});
  const api = journey.svix.ingest.endpoint;
  const [first] = (await api.list(source.id)).data;
  const fields = { url: source.inbox.url, description: "changed", metadata: { a: "b" }, throttleRate: 50 };
  const changed = await api.upsert(source.id, first.id, fields);
  for (const [field, value] of Object.entries(fields)) assert.deepEqual(changed[field], value, field);
  assert.deepEqual(await api.get(source.id, first.id), changed);
  await api.rotateSecret(source.id, first.id, {});
  source.inbox.keys.push((await api.getSecret(source.id, first.id)).key);
  assert.equal(new Set(source.inbox.keys).size, 2);
  await api.setHeaders(source.id, first.id, { headers: { "X-Team": "payments", Authorization: "Basic abc" } });
  const shown = await api.getHeaders(source.id, first.id);
  assert.deepEqual(shown.sensitive.map((name) => name.toLowerCase()), ["authorization"]);
  await journey.post(200, { url: `${source.url}?q=1`, headers: { "x-own": "c", "content-type": "text/x" }, body: "text" });
  const { headers, query } = await source.inbox.take();
  const values = ["x-team", "authorization", "x-own", "content-type"].map((name) => headers[name]);
  assert.deepEqual([...values, query], ["payments", "Basic abc", "c", "text/x", "?q=1"]);
  await api.delete(source.id, first.id);
  assert.deepEqual((await api.list(source.id)).data, []);
});

test("a source's dashboard gives a token for that source and no other", async (journey) => {
  const source = await journey.source("generic-webhook", {});
  const access = await journey.svix.ingest.authentication.consumerPortalAccess(source.id, {});
  assert.ok(access.url && access.token);
  const other = await journey.source("generic-webhook", {});
  const consumer = client(access.token).ingest.endpoint;
  assert.equal((await consumer.list(source.id)).data.length, 1);
  await refused(404, consumer.list(other.id));
});
