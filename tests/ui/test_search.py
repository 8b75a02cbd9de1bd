"""Search: the grammar, ids of any kind, and texts that say what is wrong."""

import unittest

from selenium.webdriver.common.keys import Keys
from world import World


class Search(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World("--retry-schedule", "100ms")
        cls.addClassCleanup(cls.world.close)
        cls.browser = cls.world.browser()
        cls.addClassCleanup(cls.browser.close)
        cls.app, cls.other = cls.world.app("Acme Inc", "acme"), cls.world.app("Beta GmbH", "beta")
        cls.world.hooks.answers["/down"] = (503, b"no")
        cls.endpoint = cls.world.endpoint(cls.app, "/down")
        cls.world.endpoint(cls.other, "/works")
        cls.paid = [cls.world.message(cls.app, "invoice.paid", {"n": n}) for n in range(3)]
        cls.made = cls.world.message(cls.app, "user.created", {"n": 9})
        cls.elsewhere = cls.world.message(cls.other, "invoice.paid", {"n": 10})
        for message in [*cls.paid, cls.made]:
            cls.world.attempts(cls.app, message, 2)
        cls.world.attempts(cls.other, cls.elsewhere, 1)

    def find(self, text):
        """Types it into the box of the page's head, from the keyboard."""
        self.browser.open(self.world.server.url + "/apps")
        self.browser.keys("/")
        self.assertEqual(self.browser.focused(), "q")
        self.browser.keys(text, Keys.ENTER)
        self.browser.wait("another page", lambda: not self.browser.url.endswith("/apps"))
        self.browser.settled()

    def ids(self):
        hrefs = self.browser.js("return [...document.querySelectorAll(\"main tbody a[href*='/messages/msg_']\")].map((a) => a.href)")
        return {href.split("/messages/")[1].split("?")[0].split("#")[0] for href in hrefs}

    def test_the_grammar_finds_what_it_says(self):
        paid = {message["id"] for message in self.paid}
        for text, wanted in [
            ("status:failed type:invoice.* code:5xx app:acme", paid),
            ("app:beta", {self.elsewhere["id"]}),
            ("type:user.created", {self.made["id"]}),
            ("status:delivered", {self.elsewhere["id"]}),
            ("code:404", set()),
        ]:
            with self.subTest(text):
                self.find(text)
                self.browser.wait(f"{len(wanted)} rows", lambda: self.ids() == wanted)
                # The state is in the URL.
                url = self.browser.url
                self.browser.open(self.world.server.url)
                self.browser.open(url)
                self.assertEqual(self.ids(), wanted)
        self.assertEqual(self.browser.complaints(), [])

    def test_an_id_of_any_kind_jumps_to_its_page(self):
        for thing, path in [
            (self.made["id"], f"/messages/{self.made['id']}"),
            (self.app["id"], f"/apps/{self.app['id']}"),
            (self.endpoint["id"], f"/apps/{self.app['id']}/endpoints/{self.endpoint['id']}"),
        ]:
            with self.subTest(path):
                self.find(thing)
                self.assertIn(path, self.browser.url)

    def test_a_key_that_is_none_is_explained(self):
        self.find("colour:red")
        said = self.browser.text()
        for words in ("colour", "status", "type", "code", "app"):
            self.assertIn(words, said)
