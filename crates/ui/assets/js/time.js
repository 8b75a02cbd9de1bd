// Keeps "3 m ago" fresh, and adds the local time to what hovering shows.
const UNITS = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];

export function relative(ms) {
  const s = Math.floor(Math.abs(ms) / 1000);
  if (s < 1) return "now";
  const i = UNITS.findIndex(([, size]) => s >= size);
  const [unit, size] = UNITS[i];
  let text = `${Math.floor(s / size)} ${unit}`;
  const next = UNITS[i + 1];
  if ((unit === "d" && s < 864000) || unit === "h") {
    const rest = Math.floor((s % size) / next[1]);
    if (rest) text += ` ${rest} ${next[0]}`;
  }
  return ms > 0 ? `${text} ago` : `in ${text}`;
}

function refresh(root) {
  for (const el of root.querySelectorAll("time[data-time]")) {
    const at = new Date(el.dateTime);
    if (Number.isNaN(at.valueOf())) continue;
    if (!el.dataset.local) {
      el.dataset.local = "1";
      el.title += `\n${at.toLocaleString()} local`;
    }
    if (el.dataset.time === "ago") el.textContent = relative(Date.now() - at);
  }
}

let started = false;
export function times(root) {
  refresh(root);
  if (!started) setInterval(() => refresh(document), 5000);
  started = true;
}
