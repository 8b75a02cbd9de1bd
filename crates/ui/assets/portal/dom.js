// Elements made of names, attributes and text. Nothing here takes markup: what strangers wrote is only ever text.
import { pretty } from "./raw.js";

const ICONS = {
  check: "M3 8.5l3.2 3.2L13 4.8", cross: "M4 4l8 8M12 4l-8 8", alert: "M8 2.5 14.5 13.5h-13zM8 6.5v3.2M8 11.6v.01",
  clock: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM8 5.2V8l2 1.5", dash: "M4 8h8", pause: "M5.5 3.5v9M10.5 3.5v9",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3", plus: "M8 3v10M3 8h10", send: "M14 2 7 9M14 2 9.5 14 7 9 2 6.5z",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3 14 14", right: "M6 4l4 4-4 4", play: "M4.5 3l8 5-8 5z",
  refresh: "M13 8a5 5 0 1 1-1.5-3.6M13 2.5v2.8h-2.8", trash: "M3 4.5h10M6 4.5v-2h4v2M4.5 4.5l.5 9h6l.5-9", eye:
  "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z",
  key: "M5.5 7.5a3 3 0 1 0 0 .01M8.3 8H14v2.5M11.5 8v2", inbox: "M2.5 9 4 3h8l1.5 6v4h-11zM2.5 9H6l.7 1.5h2.6L10 9h3.5",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.5V3M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1",
  moon: "M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z", out: "M9.5 2.5h-7v11h7M6.5 8h8M11.5 5l3 3-3 3",
  edit: "M3 13l.7-3L11 2.7 13.3 5 6 12.3z", info: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM8 7.5V11M8 5v.01",
};
const SVG = "http://www.w3.org/2000/svg";

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ class: "icon", viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" })) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name] ?? "M8 8h.01");
  svg.append(path);
  return svg;
}

// h("button.primary", { onclick, name: "x", hidden: true }, "text", child, [children])
export function h(spec, props, ...children) {
  const [tag, ...classes] = spec.split(".");
  const el = document.createElement(tag || "div");
  if (classes.length) el.className = classes.join(" ");
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) el.addEventListener(key.slice(2), value);
    else if (key === "value" || key === "checked" || key === "indeterminate") el[key] = value;
    else el.setAttribute(key, value === true ? "" : String(value));
  }
  put(el, children);
  return el;
}

function put(el, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    el.append(child instanceof Node ? child : String(child));
  }
}

export function fill(el, ...children) {
  el.replaceChildren();
  put(el, children);
  return el;
}

let lastId = 0;
export const uid = (prefix) => `${prefix}-${++lastId}`;

// ---- words ----

export const count = (n) => Number(n ?? 0).toLocaleString("en");
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

const UNITS = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];
function relative(ms) {
  const s = Math.floor(Math.abs(ms) / 1000);
  if (s < 1) return "just now";
  const [unit, size] = UNITS.find(([, size]) => s >= size);
  const text = `${Math.floor(s / size)} ${unit}`;
  return ms > 0 ? `${text} ago` : `in ${text}`;
}

export function time(iso) {
  const at = new Date(iso);
  if (!iso || Number.isNaN(at.valueOf())) return h("span", null, "–");
  return h("time.nowrap", { datetime: at.toISOString(), title: `${at.toLocaleString()}\n${at.toISOString()}` }, relative(Date.now() - at));
}
setInterval(() => {
  for (const el of document.querySelectorAll("time[datetime]")) el.textContent = relative(Date.now() - new Date(el.dateTime));
}, 10_000);

// ---- parts ----

export function badge(tone, name, word) {
  return h(`span.badge.${tone}`, null, icon(name), word);
}

export function said(text, isBad) {
  const toast = document.getElementById("toast");
  toast.className = isBad ? "toast bad" : "toast";
  toast.textContent = text;
  clearTimeout(said.timer);
  said.timer = setTimeout(() => (toast.textContent = ""), 5000);
}

export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // In a frame without the permission, or without TLS.
    const area = h("textarea.sr", { value: text, readonly: true, "aria-hidden": "true" });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  said("Copied");
}

export function copier(text, what, words) {
  return h(words ? "button.small" : "button.ghost.small", { type: "button", "aria-label": words ? undefined : `Copy ${what}`, title: `Copy ${what}`,
    onclick: () => copied(typeof text === "function" ? text() : text) }, icon("copy"), words);
}

