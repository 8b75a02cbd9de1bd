// What the tests share: the list of them, a client, an application for each, and waiting for a condition.

import assert from "node:assert/strict";
import crypto from "node:crypto";
import { load } from "./packages.mjs";
import { receiver } from "./receiver.mjs";

const { Svix } = await load("svix");

const WAIT_MS = 20_000;
// A receiver settles in microseconds, the server within a commit: look often.
const LOOK_EVERY_MS = 10;

export const SUCCESS = 0;
export const FAIL = 2;
// The first attempt and one for each step of the retry schedule that the server runs with.
export const ATTEMPTS_MAX = 4;

export const tests = [];
/** Registers a test; it gets a `Journey`. */
export function test(name, run, server = "JOURNEY") {
  tests.push({ name, run, server });
}

// So that a run against servers that served one before meets nothing of it.
const thisRun = crypto.randomBytes(3).toString("hex");
let numbers = 0;
export const unique = (kind) => `${kind}-${thisRun}-${(numbers += 1)}`;

export function client(token, server = "JOURNEY") {
  // No retries: the first answer must be right.
  return new Svix(token ?? process.env[`${server}_TOKEN`], {
    serverUrl: process.env[`${server}_URL`],
    retryScheduleInMs: [],
  });
}

/** Waits until `look()` gives something true and returns it. */
export async function until(what, look) {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > deadline) throw new Error(`not within ${WAIT_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** All items of a list, page by page. */
export async function walk(listPage, options = {}) {
  const items = [];
  let iterator;
  for (let pages = 0; pages < 1000; pages += 1) {
    const page = await listPage({ ...options, iterator });
    items.push(...page.data);
    if (page.done) return items;
    assert.notEqual(page.iterator, iterator, "the iterator does not move");
    iterator = page.iterator;
  }
  throw new Error("the list does not end");
}

/** The SDK's exception for an answer of this status. */
export async function refused(status, call) {
  const error = await call.then(
    () => assert.fail(`was not refused with ${status}`),
    (error) => error,
  );
  assert.equal(error.code, status, String(error));
  return error.body;
}

/** A client with an application, `app`, that is deleted after the test. */
export class Journey {
  static async start(name, server) {
    const journey = new Journey();
    journey.svix = client(undefined, server);
    journey.app = (await journey.svix.application.create({ name })).id;
    return journey;
  }

  async end() {
    await this.svix.application.delete(this.app).catch((gone) => assert.equal(gone.code, 404));
  }

  /** An endpoint with an inbox that knows its secret. */
  async endpoint(fields = {}) {
    const inbox = receiver.inbox();
    const endpoint = await this.svix.endpoint.create(this.app, { url: inbox.url, ...fields });
    inbox.keys = [(await this.svix.endpoint.getSecret(this.app, endpoint.id)).key];
    return { endpoint, inbox };
  }

  message(fields = {}, options = undefined) {
    return this.svix.message.create(this.app, { eventType: "thing.happened", payload: { n: 1 }, ...fields }, options);
  }

  async settled(message, endpoint, status) {
    await until(`the delivery has status ${status}`, async () => {
      const page = await this.svix.messageAttempt.listAttemptedDestinations(this.app, message.id);
      return page.data.some((destination) => destination.id === endpoint.id && destination.status === status);
    });
  }

  attempts(endpoint, count) {
    return until(`${count} attempts`, async () => {
      const { data } = await this.svix.messageAttempt.listByEndpoint(this.app, endpoint.id, { withContent: true });
      return data.length === count && data;
    });
  }
}
