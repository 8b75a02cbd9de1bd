// Sends again what failed, or what was never sent: since when, how many, how it goes.
import { get, post, query } from "./api.js";
import { busy, dialog, field, fill, h, note, plural } from "./dom.js";

const HOUR_MS = 3600_000;
const SINCE = [["The last hour", 1], ["6 hours", 6], ["24 hours", 24], ["3 days", 72], ["7 days", 168], ["30 days", 720]];
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export function recover(context, e) {
  let isClosed = false;
  const since = h("select", { name: "since" }, SINCE.map(([words, hours]) => h("option", { value: hours, selected: hours === 24 || undefined }, words)), h("option", { value: "" }, "Since a time…"));
  const at = h("input", { type: "datetime-local", name: "at" });
  const atField = h("div", { hidden: true }, field("Since", at));
  const what = h("select", { name: "what" }, h("option", { value: "recover" }, "What failed"), h("option", { value: "replay-missing" }, "What was never sent to it"));
  const estimate = h("p.muted", { role: "status" });
  const told = h("div", { role: "status" });
  const start = () => (since.value ? new Date(Date.now() - since.value * HOUR_MS) : new Date(at.value || NaN));
  const button = h("button.primary", { type: "button", onclick: () => busy(button, run) }, "Send again");
  const box = dialog("Recover messages", h("p", null, "Sends them to this endpoint again, in the order in which they happened."),
    field("Messages", what), field("Of", since), atField, estimate, told, h("div.actions", null, button, h("button", { type: "button", onclick: () => box.close() }, "Close")));
  box.addEventListener("close", () => (isClosed = true));
  since.addEventListener("change", count);
  at.addEventListener("change", count);
  what.addEventListener("change", count);
  let asked = 0;

  async function count() {
    atField.hidden = !!since.value;
    const mine = ++asked;
    fill(estimate, "");
    if (Number.isNaN(start().valueOf())) return;
    if (what.value !== "recover") return void fill(estimate, "Such as what happened before it was added, or while it was disabled.");
    const s = await get(`/endpoint/${e.id}/stats${query({ since: start().toISOString() })}`);
    if (mine === asked) fill(estimate, s.fail ? `About ${plural(s.fail, "message")} failed since then.` : "Nothing failed for good since then. What is still being retried comes by itself.");
  }

  async function run() {
    if (Number.isNaN(start().valueOf())) {
      fill(told, note("bad", h("p", null, "Say since when.")));
      return at.focus();
    }
    fill(told, h("p.waiting", null, "Starting…"));
    try {
      let task = await post(`/endpoint/${e.id}/${what.value}`, { since: start().toISOString() });
      while (task.status === "running" && !isClosed) {
        fill(told, h("p.waiting", null, `Sending again: ${plural(sent(task), "message")} so far`));
        await pause(600);
        task = await get(`/task/${task.id}`);
      }
      if (isClosed) return undefined;
      const n = sent(task);
      fill(told, task.status === "failed" ? note("bad", h("p", null, "It stopped before its end. Try again, with a shorter time."))
        : note("good", h("p", null, n ? `${plural(n, "message")} on the way again.` : "There was nothing to send again.")));
      box.addEventListener("close", () => context.isCurrent() && context.again());
    } catch (error) {
      if (!error.status) throw error;
      fill(told, note("bad", h("p", null, error.message)));
    }
    return undefined;
  }
  const sent = (task) => task.data?.messagesSent ?? 0;
  count();
}
