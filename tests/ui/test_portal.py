"""The customers' portal: an endpoint in a minute, a test inbox, what failed, read-only links, frames, themes."""

import http.server
import threading
import unittest
from urllib.parse import urlsplit

from browser import NARROW, WIDE, Browser
from corpus import CORPUS
from hook import Hooks
from selenium.webdriver.common.keys import Keys
from server import Server, until

SCHEMA = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "string", "description": "The invoice"}, "lines": {"type": "array", "items": {"type": "object", "properties": {"amount": {"type": "integer"}}}}},
    "examples": [{"id": "in_1", "amount": 4200}],
}
TYPES = ["invoice.paid", "invoice.voided", "invoice.overdue", "user.created", "user.deleted", "user.invited"]


class Sites:
    """Pages of other origins, which show the portal in a frame."""

    def __init__(self, url):
        self.heights = []
        html = f'<!doctype html><title>App</title><h1>App</h1><iframe title="Webhooks" width="1000" height="900" src="{url}"></iframe>'

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("content-type", "text/html")
                self.end_headers()
                self.wfile.write(html.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.origin = f"http://localhost:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Portal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.allowed = Sites("about:blank")
        cls.addClassCleanup(cls.allowed.close)
        cls.server = Server("--portal-origins", cls.allowed.origin, "--retry-schedule", "100ms")
        cls.addClassCleanup(cls.server.close)
        cls.hooks = Hooks()
        cls.addClassCleanup(cls.hooks.close)
        cls.hooks.answers["/fails"] = (503, b"upstream is down")
        for name in TYPES:
            body = {"description": f"When {name.replace('.', ' was ')}", "schemas": {"1": SCHEMA}}
            cls.server.api("PUT", f"/api/v1/event-type/{name}", body)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        self.app = self.server.api("POST", "/api/v1/app", {"name": "Customer Ltd"})
        self.browser.fresh(self.server.url)

    def access(self, **options):
        return self.server.api("POST", f"/api/v1/auth/app-portal-access/{self.app['id']}", options)

    def endpoint(self, path, **fields):
        return self.server.api("POST", f"/api/v1/app/{self.app['id']}/endpoint", {"url": self.hooks.url + path, **fields})

    def message(self, event_type="invoice.paid", payload=None):
        body = {"eventType": event_type, "payload": payload or {"id": "in_7", "amount": 12}}
        return self.server.api("POST", f"/api/v1/app/{self.app['id']}/msg", body)

    def failed(self, endpoint):
        path = f"/api/v1/app/{self.app['id']}/endpoint/{endpoint['id']}/stats"
        until("its retries are over", lambda: self.server.api("GET", path)["fail"])

    def opened(self, path="", query="", **options):
        """Opens the portal at a screen; its URL with the token."""
        url = self.access(**options)["url"]
        if query:
            url = url.replace("#", f"&{query}#", 1)
        self.browser.open("about:blank")
        self.browser.open(url)
        self.browser.wait("a screen", lambda: self.browser.count("main h1"))
        if path:
            self.go(path)
        return url

    def go(self, path):
        self.browser.js("location.hash = arguments[0]", path)
        script = "return location.hash === arguments[0] && document.getElementById('main').dataset.at === arguments[0]"
        self.browser.wait(f"the screen {path}", lambda: self.browser.js(script, f"#{path}"))

    def heading(self, text):
        self.browser.wait(f"the heading {text!r}", lambda: text in self.browser.read("main h1"))

    def complaints(self):
        """But for what the API refused: the page says it, and the browser's console does too."""
        return [c for c in self.browser.complaints() if "the server responded with a status of 4" not in c]

    def fine(self):
        found = self.browser.axe() + self.complaints()
        if self.browser.too_wide() > 0:
            found.append(f"{self.browser.too_wide()} pixels wider than its window")
        self.assertEqual(found, [], self.browser.url)

    def test_an_endpoint_is_added_and_tried_in_a_minute(self):
        self.browser.size(NARROW)
        self.opened()
        self.heading("Endpoints")
        self.assertNotIn("key=", self.browser.url)
        self.browser.press("Add endpoint")
        self.heading("Add endpoint")
        self.browser.press("Create endpoint")
        self.browser.wait_for("Paste the URL")
        self.browser.fill(url=self.hooks.url + "/mine", description="Billing")
        self.browser.click(".choices label:nth-of-type(2)")
        self.browser.press("Create endpoint")
        self.browser.wait_for("Choose an event")
        self.browser.click("[aria-label='Search events']")
        self.browser.keys("invoice")
        self.browser.click(".pick .whole")
        self.browser.wait_for("3 events chosen")
        self.fine()
        self.browser.press("Create endpoint")
        self.heading("Your endpoint is ready")
        self.browser.wait("its secret", lambda: "whsec_" in self.browser.read(".secret"))
        self.browser.press("Send example")
        self.browser.wait("the result", lambda: self.browser.count(".result.good"))
        self.assertRegex(self.browser.read(".result"), r"200 in \d+ ms")
        self.fine()
        self.assertEqual(len(self.hooks.came["/mine"]), 1)
        made = self.server.api("GET", f"/api/v1/app/{self.app['id']}/endpoint")["data"][0]
        self.assertEqual((made["filterTypes"], made["description"]), (sorted(TYPES)[:3], "Billing"))

    def test_code_that_checks_the_signature_is_there_in_every_language_and_for_both_kinds_of_secret(self):
        made = self.endpoint("/works")
        self.opened(f"/endpoints/{made['id']}?tab=settings")
        languages = self.browser.js("return [...document.querySelectorAll('[name=language] option')].map((o) => o.value)")
        self.assertEqual(len(languages), 11)
        shown = set()
        for language in languages:
            for kind, secret in [("", "whsec_…"), ("-ed25519", "whpk_…")]:
                self.browser.fill(language=language, key=kind)
                code = self.browser.wait(f"{language}{kind}", lambda: (text := self.browser.read(".code-box pre")) not in shown and secret in text and text)
                shown.add(code)
        # It shows what fits the endpoint's own secret.
        self.browser.press("Reveal")
        self.browser.wait("the kind of its secret", lambda: "whsec_…" in self.browser.read(".code-box pre"))
        self.fine()

    def test_a_refused_url_is_said_beside_its_field(self):
        self.opened("/endpoints/new")
        self.browser.fill(url="http://169.254.169.254/latest")
        self.browser.press("Create endpoint")
        self.browser.wait("the error", lambda: self.browser.count("input[name='url'][aria-invalid]"))
        self.assertIn("not allowed", self.browser.read(".field .error"))
        self.browser.wait("the field has the focus", lambda: self.browser.focused() == "url")
        self.fine()

    def test_who_has_no_url_gets_an_inbox_and_sees_what_arrives(self):
        self.opened("/endpoints/new")
        self.browser.press("give me a test inbox")
        self.browser.wait("a URL", lambda: "/in/" in self.browser.js("return document.querySelector('[name=url]').value"))
        self.browser.press("Create endpoint")
        self.heading("Your endpoint is ready")
        self.browser.wait_for("Waiting for the first request")
        self.browser.press("Send example")
        self.browser.wait("the result", lambda: self.browser.count(".result.good"))
        self.browser.wait("the request", lambda: self.browser.count(".inbox details[open] pre"))
        self.assertIn("in_1", self.browser.read(".inbox pre"))
        self.message("user.created", {"name": "Ada"})
        self.browser.wait_for("Ada")
        self.fine()

    def test_what_failed_is_found_resent_and_recovered(self):
        bad = self.endpoint("/fails")
        self.message()
        self.failed(bad)
        self.opened()
        self.browser.wait_for("Last failure 503")
        self.browser.click("a.ep")
        self.browser.wait("its messages", lambda: self.browser.count("nav.tabs"))
        self.browser.press("Failed")
        self.browser.wait("the filter", lambda: "status=2" in self.browser.url and self.browser.count(".rows .badge.bad"))
        self.fine()
        self.browser.click(".rows a")
        self.browser.wait_for("upstream is down")
        self.fine()
        self.hooks.answers["/fails"] = (200, b"thanks")
        self.addCleanup(self.hooks.answers.__setitem__, "/fails", (503, b"upstream is down"))
        self.browser.press("Resend")
        self.browser.wait("it is delivered", lambda: self.browser.count(".card-head > .badge.good"))
        self.hooks.answers["/fails"] = (503, b"upstream is down")
        self.message("invoice.voided")
        path = f"/api/v1/app/{self.app['id']}/endpoint/{bad['id']}/msg?status=2"
        until("it failed for good", lambda: self.server.api("GET", path)["data"])
        self.hooks.answers["/fails"] = (200, b"thanks")
        self.go(f"/endpoints/{bad['id']}")
        self.browser.wait("the page", lambda: self.browser.count(".tabs"))
        self.browser.press("Recover failed")
        self.browser.wait("the estimate", lambda: "message" in self.browser.read("dialog [role=status]"))
        self.fine()
        self.browser.press("Send again")
        self.browser.wait("the end", lambda: self.browser.count("dialog .note.good"))
        until("it arrived", lambda: not self.server.api("GET", path)["data"])

    def test_an_endpoint_is_edited_paused_and_deleted(self):
        made = self.endpoint("/edited", headers={"x-plain": "1", "authorization": "Bearer x"})
        self.opened(f"/endpoints/{made['id']}")
        self.browser.press("Pause")
        self.browser.wait_for("what happens meanwhile waits")
        self.browser.press("Resume")
        self.browser.wait("it is active", lambda: self.browser.count(".head .badge.good"))
        self.browser.press("Settings and secret")
        self.browser.wait_for("x-plain")
        secret = self.server.api("GET", f"/api/v1/app/{self.app['id']}/endpoint/{made['id']}/secret")["key"]
        self.assertNotIn(secret, self.browser.text())
        self.assertNotIn("Bearer x", self.browser.text())
        self.browser.press("Reveal")
        self.browser.wait_for(secret)
        self.fine()
        self.browser.fill(header="x-team", value="billing")
        self.browser.press("Add")
        self.browser.wait_for("x-team")
        self.browser.press("Rotate")
        self.browser.press("Make a new secret")
        self.browser.wait("it is done", lambda: not self.browser.count("dialog"))
        self.browser.press("Edit")
        self.browser.fill(description="Renamed")
        self.browser.press("Save")
        self.browser.wait_for("Renamed")
        self.go(f"/endpoints/{made['id']}?tab=settings")
        self.browser.wait("the button", lambda: self.browser.count("button.danger"))
        self.browser.press("Delete")
        self.browser.press("Delete the endpoint")
        self.browser.wait("the error", lambda: self.browser.count("dialog [aria-invalid]"))
        self.fine()
        self.browser.fill(confirm=urlsplit(self.hooks.url).netloc)
        self.browser.press("Delete the endpoint")
        self.heading("Endpoints")
        self.browser.wait_for("No endpoint yet")

    def test_a_payload_is_shown_as_its_bytes_say(self):
        self.endpoint("/works")
        raw = '{"big":12345678901234567890,"exact":1.10000000000000000001,"10":"ten","9":[{"e":1E400}]}'
        body = {"eventType": "invoice.paid", "payload": {}, "transformationsParams": {"rawPayload": raw}}
        message = self.server.api("POST", f"/api/v1/app/{self.app['id']}/msg", body)
        self.opened(f"/logs/{message['id']}")
        self.browser.wait("the payload", lambda: self.browser.count("pre .k"))
        shown = self.browser.js("return document.querySelector('pre.code').textContent")
        want = '{\n  "big": 12345678901234567890,\n  "exact": 1.10000000000000000001,\n  "10": "ten",\n  "9": [\n    {\n      "e": 1E400\n    }\n  ]\n}'
        self.assertEqual(shown, want)
        self.browser.js("""
            window.copied = [];
            Object.defineProperty(navigator, "clipboard", { configurable: true, value: { writeText: async (t) => void window.copied.push(t) } });
        """)
        self.browser.press("Copy as cURL")
        command = self.browser.wait("a command", lambda: self.browser.js("return window.copied.at(-1)"))
        self.assertIn(f"--data-raw '{raw}'", command)
        self.fine()

    def test_a_read_only_link_shows_no_buttons_and_no_secret(self):
        made = self.endpoint("/works")
        message = self.message()
        self.opened(capabilities=["ViewBase"])
        for path in ("/endpoints", f"/endpoints/{made['id']}", f"/endpoints/{made['id']}?tab=settings", f"/logs/{message['id']}", "/events/user.created"):
            self.go(path)
            self.browser.wait("a screen", lambda: self.browser.count("main h1"))
            words = " ".join(self.browser.texts("main button, main a.btn", only_seen=True))
            for never in ("Add", "Pause", "Edit", "Delete", "Disable", "Rotate", "Reveal", "Resend", "Recover", "Send"):
                self.assertNotIn(never, words, path)
            self.fine()
        for path in ("/endpoints/new", f"/endpoints/{made['id']}/edit"):
            self.go(path)
            self.heading("Not found")
        self.browser.complaints()

    def test_an_ended_link_says_what_to_do(self):
        self.opened()
        self.server.api("POST", f"/api/v1/auth/app/{self.app['id']}/expire-all", {})
        self.browser.js("location.hash = '/logs'")
        self.heading("Open this page again from your app")
        self.browser.open(self.server.url + "/portal")
        self.heading("Open this page again from your app")
        self.opened()
        self.browser.click("[aria-label='Log out']")
        self.heading("You are logged out")
        self.browser.driver.refresh()
        self.heading("Open this page again from your app")

    def test_a_link_of_another_organisation_is_not_shown(self):
        url = self.access()["url"]
        self.browser.open(url.replace("?org=", "?org=org_else"))
        self.heading("Open this page again from your app")

    def test_a_reload_stays_where_it_was_and_a_link_leads_on(self):
        self.opened(query="next=/event-types/user.created")
        self.heading("user.created")
        self.browser.wait_for("lines[].amount")
        self.fine()
        self.browser.driver.refresh()
        self.heading("user.created")
        self.browser.driver.back()

    def test_the_keyboard_alone_adds_an_endpoint(self):
        self.opened()
        self.heading("Endpoints")
        self.browser.tab_to("a.btn.primary")
        self.browser.keys(Keys.ENTER)
        self.heading("Add endpoint")
        self.browser.wait("the heading has the focus", lambda: self.browser.js("return document.activeElement.tagName") == "H1")
        self.browser.tab_to("[name='url']")
        self.browser.keys(self.hooks.url + "/keys", Keys.ENTER)
        self.heading("Your endpoint is ready")
        self.browser.tab_to("button.primary")
        self.browser.keys(Keys.ENTER)
        self.browser.wait("the result", lambda: self.browser.count(".result.good"))

    def test_it_is_framed_where_the_operator_says_and_nowhere_else(self):
        url = self.access()["url"]
        for origin_is_allowed in (True, False):
            site = self.allowed if origin_is_allowed else Sites(url)
            if not origin_is_allowed:
                self.addCleanup(site.close)
            self.browser.open(site.origin)
            self.browser.js("""
                window.heights = [];
                addEventListener("message", (e) => window.heights.push(e.data));
                document.querySelector("iframe").onload = () => (window.loaded = arguments[0]);
                document.querySelector("iframe").src = arguments[0];
            """, url)
            self.browser.wait("the frame has loaded", lambda: self.browser.js("return window.loaded") == url)
            told = lambda: [h for h in self.browser.js("return window.heights") if h.get("type") == "postrider:height"]
            if origin_is_allowed:
                self.browser.wait("its height", told)
            self.browser.driver.switch_to.frame(0)
            try:
                if origin_is_allowed:
                    self.heading("Endpoints")
                else:
                    self.assertEqual(self.browser.js("return location.protocol"), "chrome-error:")
            finally:
                self.browser.driver.switch_to.default_content()
            self.assertEqual(bool(told()), origin_is_allowed)

    def test_it_wears_the_colours_of_the_query_and_stays_legible(self):
        self.endpoint("/works")
        themes = ("primaryColorLight=fde047&darkMode=false", "primaryColorDark=1e1b4b&darkMode=true", "primaryColor=%23d6249f&fontFamily=Georgia")
        for theme in themes:
            self.opened(query=theme)
            self.heading("Endpoints")
            self.fine()
            self.assertTrue(self.browser.js("return document.documentElement.style.getPropertyValue('--accent')"))
        self.opened(query="hideNavigation=true&noGutters=true&primaryColor=red;}&fontFamily=a%22b&logo=https://evil.test/x.png&icon=javascript:alert(1)")
        self.assertFalse(self.browser.sees("#top"))
        self.assertEqual(self.browser.count("img"), 0)
        self.assertEqual(self.browser.js("return document.documentElement.getAttribute('style')"), None)
        self.fine()

    def test_what_strangers_write_is_text(self):
        made = self.endpoint("/strange", description=CORPUS[0])
        self.opened()
        for text in CORPUS:
            self.hooks.answers["/strange"] = (503, text.encode())
            message = self.message(payload={text[:100]: text, "list": [text]})
            until("an attempt", lambda m=message: self.server.api("GET", f"/api/v1/app/{self.app['id']}/attempt/msg/{m['id']}")["data"])
            self.go(f"/logs/{message['id']}")
            self.browser.wait("its attempts", lambda: self.browser.count(".attempt"))
            self.assertEqual(self.browser.js("return window.__ran"), [])
        self.go(f"/endpoints/{made['id']}")
        self.browser.wait("its page", lambda: self.browser.count(".tabs"))
        self.assertEqual(self.browser.complaints(), [])

    def test_every_screen_in_every_shape(self):
        good, bad = self.endpoint("/works", description="Billing", filterTypes=TYPES[:4]), self.endpoint("/fails")
        messages = [self.message(TYPES[n % 6], {"id": f"in_{n}", "amount": n, "note": None, "paid": True}) for n in range(14)]
        self.failed(bad)
        screens = {
            "endpoints": "/endpoints", "new": "/endpoints/new", "setup": f"/endpoints/{good['id']}/setup", "endpoint": f"/endpoints/{good['id']}",
            "failing": f"/endpoints/{bad['id']}", "settings": f"/endpoints/{good['id']}?tab=settings", "edit": f"/endpoints/{good['id']}/edit", "events": "/events",
            "event": "/events/invoice.paid", "logs": "/logs", "message": f"/logs/{messages[0]['id']}", "empty": "/logs?type=user.invited&at=", "none": "/endpoints/none",
        }
        self.opened()
        titles = set()
        for name, path in screens.items():
            self.go(path)
            self.browser.wait("a screen", lambda: self.browser.count("main h1") == 1)
            self.browser.wait("its figures", lambda: "%" in self.browser.text() if name == "endpoints" else True)
            titles.add(self.browser.driver.title)

            def look(theme, shape, size, axe):
                with self.subTest(screen=name, theme=theme, shape=shape):
                    self.browser.shot(f"portal-{name}-{theme}-{shape}", size)
                    self.assertEqual(axe + self.complaints(), [])
                    self.assertLessEqual(self.browser.too_wide(), 0)

            self.browser.shapes(look)
        self.assertGreaterEqual(len(titles), len(screens) - 4)

    def test_without_scripts_it_says_why_it_is_empty(self):
        plain = Browser(scripts=False)
        self.addCleanup(plain.close)
        plain.open(self.access()["url"])
        self.assertIn("This page needs JavaScript", plain.text())
