// Sends again what failed, or what was never sent: since when, how many, how it goes.
import { post, root } from "./api.js";
import { busy, count, dialog, field, fill, h, note, plural, time } from "./dom.js";

const HOUR_MS = 3600_000;
const SINCE = [["The last hour", 1], ["6 hours", 6], ["24 hours", 24], ["3 days", 72], ["7 days", 168], ["30 days", 720]];
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export function recover(context, e) {
  let isClosed = false;
  let asked = 0;
  const since = h("select", { name: "since" }, SINCE.map(([words, hours]) => h("option", { value: hours, selected: hours === 24 || undefined }, words)), h("option", { value: "" }, "Since a time…"));
  const at = h("input", { type: "datetime-local", name: "at" });
  const atField = h("div", { hidden: true }, field("Since", at));
  const which = h("select", { name: "which" }, h("option", { value: "failed" }, "What failed"), h("option", { value: "missing" }, "What was never sent to it"));
  const told = h("div", { role: "status" });
  const start = () => (since.value ? new Date(Date.now() - since.value * HOUR_MS) : new Date(at.value || NaN));
  const wanted = () => ({ which: which.value, since: start().toISOString() });
  const button = h("button.primary", { type: "button", onclick: () => busy(button, run) }, "Send again");
  const close = h("button", { type: "button", onclick: () => box.close() }, "Cancel");
  const form = h("div.stack", null, field("Messages", which), field("Of", since), atField);
  const actions = h("div.actions", null, button, close);
  const box = dialog("Recover messages", h("p", null, "Sends them to this endpoint again, in the order in which they happened."), form, told, actions);
  box.addEventListener("close", () => (isClosed = true));
  for (const input of [since, at, which]) input.addEventListener("change", estimate);

  async function estimate() {
    atField.hidden = !!since.value;
    const mine = ++asked;
    button.disabled = false;
    if (Number.isNaN(start().valueOf())) return fill(told);
    fill(told, h("p.muted", null, "Counting…"));
    try {
      const e2 = await post(`/endpoint/${e.id}/replay/estimate`, wanted());
      if (mine !== asked) return undefined;
      button.disabled = !e2.count;
      const none = which.value === "failed" ? "Nothing failed for good since then. What is still being retried comes by itself." : "It got everything since then.";
      return fill(told, h("p", null, e2.count ? [h("b", null, `${e2.atLeast ? "More than " : ""}${plural(e2.count, "message")}`), e2.sample.length > 0 && [", the first of ", time(e2.sample[0].timestamp)]] : none),
        e2.eventTypes.length > 1 && h("p.muted.small", null, e2.eventTypes.slice(0, 5).map((t) => `${t.eventType} ${count(t.count)}`).join(" · "), e2.eventTypes.length > 5 && " …"),
        e2.alreadyDelivered > 0 && h("p.muted.small", null, `${plural(e2.alreadyDelivered, "of them arrived", "of them arrived")} before: your program gets the same webhook-id again.`));
    } catch (error) {
      if (!error.status) throw error;
      return mine === asked && fill(told, note("bad", h("p", null, error.message)));
    }
  }

  async function run() {
    if (Number.isNaN(start().valueOf())) {
      fill(told, note("bad", h("p", null, "Say since when.")));
      return at.focus();
    }
    asked++;
    try {
      let task = await post(`/endpoint/${e.id}/replay`, wanted());
      form.hidden = button.hidden = true;
      fill(close, "Close");
      const stop = h("button", { type: "button", onclick: () => busy(stop, () => root(`/background-task/${task.id}/cancel`, "POST")) }, "Stop");
      actions.prepend(stop);
      box.addEventListener("close", () => context.isCurrent() && context.again());
      const bar = h("progress", { max: 100, value: 0, "aria-label": "Messages sent again" });
      const words = h("p", null);
      fill(told, bar, words);
      // Until all of them were made and tried.
      for (let i = 0; !isClosed; i++) {
        const { messagesSent, delivered, failed, waiting, progressPercent } = task.data;
        const isMade = task.status !== "running";
        bar.value = isMade ? (messagesSent ? (100 * (messagesSent - waiting)) / messagesSent : 100) : progressPercent / 2;
        fill(words, `${plural(messagesSent, "message")} sent again: ${count(delivered)} delivered, ${count(failed)} failed, ${count(waiting)} on the way.`);
        if (isMade) stop.remove();
        if (isMade && (!waiting || i > 60)) break;
        await pause(i < 10 ? 400 : 1500);
        task = await root(`/background-task/${task.id}`);
      }
      if (isClosed) return undefined;
      const { messagesSent, delivered, failed } = task.data;
      if (task.state === "canceled") fill(told, note("warn", h("p", null, `Stopped. ${plural(messagesSent, "message was", "messages were")} sent again before.`)));
      else if (task.status === "failed") fill(told, note("bad", h("p", null, "It stopped before its end. Try again, with a shorter time.")));
      else if (!messagesSent) fill(told, note("good", h("p", null, "There was nothing to send again.")));
      else fill(told, note(failed ? "warn" : "good", h("p", null, `${plural(messagesSent, "message")} sent again: ${count(delivered)} delivered${failed ? `, ${count(failed)} failed again` : ""}.`)));
    } catch (error) {
      if (!error.status) throw error;
      fill(told, note("bad", h("p", null, error.message)));
    }
    return undefined;
  }
  estimate();
}
