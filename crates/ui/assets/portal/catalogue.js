// The event catalogue: types by group, what each means, its schema and an example. And the picker of the endpoint's form.
import { eventTypes, example } from "./api.js";
import { badge, copier, h, icon, json, plural, tabs, uid } from "./dom.js";
import { pretty } from "./raw.js";

export function grouped(types) {
  const groups = new Map();
  for (const type of types) {
    const name = type.groupName || type.name.split(".")[0];
    groups.set(name, [...(groups.get(name) ?? []), type]);
  }
  return [...groups].sort(([a], [b]) => a.localeCompare(b));
}

const matches = (type, text) => `${type.name} ${type.description} ${type.groupName ?? ""}`.toLowerCase().includes(text);

export async function catalogue(_context, query) {
  const types = await eventTypes();
  const list = h("div.stack");
  const search = h("input", { type: "search", id: "find-type", placeholder: "Search", "aria-label": "Search event types", value: query.get("q") ?? "", oninput: show });
  function show() {
    const text = search.value.trim().toLowerCase();
    history.replaceState(null, "", `#/events${text ? `?q=${encodeURIComponent(search.value.trim())}` : ""}`);
    const found = types.filter((t) => matches(t, text));
    list.replaceChildren(...grouped(found).map(([group, items]) => h("section.card.flush", null, h("h2.group", null, group), h("ul.rows.types", null, items.map((t) =>
      h("li", null, h("a.row-link", { href: `#/events/${t.name}` }, h("code", null, t.name), t.deprecated && badge("warn", "alert", "Deprecated"), h("span.muted", null, t.description))))))));
    if (!found.length) list.append(h("div.empty", null, h("p", null, types.length ? "No event type matches." : "There are no event types yet."),
      types.length > 0 && h("p", null, h("button", { type: "button", onclick: () => { search.value = ""; show(); search.focus(); } }, "Clear the search"))));
  }
  show();
  return { title: "Event catalogue", content: [h("div.head", null, h("h1", null, "Event catalogue"), h("p.muted", null, "What is sent to endpoints, and what it looks like.")),
    types.length > 5 && h("div.filters", null, search), list] };
}

export async function eventType(_context, _query, name) {
  const found = (await eventTypes()).find((t) => t.name === name);
  if (!found) throw Object.assign(new Error("There is no such event type"), { status: 404 });
  const versions = Object.entries(found.schemas ?? {});
  const [version, schema] = versions.at(-1) ?? [];
  const text = schema && found.raw("schemas", version);
  const shown = example(found);
  return { title: name, content: [
    h("p.crumbs", null, h("a", { href: "#/events" }, "Event catalogue")),
    h("div.head", null, h("h1.mono", null, name), found.deprecated && badge("warn", "alert", "Deprecated"), h("p.muted", null, found.description)),
    shown !== undefined && h("section.card", null, h("div.card-head", null, h("h2", null, "Example"), copier(() => pretty(shown), "the example")), json(shown)),
    schema && h("section.card", null, h("div.card-head", null, h("h2", null, "Schema"), copier(() => pretty(text), "the schema")),
      schema.properties ? tabs("How to show the schema", [["Fields", () => fields(schema)], ["JSON Schema", () => json(text)]]) : json(text)),
    !schema && shown === undefined && h("p.muted", null, "There is no schema and no example of this event type."),
  ] };
}

// The members of an object, with those of the objects in it.
function fields(schema) {
  const rows = [];
  (function walk(at, prefix, depth) {
    for (const [name, member] of Object.entries(at.properties ?? {})) {
      if (rows.length > 300 || member === null || typeof member !== "object") continue;
      rows.push([prefix + name, member, (at.required ?? []).includes?.(name)]);
      if (depth < 6) walk(member, `${prefix}${name}.`, depth + 1);
      if (depth < 6 && member.items && !Array.isArray(member.items)) walk(member.items, `${prefix}${name}[].`, depth + 1);
    }
  })(schema, "", 0);
  return h("div.scroll", { tabindex: 0 }, h("table", null, h("thead", null, h("tr", null, ["Field", "Type", "Meaning"].map((t) => h("th", { scope: "col" }, t)))),
    h("tbody", null, rows.map(([name, member, required]) => h("tr", null, h("td", null, h("code", null, name)),
      h("td.muted", null, [member.type].flat().join(" or ") || (member.enum ? "one of" : "any"), !required && " (optional)"),
      h("td", null, member.description, member.enum && ` ${member.enum.map((v) => JSON.stringify(v)).join(", ")}`))))));
}

// All events, or those that are ticked. `value()` is null for all.
export function picker(types, chosen) {
  const picked = new Set(chosen ?? []);
  const isAll = () => all.checked;
  const radio = uid("all");
  const all = h("input", { type: "radio", name: radio, id: uid("r"), checked: !chosen, onchange: show });
  const some = h("input", { type: "radio", name: radio, id: uid("r"), checked: !!chosen, onchange: show });
  const search = h("input", { type: "search", placeholder: "Search events", "aria-label": "Search events", oninput: show });
  const list = h("div.pick-list");
  const told = h("p.hint", { role: "status" });
  const box = h("div.pick", null, h("div.pick-head", null, icon("search"), search), list);
  const error = h("p.error", { id: uid("e"), hidden: true, role: "alert" });
  // What was chosen before and is in the catalogue no more stays until it is unticked.
  const known = [...types, ...[...picked].filter((n) => !types.some((t) => t.name === n)).map((name) => ({ name, description: "" }))];

  function tick(name, on) {
    if (on) picked.add(name);
    else picked.delete(name);
  }
  function tell() {
    told.textContent = isAll() ? "" : `${plural(picked.size, "event")} chosen`;
    error.hidden = true;
  }
  function show() {
    box.hidden = isAll();
    const text = search.value.trim().toLowerCase();
    const groups = grouped(known.filter((t) => matches(t, text)));
    list.replaceChildren(...groups.map(([group, items]) => {
      const state = () => items.filter((t) => picked.has(t.name)).length;
      const whole = h("input", { type: "checkbox", id: uid("g"), onchange: () => {
        for (const [i, t] of items.entries()) {
          tick(t.name, whole.checked);
          boxes[i].checked = whole.checked;
        }
        tell();
      } });
      const boxes = items.map((t) => h("input", { type: "checkbox", id: uid("c"), value: t.name, checked: picked.has(t.name), onchange: (e) => {
        tick(t.name, e.target.checked);
        sync();
        tell();
      } }));
      function sync() {
        whole.checked = state() === items.length;
        whole.indeterminate = state() > 0 && state() < items.length;
      }
      sync();
      return h("fieldset", null, h("legend.sr", null, group),
        h("label.tick.whole", { for: whole.id }, whole, h("span", null, h("b", null, group), h("span.muted", null, ` ${items.length}`))),
        items.map((t, i) => h("label.tick", { for: boxes[i].id }, boxes[i], h("span", null, h("code", null, t.name), t.description && h("span.muted.small", null, t.description)))));
    }));
    if (!groups.length) list.append(h("p.muted.pad", null, known.length ? "No event matches." : "There are no event types yet: all events are sent."));
    tell();
  }
  show();
  const content = h("fieldset.field", { "aria-describedby": error.id }, h("legend", null, "Events"),
    h("div.choices", null, h("label.tick", { for: all.id }, all, h("span", null, "All events, new ones too")), h("label.tick", { for: some.id }, some, h("span", null, "Only these"))),
    box, told, error);
  return { content, value: () => (isAll() ? null : [...picked]), refuse: (text) => {
    error.textContent = text;
    error.hidden = false;
  } };
}
