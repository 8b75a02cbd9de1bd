// Endpoints: the list, adding one, what it got, its settings.
import { Refused, eventTypes, example, get, patch, post, query, remove, sendExample, session } from "./api.js";
import { badge, busy, copied, copier, dialog, field, fill, h, icon, note, plural, said, time, uid, wrong } from "./dom.js";
import { picker } from "./catalogue.js";
import { attemptLine, pager, status, typeFilter } from "./logs.js";
import { inboxPanel } from "./inbox.js";
import { recover } from "./recover.js";
import { snippets } from "./verify.js";

const WEEK_MS = 7 * 86400_000;
const host = (url) => {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
};

// Host and path: two endpoints of one host have two names.
const address = (url) => {
  try {
    const { host, pathname } = new URL(url);
    return host + pathname.replace(/\/$/, "");
  } catch {
    return url;
  }
};

function state(e) {
  if (e.disabled) return badge("idle", "dash", "Disabled");
  if (e.paused) return badge("warn", "pause", "Paused");
  if (e.failingSince) return badge("bad", "alert", "Failing");
  return badge("good", "check", "Active");
}

// ---- the list ----

// How much of the last week arrived, and what failed last; filled in when they come.
function health(e) {
  const share = h("span.num");
  const last = h("span.muted");
  const since = new Date(Date.now() - WEEK_MS).toISOString();
  Promise.all([get(`/endpoint/${e.id}/stats${query({ since })}`), get(`/attempt/endpoint/${e.id}${query({ status: 2, limit: 1, with_content: false })}`)]).then(([s, failed]) => {
    const all = s.success + s.fail;
    fill(share, all ? [h("b", null, `${percent(s.success, all)} %`), h("span.muted", null, ` of ${plural(all, "message")} this week`)] : h("span.muted", null, "Nothing sent this week"));
    if (s.pending + s.sending) share.append(h("span.muted", null, ` · ${plural(s.pending + s.sending, "waiting", "waiting")}`));
    const a = failed.data[0];
    if (a) fill(last, "Last failure ", a.responseStatusCode || "without an answer", " ", time(a.timestamp));
  }).catch(() => fill(share, h("span.muted", null, "No figures")));
  return [share, last];
}

const percent = (part, all) => (part === all ? "100" : !part ? "0" : Math.min(99.9, Math.floor((part / all) * 1000) / 10).toFixed(1));

function types(e) {
  const names = e.filterTypes;
  if (!names) return "All events";
  return names.length <= 3 ? names.join(", ") : `${names.slice(0, 2).join(", ")} and ${names.length - 2} more`;
}

export async function endpoints(_context, asked) {
  const page = await get(`/endpoint${query({ limit: 50, order: "descending", iterator: asked.get("at") })}`);
  const add = session.can("ManageEndpoint") && h("a.btn.primary", { href: "#/endpoints/new" }, icon("plus"), "Add endpoint");
  const list = page.data.map((e) => h("li", null, h("a.ep", { href: `#/endpoints/${e.id}` },
    h("span.ep-main", null, h("span.ep-url", null, e.url), h("span.muted.small", null, [e.description, types(e)].filter(Boolean).join(" · "))),
    h("span.ep-state", null, state(e)), h("span.ep-health.small", null, ...health(e)))));
  return { title: "Endpoints", content: [
    h("div.head", null, h("h1", null, "Endpoints"), h("div.actions", null, list.length > 0 && add), h("p.muted", null, "Where events are sent, as they happen.")),
    list.length ? h("section.card.flush", null, h("ul.rows", null, list))
      : h("div.card.empty", null, icon("send"), h("p", null, h("b", null, "No endpoint yet")), h("p.muted", null, "An endpoint is a URL of yours that gets a request for each event."), add && h("p", null, add)),
    pager("#/endpoints", asked, page),
  ] };
}

// ---- the form ----

function more(e) {
  const rate = h("input", { type: "number", name: "rateLimit", min: 1, max: 65535, inputmode: "numeric", value: e?.rateLimit ?? "" });
  const channels = h("input", { type: "text", name: "channels", value: (e?.channels ?? []).join(", "), autocomplete: "off", spellcheck: "false" });
  const content = h("details.more", { open: !!(e?.rateLimit || e?.channels) }, h("summary", null, "More settings"), h("div.stack", null,
    field("Messages a second at most", rate, { optional: true, hint: "Empty: as fast as they come." }),
    field("Channels", channels, { optional: true, hint: "Only messages of these channels, with commas between. Empty: all." })));
  const names = () => channels.value.split(",").map((c) => c.trim()).filter(Boolean);
  return { content, inputs: { rateLimit: rate, throttleRate: rate, channels }, value: () => ({ rateLimit: rate.value ? Number(rate.value) : null, channels: names().length ? names() : null }) };
}

