"""From the keyboard alone: an application, an endpoint, an example, a message sent again."""

import unittest

from selenium.webdriver.common.keys import Keys
from server import until
from world import World


class Keyboard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(cls.world.close)
        cls.browser = cls.world.browser()
        cls.addClassCleanup(cls.browser.close)

    def type_into(self, name, text):
        self.browser.tab_to(f"[name='{name}']")
        self.browser.keys(text)

    def test_the_first_tab_skips_to_the_content(self):
        self.browser.open(self.world.server.url + "/messages")
        self.browser.keys(Keys.TAB)
        self.assertEqual(self.browser.texts(":focus"), ["Skip to content"])
        self.browser.keys(Keys.ENTER)
        self.browser.wait("the content has the focus", lambda: self.browser.focused("id") == "main")

    def test_from_an_application_to_a_message_that_is_sent_again(self):
        world, browser = self.world, self.browser
        browser.open(world.server.url + "/apps/new")
        self.type_into("name", "Acme Inc")
        browser.keys(Keys.ENTER)
        browser.arrive("/apps/app_")
        app = world.api("GET", "/api/v1/app")["data"][0]
        browser.open(f"{world.server.url}/apps/{app['id']}/endpoints/new")
        self.type_into("url", world.hooks.url + "/keys")
        browser.keys(Keys.ENTER)
        browser.arrive("/endpoints/ep_")
        message = world.message(app, "invoice.paid", {"n": 1})
        world.attempts(app, message, 1)
        browser.open(world.server.url)
        browser.keys("g")
        browser.keys("m")
        browser.arrive("/messages")
        browser.keys("j")
        browser.keys(Keys.ENTER)
        browser.arrive(message["id"])
        browser.keys("r")
        until("it came again", lambda: len(world.hooks.came["/keys"]) == 2)
        first, second = (headers.get("webhook-id") or headers["Webhook-Id"] for headers, _ in world.hooks.came["/keys"])
        self.assertEqual(first, second)

    def test_single_keys_can_be_switched_off(self):
        browser = self.browser
        browser.open(self.world.server.url + "/account")
        browser.click("button[name='shortcuts'][value='off']")
        browser.wait("switched off", lambda: browser.js("return document.documentElement.dataset.shortcuts") == "off")
        browser.open(self.world.server.url + "/apps")
        browser.keys("/")
        self.assertNotEqual(browser.focused(), "q")
        browser.open(self.world.server.url + "/account")
        browser.click("button[name='shortcuts'][value='on']")
        browser.wait("switched on", lambda: browser.js("return document.documentElement.dataset.shortcuts") == "on")
