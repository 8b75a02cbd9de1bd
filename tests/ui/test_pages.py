"""Every page that links lead to: accessible, narrow, dark, without scripts, within the policy; with a picture of each."""

import unittest
from collections import defaultdict

import crawl
from world import world


class Pages(unittest.TestCase):
    """Each page is opened once, and there looked at in each shape; what was found is told shape by shape."""

    @classmethod
    def setUpClass(cls):
        cls.world = world()
        cls.world.everything
        cls.browser = cls.world.browser()
        cls.addClassCleanup(cls.browser.close)
        cls.origin = cls.world.server.url
        cls.titles, cls.headings, cls.landed, cls.found = {}, {}, {}, defaultdict(dict)
        cls.urls = crawl.pages(cls.browser, cls.origin, cls.look)

    @classmethod
    def look(cls, url):
        browser = cls.browser
        # One address may lead on to another.
        cls.titles[url], cls.headings[url], cls.landed[url] = browser.driver.title, browser.count("h1"), browser.url.split("?")[0]

        def see(theme, shape, size, axe):
            found = axe + browser.complaints()
            if browser.too_wide() > 0:
                found.append(f"{browser.too_wide()} pixels wider than its window")
            browser.shot(f"{crawl.name(url)}-{theme}-{shape}", size)
            cls.found[theme, shape][url] = found

        browser.shapes(see)

    def test_every_page_of_the_menu_is_found(self):
        kinds = {crawl.kind(url) for url in self.urls}
        self.browser.open(self.origin)
        menu = {crawl.kind(url) for url in crawl.links(self.browser, self.origin)}
        self.assertLessEqual(menu, kinds)
        for one in ("/apps/:id", "/apps/:id/endpoints/:id", "/messages/:id", "/sources/:id", "/inspector/:id", "/links/:id", "/forms/:id"):
            self.assertIn(one, kinds)

    def test_titles_tell_pages_apart(self):
        pages = defaultdict(set)
        for url in self.urls:
            self.assertEqual(self.headings[url], 1, url)
            self.assertNotIn("Not found", self.titles[url], url)
            pages[self.titles[url]].add(self.landed[url])
        shared = {title: urls for title, urls in pages.items() if len(urls) > 1}
        self.assertEqual(shared, {})

    def check(self, theme, shape):
        self.assertEqual(self.found[theme, shape].keys(), set(self.urls))
        for url, found in self.found[theme, shape].items():
            with self.subTest(page=crawl.kind(url)):
                self.assertEqual(found, [])

    def test_wide_and_light(self):
        self.check("light", "wide")

    def test_wide_and_dark(self):
        self.check("dark", "wide")

    def test_narrow_and_light(self):
        self.check("light", "narrow")

    def test_narrow_and_dark(self):
        self.check("dark", "narrow")


class WithoutScripts(unittest.TestCase):
    def test_every_page_says_the_same_without_scripts(self):
        shared = world()
        shared.everything
        browser = shared.browser(scripts=False)
        self.addCleanup(browser.close)

        def look(url):
            with self.subTest(page=crawl.kind(url)):
                self.assertEqual(browser.count("main h1"), 1)
                self.assertGreater(len(browser.read("main")), 20)
                self.assertEqual(browser.texts(".needs-js", only_seen=True), [])

        self.assertGreater(len(crawl.pages(browser, shared.server.url, look)), 40)
