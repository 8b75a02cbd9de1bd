"""Habits that people bring along: keys, a tree whose parts can be copied, undo, simulating, a link that shows an inbox to anybody."""

import json
import unittest

from browser import Browser
from selenium.webdriver.common.keys import Keys
from server import request
from world import World

# Beyond 2^53, more digits than a float keeps, keys that an object of JavaScript would reorder.
PAYLOAD = '{"id":"in_1","big":12345678901234567890,"exact":1.10000000000000000001,"10":"ten","9":{"deep":[1,{"x":"a \\"b\\""}]}}'


class Habits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World("--retry-schedule", "100ms")
        cls.addClassCleanup(cls.world.close)
        cls.browser = cls.world.browser()
        cls.addClassCleanup(cls.browser.close)
        cls.app = cls.world.app("Acme Inc", "acme")
        cls.endpoint = cls.world.endpoint(cls.app, "/works")
        body = {"eventType": "invoice.paid", "payload": {}, "transformationsParams": {"rawPayload": PAYLOAD}}
        cls.message = cls.world.api("POST", "/api/v1/app/acme/msg", body)
        cls.world.attempts(cls.app, cls.message, 1)

    def setUp(self):
        # What is copied is read back here: a headless browser has no clipboard to ask.
        self.browser.open(self.world.server.url)

    def at(self, path):
        self.browser.open(self.world.server.url + path)
        self.browser.js("""
            window.copied = [];
            Object.defineProperty(navigator, "clipboard", { configurable: true, value: { writeText: async (t) => void window.copied.push(t) } });
        """)

    def copied(self):
        return self.browser.wait("something was copied", lambda: self.browser.js("return window.copied.at(-1)"))

    def fine(self):
        self.assertEqual(self.browser.axe() + self.browser.complaints(), [], self.browser.url)

    def test_a_tree_shows_every_token_as_it_came_and_copies_paths_and_values(self):
        self.at(f"/messages/{self.message['id']}")
        shown = self.browser.js("return document.querySelector('pre[data-json]').textContent")
        for token in ('"big": 12345678901234567890', '"exact": 1.10000000000000000001'):
            self.assertIn(token, shown)
        self.assertLess(shown.index('"10"'), shown.index('"9"'))
        self.assertEqual(json.loads(shown), json.loads(PAYLOAD))
        self.browser.js("document.querySelector('pre[data-json]').focus()")
        for _ in range(3):
            self.browser.keys(Keys.ARROW_DOWN)
        self.browser.wait("its path", lambda: self.browser.read(".tree-bar code") == "big")
        self.browser.press("Copy value")
        self.assertEqual(self.copied(), "12345678901234567890")
        self.browser.js("[...document.querySelectorAll('pre .k')].find((k) => k.textContent === '\"x\"').click()")
        self.browser.wait("its path", lambda: self.browser.read(".tree-bar code") == '["9"].deep[1].x')
        self.fine()
        self.browser.press("Copy value")
        self.browser.wait("the text", lambda: self.copied() == 'a "b"')
        self.browser.press("Copy path")
        self.browser.wait("the path", lambda: self.copied() == '["9"].deep[1].x')
        self.browser.js("[...document.querySelectorAll('pre .k')].find((k) => k.textContent === '\"deep\"').click()")
        self.browser.press("Copy value")
        self.browser.wait("a list", lambda: self.copied().startswith("[") and json.loads(self.copied()) == [1, {"x": 'a "b"'}])
        self.browser.press("Wrap lines")
        self.assertTrue(self.browser.js("return document.querySelector('pre[data-json]').classList.contains('wrap')"))
        self.browser.shot("message-tree")

    def test_keys_go_everywhere_and_are_listed(self):
        for key, path in (("h", "/"), ("e", "/event-types"), ("m", "/messages"), ("t", "/tasks")):
            self.at("/apps")
            self.browser.keys("g")
            self.browser.keys(key)
            self.browser.wait(path, lambda: self.browser.url == self.world.server.url + path)
        self.at("/apps")
        self.browser.keys("?")
        self.browser.wait_for("Copy as cURL")
        self.fine()
        self.browser.keys(Keys.ESCAPE)
        self.browser.wait("it is closed", lambda: not self.browser.count("dialog[open]"))
        self.browser.keys("/")
        self.assertEqual(self.browser.focused(), "q")

    def test_the_palette_leads_to_a_page(self):
        self.at("/apps")
        self.browser.js("document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'k', metaKey: true, bubbles: true, cancelable: true }))")
        self.browser.wait("the palette", lambda: self.browser.sees("dialog.palette input"))
        self.browser.keys("live")
        self.browser.keys(Keys.ENTER)
        self.browser.wait("the page", lambda: self.browser.url.endswith("/live"))

    def test_c_copies_a_message_as_curl(self):
        self.at(f"/messages/{self.message['id']}")
        self.browser.keys("c")
        command = self.copied()
        self.assertIn("webhook-signature: v1,", command)
        self.assertIn(PAYLOAD.replace("'", "'\\''"), command)

    def test_what_was_paused_is_taken_back_at_once(self):
        path = f"/apps/{self.app['id']}/endpoints/{self.endpoint['id']}"
        self.at(path)
        self.browser.press("Pause")
        self.browser.wait_for("messages are kept and wait")
        self.fine()
        self.browser.shot("undo")
        self.browser.press("Undo")
        self.browser.wait_for("what waited is sent now")
        self.assertFalse(self.world.api("GET", f"/api/v1/app/acme/endpoint/{self.endpoint['id']}")["paused"])

    def test_a_source_is_tried_with_its_providers_example(self):
        secret = "whsec_abcdefghijklmnopqrstuvwxyz012345"
        source = self.world.api("POST", "/ingest/api/v1/source", {"name": "Money", "type": "stripe", "config": {"secret": secret}})
        self.world.api("POST", f"/ingest/api/v1/source/{source['id']}/endpoint", {"url": self.world.hooks.url + "/money"})
        self.at(f"/sources/new?source={source['id']}")
        self.browser.press("Send an example")
        self.browser.wait_for("Looks like invoice.paid")
        self.fine()
        self.at(f"/sources/{source['id']}")
        self.browser.press("Simulate")
        self.fine()
        self.browser.shot("simulate")
        self.browser.js("document.querySelector('#event').value = 'payment_intent.succeeded'")
        self.browser.press("Send it")
        self.browser.wait("the request", lambda: "/requests/" in self.browser.url)
        self.browser.wait_for("Accepted")
        self.assertIn("payment_intent.succeeded", self.browser.text())
        self.fine()
        self.browser.wait("it was forwarded", lambda: len(self.world.hooks.came["/money"]) == 2)

    def test_a_shared_inbox_is_looked_at_without_an_account(self):
        bin = self.world.api("POST", "/api/v1/bin", {"name": "Orders"})
        shared = self.world.api("POST", f"/api/v1/bin/{bin['id']}/share", {})
        request("POST", bin["url"] + "/a?x=1", PAYLOAD, content_type="application/json")
        for scripts in (True, False):
            stranger = Browser(scripts=scripts)
            self.addCleanup(stranger.close)
            stranger.open(shared["url"])
            stranger.wait_for("12345678901234567890")
            if scripts:
                self.assertEqual(stranger.axe() + stranger.complaints(), [])
                self.assertLessEqual(stranger.too_wide(), 0)
                stranger.shot("shared-inbox")
            self.assertNotIn(bin["url"], stranger.driver.page_source)
        self.world.api("DELETE", f"/api/v1/bin/{bin['id']}/share")
        stranger.open(shared["url"])
        stranger.wait_for("shows nothing any more")

    def test_an_invitation_is_withdrawn(self):
        self.at("/settings/team")
        self.browser.fill(email="new@example.com")
        self.browser.press("Make an invitation link")
        self.browser.wait_for("Open invitations")
        link = self.browser.attribute("#invite-link", "value")
        self.fine()
        self.browser.shot("invitations")
        self.browser.press("Withdraw")
        self.browser.wait_for("lets nobody in any more")
        status, _, page = request("GET", link)
        self.assertEqual(status, 403)
        self.assertIn(b"withdrawn", page)


if __name__ == "__main__":
    unittest.main()