function form(e, known, { submit, cancel, onsubmit, inbox }) {
  const url = h("input", { type: "url", name: "url", required: true, placeholder: "https://example.com/webhooks", value: e?.url ?? "", autocomplete: "url", inputmode: "url", spellcheck: "false", maxlength: 2048 });
  const description = h("input", { type: "text", name: "description", value: e?.description ?? "", maxlength: 1000, placeholder: "What it is for" });
  const pick = picker(known, e ? e.filterTypes : null);
  const rest = more(e);
  const inputs = { url, description, ...rest.inputs };
  const told = h("div", { "aria-live": "polite" });
  const button = h("button.primary", { type: "submit" }, submit);
  const el = h("form.card.form", { novalidate: true, onsubmit: (event) => {
    event.preventDefault();
    for (const input of Object.values(inputs)) wrong(input, "");
    fill(told);
    let target = url.value.trim();
    if (target && !/^[a-z][a-z0-9+.-]*:/i.test(target)) url.value = target = `https://${target}`;
    if (!target) {
      wrong(url, "Paste the URL that is to get the events.");
      return url.focus();
    }
    const filterTypes = pick.value();
    if (filterTypes && !filterTypes.length) return pick.refuse("Choose an event, or all.");
    busy(button, async () => {
      try {
        await onsubmit({ url: target, description: description.value.trim(), filterTypes, ...rest.value() });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        const unplaced = error.fields.filter(([name, text]) => !inputs[name] || !wrong(inputs[name], text));
        const first = error.fields.map(([name]) => inputs[name]).find(Boolean);
        if (first) first.focus();
        if (!error.fields.length || unplaced.length) fill(told, note("bad", h("p", null, unplaced.length ? unplaced.map(([, text]) => text).join("; ") : error.message)));
      }
    });
  } },
  h("div", null, field("URL", url, { hint: "It gets a POST request with JSON for each event." }), inbox && inbox(url)),
  field("Description", description, { optional: true }), pick.content, rest.content,
  h("div.stack", null, told, h("div.actions", null, button, h("a.btn", { href: cancel }, "Cancel"))));
  return el;
}

// A bin of this server, for who has no URL yet.
function inboxButton(url) {
  const told = h("p.hint", { role: "status" });
  const button = h("button.link", { type: "button", onclick: () => busy(button, async () => {
    let made;
    try {
      made = await post("/test-inbox");
    } catch (error) {
      if (error.status !== 409) throw error;
      // There are some already: the newest will do.
      made = (await get("/test-inbox")).data.at(-1);
    }
    url.value = made.url;
    wrong(url, "");
    told.textContent = "A test inbox, yours for 7 days: what arrives is shown here.";
    url.focus();
  }) }, icon("inbox"), "I don’t have a URL – give me a test inbox");
  return [button, told];
}

export async function addEndpoint(_context, asked) {
  if (!session.can("ManageEndpoint")) throw Object.assign(new Error(""), { status: 404 });
  const known = await eventTypes();
  const type = asked.get("type");
  const el = form(type ? { filterTypes: [type] } : null, known, { submit: "Create endpoint", cancel: "#/endpoints", inbox: inboxButton, onsubmit: async (values) => {
    const made = await post("/endpoint", values);
    location.hash = `#/endpoints/${made.id}/setup`;
  } });
  return { title: "Add endpoint", content: [h("p.crumbs", null, h("a", { href: "#/endpoints" }, "Endpoints")), h("div.head", null, h("h1", null, "Add endpoint")), el] };
}

export async function editEndpoint(_context, _asked, id) {
  if (!session.can("ManageEndpoint")) throw Object.assign(new Error(""), { status: 404 });
  const [e, known] = await Promise.all([get(`/endpoint/${id}`), eventTypes()]);
  const el = form(e, known, { submit: "Save", cancel: `#/endpoints/${id}`, onsubmit: async (values) => {
    await patch(`/endpoint/${id}`, values);
    said("Saved");
    location.hash = `#/endpoints/${id}`;
  } });
  return { title: `Edit ${address(e.url)}`, content: [h("p.crumbs", null, h("a", { href: "#/endpoints" }, "Endpoints"), h("a", { href: `#/endpoints/${id}` }, address(e.url))), h("div.head", null, h("h1", null, "Edit endpoint")), el] };
}

