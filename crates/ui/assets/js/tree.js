// JSON as a tree that folds, with colours: pre[data-json], whose lines the server indented. A line that is clicked, or reached with
// the arrow keys, offers its path and its value. Nothing is parsed and written anew: numbers and the order of keys stay as they came.
import { copy } from "./copy.js";

const LIMIT = 200_000;
const DEPTH_MAX = 60;

function node(text, kind) {
  const span = document.createElement("span");
  span.className = kind;
  span.textContent = text;
  return span;
}

const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|\b(true|false|null)\b/g;
function coloured(line, into) {
  let last = 0;
  for (const m of line.matchAll(TOKEN)) {
    into.append(line.slice(last, m.index));
    if (m[1] !== undefined) {
      into.append(node(m[1], m[2] === undefined ? "s" : "k"), m[2] ?? "");
    } else into.append(node(m[0], m[3] === undefined ? "w" : "n"));
    last = m.index + m[0].length;
  }
  into.append(line.slice(last));
}

const KEY = /^\s*("(?:\\.|[^"\\])*"): /;
const step = (key) => (/^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`);

// What a line stands for, without its key and the comma behind it; the text itself where it is a string.
function valueOf(lines, { from, to }) {
  const indent = /^\s*/.exec(lines[from])[0].length;
  const all = lines.slice(from, to + 1).map((line) => line.slice(indent));
  if (KEY.test(lines[from])) all[0] = all[0].replace(KEY, "");
  const text = all.join("\n").replace(/,$/, "");
  try {
    return text.startsWith('"') ? JSON.parse(text) : text;
  } catch {
    return text;
  }
}

function tree(pre, text) {
  const code = document.createElement("code");
  const lines = text.split("\n");
  const open = [code];
  // The objects and lists around the line: their path, whether they are lists, how many members went by.
  const around = [];
  const found = [];
  lines.forEach((line, at) => {
    const into = open[open.length - 1];
    if (/^\s*[\]}]/.test(line) && open.length > 1) {
      open.pop();
      const ended = around.pop();
      ended.found.to = at;
      const behind = open[open.length - 1];
      coloured(line, behind);
      behind.append("\n");
      return;
    }
    const parent = around[around.length - 1];
    const key = !parent?.isList && KEY.exec(line)?.[1];
    const path = !parent ? "" : parent.isList ? `${parent.path}[${parent.count++}]` : key ? parent.path + step(JSON.parse(key)) : parent.path;
    const opens = /[[{]\s*$/.test(line);
    const here = document.createElement(opens && open.length < DEPTH_MAX ? "summary" : "span");
    coloured(line, here);
    here.dataset.line = found.length;
    found.push({ path: path.replace(/^\./, ""), from: at, to: at, el: here });
    if (opens) around.push({ path, isList: /\[\s*$/.test(line), count: 0, found: found[found.length - 1] });
    if (here.localName === "summary") {
      const fold = document.createElement("details"), body = document.createElement("span");
      fold.open = true;
      fold.append(here, body);
      into.append(fold);
      open.push(body);
    } else {
      into.append(here, "\n");
      if (opens) open.push(into);
    }
  });
  pre.replaceChildren(code);
  pre.addEventListener("click", (event) => {
    const line = event.target.closest("[data-line]");
    if (!line || String(getSelection())) return;
    // What is behind the key folds; the key itself is only chosen.
    if (event.target.closest(".k")) event.preventDefault();
    choose(pre, lines, found, Number(line.dataset.line));
  });
  pre.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    // Lines that are folded away are stepped over.
    let next = Number(pre.dataset.at ?? -1) + by;
    while (found[next] && !found[next].el.checkVisibility()) next += by;
    if (found[next]) choose(pre, lines, found, next);
  });
}

function choose(pre, lines, found, at) {
  pre.querySelector(".at")?.classList.remove("at");
  const { el, path } = found[at];
  el.classList.add("at");
  el.scrollIntoView({ block: "nearest" });
  pre.dataset.at = at;
  const bar = pre.nextElementSibling;
  if (!bar?.matches(".tree-bar")) return;
  const [name, toPath, toValue] = bar.querySelectorAll("[data-tree]");
  name.textContent = path || "all of it";
  name.hidden = toValue.hidden = false;
  toPath.hidden = !path;
  toPath.onclick = () => copy(path);
  toValue.onclick = () => copy(valueOf(lines, found[at]));
}

export function trees(root) {
  for (const pre of root.querySelectorAll("pre[data-json]:not([data-done])")) {
    pre.dataset.done = "1";
    const text = pre.textContent;
    if (text.length <= LIMIT && /^\s*[[{]/.test(text)) tree(pre, text);
  }
}

// Long lines are wrapped, or scrolled.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-wrap]");
  const pre = button?.closest(".tree-bar").previousElementSibling;
  if (pre) button.setAttribute("aria-pressed", String(pre.classList.toggle("wrap")));
});