export function note(tone, ...children) {
  const name = { good: "check", bad: "alert", warn: "alert", info: "info" }[tone];
  return h(`div.note.${tone}`, { role: tone === "bad" ? "alert" : undefined }, icon(name), h("div", null, ...children));
}

export function field(label, input, { hint, optional, error } = {}) {
  const id = input.id || (input.id = uid("f"));
  const about = [];
  const hintEl = hint && h("p.hint", { id: `${id}-hint` }, hint);
  const errorEl = h("p.error", { id: `${id}-error`, hidden: !error }, error ?? "");
  if (hintEl) about.push(`${id}-hint`);
  about.push(`${id}-error`);
  input.setAttribute("aria-describedby", about.join(" "));
  return h("div.field", null, h("label", { for: id }, label, optional && h("span.optional", null, " optional")), input, errorEl, hintEl);
}

export function wrong(input, text) {
  const error = document.getElementById(`${input.id}-error`);
  if (!error) return false;
  error.textContent = text;
  error.hidden = !text;
  input.toggleAttribute("aria-invalid", !!text);
  if (text) input.setAttribute("aria-invalid", "true");
  return true;
}

// A dialog that goes when it is closed, and gives the focus back.
export function dialog(title, ...children) {
  const id = uid("d");
  const from = document.activeElement;
  const box = h("dialog", { "aria-labelledby": id }, h("div.dialog-head", null, h("h2", { id }, title),
    h("button.ghost", { type: "button", "aria-label": "Close", onclick: () => box.close() }, icon("cross"))), ...children);
  box.addEventListener("close", () => {
    box.remove();
    if (from?.isConnected) from.focus();
  });
  document.body.append(box);
  box.showModal();
  return box;
}

// While it works the button says so, and can't be pressed again.
export async function busy(button, work) {
  if (button.getAttribute("aria-disabled")) return undefined;
  button.setAttribute("aria-disabled", "true");
  button.classList.add("working");
  try {
    return await work();
  } finally {
    button.removeAttribute("aria-disabled");
    button.classList.remove("working");
  }
}

// ---- JSON ----

const COLOURED_MAX = 60_000;
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g;

// The text of JSON, indented and coloured.
export function json(raw) {
  const text = pretty(raw);
  const pre = h("pre.code", { tabindex: 0 });
  if (text.length > COLOURED_MAX) {
    pre.textContent = text;
    return pre;
  }
  let at = 0;
  for (const found of text.matchAll(TOKEN)) {
    pre.append(text.slice(at, found.index));
    const [all, string, colon, word] = found;
    const kind = string ? (colon ? "k" : "s") : word ? "w" : "n";
    pre.append(h(`span.${kind}`, null, string ?? all), colon ?? "");
    at = found.index + all.length;
  }
  pre.append(text.slice(at));
  return pre;
}

// What may be JSON, shown as such.
export function body(text) {
  if (!text) return h("p.muted", null, "Empty");
  try {
    JSON.parse(text);
  } catch {
    return h("pre.code", { tabindex: 0 }, text);
  }
  return json(text);
}

export function code(text, what) {
  return h("div.code-box", null, h("pre.code", { tabindex: 0 }, text), copier(text, what));
}

// Tabs that are links would be routes; these switch what is below them.
export function tabs(label, items) {
  const panel = h("div.panel", { role: "tabpanel", tabindex: -1 });
  const buttons = items.map(([name, show], i) => h("button", { type: "button", role: "tab", id: uid("t"), onclick: () => choose(i) }, name));
  function choose(i, focus) {
    buttons.forEach((b, k) => {
      b.setAttribute("aria-selected", String(k === i));
      b.tabIndex = k === i ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", buttons[i].id);
    if (focus) buttons[i].focus();
    fill(panel, items[i][1]());
  }
  const list = h("div.seg", { role: "tablist", "aria-label": label, onkeydown: (e) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (!step) return;
    const now = buttons.findIndex((b) => b.tabIndex === 0);
    choose((now + step + buttons.length) % buttons.length, true);
  } }, buttons);
  choose(0);
  return h("div.tabs-box", null, list, panel);
}