// ---- what to do with it ----

function tester(e, known) {
  if (!session.can("CreateAttempts") || e.disabled) return null;
  const usable = known.filter((t) => example(t) !== undefined && (!e.filterTypes || e.filterTypes.includes(t.name)));
  const select = h("select", { id: uid("s"), name: "example" }, usable.map((t) => h("option", { value: t.name }, t.name)), h("option", { value: "svix.ping" }, "A small test message"));
  const result = h("div", { role: "status" });
  const button = h("button.primary", { type: "button", onclick: () => busy(button, async () => {
    fill(result, h("p.waiting", null, "Sending…"));
    const { message, attempt } = await sendExample(e.id, select.value);
    const link = h("a", { href: `#/logs/${message.id}?endpoint=${e.id}` }, "Details");
    if (!attempt) return fill(result, note("warn", h("p", null, e.paused ? "The endpoint is paused: it is sent once it is resumed. " : "No attempt yet: others are before it. ", link)));
    const isGood = attempt.status === 0;
    return fill(result, h(`p.result.${isGood ? "good" : "bad"}`, null, icon(isGood ? "check" : "cross"), h("b", null, attemptLine(attempt)), " ", link),
      !isGood && attempt.response && h("pre.code.short", { tabindex: 0 }, attempt.response.slice(0, 2000)));
  }).catch((error) => {
    fill(result);
    throw error;
  }) }, icon("send"), "Send example");
  return h("section.card", null, h("h2", null, "Send an example"), h("div.inline", null, h("div.field", null, h("label", { for: select.id }, "Event"), select), button), result);
}

function secretCard(e, isOpen, known) {
  if (!session.can("ViewEndpointSecret")) return null;
  const shown = h("code.secret", null, "••••••••••••••••••••••••••••••••");
  let key = "";
  const load = async () => {
    if (!key) known(key = (await get(`/endpoint/${e.id}/secret`)).key);
    return key;
  };
  const eye = h("button.small", { type: "button", onclick: () => busy(eye, async () => {
    const isHidden = shown.textContent.startsWith("•");
    shown.textContent = isHidden ? await load() : "••••••••••••••••••••••••••••••••";
    fill(eye, icon("eye"), isHidden ? "Hide" : "Reveal");
  }) }, icon("eye"), "Reveal");
  const copy = h("button.small", { type: "button", onclick: async () => copied(await load()) }, icon("copy"), "Copy");
  if (isOpen) load().then((text) => {
    shown.textContent = text;
    fill(eye, icon("eye"), "Hide");
  });
  const rotate = session.can("ManageEndpointSecret") && h("button.small", { type: "button", onclick: () => askRotate(e, () => {
    key = "";
    shown.textContent = "••••••••••••••••••••••••••••••••";
    fill(eye, icon("eye"), "Reveal");
  }) }, icon("refresh"), "Rotate");
  return h("section.card", null, h("div.card-head", null, h("h2", null, "Signing secret"), h("div.actions", null, eye, copy, rotate)),
    h("p", null, shown), h("p.hint", null, "Each request is signed with it, so that you can tell that it came from us."));
}

function askRotate(e, done) {
  const button = h("button.primary", { type: "button", onclick: () => busy(button, async () => {
    await post(`/endpoint/${e.id}/secret/rotate`, {});
    box.close();
    done();
    said("There is a new secret; the old one signs for 24 hours more");
  }) }, "Make a new secret");
  const box = dialog("Rotate the secret?", h("p", null, "Requests are signed with the new and the old secret for 24 hours. Put the new one into your program until then."),
    h("div.actions", null, button, h("button", { type: "button", onclick: () => box.close() }, "Cancel")));
}

export async function setUp(context, _asked, id) {
  const [e, known, inbox] = await Promise.all([get(`/endpoint/${id}`), eventTypes(), ownInbox(id)]);
  const check = snippets();
  return { title: `Set up ${address(e.url)}`, content: [
    h("p.crumbs", null, h("a", { href: "#/endpoints" }, "Endpoints")),
    h("div.head", null, h("h1", null, "Your endpoint is ready"), h("div.actions", null, h("a.btn", { href: `#/endpoints/${id}` }, "Done")), h("p.clip.mono.muted", null, e.url)),
    tester(e, known), inbox && inboxPanel(context, inbox), secretCard(e, true, check.fits), check.card,
  ] };
}

