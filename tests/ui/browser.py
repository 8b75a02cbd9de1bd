"""A real Chromium that notices what must not happen: violations of the content security policy, errors, and scripts of strangers.

**Invariant:** browser and driver are the system's; it starts with a new profile and asks nobody but the server that is tested.
No element is held: what a test asks for is found and used in one step inside the page, which may change between any two steps.
"""

import functools
import os
import shutil
import tempfile

from selenium import webdriver
from selenium.common.exceptions import InvalidSessionIdException, NoSuchWindowException, TimeoutException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from server import WAIT_S

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--hide-scrollbars",
    "--force-prefers-reduced-motion",
]
DRIVER = "/usr/bin/chromedriver"
AXE = os.environ.get("UI_AXE")
SHOTS = os.environ.get("UI_SHOTS")
WIDE, NARROW = (1360, 900), (390, 844)

# In every page before anything of its own: what a stranger's script would call, and what the policy forbade.
WATCH = """
window.__ran = []; window.__forbidden = [];
window.xss = (what) => window.__ran.push(String(what ?? "xss"));
window.alert = window.confirm = window.prompt = (text) => { window.__ran.push("dialog " + text); return null; };
document.addEventListener("securitypolicyviolation", (e) =>
    window.__forbidden.push(`${e.violatedDirective}: ${e.blockedURI} ${e.sourceFile ?? ""} ${e.sample ?? ""}`));
"""

# What a person can see; what says a text; who is asked for by selector and by the words that it (or the row around it) says.
LOOK = """
const seen = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && [...e.getClientRects()].some((r) => r.width && r.height);
const says = (e, text) => !text || (e.textContent + " " + (e.value ?? "")).replace(/\\s+/g, " ").includes(text);
const every = (selector, text) => [...document.querySelectorAll(selector)].filter((e) => says(e, text));
"""

# Looks, aims and clicks at once: "" once it did, else why it can't be clicked yet. As a pointer would, it hits what lies on top.
CLICK = (
    LOOK
    + """
const [selector, text, inside] = arguments;
const modal = [...document.querySelectorAll("dialog:modal")].at(-1);
const around = inside ? every(...inside).filter(seen) : [modal ?? document];
const found = every(selector, text).filter((e) => seen(e) && around.some((a) => a.contains(e)));
if (!found.length) return "there is none";
const one = found.find((e) => !e.matches(":disabled, [aria-disabled='true']"));
if (!one) return "it is disabled";
one.scrollIntoViewIfNeeded();
const box = [...one.getClientRects()].find((r) => r.width && r.height);
const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
if (!top || !(one.contains(top) || top.contains(one) && top.matches("label, summary, a, button"))) return `it is below ${top?.outerHTML.slice(0, 120)}`;
one.focus({ preventScroll: true });
if (!one.isConnected) return "it went away";
one.click();
return "";
"""
)

# Chooses what there is to choose, or puts the cursor over all that a field has: "type" if the rest is to be typed.
FIELD = (
    LOOK
    + """
const [name, value] = arguments;
const fields = every(`[name="${CSS.escape(name)}"]`).filter((e) => e.type !== "hidden" && !e.disabled);
const field = fields.find((e) => ["checkbox", "radio"].includes(e.type) ? e.value === value : seen(e));
if (!field) return "";
field.scrollIntoViewIfNeeded();
if (["checkbox", "radio"].includes(field.type)) field.click();
else if (field.tagName === "SELECT") {
    if (![...field.options].some((o) => o.value === value)) return "";
    field.value = value;
    for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
} else {
    field.focus({ preventScroll: true });
    field.select();
    if (value) return "type";
    document.execCommand("delete");
}
return "done";
"""
)

# The rules of WCAG 2.2 AA, and the practices that axe names beside them; and those of them that ask about colours.
TAGS = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}


