// What every admin page has. Each module improves what already works without it.
import { copying } from "./copy.js";
import { trees } from "./tree.js";
import { times } from "./time.js";
import { keys } from "./keys.js";
import "./file.js";

document.documentElement.classList.add("js");

function improve(root) {
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
improve(document);
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
