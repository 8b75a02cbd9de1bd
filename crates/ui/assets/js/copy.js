// Copies to the clipboard: [data-copy="text"], or [data-copy-from="#id"], or what a[data-copy-url] leads to.
export function toast(text) {
  const box = document.getElementById("toast");
  if (!box) return;
  box.textContent = text;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => (box.textContent = ""), 2500);
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Over plain HTTP on another host there is no clipboard API.
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "sr";
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast("Copied");
}

// A link to a text, which is fetched at that moment: a signature has to be fresh.
async function copyFrom(link) {
  const answer = await fetch(link.href, { headers: { accept: "text/plain" } });
  if (answer.ok) copy(await answer.text());
  else location.href = link.href;
}

export function copying(root) {
  root.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-copy-url]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      copyFrom(link);
      return;
    }
    const button = event.target.closest("[data-copy], [data-copy-from]");
    if (!button) return;
    event.preventDefault();
    const from = button.dataset.copyFrom && document.querySelector(button.dataset.copyFrom);
    copy(from ? (from.value ?? from.textContent) : button.dataset.copy);
  });
}