class Browser:
    """Open until closed."""

    def __init__(self, scripts=True):
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for flag in [*FLAGS, f"--user-data-dir={self._profile}", f"--window-size={WIDE[0]},{WIDE[1]}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        if not scripts:
            options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
        os.environ.setdefault("SE_OFFLINE", "true")
        self.driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        self.driver.set_page_load_timeout(WAIT_S)
        self.driver.set_script_timeout(WAIT_S)
        self.scripts = scripts
        self._tab()

    def _tab(self):
        """What belongs to a tab."""
        self.cdp("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        self.size(WIDE)

    def fresh(self, *origins):
        """As if it had just been started: a new tab, and nothing kept of these origins."""
        before = self.driver.window_handles
        self.driver.switch_to.new_window("tab")
        here = self.driver.current_window_handle
        for old in before:
            self.driver.switch_to.window(old)
            self.driver.close()
        self.driver.switch_to.window(here)
        self._tab()
        self.cdp("Network.clearBrowserCookies")
        for origin in origins:
            self.cdp("Storage.clearDataForOrigin", origin=origin, storageTypes="all")
        self.driver.get_log("browser")

    def other_tab(self, text):
        """Until the page opened another tab that shows this text; closes that, and is back in the first."""
        first = self.driver.current_window_handle
        others = self.wait("another tab", lambda: [tab for tab in self.driver.window_handles if tab != first])
        self.driver.switch_to.window(others[0])
        self.wait_for(text)
        self.driver.close()
        self.driver.switch_to.window(first)

    def cdp(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def size(self, wanted, height=None):
        """Another window; what the page does about that is done when this returns."""
        width, usual = wanted
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height or usual,
            deviceScaleFactor=1,
            mobile=wanted is NARROW,
        )
        self._drawn()

    def theme(self, name):
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])
        self._drawn()

    def _drawn(self):
        """Until two frames were drawn: who listens for another size or theme has heard of it in the first."""
        if self.scripts:
            self.driver.execute_async_script("const [done] = arguments; requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))")

    def open(self, url):
        self.driver.get(url)
        self.settled()

    def cookie(self, url, name, value):
        self.cdp("Network.setCookie", url=url, name=name, value=value, httpOnly=True, sameSite="Lax", path="/")

    def js(self, script, *args):
        return self.driver.execute_script(script, *args)

    @property
    def url(self):
        return self.driver.current_url

    def count(self, selector):
        """How many there are, seen or not."""
        return self.js("return document.querySelectorAll(arguments[0]).length", selector)

    def sees(self, selector, text=""):
        """Whether one of this selector that says this text is shown."""
        return self.js(LOOK + "return every(...arguments).some(seen)", selector, text)

    def texts(self, selector, only_seen=False):
        """What each of this selector says."""
        return self.js(LOOK + "return every(arguments[0]).filter((e) => !arguments[1] || seen(e)).map((e) => e.innerText)", selector, only_seen)

    def attribute(self, selector, name):
        """That of the first of this selector; None if there is none."""
        return self.js("return document.querySelector(arguments[0])?.getAttribute(arguments[1]) ?? null", selector, name)

    def focused(self, name="name"):
        """This attribute of what has the focus."""
        return self.js("return document.activeElement?.getAttribute(arguments[0]) ?? null", name)

    def press(self, text, inside=None):
        """Clicks the first button, summary or link that says this, once there is one; `inside`: (selector, words) of what is around it."""
        self.click("button, summary, a", text, inside)

    def button(self, text):
        """Until there is one that says this."""
        self.wait(f"a button that says {text!r}", lambda: self.sees("button, summary, a", text))

    def click(self, selector, text="", inside=None):
        """Clicks the first shown and enabled element of this selector (and text), once there is one that nothing covers."""
        self.settled()
        why = ["there is none"]

        def tried():
            why[0] = self.js(CLICK, selector, text, inside)
            return why[0] == ""

        self.wait(lambda: f"{selector} {text!r} to click: {why[0]}", tried)

    def read(self, selector):
        """What the first element of this selector says, once there is one; read in one step, like `text`."""
        script = "return document.querySelector(arguments[0])?.innerText ?? null"
        return self.wait(selector, lambda: (said := self.js(script, selector)) is not None and [said])[0]

    def fill(self, **fields):
        """Types into the fields of these names, in place of what was there."""
        self.settled()
        for name, value in fields.items():
            self.wait(f"a field {name!r} that takes {value!r}", lambda: self._put(name, value))

    def _put(self, name, value):
        did = self.js(FIELD, name, value)
        if did == "type":
            self.cdp("Input.insertText", text=value)
            # Where the page put another field in its place meanwhile, it is typed again.
            return self.js(LOOK + "return every(`[name='${arguments[0]}']`).some((e) => seen(e) && e.value === arguments[1])", name, value)
        return did == "done"

    def keys(self, *keys):
        """Typed into what has the focus, once the page listens."""
        self.settled()
        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def tab_to(self, matches, limit=80):
        """Presses Tab until the focused element matches; fails if it never does, or can't be seen."""
        for _ in range(limit):
            self.keys(Keys.TAB)
            script = LOOK + "const e = document.activeElement; return e.matches(arguments[0]) ? [seen(e)] : null"
            is_seen = self.js(script, matches)
            if is_seen:
                assert is_seen[0], f"{matches} has the focus and is not seen"
                return
        raise AssertionError(f"{self.url}: Tab never comes to {matches}")

    def wait(self, what, look):
        """What `look()` returns, once that is true; what the page says by then is read only where it never is."""
        last = [None]

        def looked(_):
            try:
                return look()
            except (InvalidSessionIdException, NoSuchWindowException):
                raise
            except WebDriverException as error:
                # The page went away under the question: ask the next one.
                last[0] = error.msg
                return None

        try:
            return WebDriverWait(self.driver, WAIT_S, poll_frequency=0.03).until(looked)
        except TimeoutException:
            what = what() if callable(what) else what
            error = f" ({last[0]})" if last[0] else ""
            raise AssertionError(f"not within {WAIT_S} s: {what}{error}; {self.url} says:\n{self.text()[:1500]}") from None

    def wait_for(self, text):
        """Until the page shows this text."""
        self.wait(f"the text {text!r}", lambda: text in self.text())

    def arrive(self, part):
        """Until the address has this part, and its page is complete."""
        self.wait(f"the page {part}", lambda: part in self.url)
        self.settled()

    def open_until(self, url, text):
        """Opens it anew until it shows this text: where figures are collected beside what they count."""

        def opened():
            self.open(url)
            return text in self.text()

        self.wait(f"the text {text!r}", opened)

    def text(self):
        """What the page shows, read in one step: an element that is found first may be gone when it is asked."""
        return self.js("return document.body?.innerText ?? ''")

    def settled(self):
        """Until the page has loaded, with its fonts and modules."""
        if self.scripts:
            ready = "document.documentElement.dataset.ready === '' || !document.querySelector('script[src*=\"js/app.js\"]')"
            self.wait("the page is complete", lambda: self.js(f"return document.readyState === 'complete' && ({ready})"))

    def complaints(self):
        """What must not have happened on this page, in words."""
        if not self.scripts:
            return []
        ran, forbidden = self.js("return [window.__ran ?? [], window.__forbidden ?? []]")
        found = [f"a stranger's script ran: {what}" for what in ran]
        found += [f"the policy forbade {what}" for what in forbidden]
        found += [
            entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")
        ]
        return found

    def complaints_but(self, status):
        """The same, but for the browser's line on a page that was answered with this status on purpose."""
        return [text for text in self.complaints() if f"status of {status} " not in text]

    def axe(self, rules=TAGS):
        """What axe has to say against the page: one line for each element."""
        script = """
            const [rules, done] = arguments;
            if (!window.axe) return done(null);
            axe.run(document, {runOnly: rules, resultTypes: ["violations"]})
                .then((r) => done(r.violations.flatMap((v) => v.nodes.map((n) =>
                    `${v.id}: ${v.help}: ${n.html.slice(0, 160)} ${n.any.map((a) => a.message).join("; ").slice(0, 200)}`))))
                .catch((e) => done([String(e)]));
        """
        said = self.driver.execute_async_script(script, rules)
        if said is None:
            self.js(AXE_SOURCE())
            said = self.driver.execute_async_script(script, rules)
        return said

    def layout(self):
        """Where everything is: a text that is the same as long as nothing moves, comes or goes."""
        return self.js("return [...document.body.querySelectorAll('*')].map((e) => { const r = e.getBoundingClientRect(); return [r.x, r.y, r.width, r.height].map(Math.round) }).join(';')")

    def shapes(self, look):
        """Calls `look(theme, shape, size, axe)` in each shape of the page that is open: light and dark, wide and narrow.

        The page is the same in the dark: where it is laid out the same too, axe has only to judge the colours again.
        """
        try:
            for size, shape in ((WIDE, "wide"), (NARROW, "narrow")):
                self.theme("light")
                self.size(size)
                light = self.layout()
                look("light", shape, size, self.axe())
                self.theme("dark")
                look("dark", shape, size, self.axe(COLOURS if self.layout() == light else TAGS))
        finally:
            self.theme("light")
            self.size(WIDE)

    def too_wide(self):
        """How many pixels the page is wider than its window."""
        return self.js("return document.documentElement.scrollWidth - window.innerWidth")

    def shot(self, name, size=WIDE):
        """The whole page as a picture among the artifacts."""
        if not SHOTS:
            return
        height = int(self.cdp("Page.getLayoutMetrics")["cssContentSize"]["height"])
        taller = min(max(height, size[1]), 3200)
        if taller > size[1]:
            self.size(size, taller)
        os.makedirs(SHOTS, exist_ok=True)
        self.driver.save_screenshot(os.path.join(SHOTS, f"{name}.png"))
        if taller > size[1]:
            self.size(size)

    def close(self):
        self.driver.quit()
        shutil.rmtree(self._profile, ignore_errors=True)


@functools.cache
def AXE_SOURCE():
    with open(AXE, encoding="utf-8") as file:
        return file.read()
