// Keys: / search, Ctrl/Cmd+K palette, j k Enter rows, r resend, c copy cURL, g + letter go to, ? help.
// Single keys can be switched off in the account (WCAG 2.1.4).
const GO = { h: "/", l: "/live", m: "/messages", a: "/apps", e: "/event-types", s: "/sources", i: "/inspector", k: "/links", f: "/forms", u: "/issues", t: "/tasks", c: "/connect", d: "/docs" };

const isTyping = (el) => el.closest?.("input, textarea, select, [contenteditable], dialog") !== null;

function rows() {
  return [...document.querySelectorAll("tr[data-href], li[data-href]")];
}
function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((r) => r.classList.contains("at"));
  const next = all[Math.min(all.length - 1, Math.max(0, at + step))] ?? all[0];
  all[at]?.classList.remove("at");
  next.classList.add("at");
  (next.querySelector("a[href]") ?? next).focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

let going = 0;
function single(event) {
  const key = event.key;
  if (going && Date.now() - going < 1500) {
    going = 0;
    if (GO[key]) location.href = GO[key];
    return true;
  }
  going = 0;
  const click = (selector) => document.querySelector(selector)?.click();
  switch (key) {
    case "/": document.getElementById("find")?.focus(); return true;
    case "j": move(1); return true;
    case "k": move(-1); return true;
    case "g": going = Date.now(); return true;
    case "r": click("[data-key='r']"); return true;
    case "c": click("[data-key='c']"); return true;
    case " ": if (document.querySelector("[data-key='space']")) { click("[data-key='space']"); return true; } return false;
    case "?": help(); return true;
  }
  return false;
}

export function keys(root) {
  root.addEventListener("keydown", (event) => {
    if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      palette();
      return;
    }
    if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return;
    if (document.documentElement.dataset.shortcuts === "off") return;
    if (event.key === " " && event.target.closest("button, summary, a")) return;
    if (single(event)) event.preventDefault();
  });
  // A click anywhere in a row opens it, unless it was on something of its own, or a selection.
  root.addEventListener("click", (event) => {
    const row = event.target.closest("[data-href]");
    if (!row || event.target.closest("a, button, input, label, summary, form") || String(getSelection())) return;
    location.href = row.dataset.href;
  });
}

function dialog(label, ...children) {
  const box = document.createElement("dialog");
  box.setAttribute("aria-label", label);
  box.append(...children);
  box.addEventListener("close", () => box.remove());
  box.addEventListener("click", (event) => event.target === box && box.close());
  document.body.append(box);
  box.showModal();
  return box;
}

function help() {
  const list = document.createElement("dl");
  list.className = "kv";
  const lines = [["/", "Search"], ["Ctrl K", "Go to anything"], ["j k", "Next and previous row"], ["Enter", "Open the row"], ["r", "Resend"], ["c", "Copy as cURL"], ["Space", "Pause the live list"], ["g then h, m, a, e, s, t…", "Home, Messages, Applications, Event types, Sources, Tasks…"], ["↑ ↓", "In a tree: the line before or after, to copy its path or value"], ["?", "This list"]];
  for (const [key, text] of lines) {
    const dt = document.createElement("dt"), kbd = document.createElement("kbd"), dd = document.createElement("dd");
    kbd.textContent = key;
    dt.append(kbd);
    dd.textContent = text;
    list.append(dt, dd);
  }
  const title = document.createElement("h2");
  title.textContent = "Keys";
  const close = document.createElement("button");
  close.textContent = "Close";
  close.dataset.close = "";
  dialog("Keys", title, list, close);
}

function palette() {
  if (document.querySelector("dialog.palette")) return;
  const input = document.createElement("input");
  input.type = "search";
  input.placeholder = "Go to a page, search, or paste an id";
  input.setAttribute("aria-label", input.placeholder);
  const list = document.createElement("ul");
  const pages = [...document.querySelectorAll(".side a")].map((a) => [a.firstElementChild.nextSibling.textContent.trim(), a.getAttribute("href")]);
  let at = 0;
  const draw = () => {
    const text = input.value.trim();
    const found = pages.filter(([name]) => name.toLowerCase().includes(text.toLowerCase()));
    const entries = found.map(([name, href]) => [name, href, "page"]);
    if (text) entries.push([`Search “${text}”`, `/search?q=${encodeURIComponent(text)}`, "search"]);
    at = Math.min(at, Math.max(0, entries.length - 1));
    list.replaceChildren(...entries.map(([name, href, kind], i) => {
      const li = document.createElement("li"), a = document.createElement("a"), what = document.createElement("span");
      a.href = href;
      a.className = i === at ? "at" : "";
      what.className = "muted";
      what.textContent = kind;
      a.append(name, what);
      li.append(a);
      return li;
    }));
  };
  input.addEventListener("input", () => { at = 0; draw(); });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      at += event.key === "ArrowDown" ? 1 : -1;
      at = Math.max(0, Math.min(at, list.children.length - 1));
      draw();
      list.querySelector(".at")?.scrollIntoView({ block: "nearest" });
      event.preventDefault();
    } else if (event.key === "Enter") {
      list.querySelector(".at")?.click();
      event.preventDefault();
    }
  });
  dialog("Go to", input, list).classList.add("palette");
  draw();
  input.focus();
}
