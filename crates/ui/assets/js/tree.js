// JSON as a tree that folds, with colours: pre[data-json]. Clicking a key copies its path.
const LIMIT = 200_000;

function node(text, kind) {
  const span = document.createElement("span");
  span.className = kind;
  span.textContent = text;
  return span;
}

// Colours the text as it is, so that numbers and the order of keys stay what they were.
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

export function trees(root) {
  for (const pre of root.querySelectorAll("pre[data-json]:not([data-done])")) {
    pre.dataset.done = "1";
    const text = pre.textContent;
    if (text.length > LIMIT || !/^\s*[[{]/.test(text)) continue;
    const code = document.createElement("code");
    const open = [code];
    for (const line of text.split("\n")) {
      const here = open[open.length - 1];
      const opens = /[[{]\s*$/.test(line), closes = /^\s*[\]}]/.test(line);
      if (closes && open.length > 1) {
        open.pop();
        coloured(line, open[open.length - 1]);
        open[open.length - 1].append("\n");
      } else if (opens && open.length < 60) {
        const fold = document.createElement("details");
        fold.open = true;
        const head = document.createElement("summary");
        coloured(line, head);
        const body = document.createElement("span");
        fold.append(head, body);
        here.append(fold);
        open.push(body);
      } else {
        coloured(line, here);
        here.append("\n");
      }
    }
    pre.replaceChildren(code);
  }
}
