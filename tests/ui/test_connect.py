"""Without code: a contact form that reaches a CRM and a chat, a link whose first click tells the chat, a pasted Zapier URL."""

import json
import unittest

from server import until
from world import World


class Connect(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(cls.world.close)
        cls.browser = cls.world.browser()
        cls.addClassCleanup(cls.browser.close)

    def start(self, case):
        self.browser.open(self.world.server.url + "/connect/" + case)

    def came(self, path, event_type):
        """The data of the only event of that type that came to a path."""
        bodies = until(f"{event_type} at {path}", lambda: self.world.hooks.came[path])
        events = [json.loads(body) for _, body in bodies]
        found = [event["data"] for event in events if event["type"] == event_type]
        self.assertEqual(len(found), 1, events)
        return found[0]

    def test_a_contact_form_reaches_a_crm_and_a_chat(self):
        browser, hooks = self.browser, self.world.hooks
        self.start("form")
        browser.fill(name="Contact")
        browser.press("Make the form")
        browser.fill(crm=hooks.url + "/crm", chat=hooks.url + "/chat")
        browser.press("Go on")
        browser.wait_for("Fill it in")
        self.assertEqual(browser.axe() + browser.complaints(), [])
        browser.shot("connect-1-form")
        # A reload goes on where it was.
        browser.open(browser.url)
        browser.fill(name="Ada", email="ada@example.com")
        browser.click("form[target] button")
        browser.other_tab("Thank")
        for path in ("/crm", "/chat"):
            self.assertEqual(self.came(path, "form.submitted")["fields"]["email"], "ada@example.com")
        # The panel sees it by itself.
        browser.wait("received", lambda: browser.sees(".waiting.done"))
        self.assertIn("ada@example.com", browser.text())
        browser.shot("connect-2-received")

    def test_the_first_click_of_a_link_tells_the_chat_once(self):
        browser, hooks = self.browser, self.world.hooks
        target = hooks.page("/landing", "<title>Arrived</title><h1>Welcome</h1>")
        self.start("link")
        browser.fill(target=target)
        browser.press("Make the link")
        browser.fill(chat=hooks.url + "/team")
        browser.press("Go on")
        browser.wait("the link", lambda: "/l/" in browser.driver.page_source and browser.sees(".waiting"))
        link = self.world.api("GET", "/api/v1/link")["data"][0]
        visitor = self.world.browser()
        self.addCleanup(visitor.close)
        agent = visitor.js("return navigator.userAgent").replace("HeadlessChrome/", "Chrome/")
        visitor.cdp("Network.setUserAgentOverride", userAgent=agent)
        for _ in range(2):
            visitor.open(link["url"])
            self.assertEqual(visitor.driver.title, "Arrived")
        self.assertEqual(self.came("/team", "link.clicked")["firstHuman"], True)
        browser.wait("received", lambda: browser.sees(".waiting.done"))
        until("both clicks are counted", lambda: self.world.api("GET", f"/api/v1/link/{link['id']}/stats")["clicks"] == 2)
        self.assertEqual(len(hooks.came["/team"]), 1)

    def test_a_pasted_zapier_url_gets_an_example(self):
        browser, hooks = self.browser, self.world.hooks
        app = self.world.app("Shop", "shop")
        self.start("zapier")
        browser.fill(url=hooks.url + "/zap", trigger=f"app:{app['id']}")
        browser.press("Connect")
        browser.press("example")
        until("the example came", lambda: hooks.came["/zap"])
        browser.wait("received", lambda: browser.sees(".waiting.done"))
        self.assertEqual(browser.complaints(), [])
