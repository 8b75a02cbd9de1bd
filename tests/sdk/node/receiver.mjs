// A webhook receiver in the test's own process: one HTTP server, one inbox for each endpoint. Each request that comes in
// is verified: when it is taken, or when the receiver closes.

import http from "node:http";
import { verify } from "./signatures.mjs";

const TAKE_TIMEOUT_MS = 20_000;

class Inbox {
  constructor(receiver, path) {
    this.receiver = receiver;
    this.url = receiver.url + path;
    // All of them must verify each request.
    this.keys = [];
    // Headers of a request that was passed through which only look like the server's own, and are not verified as such.
    this.originals = undefined;
    // [status, body] of the next answers; then 200.
    this.answers = [];
    this.fallback = [200, "thanks"];
    this.arrived = [];
    this.takers = [];
  }

  /** The oldest request that was not taken yet, verified. */
  async take() {
    const request = this.arrived.shift() ?? (await this.#next());
    this.check(request);
    return request;
  }

  async takeMany(count) {
    const requests = [];
    while (requests.length < count) requests.push(await this.take());
    return requests;
  }

  check(request) {
    this.receiver.lookedAt += 1;
    verify(this.originals ? { ...request, headers: this.#ours(request.headers) } : request, this.keys);
  }

  /** The server signs with `svix-*` where the original has `webhook-*`. */
  #ours(headers) {
    const ours = Object.entries(headers).filter(([name, value]) => this.originals[name] !== value);
    return Object.fromEntries(ours.map(([name, value]) => [name.replace(/^svix-/, "webhook-"), value]));
  }

  put(request) {
    const taker = this.takers.shift();
    if (taker) taker(request);
    else this.arrived.push(request);
  }

  #next() {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.takers.splice(this.takers.indexOf(taker), 1);
        reject(new Error(`nothing came to ${this.url} within ${TAKE_TIMEOUT_MS} ms`));
      }, TAKE_TIMEOUT_MS);
      const taker = (request) => {
        clearTimeout(timer);
        resolve(request);
      };
      this.takers.push(taker);
    });
  }
}

class Receiver {
  inboxes = new Map();
  received = 0;
  lookedAt = 0;
  faults = [];

  async listen() {
    this.server = http.createServer((request, response) => this.#serve(request, response));
    await new Promise((done) => this.server.listen(0, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  inbox() {
    const path = `/inbox/${this.inboxes.size + 1}`;
    const inbox = new Inbox(this, path);
    this.inboxes.set(path, inbox);
    return inbox;
  }

  /** Ends, verifies what was never taken, and throws if anything was not as it should be. */
  close() {
    this.server.close();
    this.server.closeAllConnections();
    for (const inbox of this.inboxes.values()) inbox.arrived.splice(0).forEach((request) => inbox.check(request));
    if (this.faults.length > 0) throw new Error(this.faults.join("; "));
    if (this.lookedAt !== this.received) throw new Error(`${this.received - this.lookedAt} requests were never verified`);
  }

  #serve(request, response) {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      this.received += 1;
      // The query as it came, with its question mark.
      const [path, query = ""] = request.url.split(/(?=\?)(.*)/s);
      const inbox = this.inboxes.get(path);
      if (!inbox) {
        this.faults.push(`a request came to ${request.url}, where no endpoint is`);
        response.writeHead(404).end();
        return;
      }
      const [status, body] = inbox.answers.shift() ?? inbox.fallback;
      response.writeHead(status).end(body);
      inbox.put({ headers: request.headers, body: Buffer.concat(chunks), query });
    });
  }
}

export const receiver = await new Receiver().listen();
