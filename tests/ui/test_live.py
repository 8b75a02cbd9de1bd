"""What happens is seen as it happens: the live tail, and an inbox."""

import unittest

from server import request, until
from world import World


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World("--retry-schedule", "100ms")
        cls.addClassCleanup(cls.world.close)
        cls.browser = cls.world.browser()
        cls.addClassCleanup(cls.browser.close)
        cls.app = cls.world.app("Acme Inc", "acme")
        cls.world.endpoint(cls.app, "/works")

    def rows(self):
        return self.browser.js("return [...document.querySelectorAll('[data-into] > *')].map((row) => row.innerText)")

    def test_a_message_is_seen_at_once_and_a_pause_holds_the_list(self):
        browser, world = self.browser, self.world
        browser.open(world.server.url + "/live")
        browser.wait("the stream is open", lambda: "Live" in browser.read("[data-state]"))
        world.message(self.app, "invoice.paid", {"n": 1})
        browser.wait("its attempt", lambda: any("invoice.paid" in row and "200" in row for row in self.rows()))
        self.assertEqual(browser.axe() + browser.complaints(), [])
        browser.shot("live")
        browser.keys(" ")
        before = len(self.rows())
        world.message(self.app, "user.created", {"n": 2})
        browser.wait("the button that says how many are new", lambda: browser.sees(".new-rows"))
        self.assertEqual(len(self.rows()), before, "a list that is held stays as it is")
        browser.click(".new-rows")
        browser.wait("what was held", lambda: any("user.created" in row for row in self.rows()))

    def test_an_inbox_shows_what_comes_and_all_of_it(self):
        browser, world = self.browser, self.world
        browser.open(world.server.url + "/inspector")
        browser.press("New inbox")
        browser.arrive("/inspector/src_")
        browser.wait("the stream is open", lambda: "Live" in browser.read("[data-state]"))
        inbox = until("its URL", lambda: next((b for b in world.api("GET", "/api/v1/bin")["data"]), None))
        status, _, _ = request("POST", inbox["url"] + "?x=1", '{"type":"invoice.paid","data":{"n":7}}', content_type="application/json", x_note="hello")
        self.assertEqual(status, 200)
        browser.wait("its row", lambda: any("POST" in row for row in self.rows()))
        browser.click("[data-into] a")
        browser.wait_for("invoice.paid")
        self.assertEqual(browser.axe() + browser.complaints(), [])
        browser.shot("inbox")
        browser.press("Headers")
        browser.wait_for("x-note")
        self.assertIn("hello", browser.text())
