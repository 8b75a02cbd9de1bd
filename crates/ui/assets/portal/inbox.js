// A test inbox: what arrives at it, as it arrives.
import { get } from "./api.js";
import { badge, body, copier, fill, h, time } from "./dom.js";

const PAUSE_MS = 2000;

function request(r) {
  return h("details.attempt", null, h("summary", null, badge("good", "check", `${r.method} ${r.bodyLength} bytes`), h("span.muted", null, time(r.timestamp))),
    h("div.attempt-body", null, body(r.body ?? (r.bodyBase64 ? `Not text: ${r.bodyBase64.slice(0, 400)}` : "")),
      h("details", null, h("summary", null, "Headers"), h("dl.facts.mono", null, r.headers.map(([name, value]) => [h("dt", null, name), h("dd", null, value)])))));
}

export function inboxPanel(context, inbox) {
  const list = h("div.attempts", { role: "log", "aria-label": "Requests to the test inbox" });
  const told = h("p.waiting", { role: "status" }, "Waiting for the first request…");
  const seen = new Set();
  let isOver = false;
  context.onLeave(() => (isOver = true));

  async function look() {
    if (isOver || !context.isCurrent()) return;
    if (!document.hidden) {
      try {
        const page = await get(`/test-inbox/${inbox.id}/request?limit=20`);
        const fresh = page.data.filter((r) => !seen.has(r.id)).reverse();
        for (const r of fresh) {
          seen.add(r.id);
          const el = request(r);
          if (!list.firstChild || fresh.length === 1) {
            for (const open of list.querySelectorAll(":scope > details[open]")) open.open = false;
            el.open = true;
          }
          list.prepend(el);
        }
        if (seen.size) fill(told, "Watching for more…");
      } catch (error) {
        if (error.status === 404) return void fill(told, "This inbox has ended. Make a new one, or use a URL of your own.");
        fill(told, "No connection. Trying again…");
      }
    }
    setTimeout(look, PAUSE_MS);
  }
  setTimeout(look, 50);
  return h("section.card.inbox", null, h("div.card-head", null, h("h2", null, "Test inbox"), h("span.muted.small", null, "ends ", time(inbox.expiresAt)), copier(inbox.url, "its URL")), told, list);
}
