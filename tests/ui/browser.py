"""A real Chromium that notices what must not happen: violations of the content security policy, errors, and scripts of strangers.

**Invariant:** browser and driver are the system's; it starts with a new profile and asks nobody but the server that is tested.
"""

import json
import os
import shutil
import tempfile

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
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

# The rules of WCAG 2.2 AA, and the practices that axe names beside them.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


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
        self.cdp("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        self.size(WIDE)

    def cdp(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def size(self, wanted, height=None):
        width, usual = wanted
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height or usual,
            deviceScaleFactor=1,
            mobile=wanted is NARROW,
        )

    def theme(self, name):
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def open(self, url):
        self.driver.get(url)
        self.settled()

    def cookie(self, url, name, value):
        self.cdp("Network.setCookie", url=url, name=name, value=value, httpOnly=True, sameSite="Lax", path="/")

    def js(self, script, *args):
        return self.driver.execute_script(script, *args)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def link(self, text):
        return self.driver.find_element(By.PARTIAL_LINK_TEXT, text)

    def button(self, text):
        """The first shown button or summary or link that says this, once there is one."""
        return self._with_button(text, lambda found: found)

    def press(self, text):
        """Clicks what says this, once it is shown. What the page puts in another's place meanwhile is looked up anew."""
        self._with_button(text, lambda found: found.click() or True)

    def _with_button(self, text, act):
        xpath = f"//*[self::button or self::summary or self::a][contains(normalize-space(.), {json.dumps(text)})]"

        def look():
            shown = (found for found in self.driver.find_elements(By.XPATH, xpath) if found.is_displayed())
            first = next(shown, None)
            return first and act(first)

        return self.wait(f"a button that says {text!r}", look)

    def click(self, selector):
        """Clicks the first shown element of this selector, once there is one."""
        self.wait(f"{selector} to click", lambda: (found := self.shown(selector)) and (found.click() or True))

    def read(self, selector):
        """What the first element of this selector says, once there is one; read in one step, like `text`."""
        if not self.scripts:
            return self.find(selector).text
        script = "return document.querySelector(arguments[0])?.innerText ?? null"
        found = lambda: (said := self.js(script, selector)) is not None and [said]
        return self.wait(selector, found)[0]

    def fill(self, **fields):
        """Types into the fields of these names, in place of what was there."""
        for name, value in fields.items():
            field = self.wait(f"a field {name!r}", lambda: self.shown(f"[name='{name}']"))
            if field.tag_name == "select":
                field.find_element(By.CSS_SELECTOR, f"option[value='{value}']").click()
            elif field.get_attribute("type") in ("checkbox", "radio"):
                self.find(f"[name='{name}'][value='{value}']").click()
            else:
                field.clear()
                field.send_keys(value)

    def shown(self, selector):
        return next((found for found in self.all(selector) if found.is_displayed()), None)

    def keys(self, *keys):
        """Typed into what has the focus, once the page listens."""
        self.settled()
        self.driver.switch_to.active_element.send_keys(*keys)

    def tab_to(self, matches, limit=80):
        """Presses Tab until the focused element matches; fails if it never does, or can't be seen."""
        for _ in range(limit):
            self.keys(Keys.TAB)
            focused = self.driver.switch_to.active_element
            if self.js("return arguments[0].matches(arguments[1])", focused, matches):
                assert focused.is_displayed(), f"{matches} has the focus and is not seen"
                return focused
        raise AssertionError(f"{self.driver.current_url}: Tab never comes to {matches}")

    def wait(self, what, look):
        """What `look()` returns, once that is true; what the page says by then is read only where it never is."""

        def looked(_):
            try:
                return look()
            except StaleElementReferenceException:
                return None

        try:
            return WebDriverWait(self.driver, WAIT_S, poll_frequency=0.03).until(looked)
        except TimeoutException:
            raise AssertionError(f"not within {WAIT_S} s: {what}; {self.driver.current_url} says:\n{self.text()[:1500]}") from None

    def wait_for(self, text):
        """Until the page shows this text."""
        self.wait(f"the text {text!r}", lambda: text in self.text())

    def text(self):
        """What the page shows, read in one step: an element that is found first may be gone when it is asked."""
        return self.js("return document.body?.innerText ?? ''") if self.scripts else self.find("body").text

    def settled(self):
        """Until the page has loaded, with its fonts and modules."""
        if self.scripts:
            ready = "document.documentElement.dataset.ready === '' || !document.querySelector('script[src*=\"js/app.js\"]')"
            self.wait("the page is complete", lambda: self.js(f"return document.readyState === 'complete' && ({ready})"))

    def complaints(self):
        """What must not have happened on this page, in words."""
        if not self.scripts:
            return []
        found = [f"a stranger's script ran: {what}" for what in self.js("return window.__ran ?? []")]
        found += [f"the policy forbade {what}" for what in self.js("return window.__forbidden ?? []")]
        found += [
            entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")
        ]
        return found

    def complaints_but(self, status):
        """The same, but for the browser's line on a page that was answered with this status on purpose."""
        return [text for text in self.complaints() if f"status of {status} " not in text]

    def axe(self):
        """What axe has to say against the page: one line for each element."""
        self.js(AXE_SOURCE())
        script = """
            const [tags, done] = arguments;
            axe.run(document, {runOnly: tags, resultTypes: ["violations"]})
                .then((r) => done(r.violations.flatMap((v) => v.nodes.map((n) =>
                    `${v.id}: ${v.help}: ${n.html.slice(0, 160)} ${n.any.map((a) => a.message).join("; ").slice(0, 200)}`))))
                .catch((e) => done([String(e)]));
        """
        return self.driver.execute_async_script(script, TAGS)

    def too_wide(self):
        """How many pixels the page is wider than its window."""
        return self.js("return document.documentElement.scrollWidth - window.innerWidth")

    def shot(self, name, size=WIDE):
        """The whole page as a picture among the artifacts."""
        if not SHOTS:
            return
        height = int(self.cdp("Page.getLayoutMetrics")["cssContentSize"]["height"])
        self.size(size, min(max(height, size[1]), 3200))
        os.makedirs(SHOTS, exist_ok=True)
        self.driver.save_screenshot(os.path.join(SHOTS, f"{name}.png"))
        self.size(size)

    def close(self):
        self.driver.quit()
        shutil.rmtree(self._profile, ignore_errors=True)


def AXE_SOURCE():
    with open(AXE, encoding="utf-8") as file:
        return file.read()
