// The API reference: one language for all examples, and operations that can be tried.
import { pretty as indented } from "../portal/raw.js";

const store = {
  get: (name) => { try { return sessionStorage.getItem(name) ?? ""; } catch { return ""; } },
  set: (name, value) => { try { sessionStorage.setItem(name, value); } catch { /* kept in this page only */ } },
};

// Who reads Python reads it everywhere.
function language(name) {
  for (const radio of document.querySelectorAll(".langs input")) if (radio.value === name) radio.checked = true;
}
language(store.get("docs-language"));
document.addEventListener("change", (event) => {
  if (!event.target.matches(".langs input")) return;
  const top = event.target.getBoundingClientRect().top;
  store.set("docs-language", event.target.value);
  language(event.target.value);
  window.scrollBy(0, event.target.getBoundingClientRect().top - top);
});

const tokens = document.querySelectorAll("[data-token]");
for (const field of tokens) field.value = store.get("docs-token");
document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-token]")) return;
  store.set("docs-token", event.target.value);
  for (const other of tokens) if (other !== event.target) other.value = event.target.value;
});

function target(form) {
  let path = form.dataset.path;
  for (const field of form.querySelectorAll("[data-path]")) {
    path = path.replace(`{${field.dataset.path}}`, encodeURIComponent(field.value.trim()));
  }
  const query = new URLSearchParams();
  for (const field of form.querySelectorAll("[data-query]")) {
    if (field.value.trim()) query.append(field.dataset.query, field.value.trim());
  }
  return query.size ? `${path}?${query}` : path;
}

function block(title, text) {
  const head = document.createElement("h3");
  head.textContent = title;
  const pre = document.createElement("pre");
  pre.tabIndex = 0;
  pre.textContent = text;
  return [head, pre];
}

function pretty(text) {
  try { JSON.parse(text); } catch { return text; }
  return indented(text);
}

async function send(form) {
  const box = form.querySelector("[data-answer]");
  const took = form.querySelector("[data-took]");
  const button = form.querySelector("button");
  const body = form.querySelector("[data-body]");
  const token = form.querySelector("[data-token]");
  const headers = {};
  if (token?.value) headers.authorization = `Bearer ${token.value.trim()}`;
  if (body) headers["content-type"] = body.dataset.body;
  button.disabled = true;
  took.textContent = "";
  const began = performance.now();
  try {
    const path = target(form);
    const answer = await fetch(path, {
      method: form.dataset.verb.toUpperCase(), headers, body: body?.value, credentials: "omit", cache: "no-store", redirect: "manual",
    });
    const kind = answer.headers.get("content-type") ?? "";
    const text = /json|text|xml|csv/.test(kind) ? await answer.text() : `${(await answer.blob()).size} bytes`;
    took.textContent = `${Math.round(performance.now() - began)} ms`;
    const badge = document.createElement("p");
    const status = document.createElement("span");
    status.className = `badge ${answer.ok ? "good" : "bad"}`;
    status.textContent = `${answer.status} ${answer.statusText}`;
    const where = document.createElement("code");
    where.textContent = `${form.dataset.verb.toUpperCase()} ${path}`;
    badge.append(status, " ", where);
    const lines = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    box.replaceChildren(badge, ...(text ? block("Body", pretty(text).slice(0, 200000)) : []), ...block("Headers", lines));
  } catch (error) {
    box.replaceChildren(...block("No answer", String(error)));
  }
  box.hidden = false;
  button.disabled = false;
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-try]")) return;
  event.preventDefault();
  send(event.target);
});