// The inbox that the endpoint sends to, if it is one of this application.
async function ownInbox(id) {
  const [e, inboxes] = await Promise.all([get(`/endpoint/${id}`), get("/test-inbox")]);
  return inboxes.data.find((i) => i.url === e.url);
}

// ---- its page ----

const FILTERS = [["", "All"], ["0", "Delivered"], ["2", "Failed"], ["1", "Waiting"]];

export async function endpointPage(context, asked, id) {
  const tab = asked.get("tab") === "settings" ? "settings" : "log";
  const e = await get(`/endpoint/${id}`);
  const base = `#/endpoints/${id}`;
  const head = [h("p.crumbs", null, h("a", { href: "#/endpoints" }, "Endpoints")),
    h("div.head", null, h("h1.clip", null, address(e.url)), state(e), h("div.actions", null, actions(context, e)),
      h("p.muted.wrap", null, h("code", null, e.url), copier(e.url, "the URL"), e.description && ` · ${e.description}`)),
    e.failingSince && !e.disabled && note("bad", h("p", null, "Every attempt fails; the first one failed ", time(e.failingSince), ". If it goes on for days, the endpoint is disabled.")),
    e.paused && note("warn", h("p", null, "Paused ", time(e.pausedAt), ": what happens meanwhile waits, and is sent once you resume.")),
    e.disabled && note("warn", h("p", null, "Disabled: nothing is sent, and what happens meanwhile is not kept for it.")),
    h("nav.tabs", { "aria-label": "Of this endpoint" }, [["log", "Messages", base], ["settings", "Settings and secret", `${base}?tab=settings`]].map(([key, words, href]) =>
      h("a", { href, "aria-current": key === tab ? "page" : undefined }, words)))];
  const content = tab === "log" ? await activity(context, e, asked) : await settings(context, e);
  return { title: address(e.url), content: [head, content] };
}

function actions(context, e) {
  const can = session.can;
  const change = (values, words) => (event) => busy(event.currentTarget, async () => {
    await patch(`/endpoint/${e.id}`, values);
    said(words);
    await context.again();
  });
  return [
    can("CreateAttempts") && !e.disabled && h("button", { type: "button", onclick: () => recover(context, e) }, icon("refresh"), "Recover failed…"),
    can("ManageEndpoint") && (e.disabled ? h("button.primary", { type: "button", onclick: change({ disabled: false }, "Enabled") }, icon("play"), "Enable")
      : e.paused ? h("button.primary", { type: "button", onclick: change({ paused: false }, "Resumed: what waited is being sent") }, icon("play"), "Resume")
        : h("button", { type: "button", onclick: change({ paused: true }, "Paused") }, icon("pause"), "Pause")),
    can("ManageEndpoint") && h("a.btn", { href: `#/endpoints/${e.id}/edit` }, icon("edit"), "Edit"),
  ];
}

async function activity(context, e, asked) {
  const [chosen, type] = [asked.get("status") ?? "", asked.get("type") ?? ""];
  const to = (changes) => `#/endpoints/${e.id}${query({ status: chosen, type, ...changes })}`;
  const [page, filter, known, inbox] = await Promise.all([
    get(`/endpoint/${e.id}/msg${query({ limit: 25, with_content: false, status: chosen, event_types: type, iterator: asked.get("at") })}`),
    typeFilter(type, (value) => (location.hash = to({ type: value }))), eventTypes(), ownInbox(e.id)]);
  const rows = page.data.map((m) => h("li", null, h("a.row-link", { href: `#/logs/${m.id}?endpoint=${e.id}` }, h("span.w-status", null, status(m.status)), h("code", null, m.eventType),
    h("span.muted.small", null, m.nextAttempt && ["next attempt ", time(m.nextAttempt)]), h("span.end", null, time(m.timestamp)))));
  const isFiltered = chosen || type;
  return [inbox && inboxPanel(context, inbox), tester(e, known), h("section", null,
    h("div.filters", null, h("div.seg", { role: "group", "aria-label": "Which messages" }, FILTERS.map(([key, words]) => h("a", { href: to({ status: key }), "aria-current": key === chosen ? "true" : undefined }, words))), filter,
      h("button.ghost", { type: "button", "aria-label": "Load again", title: "Load again", onclick: () => context.again() }, icon("refresh"))),
    rows.length ? h("div.card.flush", null, h("ul.rows", null, rows)) : h("div.card.empty", null, h("p", null, isFiltered ? "No message like this." : "Nothing was sent to it yet."),
      isFiltered ? h("p", null, h("a.btn", { href: `#/endpoints/${e.id}` }, "Clear filters")) : null), pager(`#/endpoints/${e.id}`, asked, page))];
}

