"""A failing endpoint is found from Home, explained, mended, recovered, and watched to the end."""

import unittest

from server import until
from world import World


class Failing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # One retry, so that messages fail for good at once.
        cls.world = World("--retry-schedule", "100ms")
        cls.addClassCleanup(cls.world.close)
        cls.browser = cls.world.browser()
        cls.addClassCleanup(cls.browser.close)

    def test_found_from_home_explained_mended_recovered_and_watched_to_the_end(self):
        world, browser, hooks = self.world, self.browser, self.world.hooks
        app = world.app("Acme Inc", "acme")
        hooks.answers["/down"] = (503, b"upstream is being deployed")
        world.endpoint(app, "/works")
        down = world.endpoint(app, "/down")
        sent = [world.message(app, "invoice.paid", {"n": n}) for n in range(7)]
        dead = f"/api/v1/app/{app['id']}/endpoint/{down['id']}/stats"
        until("all failed for good", lambda: world.api("GET", dead)["fail"] == len(sent))
        arrived = len(hooks.came["/down"])
        self.assertEqual(arrived, 2 * len(sent))

        browser.open_until(world.server.url, "Needs attention")
        row = ("tr", "/down")
        browser.wait("its row", lambda: any("/down" in text and "503" in text for text in browser.texts("tr")))
        self.assertEqual(browser.axe() + browser.complaints(), [])
        browser.shot("failing-1-home")
        browser.press("Open", inside=row)

        browser.wait_for("What to do")
        said = browser.text()
        for words in ("503", "upstream is being deployed", "Acme Inc", f"{hooks.url}/down"):
            self.assertIn(words, said)
        browser.shot("failing-2-issue")
        # The receiver is mended.
        hooks.answers["/down"] = (200, b"thanks")
        browser.press("Try one again")
        until("one came again", lambda: len(hooks.came["/down"]) > arrived)
        browser.press("Recover messages")
        browser.wait_for("1. What")
        browser.press("Check what it would do")
        browser.wait_for("3. Check")
        browser.button(f"Start: {len(sent)} messages")
        browser.shot("failing-3-check")
        browser.press("Start:")
        browser.arrive("/tasks/")
        # Followed by itself, without a reload.
        browser.wait_for(f"{len(sent)} delivered")
        browser.wait_for("Finished")
        browser.shot("failing-4-task")
        self.assertEqual(browser.complaints(), [])
        bodies = {body for _, body in hooks.came["/down"][arrived:]}
        self.assertEqual(bodies, {b'{"n": %d}' % n for n in range(len(sent))})

        browser.open_until(world.server.url, "Nothing needs attention")
        browser.open_until(world.server.url + "/issues?state=resolved", "/down")
