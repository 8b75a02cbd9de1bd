// What every admin page has. Each module improves what already works without it.
import { copying } from "./copy.js";
import { trees } from "./tree.js";
import { times } from "./time.js";
import { keys } from "./keys.js";
import "./file.js";

// What scrolls must be reached by keyboard.
function reachable() {
  for (const el of document.querySelectorAll(".table-wrap, pre")) {
    if (el.scrollWidth > el.clientWidth || el.scrollHeight > el.clientHeight) el.tabIndex = 0;
    else if (!el.hasAttribute("data-json")) el.removeAttribute("tabindex");
  }
}
addEventListener("resize", reachable);

function improve(root) {
  reachable();
  trees(root);
  times(root);
  for (const form of root.querySelectorAll("form[data-auto]")) {
    form.addEventListener("change", () => form.requestSubmit());
  }
  for (const el of root.querySelectorAll("dialog[data-open]")) el.showModal?.();
  if (root.querySelector("[data-chart]")) import("./chart.js").then((m) => m.charts(root));
  if (root.querySelector("[data-stream]")) import("./live.js").then((m) => m.streams(root));
}

copying(document);
keys(document);
// After the first paint: what only improves, nobody waits for.
requestAnimationFrame(() => setTimeout(() => {
  improve(document);
  document.documentElement.dataset.ready = "";
}));
document.addEventListener("htmx:after:swap", (event) => improve(event.target instanceof Element ? event.target : document));

// Menus close when something else is clicked, or with Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
});

// A button that shows what is in a <dialog>, or a secret that was masked.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog)?.showModal();
  if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
});

// Ticked rows: [data-check-all="name"] ticks all of them, and the button [data-count="name"] says how many there are.
document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (!form || event.target.type !== "checkbox") return;
  const all = event.target.dataset.checkAll;
  if (all) for (const box of form.querySelectorAll(`input[name="${all}"]`)) box.checked = event.target.checked;
  for (const button of form.querySelectorAll("[data-count]")) {
    const n = form.querySelectorAll(`input[name="${button.dataset.count}"]:checked`).length;
    button.dataset.word ??= button.lastChild.textContent;
    button.lastChild.textContent = n ? `Resend ${n}…` : button.dataset.word;
  }
});

// A search over what is on the page: input[data-filter="#box"] hides what has another data-name.
document.addEventListener("input", (event) => {
  const box = event.target.dataset?.filter && document.querySelector(event.target.dataset.filter);
  if (!box) return;
  const text = event.target.value.trim().toLowerCase();
  for (const el of box.querySelectorAll("[data-name]")) el.hidden = !el.dataset.name.toLowerCase().includes(text);
  if (text) for (const fold of box.querySelectorAll("details")) fold.open = true;
});