async function settings(context, e) {
  const [headers] = await Promise.all([get(`/endpoint/${e.id}/headers`)]);
  const check = snippets();
  const rows = [["Events", e.filterTypes ? h("span.wrap", null, e.filterTypes.map((t) => [h("code", null, t), " "])) : "All events, new ones too"], ["Messages a second at most", e.rateLimit ?? "No limit"],
    ["Channels", e.channels ? e.channels.join(", ") : "All"], ["Added", time(e.createdAt)], ["Id", [h("code", null, e.id), copier(e.id, "the id")]]];
  return [h("section.card", null, h("div.card-head", null, h("h2", null, "Settings"), session.can("ManageEndpoint") && h("a.btn.small", { href: `#/endpoints/${e.id}/edit` }, icon("edit"), "Edit")),
    h("dl.facts", null, rows.map(([name, value]) => [h("dt", null, name), h("dd", null, value)]))),
  secretCard(e, false, check.fits), check.card, headersCard(context, e, headers),
  session.can("ManageEndpoint") && h("section.card", null, h("h2", null, "Stop"), h("div.actions", null,
    !e.disabled && h("button", { type: "button", onclick: (event) => busy(event.currentTarget, async () => {
      await patch(`/endpoint/${e.id}`, { disabled: true });
      said("Disabled");
      await context.again();
    }) }, icon("dash"), "Disable"), h("button.danger", { type: "button", onclick: () => askDelete(e) }, icon("trash"), "Delete…")),
  h("p.hint", null, "A disabled endpoint keeps its settings and gets nothing. A paused one gets later what happens meanwhile."))];
}

function headersCard(context, e, { headers, sensitive }) {
  const can = session.can("ManageEndpoint");
  const set = (changes, words) => async () => {
    await patch(`/endpoint/${e.id}/headers`, { headers: changes });
    said(words);
    await context.again();
  };
  const row = (name, value) => h("tr", null, h("td", null, h("code", null, name)), h("td.wrap", null, value === null ? h("span.muted", null, "hidden") : h("code", null, value)),
    h("td.end", null, can && h("button.ghost.small", { type: "button", "aria-label": `Remove ${name}`, onclick: (ev) => busy(ev.currentTarget, set({ [name]: null }, "Removed")) }, icon("trash"))));
  const rows = [...Object.entries(headers).map(([n, v]) => row(n, v)), ...sensitive.map((n) => row(n, null))];
  const name = h("input", { type: "text", name: "header", autocomplete: "off", spellcheck: "false", required: true });
  const value = h("input", { type: "text", name: "value", autocomplete: "off", spellcheck: "false", required: true });
  const told = h("div", { "aria-live": "polite" });
  const button = h("button", { type: "submit" }, icon("plus"), "Add");
  const add = can && h("form", { novalidate: true, onsubmit: (event) => {
    event.preventDefault();
    fill(told);
    busy(button, async () => {
      try {
        await set({ [name.value.trim()]: value.value }, "Added")();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        fill(told, note("bad", h("p", null, error.message)));
      }
    });
  } }, h("div.inline", null, field("Header", name), field("Value", value), button), told);
  return h("section.card", null, h("h2", null, "Custom headers"), rows.length ? h("div.scroll", null, h("table", null, h("thead", null, h("tr", null, h("th", { scope: "col" }, "Header"), h("th", { scope: "col" }, "Value"), h("td"))),
    h("tbody", null, rows))) : h("p.hint", null, "None. They are sent with each request, such as an Authorization of yours."), add);
}

function askDelete(e) {
  const wanted = host(e.url);
  const typed = h("input", { type: "text", name: "confirm", autocomplete: "off", spellcheck: "false" });
  const button = h("button.danger.full", { type: "submit" }, "Delete the endpoint");
  const box = dialog("Delete this endpoint?", h("form", { novalidate: true, onsubmit: (event) => {
    event.preventDefault();
    if (typed.value.trim() !== wanted) {
      wrong(typed, `Type ${wanted}`);
      return typed.focus();
    }
    busy(button, async () => {
      await remove(`/endpoint/${e.id}`);
      box.close();
      said("Deleted");
      location.hash = "#/endpoints";
    });
  } }, h("p", null, "Messages that wait for it are not sent any more, and its secret is gone. This can’t be undone."),
  field(h("span", null, "To confirm, type ", h("code", null, wanted)), typed), h("div.actions", null, button, h("button", { type: "button", onclick: () => box.close() }, "Cancel"))));
  typed.focus();
}
