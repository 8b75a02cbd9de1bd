// How a receiver checks a signature, in the languages of the admin's pages. Each is fetched when it is shown.
import { code, field, fill, h, note } from "./dom.js";

const LANGUAGES = [
  ["javascript", "JavaScript"], ["typescript", "TypeScript"], ["python", "Python"], ["go", "Go"], ["rust", "Rust"], ["php", "PHP"],
  ["ruby", "Ruby"], ["java", "Java"], ["kotlin", "Kotlin"], ["csharp", "C#"], ["shell", "Shell"],
];
const KINDS = [["", "whsec_ (a shared secret)"], ["-ed25519", "whpk_ (a public key)"]];

// Who reads Python reads it on every screen.
let language = LANGUAGES[0][0];

const texts = new Map();
async function text(file) {
  if (!texts.has(file)) {
    const answer = await fetch(new URL(`../snippets/${file}.txt`, import.meta.url));
    if (!answer.ok) throw new Error(`The server answered ${answer.status}`);
    texts.set(file, await answer.text());
  }
  return texts.get(file);
}

// A card, and what tells it which secret the endpoint has once that is known.
export function snippets() {
  const select = (name, options, value) => h("select", { name, onchange: show, value }, options.map(([key, words]) => h("option", { value: key, selected: key === value }, words)));
  const languages = select("language", LANGUAGES, language), kinds = select("key", KINDS, "");
  const box = h("div", { "aria-live": "polite" });
  async function show() {
    const file = (language = languages.value) + kinds.value;
    try {
      const shown = (await text(file)).replace("{{secret}}", kinds.value ? "whpk_…" : "whsec_…");
      if (languages.value + kinds.value === file) fill(box, code(shown, "the code"));
    } catch (error) {
      fill(box, note("bad", h("p", null, `The code can't be loaded: ${error.message}`)));
    }
  }
  show();
  const card = h("section.card", null, h("h2", null, "Check the signature"),
    h("p.muted", null, "Answer with a status of 2xx within 15 seconds. Anything else is tried again later."),
    h("div.filters", null, field("Language", languages), field("Your secret begins with", kinds)), box,
    h("p.hint", null, "For a shared secret, the libraries of Standard Webhooks do the same."));
  const fits = (secret) => {
    kinds.value = secret.startsWith("whpk_") ? "-ed25519" : "";
    show();
  };
  return { card, fits };
}
