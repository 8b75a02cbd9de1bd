// Messages of the application: the list, and one of them with what became of it at each endpoint.
import { eventTypes, get, post, query, raw, session } from "./api.js";
import { badge, body, busy, copied, copier, h, icon, json, note, plural, said, tabs, time } from "./dom.js";
import { pretty } from "./raw.js";

export const STATUS = {
  0: ["good", "check", "Delivered"], 1: ["busy", "clock", "Waiting"], 2: ["bad", "cross", "Failed"], 3: ["busy", "send", "Sending"], 4: ["idle", "dash", "Canceled"],
};
export const status = (code) => badge(...(STATUS[code] ?? STATUS[4]));

export async function typeFilter(chosen, change) {
  const types = await eventTypes();
  if (!types.length) return null;
  return h("select", { "aria-label": "Event type", onchange: (e) => change(e.target.value) },
    h("option", { value: "" }, "All event types"), types.map((t) => h("option", { value: t.name, selected: t.name === chosen || undefined }, t.name)));
}

export function pager(base, asked, page) {
  const to = (iterator, words) => h("a.btn", { href: `${base}${query({ ...Object.fromEntries(asked), at: iterator })}` }, words);
  const newer = asked.get("at");
  if (page.done && !newer) return null;
  return h("nav.pager", { "aria-label": "Pages" }, newer && to("", "Newest"), !page.done && to(page.iterator, "Older"));
}

export async function logs(_context, asked) {
  const type = asked.get("type") ?? "";
  const [page, filter] = await Promise.all([
    get(`/msg${query({ limit: 30, with_content: false, event_types: type, iterator: asked.get("at") })}`),
    typeFilter(type, (value) => (location.hash = `#/logs${query({ type: value })}`)),
  ]);
  const rows = page.data.map((m) => h("li", null, h("a.row-link", { href: `#/logs/${m.id}` }, h("code", null, m.eventType), h("code.muted.clip", null, m.id), h("span.end", null, time(m.timestamp)))));
  return { title: "Logs", content: [h("div.head", null, h("h1", null, "Logs"), h("p.muted", null, "Everything that was sent, the newest first.")), filter && h("div.filters", null, filter),
    rows.length ? h("section.card.flush", null, h("ul.rows", null, rows)) : h("div.card.empty", null, h("p", null, type ? "Nothing of this event type." : "Nothing was sent yet."),
      type ? h("p", null, h("a.btn", { href: "#/logs" }, "Show all")) : h("p.muted", null, "Events appear here as soon as they happen.")), pager("#/logs", asked, page)] };
}

const took = (ms) => ms && ms < 0.05 ? "< 0.1 ms" : ms < 1000 ? `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;

export function attemptLine(a) {
  return `${a.responseStatusCode || "No answer"} in ${took(a.responseDurationMs)}`;
}

const STAGES = [["dnsMs", "DNS"], ["connectMs", "connect"], ["tlsMs", "TLS"], ["firstByteMs", "first byte"], ["bodyMs", "body"]];

// How long it took, and what came back beside the body. Older attempts don't say.
function detail({ timings, responseHeaders }) {
  const parts = timings ? STAGES.filter(([key]) => timings[key] !== undefined).map(([key, word]) => `${word} ${took(timings[key])}`) : [];
  const headers = Object.entries(responseHeaders ?? {});
  return [
    timings && h("p.muted.small", null, `Total ${took(timings.totalMs)}`, parts.length > 0 && `: ${parts.join(", ")}`),
    headers.length > 0 && h("details.more", null, h("summary.small", null, plural(headers.length, "response header")), h("pre.code", { tabindex: 0 }, headers.map(([name, value]) => `${name}: ${value}\n`))),
  ];
}

function attempt(a) {
  return h("details.attempt", null, h("summary", null, badge(a.status === 0 ? "good" : "bad", a.status === 0 ? "check" : "cross", attemptLine(a)),
    h("span.muted", null, a.triggerType === 1 ? "sent by hand" : "", " ", time(a.timestamp))),
    h("div.attempt-body", null, h("p.muted.small", null, new Date(a.timestamp).toLocaleString(), " · ", h("code", null, a.url)),
      h("p", null, h("b", null, a.responseStatusCode ? "Answer" : "Why")), body(a.response), detail(a)));
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
export function curl(url, id, payload) {
  return [`curl -X POST ${quoted(url)}`, `-H 'content-type: application/json'`, `-H ${quoted(`webhook-id: ${id}`)}`, `--data-raw ${quoted(payload)}`].join(" \\\n  ");
}

export async function message(context, asked, id) {
  const [m, places, attempts] = await Promise.all([get(`/msg/${id}`), get(`/msg/${id}/endpoint?limit=100`), get(`/attempt/msg/${id}?limit=100`)]);
  const first = asked.get("endpoint");
  places.data.sort((a, b) => (b.id === first) - (a.id === first));
  const payload = raw(m, "payload") ?? "";
  const isExpired = m.payload && m.payload.expired === true && Object.keys(m.payload).length === 1;
  const cards = places.data.map((place) => {
    const own = attempts.data.filter((a) => a.endpointId === place.id);
    const resend = session.can("CreateAttempts") && !place.disabled && !place.paused && h("button.small", { type: "button", onclick: (e) => busy(e.currentTarget, async () => {
      await post(`/msg/${id}/endpoint/${place.id}/resend`);
      said("Sent again");
      await settled(id, place.id, own.length);
      if (context.isCurrent()) await context.again();
    }) }, icon("refresh"), "Resend");
    return h("section.card", null,
      h("div.card-head", null, status(place.status), h("h3.clip", null, h("a", { href: `#/endpoints/${place.id}` }, place.url)),
        h("div.actions", null, !isExpired && h("button.small", { type: "button", onclick: () => copied(curl(place.url, id, payload)) }, icon("copy"), "Copy as cURL"), resend)),
      place.nextAttempt && h("p.muted", null, "Next attempt ", time(place.nextAttempt)),
      own.length ? h("div.attempts", null, h("p.small.muted", null, plural(own.length, "attempt"), own.length > 1 && ", the newest first"), own.map(attempt)) : h("p.muted", null, "No attempt yet."));
  });
  // Open what failed: that is what one came for.
  for (const card of cards) card.querySelector("details.attempt")?.setAttribute("open", "");
  return { title: `${m.eventType} message`, content: [
    h("p.crumbs", null, h("a", { href: "#/logs" }, "Logs")),
    h("div.head", null, h("h1.mono", null, m.eventType), h("p.muted", null, h("code", null, m.id), copier(m.id, "the id"), " ", time(m.timestamp), m.tags?.length ? ` · ${m.tags.join(", ")}` : "", m.eventId ? ` · ${m.eventId}` : "")),
    h("div.columns", null,
      h("section.card", null, h("div.card-head", null, h("h2", null, "Payload"), !isExpired && copier(() => pretty(payload), "the payload")),
        isExpired ? h("p.muted", null, "It was deleted: payloads are kept for a limited time.") : typeof m.payload === "string" ? body(m.payload) : json(payload)),
      h("div.stack", null, h("h2.sr", null, "Where it went"), cards.length ? cards : note("info", h("p", null, "No endpoint takes this event type, so it was sent nowhere.")))),
  ] };
}

// Until there is one attempt more than before, or for some seconds.
async function settled(id, endpoint, before) {
  for (let i = 0; i < 24; i++) {
    await new Promise((done) => setTimeout(done, i < 8 ? 150 : 400));
    const now = await get(`/attempt/msg/${id}${query({ endpoint_id: endpoint, limit: 100 })}`);
    if (now.data.length > before) return;
  }
}
