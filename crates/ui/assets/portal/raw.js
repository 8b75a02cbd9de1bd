// JSON by its text: numbers, escapes, order and repeats of keys stay as they came. JSON.parse would round what is beyond 2^53.
// All functions expect valid JSON; of anything else they return some part of the text, or nothing.

const isSpace = (c) => c === " " || c === "\n" || c === "\r" || c === "\t";

function spaces(text, at) {
  while (isSpace(text[at])) at++;
  return at;
}

// Behind the string whose quote is at `at`.
function string(text, at) {
  for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === "\\") at++;
  return at + 1;
}

// Behind the value that begins at `at`.
function value(text, at) {
  let depth = 0;
  while (at < text.length) {
    const c = text[at];
    if (c === '"') at = string(text, at);
    else if (c === "{" || c === "[") { depth++; at++; continue; }
    else if (c === "}" || c === "]") { depth--; at++; }
    else if (c === "," || c === ":" || isSpace(c)) { at++; continue; }
    else while (at < text.length && !isSpace(text[at]) && !',]}'.includes(text[at])) at++;
    if (depth <= 0) return at;
  }
  return at;
}

// The text of what is found by these names (places, in a list); undefined where there is none.
export function member(text, ...path) {
  let at = spaces(text, 0);
  for (const name of path) {
    const isList = text[at] === "[";
    if (!isList && text[at] !== "{") return undefined;
    let found;
    at = spaces(text, at + 1);
    for (let n = 0; at < text.length && text[at] !== "]" && text[at] !== "}"; n++) {
      let key = n;
      if (!isList) {
        const end = string(text, at);
        key = JSON.parse(text.slice(at, end));
        at = spaces(text, spaces(text, end) + 1);
      }
      // Of a key that is there twice, the last counts, as for JSON.parse.
      if (key === name) found = at;
      at = spaces(text, value(text, at));
      if (text[at] === ",") at = spaces(text, at + 1);
    }
    if (found === undefined) return undefined;
    at = found;
  }
  return text.slice(at, value(text, at));
}

// Indented; not a token of it is changed.
export function pretty(text) {
  let out = "";
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  for (let at = spaces(text, 0); at < text.length; at = spaces(text, at)) {
    const c = text[at];
    let end = at + 1;
    if (c === "{" || c === "[") {
      const next = spaces(text, end);
      if (text[next] === "}" || text[next] === "]") {
        out += c + text[next];
        at = next + 1;
        continue;
      }
      depth++;
      out += c + line();
    } else if (c === "}" || c === "]") {
      depth = Math.max(0, depth - 1);
      out += line() + c;
    } else if (c === ",") out += c + line();
    else if (c === ":") out += ": ";
    else {
      end = value(text, at);
      // Not JSON: nothing may be skipped for ever.
      if (end <= at) end = at + 1;
      out += text.slice(at, end);
    }
    at = end;
  }
  return out;
}
