// Time series with uPlot: <figure data-chart="#id-of-json" ...>; the JSON in an inert block is
// {"x":[seconds],"series":[{"name","tone","values":[],"stack":true}],"unit":"/s"}. Without a script its table is shown instead.
import { toast } from "./copy.js";

const base = new URL("../vendor/uplot-1.6.32/", import.meta.url);
let ready;
function load() {
  ready ??= new Promise((done, failed) => {
    const css = document.createElement("link");
    css.rel = "stylesheet";
    css.href = new URL("uPlot.min.css", base);
    const script = document.createElement("script");
    script.src = new URL("uPlot.iife.min.js", base);
    script.onload = () => done(window.uPlot);
    script.onerror = failed;
    document.head.append(css, script);
  });
  return ready;
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// Of seconds: 14:05, or 21 Nov.
const clock = (t, withDay) => {
  const at = new Date(t * 1000), time = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  if (!withDay) return time;
  const day = at.toLocaleDateString([], { day: "numeric", month: "short" });
  return at.getHours() || at.getMinutes() ? `${day} ${time}` : day;
};

function draw(figure, uPlot) {
  const data = JSON.parse(document.querySelector(figure.dataset.chart).textContent);
  const stacked = data.series.filter((s) => s.stack);
  // Bars and areas are stacked by drawing sums, the largest first.
  const sums = new Map();
  let below = data.x.map(() => 0);
  for (const s of stacked) sums.set(s, (below = s.values.map((v, i) => below[i] + (v ?? 0))));
  const order = [...stacked].reverse().concat(data.series.filter((s) => !s.stack));
  const shown = (s, i) => (i == null || s.values[i] == null ? "–" : `${Math.round(s.values[i] * 100) / 100}${data.unit ?? ""}`);
  const options = {
    width: figure.clientWidth,
    height: 190,
    cursor: { sync: { key: "time" }, drag: { x: true, y: false } },
    legend: { live: true },
    series: [{ value: (_, t) => (t ? clock(t, true) : "–") }].concat(order.map((s) => ({
      label: s.name,
      stroke: colour(s.tone),
      fill: s.stack ? `color-mix(in srgb, ${colour(s.tone)} 28%, ${colour("surface")})` : undefined,
      width: 1.5,
      ...(s.stack ? { points: { show: false } } : { spanGaps: true }),
      value: (_, __, ___, i) => shown(s, i),
    }))),
    axes: [0, 1].map((side) => ({ stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: "12px system-ui", size: side ? 52 : 28, ...(side ? {} : { values: (_, at) => at.map((t) => clock(t, data.x.at(-1) - data.x[0] > 129600)) }) })),
    hooks: {
      setSelect: [(u) => {
        if (!figure.dataset.zoom || u.select.width < 8) return;
        const at = (px) => new Date(u.posToVal(px, "x") * 1000).toISOString();
        const to = new URL(figure.dataset.zoom, location.href);
        to.searchParams.set("after", at(u.select.left));
        to.searchParams.set("before", at(u.select.left + u.select.width));
        toast("Opening messages of that time");
        location.href = to;
      }],
    },
  };
  figure.querySelector(".uplot")?.remove();
  new uPlot(options, [data.x, ...order.map((s) => sums.get(s) ?? s.values)], figure);
}

const dark = matchMedia("(prefers-color-scheme: dark)");

export async function charts(root) {
  const uPlot = await load();
  for (const figure of root.querySelectorAll("[data-chart]:not([data-done])")) {
    figure.dataset.done = "1";
    draw(figure, uPlot);
    let width = figure.clientWidth;
    new ResizeObserver(() => { if (figure.clientWidth !== width) { width = figure.clientWidth; draw(figure, uPlot); } }).observe(figure);
    // A canvas keeps the colours that it was drawn with.
    dark.addEventListener("change", () => draw(figure, uPlot));
  }
}
