"""What strangers write is text: fifty scripts in every field that a stranger controls run nowhere."""

import itertools
import unittest

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
        self.browser.open(url)
        self.browser.settled()
        found = self.browser.complaints()
        found += [f"markup of a stranger's: {e.get_attribute('outerHTML')[:200]}" for e in self.browser.all("[data-x]")]
        self.assertEqual(found, [], url)

    def test_fifty_scripts_in_every_field_run_on_no_page(self):
        # Each field gets another string at each turn, so that each has had each after fifty of them.
        strings = itertools.cycle(CORPUS)
        fields = 0

        def text(_usual):
            nonlocal fields
            fields += 1
            return next(strings)

        made = [fill(self.world, text)]
        # The number of fields that one turn fills shares no factor with fifty: every string comes to every field.
        per_turn = fields
        if per_turn % 2 == 0 or per_turn % 5 == 0:
            next(strings)
        made += [fill(self.world, text) for _ in range(4)]
        # What is all text in one place: a payload and a body with all of them.
        app = made[0]["app"]
        every = {string: [string, {"inside": string}] for string in CORPUS}
        message = self.world.message(app, payload=every)
        self.world.hooks.answers["/fails"] = (500, "\n".join(CORPUS).encode())
        self.world.attempts(app, message, 2)
        urls = crawl.pages(self.browser, self.world.server.url)
        urls += [f"{self.world.server.url}/messages/{message['id']}"]
        for one in made:
            urls += [f"{self.world.server.url}/apps/{one['app']['id']}"]
            urls += [f"{self.world.server.url}/messages/{one['message']['id']}"]
            urls += [f"{self.world.server.url}/apps/{one['app']['id']}/endpoints/{one[name]['id']}" for name in ("good", "bad")]
            urls += [f"{self.world.server.url}/{page}/{one[name]['id']}" for page, name in (("sources", "source"), ("inspector", "bin"), ("links", "link"), ("forms", "form"))]
        for url in urls:
            with self.subTest(page=crawl.kind(url)):
                self.check(url)

    def test_a_query_is_text_too(self):
        for string in CORPUS:
            with self.subTest(string=string):
                from urllib.parse import quote

                self.check(f"{self.world.server.url}/messages?q={quote(string, safe='')}")
