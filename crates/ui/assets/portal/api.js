// The API, with the token of the link. The token is in memory, and in this tab's storage so that a reload works.
import { member } from "./raw.js";

const params = new URLSearchParams(location.search);
const KEY = `postrider-portal:${params.get("org") ?? ""}`;

export const session = { token: "", info: null, can: () => false };

export class Gone extends Error {}
export class Refused extends Error {
  constructor(status, value) {
    const detail = value?.detail;
    const fields = Array.isArray(detail) ? detail : [];
    super(fields.length ? fields.map((f) => f.msg).join("; ") : typeof detail === "string" ? detail : `The server answered ${status}`);
    this.status = status;
    this.code = value?.code;
    // [["url", "must be ..."]]
    this.fields = fields.map((f) => [f.loc?.at(-1), f.msg]);
  }
}

export function keep(token) {
  session.token = token;
  try {
    if (token) sessionStorage.setItem(KEY, token);
    else sessionStorage.removeItem(KEY);
  } catch {
    // A frame may have no storage: then a reload asks for the link again.
  }
}

export function kept() {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

// What the token says of itself; the server is who checks it.
export function claims(token) {
  try {
    const part = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(atob(part));
  } catch {
    return {};
  }
}

async function call(method, path, sent) {
  const headers = { authorization: `Bearer ${session.token}` };
  if (sent !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers, body: sent === undefined ? undefined : JSON.stringify(sent), cache: "no-store", credentials: "omit" });
  } catch {
    throw new Error("The server can't be reached. Check your connection, then try again.");
  }
  const text = await response.text();
  let value = null;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    // Not ours: a proxy's page, perhaps.
  }
  if (response.status === 401) throw new Gone();
  if (!response.ok) throw new Refused(response.status, value);
  if (value && typeof value === "object") texts.set(value, text);
  return value;
}

// An answer as it came. What is shown of a payload is a part of this, never of what was parsed.
const texts = new WeakMap();
export const raw = (answer, ...path) => member(texts.get(answer) ?? "", ...path);

const app = () => `/api/v1/app/${encodeURIComponent(session.info.app.id)}`;
export const get = (path) => call("GET", app() + path);
export const post = (path, sent = {}) => call("POST", app() + path, sent);
export const patch = (path, sent) => call("PATCH", app() + path, sent);
export const remove = (path) => call("DELETE", app() + path);
export const root = (path, method = "GET") => call(method, `/api/v1${path}`);
export const logout = () => call("POST", "/api/v1/auth/logout");

// "?a=b" without what is empty.
export function query(values) {
  const out = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined && value !== null && value !== "") out.set(name, value);
  const text = out.toString();
  return text && `?${text}`;
}

let types = null;
export async function eventTypes() {
  if (types) return types;
  const found = [];
  let iterator = "";
  do {
    const page = await root(`/event-type${query({ limit: 250, with_content: true, iterator })}`);
    page.data.forEach((type, i) => (type.raw = (...path) => raw(page, "data", i, ...path)));
    found.push(...page.data);
    iterator = page.done ? "" : page.iterator;
  } while (iterator && found.length < 2000);
  types = found.filter((t) => !t.archived);
  return types;
}

// The text of a type's first example.
export function example(type) {
  const version = Object.entries(type.schemas ?? {}).find(([, schema]) => schema?.examples?.[0] !== undefined)?.[0];
  return version === undefined ? undefined : type.raw("schemas", version, "examples", 0);
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Sends an example and waits for its attempt.
export async function sendExample(endpoint, eventType) {
  const message = await post(`/endpoint/${endpoint}/send-example`, { eventType });
  for (let i = 0; i < 60; i++) {
    await pause(i < 10 ? 150 : 500);
    const found = await get(`/attempt/msg/${message.id}${query({ endpoint_id: endpoint, limit: 1 })}`);
    if (found.data.length) return { message, attempt: found.data[0] };
  }
  return { message, attempt: null };
}
