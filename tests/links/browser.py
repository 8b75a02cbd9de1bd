"""A real Chromium, started with a new profile and nothing that talks to others.

**Invariant:** browser and driver are the system's: nothing is downloaded.
"""

import os
import shutil
import tempfile

from journey import WAIT_S
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
]
DRIVER = "/usr/bin/chromedriver"


class Browser:
    """Open until closed. It says that it is a browser with a window, for one without is a robot's."""

    def __init__(self):
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for flag in [*FLAGS, f"--user-data-dir={self._profile}"]:
            options.add_argument(flag)
        # Whatever the settings of this machine are, they are not asked.
        os.environ.setdefault("SE_OFFLINE", "true")
        self.driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        self.driver.set_page_load_timeout(WAIT_S)
        self.driver.set_script_timeout(WAIT_S)
        self.headless_agent = self.driver.execute_script("return navigator.userAgent")
        assert "HeadlessChrome/" in self.headless_agent, self.headless_agent
        self.say(self.headless_agent.replace("HeadlessChrome/", "Chrome/"))

    def say(self, user_agent):
        """From now on the browser says that it is this one."""
        self.driver.execute_cdp_cmd("Network.setUserAgentOverride", {"userAgent": user_agent})

    def open(self, url):
        self.driver.get(url)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def fill(self, **fields):
        """Types into the fields of these names."""
        for name, text in fields.items():
            self.find(f"[name='{name}']").send_keys(text)

    def submit(self):
        self.find("form button[type=submit]").click()

    def wait_for_title(self, title):
        wait = WebDriverWait(self.driver, WAIT_S, poll_frequency=0.02)
        wait.until(lambda driver: driver.title == title, f"the title is {self.driver.title!r}")

    def heading(self):
        return self.find("h1").text

    def fetch(self, url, body):
        """Posts JSON from the page's script: [status, answer], or ["refused", why] where the browser forbids it."""
        script = """
            const [url, body, done] = arguments;
            fetch(url, {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify(body)})
                .then(async (answer) => done([answer.status, await answer.json()]))
                .catch((why) => done(["refused", String(why)]));
        """
        return self.driver.execute_async_script(script, url, body)

    def close(self):
        self.driver.quit()
        shutil.rmtree(self._profile, ignore_errors=True)
