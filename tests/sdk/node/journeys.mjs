// The core journey of a user of the SDK: application, event type, endpoint, message, and what can be asked of them.

import assert from "node:assert/strict";
import { ATTEMPTS_MAX, FAIL, SUCCESS, client, refused, test, unique, until, walk } from "./journey.mjs";
import { refusals, verifiers } from "./signatures.mjs";

test("an application is found by its id and by its uid, and made once", async ({ svix, app }) => {
  const uid = unique("customer");
  await svix.application.patch(app, { uid, metadata: { plan: "gold" } });
  for (const name of [app, uid]) assert.equal((await svix.application.get(name)).metadata.plan, "gold");
  assert.equal((await svix.application.getOrCreate({ name: "again", uid })).id, app);
  assert.equal((await refused(409, svix.application.create({ name: "again", uid }))).code, "conflict");
  assert.equal((await svix.application.patch(app, { uid: null })).uid, null);
  assert.equal((await svix.application.upsert(app, { name: "whole" })).name, "whole");
  const all = await walk((options) => svix.application.list(options), { limit: 1 });
  assert.ok(all.some((found) => found.id === app));
});

test("an event type is created, archived and deleted", async ({ svix }) => {
  const name = unique("thing.made");
  await svix.eventType.create({ name, description: "first", schemas: { 1: { type: "object" } } });
  assert.equal((await refused(409, svix.eventType.create({ name, description: "again" }))).code, "event_type_exists");
  assert.equal((await svix.eventType.patch(name, { description: "second" })).description, "second");
  await svix.eventType.delete(name);
  assert.equal((await svix.eventType.get(name)).archived, true);
  await svix.eventType.delete(name, { expunge: true });
  await refused(404, svix.eventType.get(name));
});

test("an endpoint gives back what it was made of, and null clears", async (journey) => {
  const { svix, app } = journey;
  const name = unique("thing.made");
  await svix.eventType.create({ name, description: "" });
  const fields = { uid: unique("endpoint"), eventTypes: [name], channels: ["blue"], metadata: { a: "1" }, throttleRate: 9 };
  const { endpoint } = await journey.endpoint(fields);
  const found = await svix.endpoint.get(app, fields.uid);
  for (const [field, value] of Object.entries(fields)) assert.deepEqual(found[field], value, field);
  const cleared = await svix.endpoint.patch(app, endpoint.id, {
    uid: null,
    eventTypes: null,
    channels: null,
    throttleRate: null,
  });
  for (const field of ["uid", "eventTypes", "channels", "throttleRate"]) assert.equal(cleared[field] ?? null, null, field);
  assert.deepEqual(cleared.metadata, { a: "1" });
  const whole = await svix.endpoint.upsert(app, endpoint.id, { url: endpoint.url, description: "whole" });
  assert.deepEqual([whole.description, whole.metadata], ["whole", {}]);
  const { endpoint: second } = await journey.endpoint();
  const all = await walk((options) => svix.endpoint.list(app, options), { limit: 1 });
  assert.deepEqual(all.map((e) => e.id), [endpoint.id, second.id]);
});

test("custom headers are set, patched, deleted and sent", async (journey) => {
  const { svix, app } = journey;
  const { endpoint, inbox } = await journey.endpoint({ headers: { "X-One": "1", Authorization: "Basic abc" } });
  await svix.endpoint.patchHeaders(app, endpoint.id, { headers: { "X-Two": "2" }, deleteHeaders: ["X-One"] });
  const shown = await svix.endpoint.getHeaders(app, endpoint.id);
  assert.deepEqual(Object.keys(shown.headers).map((name) => name.toLowerCase()), ["x-two"]);
  assert.deepEqual(shown.sensitive.map((name) => name.toLowerCase()), ["authorization"]);
  await journey.message();
  const { headers } = await inbox.take();
  assert.deepEqual([headers["x-one"], headers["x-two"], headers.authorization], [undefined, "2", "Basic abc"]);
  await svix.endpoint.setHeaders(app, endpoint.id, { headers: {} });
  await journey.message();
  assert.equal((await inbox.take()).headers["x-two"], undefined);
});

test("the same idempotency key makes one message, no key makes two", async (journey) => {
  const { inbox } = await journey.endpoint();
  const idempotencyKey = unique("key");
  const first = await journey.message({}, { idempotencyKey });
  assert.equal((await journey.message({}, { idempotencyKey })).id, first.id);
  const other = await journey.message();
  const came = (await inbox.takeMany(2)).map((request) => request.headers["webhook-id"]);
  assert.deepEqual(came.sort(), [first.id, other.id].sort());
  const all = await walk((options) => journey.svix.message.list(journey.app, options), { limit: 1 });
  assert.deepEqual(all.map((message) => message.id), [other.id, first.id]);
});

test("a message arrives as it was sent, and its content can be deleted", async (journey) => {
  const { svix, app } = journey;
  const { endpoint, inbox } = await journey.endpoint();
  const payload = { text: "Grüße \u2028 🙂", deep: [{ n: -1.5e300 }, null, true], "": "" };
  const sent = await journey.message({ payload, channels: ["blue"], tags: ["t1"], eventId: unique("event") });
  const request = await inbox.take();
  assert.equal(request.headers["webhook-id"], sent.id);
  assert.deepEqual(JSON.parse(request.body), payload);
  await journey.settled(sent, endpoint, SUCCESS);
  assert.deepEqual((await svix.message.get(app, sent.eventId, { withContent: true })).payload, payload);
  await svix.message.expungeContent(app, sent.id);
  assert.deepEqual((await svix.message.get(app, sent.id, { withContent: true })).payload, { expired: true });
});

