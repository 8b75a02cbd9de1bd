// The portal: reads the token from the fragment, then shows the screen that the fragment names.
//
// The token is taken out of the address bar at once; every screen is a URL without it.
import { Gone, claims, keep, kept, logout, root, session } from "./api.js";
import { fill, h, icon, note, said } from "./dom.js";
import { dress, hidesNavigation, start, themeButton } from "./theme.js";
import { addEndpoint, editEndpoint, endpointPage, endpoints, setUp } from "./endpoints.js";
import { catalogue, eventType } from "./catalogue.js";
import { logs, message } from "./logs.js";

const SCREENS = [
  [/^\/endpoints$/, endpoints, "endpoints"],
  [/^\/endpoints\/new$/, addEndpoint, "endpoints"],
  [/^\/endpoints\/([\w.-]+)$/, endpointPage, "endpoints"],
  [/^\/endpoints\/([\w.-]+)\/setup$/, setUp, "endpoints"],
  [/^\/endpoints\/([\w.-]+)\/edit$/, editEndpoint, "endpoints"],
  [/^\/events$/, catalogue, "events"],
  [/^\/events\/([\w.-]+)$/, eventType, "events"],
  [/^\/logs$/, logs, "logs"],
  [/^\/logs\/([\w.-]+)$/, message, "logs"],
];
const NAV = [["endpoints", "Endpoints"], ["events", "Event catalogue"], ["logs", "Logs"]];

const params = new URLSearchParams(location.search);
const main = document.getElementById("main");
let name = "Webhooks";

// Where the page of another portal leads in this one.
function translated(next) {
  const path = (next ?? "").replace(/^\/?/, "/").replace(/\/$/, "");
  const renamed = path.replace(/^\/(event-types|event-catalog)/, "/events").replace(/^\/(messages|activity)/, "/logs");
  return SCREENS.some(([pattern]) => pattern.test(renamed)) ? renamed : "/endpoints";
}

// The token of the fragment, if it brings one; else the tab's.
function takeToken() {
  const found = /^#(?:.*&)?key=([^&]+)/.exec(location.hash);
  if (!found) return kept();
  history.replaceState(null, "", `${location.pathname}${location.search}#${translated(params.get("next"))}`);
  keep(found[1]);
  return found[1];
}

function alone(heading, ...children) {
  document.getElementById("top").hidden = true;
  document.title = `${heading} · ${name}`;
  fill(main, h("div.alone", null, h("h1", { tabindex: -1 }, heading), ...children));
  main.querySelector("h1").focus();
}

function gone() {
  keep("");
  alone("Open this page again from your app", h("p", null,
    "The link that brought you here has ended, or was never complete. Go back to the app that you came from and open its webhooks page again: it makes a new link."));
}

function nav(current) {
  document.getElementById("top").hidden = hidesNavigation;
  fill(document.getElementById("nav"), NAV.map(([key, label]) => h("a", { href: `#/${key}`, "aria-current": key === current ? "page" : undefined }, label)));
}

let turn = 0;
let leave = null;
let isFirst = true;

async function show() {
  const mine = ++turn;
  leave?.();
  leave = null;
  for (const open of document.querySelectorAll("dialog")) open.close();
  const [path, asked] = location.hash.slice(1).split("?");
  const screen = SCREENS.map(([pattern, make, key]) => [pattern.exec(path), make, key]).find(([match]) => match);
  if (!screen) {
    history.replaceState(null, "", `${location.pathname}${location.search}#/endpoints`);
    return show();
  }
  const [match, make, key] = screen;
  nav(key);
  const slow = setTimeout(() => mine === turn && fill(main, h("p.loading", { role: "status" }, "Loading…")), 300);
  const context = { onLeave: (f) => (leave = f), isCurrent: () => mine === turn, again: show };
  try {
    const { title, content } = await make(context, new URLSearchParams(asked), ...match.slice(1).map(decodeURIComponent));
    if (mine !== turn) return;
    document.title = `${title} · ${name}`;
    fill(main, content);
    main.dataset.at = location.hash;
    const heading = main.querySelector("h1");
    heading?.setAttribute("tabindex", "-1");
    if (!isFirst) {
      heading?.focus();
      scrollTo(0, 0);
    }
    isFirst = false;
  } catch (error) {
    if (mine !== turn) return;
    if (error instanceof Gone) return gone();
    const isMissing = error.status === 404;
    fill(main, h("h1", { tabindex: -1 }, isMissing ? "Not found" : "That did not work"),
      note("bad", h("p", null, isMissing ? "It was deleted, or the address is not complete." : error.message)),
      h("p.actions", null, h("button", { type: "button", onclick: show }, icon("refresh"), "Try again"), h("a.btn", { href: "#/endpoints" }, "To the endpoints")));
    main.dataset.at = location.hash;
    main.querySelector("h1").focus();
    if (!(error.status || error.message.startsWith("The server"))) console.error(error);
  } finally {
    clearTimeout(slow);
  }
}

async function begin() {
  const token = takeToken();
  const org = claims(token).org;
  const asked = params.get("org");
  if (!token) return gone();
  // Which pages may frame this one was said by the organisation in the query: no other's belongs here.
  if (asked && org !== asked) return gone();
  session.token = token;
  try {
    session.info = await root("/auth/portal");
  } catch (error) {
    if (error instanceof Gone || error.status === 403 || error.status === 404) return gone();
    return alone("The server can't be reached", h("p", null, error.message), h("p", null, h("button.primary", { type: "button", onclick: begin }, "Try again")));
  }
  const may = new Set(session.info.capabilities);
  session.can = (what) => may.has(what);
  name = dress(session.info);
  fill(document.getElementById("tools"), themeButton(), h("button.ghost", { type: "button", "aria-label": "Log out", title: "Log out", onclick: end }, icon("out")));
  isFirst = true;
  return show();
}

async function end() {
  try {
    await logout();
  } catch (error) {
    if (!(error instanceof Gone)) return said(error.message, true);
  }
  keep("");
  session.token = "";
  return alone("You are logged out", h("p", null, "This link works no more. To come back, open the webhooks page from your app."));
}

// A screen that acts tells its errors here.
addEventListener("unhandledrejection", (event) => {
  if (event.reason instanceof Gone) {
    event.preventDefault();
    gone();
  } else if (event.reason?.status || event.reason instanceof Error) {
    said(event.reason.message, true);
  }
});
addEventListener("hashchange", () => (location.hash.includes("key=") ? begin() : session.info && session.token && show()));
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});

start();
begin();
