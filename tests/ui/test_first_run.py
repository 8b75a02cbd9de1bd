"""The first minutes: a setup URL with a one-time ticket, an owner, a choice; and the way back in."""

import unittest

from browser import Browser
from server import Server, request


class FirstRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def test_from_an_empty_folder_to_demo_data_and_back_in_after_a_lost_password(self):
        server, browser = self.server, self.browser
        # Nobody has a password yet, and nobody gets in without the printed URL.
        browser.open(server.url)
        self.assertIn("/login", browser.url)
        self.assertNotIn("/setup?", browser.driver.page_source)
        url = server.setup_url()
        browser.open(url)
        browser.shot("first-run-1-setup")
        browser.fill(name="Ana Kovač", email="Ana@Example.com", password="short", org_name="Acme Hooks")
        browser.press("Create account")
        browser.wait_for("10 characters")
        self.assertEqual(browser.complaints_but(422), [])
        browser.fill(password="correct horse battery")
        browser.press("Create account")
        browser.wait_for("What will you do first?")
        browser.shot("first-run-2-goal")
        browser.press("Just look around")
        browser.wait("Home", lambda: browser.driver.title.startswith("Home"))
        names = [app["name"] for app in server.api("GET", "/api/v1/app")["data"]]
        self.assertTrue(names, "demo data has an application")
        self.assertEqual(browser.complaints(), [])

        # The URL was for once.
        status, _, page = request("GET", url)
        self.assertNotIn(b'name="password"', page, status)

        browser.click("details.menu > summary")
        browser.press("Sign out")
        browser.arrive("/login")
        browser.fill(email="ana@example.com", password="wrong password!")
        browser.press("Sign in")
        browser.wait("a refusal", lambda: browser.sees("[role=alert], .error"))
        browser.fill(email="ana@example.com", password="correct horse battery")
        browser.press("Sign in")
        browser.wait("Home", lambda: browser.driver.title.startswith("Home"))

        # The password is lost: a command on the machine, beside the running server, makes a URL for a new one.
        printed = server.run("admin", "reset", "--email", "ana@example.com")
        reset = next(word for word in printed.split() if word.startswith("http"))
        reset = server.url + reset[reset.index("/", len("http://")):]
        other = Browser()
        self.addCleanup(other.close)
        other.open(reset)
        other.fill(password="a new horse battery")
        other.press("Set password")
        other.wait("Home", lambda: other.driver.title.startswith("Home"))
        other.open(reset)
        self.assertFalse(other.sees("[name=password]"), "a reset is for once")
        # Whoever was signed in with the old password is not any more.
        browser.open(server.url + "/messages")
        self.assertIn("/login", browser.url)
