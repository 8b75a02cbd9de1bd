// The preview of the portal's look, while its form is filled in; and a picture file as a data: URL.
const form = document.querySelector("form[data-brand]");
const preview = document.querySelector("[data-brand-preview]");
const LOGO_MAX = 32 * 1024;

// White or black, whichever can be read on that colour (WCAG relative luminance).
function textOn(hex) {
  const part = (i) => {
    const c = parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  const light = 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
  return 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 ? "#fff" : "#111";
}

function show() {
  const field = (name) => form.elements.namedItem(name);
  const accent = field("own_accent").checked ? field("accent").value : "#0b6e5a";
  preview.style.setProperty("--bp-accent", accent);
  preview.style.setProperty("--bp-on", textOn(accent));
  const font = field("font").value.trim();
  preview.style.fontFamily = /^[\w -]+$/.test(font) ? `"${font}", system-ui, sans-serif` : "";
  const scheme = field("scheme").value;
  const dark = scheme === "dark" || (scheme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  preview.classList.toggle("dark", dark);
  preview.querySelector(".bp-name").textContent = field("brand_name").value.trim() || preview.dataset.org;
  preview.querySelector(".bp-foot").hidden = !field("powered").checked;
  const logo = preview.querySelector(".bp-logo");
  const url = field("logo").value.replace(/\s/g, "");
  logo.hidden = !/^data:image\/(png|jpeg|webp);base64,/.test(url);
  if (!logo.hidden) logo.src = url;
}

// Draws the picture smaller until it fits.
async function read(file) {
  const image = await createImageBitmap(file);
  for (let width = Math.min(image.width, 400); width >= 40; width = Math.round(width * 0.7)) {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = Math.max(1, Math.round((image.height * width) / image.width));
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    const url = canvas.toDataURL("image/png");
    if (url.length <= LOGO_MAX) return url;
  }
  return "";
}

if (form && preview) {
  form.addEventListener("input", show);
  form.addEventListener("change", show);
  form.querySelector("[data-logo-file]")?.addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (!file) return;
    try {
      form.elements.namedItem("logo").value = await read(file);
    } catch {
      form.elements.namedItem("logo").value = "";
    }
    show();
  });
  show();
}