test("a failed attempt is repeated under the same id, and everything is recorded", async (journey) => {
  const { svix, app } = journey;
  const { endpoint, inbox } = await journey.endpoint();
  inbox.answers.push([500, "boom"], [404, "who?"]);
  const sent = await journey.message();
  for (const request of await inbox.takeMany(3)) assert.equal(request.headers["webhook-id"], sent.id);
  const attempts = await journey.attempts(endpoint, 3);
  assert.deepEqual(attempts.map((a) => [a.responseStatusCode, a.response]), [[200, "thanks"], [404, "who?"], [500, "boom"]]);
  assert.deepEqual(attempts.map((a) => a.statusText), ["success", "fail", "fail"]);
  assert.equal((await svix.messageAttempt.get(app, sent.id, attempts[0].id)).response, "thanks");
  const byMessage = await walk((options) => svix.messageAttempt.listByMsg(app, sent.id, options), { limit: 2 });
  assert.equal(byMessage.length, 3);
  const attempted = await svix.messageAttempt.listAttemptedMessages(app, endpoint.id);
  assert.deepEqual(attempted.data.map((message) => message.id), [sent.id]);
  await journey.settled(sent, endpoint, SUCCESS);
  assert.equal((await svix.endpoint.getStats(app, endpoint.id)).success, 1);
});

test("a resend is one more attempt by hand", async (journey) => {
  const { endpoint, inbox } = await journey.endpoint();
  const sent = await journey.message();
  await inbox.take();
  await journey.settled(sent, endpoint, SUCCESS);
  await journey.svix.messageAttempt.resend(journey.app, sent.id, endpoint.id);
  assert.equal((await inbox.take()).headers["webhook-id"], sent.id);
  assert.deepEqual((await journey.attempts(endpoint, 2)).map((a) => a.triggerType), [1, 0]);
});

test("recovering sends what had failed", async (journey) => {
  const { svix, app } = journey;
  const since = new Date(Date.now() - 60_000);
  const { endpoint, inbox } = await journey.endpoint();
  inbox.fallback = [500, "boom"];
  const lost = await journey.message();
  await inbox.takeMany(ATTEMPTS_MAX);
  await journey.settled(lost, endpoint, FAIL);
  inbox.fallback = [200, "back"];
  const task = await svix.endpoint.recover(app, endpoint.id, { since });
  assert.equal((await inbox.take()).headers["webhook-id"], lost.id);
  await journey.settled(lost, endpoint, SUCCESS);
  await until("the task is finished", async () => (await svix.backgroundTask.get(task.id)).status === "finished");
});

test("an example is sent as the schema has it", async (journey) => {
  const { svix, app } = journey;
  const example = { id: "inv_1", amount: 4200 };
  const name = unique("thing.made");
  await svix.eventType.create({ name, description: "", schemas: { 1: { type: "object", examples: [example] } } });
  const { endpoint, inbox } = await journey.endpoint({ eventTypes: [name] });
  await svix.endpoint.sendExample(app, endpoint.id, { eventType: name });
  assert.deepEqual(JSON.parse((await inbox.take()).body), example);
});

test("both secrets sign while one replaces the other", async (journey) => {
  const { svix, app } = journey;
  const { endpoint, inbox } = await journey.endpoint();
  const [old] = inbox.keys;
  await svix.endpoint.rotateSecret(app, endpoint.id, { gracePeriodSeconds: 3600 });
  const { key } = await svix.endpoint.getSecret(app, endpoint.id);
  assert.notEqual(key, old);
  inbox.keys = [key, old];
  await journey.message();
  const request = await inbox.take();
  const changed = { ...request, body: Buffer.concat([request.body, Buffer.from(" ")]) };
  assert.deepEqual(Object.keys(refusals(changed, key)), Object.keys(verifiers(key)));
});

test("a portal token opens its application and nothing else", async ({ svix, app }) => {
  const access = await svix.authentication.appPortalAccess(app, {});
  const consumer = client(access.token);
  assert.equal((await consumer.application.get(app)).id, app);
  await refused(403, consumer.application.list());
  await consumer.authentication.logout();
  await refused(401, consumer.application.get(app));
});

test("errors are the SDK's exceptions", async ({ svix, app }) => {
  assert.equal((await refused(404, svix.application.get("no-such-app"))).code, "not_found");
  assert.equal((await refused(401, client("wrong").application.list())).code, "authentication_failed");
  const invalid = await refused(422, svix.endpoint.create(app, { url: "nowhere" }));
  assert.deepEqual(invalid.detail[0].loc, ["body", "url"]);
});

test(
  "a server that signs with Ed25519 by default does so",
  async (journey) => {
    const { inbox } = await journey.endpoint();
    assert.match(inbox.keys[0], /^whpk_/);
    await journey.message();
    await inbox.take();
  },
  "JOURNEY_ED25519",
);
