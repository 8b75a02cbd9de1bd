"""Every page that links lead to: accessible, narrow, dark, without scripts, within the policy; with a picture of each."""

import unittest

import crawl
from browser import NARROW, WIDE
from world import world


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = world()
        cls.world.everything
        cls.browser = cls.world.browser()
        cls.addClassCleanup(cls.browser.close)
        cls.origin = cls.world.server.url
        cls.urls = crawl.pages(cls.browser, cls.origin)

    def each(self, look):
        for url in self.urls:
            with self.subTest(page=crawl.kind(url)):
                self.browser.open(url)
                self.browser.settled()
                self.assertEqual(look(url), [])

    def test_every_page_of_the_menu_is_found(self):
        kinds = {crawl.kind(url) for url in self.urls}
        self.browser.open(self.origin)
        menu = {crawl.kind(url) for url in crawl.links(self.browser, self.origin)}
        self.assertLessEqual(menu, kinds)
        for one in ("/apps/:id", "/apps/:id/endpoints/:id", "/messages/:id", "/sources/:id", "/inspector/:id", "/links/:id", "/forms/:id"):
            self.assertIn(one, kinds)
        titles = {}
        for url in self.urls:
            self.browser.open(url)
            titles.setdefault(self.browser.driver.title, set()).add(self.browser.driver.current_url.split("?")[0])
            self.assertEqual(len(self.browser.all("h1")), 1, url)
            self.assertNotIn("Not found", self.browser.driver.title, url)
        shared = {title: urls for title, urls in titles.items() if len(urls) > 1}
        self.assertEqual(shared, {}, "titles tell pages apart")

    def look_at(self, theme, size, shape):
        self.browser.theme(theme)
        self.browser.size(size)
        self.addCleanup(self.browser.theme, "light")
        self.addCleanup(self.browser.size, WIDE)

        def look(url):
            found = self.browser.axe() + self.browser.complaints()
            if self.browser.too_wide() > 0:
                found.append(f"{self.browser.too_wide()} pixels wider than its window")
            self.browser.shot(f"{crawl.name(url)}-{theme}-{shape}", size)
            return found

        self.each(look)

    def test_wide_and_light(self):
        self.look_at("light", WIDE, "wide")

    def test_wide_and_dark(self):
        self.look_at("dark", WIDE, "wide")

    def test_narrow_and_light(self):
        self.look_at("light", NARROW, "narrow")

    def test_narrow_and_dark(self):
        self.look_at("dark", NARROW, "narrow")


class WithoutScripts(unittest.TestCase):
    def test_every_page_says_the_same_without_scripts(self):
        shared = world()
        shared.everything
        browser = shared.browser(scripts=False)
        self.addCleanup(browser.close)
        for url in crawl.pages(browser, shared.server.url):
            with self.subTest(page=crawl.kind(url)):
                browser.open(url)
                self.assertEqual(len(browser.all("main h1")), 1)
                self.assertGreater(len(browser.read("main")), 20)
                self.assertEqual([b.text for b in browser.all(".needs-js") if b.is_displayed()], [])
