// Colours, font and frame: of the organisation's brand, or of the query's parameters, each only if it is what it should be.
import { fill, h, icon } from "./dom.js";

const COLOUR = /^#?([0-9a-f]{6}|[0-9a-f]{3})$/i;
const FONT = /^[a-z0-9 -]{1,64}$/i;
const PICTURE = /^data:image\/(png|jpeg|webp);base64,[a-z0-9+/=]+$/i;
const STORED = "postrider-portal-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

const params = new URLSearchParams(location.search);
const flag = (name) => ["true", "1", ""].includes(params.get(name) ?? "no");

function rgb(text) {
  const found = COLOUR.exec((text ?? "").trim());
  if (!found) return null;
  const hex = found[1].length === 3 ? [...found[1]].map((c) => c + c).join("") : found[1];
  return [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16));
}
const css = (c) => `rgb(${c.map(Math.round).join(" ")})`;
const mix = (a, b, share) => a.map((v, i) => v + (b[i] - v) * share);

// WCAG 2.2: relative luminance, contrast ratio.
function luminance(c) {
  const [r, g, b] = c.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(a, b) {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

const GROUNDS = { light: [[255, 255, 255], [246, 246, 243]], dark: [[26, 29, 32], [18, 20, 22]] };
// The same hue, as far towards black or white as it takes to be read on every ground.
function legible(colour, grounds, towards) {
  for (let share = 0; share < 1; share += 0.05) {
    const tried = mix(colour, towards, share);
    if (grounds.every((ground) => contrast(tried, ground) >= 4.6)) return tried;
  }
  return towards;
}

let brand = {};
let chosen = null;

function isDark() {
  const asked = params.get("darkMode");
  if (asked === "true" || asked === "1") return true;
  if (asked === "false" || asked === "0") return false;
  if (chosen) return chosen === "dark";
  return brand.dark ?? dark.matches;
}

function paint() {
  const root = document.documentElement;
  const name = isDark() ? "dark" : "light";
  root.dataset.theme = name;
  const asked = params.get(name === "dark" ? "primaryColorDark" : "primaryColorLight") ?? params.get("primaryColor");
  const accent = rgb(asked) ?? rgb(brand.accent);
  const set = (key, value) => (value ? root.style.setProperty(key, value) : root.style.removeProperty(key));
  if (accent) {
    const [surface] = GROUNDS[name];
    const ink = contrast(accent, [255, 255, 255]) >= contrast(accent, [17, 17, 17]) ? [255, 255, 255] : [17, 17, 17];
    const link = legible(accent, [...GROUNDS[name], mix(surface, accent, 0.12)], name === "dark" ? [255, 255, 255] : [0, 0, 0]);
    set("--accent", css(accent));
    set("--accent-ink", css(ink));
    set("--accent-soft", css(mix(surface, accent, 0.12)));
    set("--link", css(link));
  } else for (const key of ["--accent", "--accent-ink", "--accent-soft", "--link"]) set(key, "");
  const font = [params.get("fontFamily"), brand.font].find((f) => f && FONT.test(f));
  set("--font", font ? `"${font}", var(--sans)` : "");
  button?.replaceChildren(icon(name === "dark" ? "sun" : "moon"));
  button?.setAttribute("aria-label", name === "dark" ? "Switch to light colours" : "Switch to dark colours");
}

let button = null;
export function themeButton() {
  if (params.has("darkMode")) return null;
  button = h("button.ghost", { type: "button", onclick: () => {
    chosen = isDark() ? "light" : "dark";
    try {
      localStorage.setItem(STORED, chosen);
    } catch {
      // Then until the page is left.
    }
    paint();
  } });
  paint();
  return button;
}

// A picture that the policy lets through: of the query, as data or from this server, or the brand's.
function logo() {
  for (const asked of [params.get("logo"), params.get("icon")]) {
    if (!asked) continue;
    if (PICTURE.test(asked)) return asked;
    try {
      const url = new URL(asked, location.origin);
      if (url.origin === location.origin && url.protocol.startsWith("http")) return url.href;
    } catch {
      // No URL.
    }
  }
  return brand.logo && PICTURE.test(brand.logo) ? brand.logo : "";
}

export const hidesNavigation = flag("hideNavigation");

export function start() {
  try {
    chosen = localStorage.getItem(STORED);
  } catch {
    chosen = null;
  }
  if (flag("noGutters")) document.body.classList.add("no-gutters");
  if (window.top !== window) {
    document.body.classList.add("framed");
    // The frame's page may make it as high as what is in it. Who that is was settled by frame-ancestors.
    let told = 0;
    new ResizeObserver(() => {
      const height = Math.ceil(document.body.getBoundingClientRect().height);
      if (height !== told) parent.postMessage({ type: "postrider:height", height: (told = height) }, "*");
    }).observe(document.body);
  }
  dark.addEventListener("change", paint);
  paint();
}

export function dress(info) {
  brand = info.brand ?? {};
  const name = info.name || "Webhooks";
  const picture = logo();
  const image = picture && h("img", { src: picture, alt: "", height: 26, onerror: (e) => e.target.remove() });
  fill(document.getElementById("who"), image, h("span", null, name));
  const foot = document.getElementById("foot");
  foot.hidden = !!brand.unbranded || hidesNavigation;
  fill(foot, "Webhooks by Postrider");
  paint();
  return name;
}
