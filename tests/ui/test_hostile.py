"""What strangers write is text: fifty scripts in every field that a stranger controls run nowhere."""

import unittest

from urllib.parse import quote

import crawl
from corpus import CORPUS
from world import World, fill


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(cls.world.close)
        cls.browser = cls.world.browser()
        cls.addClassCleanup(cls.browser.close)

    def check(self, url):
        """That nothing of a stranger's runs, or is an element, on the page that is open."""
        with self.subTest(page=crawl.kind(url)):
            markup = self.browser.js("return [...document.querySelectorAll('[data-x]')].map((e) => e.outerHTML.slice(0, 200))")
            self.assertEqual(self.browser.complaints() + [f"markup of a stranger's: {html}" for html in markup], [], url)

    def open(self, url):
        self.browser.open(url)
        self.check(url)

    def test_fifty_scripts_in_every_field_run_on_no_page(self):
        fields = 0
        made = []
        for turn in range(len(CORPUS)):
            # At each turn each field gets the next string, so that each field has had each of them after fifty.
            fields = 0

            def text(_usual):
                nonlocal fields
                fields += 1
                return CORPUS[(turn + fields) % len(CORPUS)]

            made.append(fill(self.world, text, messages=2))
        self.assertGreater(fields, 15)
        # What is all text in one place: a payload and an answer with all of them.
        app = made[0]["app"]
        message = self.world.message(app, payload={string: [string, {"inside": string}] for string in CORPUS})
        self.world.hooks.answers["/fails"] = (500, "\n".join(CORPUS).encode())
        self.world.attempts(app, message, 2)
        origin = self.world.server.url
        crawl.pages(self.browser, origin, self.check)
        urls = [f"{origin}/messages/{message['id']}"]
        for one in made:
            app = f"{origin}/apps/{one['app']['id']}"
            urls += [app, f"{app}/endpoints/{one['good']['id']}", f"{app}/endpoints/{one['bad']['id']}"]
            pages = [("messages", "message"), ("sources", "source"), ("inspector", "bin"), ("links", "link"), ("forms", "form")]
            urls += [f"{origin}/{page}/{one[name]['id']}" for page, name in pages]
        for url in urls:
            self.open(url)

    def test_a_query_is_text_too(self):
        for string in CORPUS:
            self.open(f"{self.world.server.url}/messages?q={quote(string, safe='')}")
