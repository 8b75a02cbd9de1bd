// What the tests of receiving share: sources, requests to them as a provider makes them, and what became of these. Sources
// are made with the SDK; those of a type that it has no name for, by plain HTTP.

import assert from "node:assert/strict";
import http from "node:http";
import { client, tests, unique } from "./journey.mjs";
import { receiver } from "./receiver.mjs";

const SOURCES = "/ingest/api/v1/source";
const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });

/** Registers a test of receiving; it gets a `Receiving`. */
export function test(name, run) {
  tests.push({ name, run, start: () => Receiving.start(name) });
}

/** {status, body} of an answer; the bytes that are sent are those given. */
export function request(method, url, headers = {}, body = "") {
  return new Promise((resolve, reject) => {
    const length = { "content-length": Buffer.byteLength(body) };
    const sent = http.request(url, { agent, method, headers: { ...headers, ...length } }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode, body: Buffer.concat(chunks).toString() }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** The JSON that the API answers; throws unless it is a success. */
export async function call(method, path, body) {
  const headers = { authorization: `Bearer ${process.env.JOURNEY_TOKEN}`, "content-type": "application/json" };
  const answer = await request(method, process.env.JOURNEY_URL + path, headers, body && JSON.stringify(body));
  assert.equal(Math.floor(answer.status / 100), 2, `${method} ${path}: ${answer.status} ${answer.body}`);
  return answer.body ? JSON.parse(answer.body) : undefined;
}

class Source {
  constructor(id, url) {
    this.id = id;
    // Where its provider sends to.
    this.url = url;
    // What its endpoint gets.
    this.inbox = receiver.inbox();
  }

  /** The stored requests of a verdict, newest first. */
  requests(verdict, options = "") {
    return pages(`${SOURCES}/${this.id}/request?limit=250&verdict=${verdict}${options}`);
  }

  /** All messages that its requests became. */
  async messages() {
    const { appId } = await call("GET", `${SOURCES}/${this.id}`);
    return pages(`/api/v1/app/${appId}/msg?limit=250&with_content=false`);
  }
}

/** All items of a list. */
async function pages(path) {
  const found = [];
  for (let iterator = ""; ; ) {
    const page = await call("GET", path + iterator);
    found.push(...page.data);
    if (page.done) return found;
    iterator = `&iterator=${page.iterator}`;
  }
}

/** Makes sources that are deleted after the test. */
class Receiving {
  sources = [];

  static async start(name) {
    return Object.assign(new Receiving(), { name, svix: client() });
  }

  /** With an endpoint. `stock` says whether the SDK has a name for the type. */
  async source(type, config, { options, stock = true } = {}) {
    const fields = { name: this.name, uid: unique("source"), type, config };
    const made = await (stock ? this.svix.ingest.source.create(fields) : call("POST", SOURCES, fields));
    this.sources.push(made.id);
    if (options) await call("PATCH", `${SOURCES}/${made.id}`, { options });
    const source = new Source(made.id, made.ingestUrl);
    const endpoint = await this.svix.ingest.endpoint.create(made.id, { url: source.inbox.url });
    source.inbox.keys = [(await this.svix.ingest.endpoint.getSecret(made.id, endpoint.id)).key];
    return source;
  }

  /** Sends as the provider does; the answer must have this status. */
  async post(status, { url, headers, body }) {
    const answer = await request("POST", url, headers, body);
    assert.equal(answer.status, status, answer.body);
    return answer.body;
  }

  async end() {
    for (const id of this.sources) await this.svix.ingest.source.delete(id).catch((gone) => assert.equal(gone.code, 404));
  }
}
