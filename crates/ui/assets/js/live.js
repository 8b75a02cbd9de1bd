// Live lists: [data-stream="/path"] is fed by server-sent events, each one JSON object.
//
//   <div data-stream="/live/stream" data-max="200">
//     <button class="new-rows" hidden></button>          collects what came while the list is held
//     <ul|tbody data-into></ul>                            rows go here, newest first
//     <template><li data-href="{link}"><b data-slot="type"></b><time data-slot="at" data-as="time"></time>…</li></template>
//   </div>
//
// A slot's text is the value of that name (dots go inside: data.type). data-as="time" makes a fresh <time>, data-as="word" a state's word; data-attr-x="name" sets
// attribute x from a value; data-class="name" adds the value as a class. Only text and attributes are set, never markup. The list is
// held while it is paused ([data-key="space"]), scrolled away from, or a row of it has the focus.
import { times } from "./time.js";

// "a|b" is a, or b where there is no a.
const one = (object, path) => path.split(".").reduce((value, key) => value?.[key], object);
const get = (object, paths) => paths.split("|").reduce((value, path) => value || one(object, path), undefined);
const fill = (text, object) => text.replace(/\{([\w.|]+)\}/g, (_, path) => encodeURIComponent(get(object, path) ?? ""));

// States of the API as people read them on other pages.
const WORDS = { refused: "Rejected" };

export function row(template, object) {
  const made = template.content.firstElementChild.cloneNode(true);
  for (const el of [made, ...made.querySelectorAll("*")]) {
    for (const name of ["href", "data-href"]) if (el.hasAttribute(name)) el.setAttribute(name, fill(el.getAttribute(name), object));
    const data = el.dataset;
    if (data.class) { const c = String(get(object, data.class) ?? ""); if (/^[\w-]+$/.test(c)) el.classList.add(c); }
    if (data.show !== undefined && !get(object, data.show)) el.hidden = true;
    if (data.slot === undefined) continue;
    const value = get(object, data.slot);
    if (data.as === "time" && value) {
      el.dateTime = value;
      el.title = value;
      el.dataset.time = "ago";
    } else if (data.as === "clock" && value) {
      el.dateTime = value;
      el.title = value;
      el.textContent = new Date(value).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 1, hour12: false });
    } else if (data.as === "word") el.textContent = WORDS[value] ?? String(value ?? "").replace(/^./, (c) => c.toUpperCase());
    else el.textContent = value == null ? "" : `${value}${data.unit ?? ""}`;
  }
  return made;
}

function stream(box) {
  const into = box.querySelector("[data-into]"), template = box.querySelector("template");
  const more = box.querySelector(".new-rows"), state = box.querySelector("[data-state]"), skipped = box.querySelector("[data-skipped]");
  const max = Number(box.dataset.max ?? 200);
  let held = [], paused = false, lost = 0, frame = 0, queue = [], rate = 0;
  const say = (text) => state && (state.textContent = text);
  const isHeld = () => paused || document.hidden || box.contains(document.activeElement) && document.activeElement !== document.body && into.contains(document.activeElement) || window.scrollY > 200;
  const show = () => {
    const made = held.splice(0).map((object) => row(template, object)).reverse();
    into.prepend(...made);
    while (into.children.length > max) into.lastElementChild.remove();
    times(into);
    box.querySelector("[data-empty]")?.setAttribute("hidden", "");
    if (more) more.hidden = true;
  };
  const turn = () => {
    frame = 0;
    held.push(...queue.splice(0));
    if (held.length > max) lost += held.splice(0, held.length - max).length;
    if (!isHeld()) return show();
    if (more && held.length) {
      more.hidden = false;
      more.textContent = `▲ ${held.length} new`;
    }
  };
  const came = (event) => {
    rate += 1;
    try { queue.push(JSON.parse(event.data)); } catch { return; }
    if (queue.length > max) lost += queue.splice(0, queue.length - max).length;
    frame ||= setTimeout(turn, 150);
  };
  more?.addEventListener("click", () => { show(); window.scrollTo({ top: 0 }); });
  box.addEventListener("live:clear", () => { held = []; lost = 0; into.replaceChildren(); show(); });
  box.addEventListener("live:pause", () => { paused = !paused; if (!paused) show(); });
  const source = new EventSource(box.dataset.stream);
  source.onopen = () => say("Live");
  source.onerror = () => say("Reconnecting…");
  source.onmessage = came;
  for (const name of (box.dataset.events ?? "").split(" ").filter(Boolean)) source.addEventListener(name, came);
  source.addEventListener("skipped", (event) => {
    try { const said = JSON.parse(event.data); lost += Number(said.count ?? said.rows) || 0; } catch { /* not a number */ }
  });
  const meter = setInterval(() => {
    if (!box.isConnected) { source.close(); clearInterval(meter); return; }
    const shown = box.querySelector("[data-rate]");
    if (shown) shown.textContent = `${rate}/s`;
    rate = 0;
    if (skipped) { skipped.hidden = lost === 0; skipped.textContent = `${lost} left out: more came than can be shown`; }
  }, 1000);
  addEventListener("pagehide", () => source.close());
}

export function streams(root) {
  for (const box of root.querySelectorAll("[data-stream]:not([data-on])")) {
    box.dataset.on = "1";
    stream(box);
  }
}

document.addEventListener("click", (event) => {
  const clear = event.target.closest("[data-clear]");
  if (clear) document.querySelector(clear.dataset.clear)?.dispatchEvent(new Event("live:clear"));
  const button = event.target.closest("[data-pause]");
  if (!button) return;
  const box = document.querySelector(button.dataset.pause);
  box?.dispatchEvent(new Event("live:pause"));
  button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
});
