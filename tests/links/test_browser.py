"""A real Chromium clicks short links and sends forms; whoever subscribed gets the webhooks."""

import os
import tempfile
import urllib.parse

from browser import Browser
from origins import SERVER, Origins
from receiving import call, request
from website import Website


class InBrowser(Origins):
    @classmethod
    def setUpClass(cls):
        cls.site = Website()
        cls.addClassCleanup(cls.site.close)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def check_visitor(self, data):
        """That the event tells of this browser, and came from a page of the site."""
        told = {name: data[name] for name in ("browser", "os", "device", "bot", "doNotTrack", "country")}
        want = {"browser": "Chrome", "os": "Linux", "device": "desktop", "bot": False, "doNotTrack": False}
        self.assertEqual(told, {**want, "country": None})
        self.assertRegex(data["visitor"], "^[0-9a-f]{16}$")
        # The page is on another site than the link: browsers tell no more than the site.
        self.assertEqual((data["referrer"], data["referrerHost"]), (self.site.origin + "/", "127.0.0.1"))


class Clicks(InBrowser):
    def setUp(self):
        super().setUp()
        self.target = self.site.page("/arrived", "<h1>Welcome</h1>", "Arrived")
        self.site.visits.clear()

    def follow(self, link, query=""):
        """Opens a page with the link on it, clicks it, and waits for the target."""
        page = self.site.page("/page", f"<h1>News</h1><p><a href='{link['url']}{query}'>Read on</a></p>")
        self.browser.open(page)
        self.browser.find("a").click()
        self.browser.wait_for_title("Arrived")

    def test_a_click_leads_to_the_target_and_comes_to_an_endpoint_and_to_a_hook(self):
        link = self.link(self.target + "?plan=pro#top", clickParam="click", tags=["press", "spring"])
        _, inbox = self.subscribe("link.clicked")
        _, hooked = self.hook("link.clicked")
        self.follow(link, "?utm_source=letter&utm_campaign=spring%20sale")

        arrived = urllib.parse.urlsplit(self.browser.driver.current_url)
        self.assertEqual((arrived.scheme + "://" + arrived.netloc, arrived.fragment), (self.site.origin, "top"))
        [visit] = self.site.visits_of("/arrived")
        self.assertEqual(visit.query["plan"], ["pro"])
        [click] = visit.query["click"]
        # The target learns the site, not the page.
        self.assertEqual(visit.headers["referer"], self.site.origin + "/")

        data = self.event(inbox, "link.clicked")
        self.assertEqual(self.event(hooked, "link.clicked"), data)
        self.check_visitor(data)
        self.assertEqual((data["click"], data["link"], data["slug"]), (click, link["id"], link["slug"]))
        self.assertEqual((data["target"], data["tags"]), (self.target + "?plan=pro#top", ["press", "spring"]))
        utm = {"source": "letter", "medium": None, "campaign": "spring sale", "term": None, "content": None}
        self.assertEqual(data["utm"], utm)
        self.assertEqual([data[name] for name in ("first", "firstHuman", "unique")], [True, True, True])

        self.follow(link)
        data = self.event(inbox, "link.clicked")
        self.assertEqual([data[name] for name in ("first", "firstHuman", "unique")], [False, False, False])
        stats = self.settled(link, 2)
        self.assertEqual((stats["bots"], stats["uniqueVisitors"]), (0, 1))
        figures = {"browsers": "Chrome", "os": "Linux", "devices": "desktop", "referrers": "127.0.0.1"}
        for name, value in figures.items():
            self.assertEqual(stats[name], [{"value": value, "count": 2}], name)
        self.assertEqual(stats["utmSources"], [{"value": "letter", "count": 1}])

    def test_each_redirect_code_is_followed_each_time_through_the_server(self):
        for code in (301, 302, 303, 307, 308):
            link = self.link(self.target, redirect=code)
            self.follow(link)
            self.follow(link)
            self.settled(link, 2)

    def test_a_browser_without_a_window_is_a_robot_and_people_are_told_apart(self):
        link = self.link(self.target)
        _, people = self.subscribe("link.clicked", channels=["human"])
        _, robots = self.subscribe("link.clicked", channels=["bot"])
        said = self.browser.headless_agent
        self.browser.say(said)
        self.addCleanup(self.browser.say, said.replace("HeadlessChrome/", "Chrome/"))
        self.follow(link)
        data = self.event(robots, "link.clicked")
        self.assertEqual([data[name] for name in ("bot", "first", "firstHuman")], [True, True, False])
        self.browser.say(said.replace("HeadlessChrome/", "Chrome/"))
        self.follow(link)
        data = self.event(people, "link.clicked")
        self.assertEqual([data[name] for name in ("bot", "first", "firstHuman")], [False, False, True])
        self.assertEqual((self.settled(link, 1)["bots"], robots.waiting.empty()), (1, True))

    def test_a_pixel_on_the_target_says_that_the_click_led_there(self):
        pixel = lambda visit: f"<img src='{SERVER}/c/{visit.query['click'][0]}.gif?name=sale&value=12.5'>"
        link = self.link(self.site.page("/sold", pixel, "Arrived"), clickParam="click")
        _, inbox = self.subscribe("link.converted")
        self.follow(link)
        data = self.event(inbox, "link.converted")
        [visit] = self.site.visits_of("/sold")
        told = [data[name] for name in ("click", "link", "name", "value", "currency")]
        self.assertEqual(told, [visit.query["click"][0], link["id"], "sale", 12.5, None])
        self.assertEqual(self.settled(link, 1)["conversions"], 1)

    def test_a_link_that_is_off_or_over_shows_a_page(self):
        link = self.link(self.target, disabled=True)
        self.browser.open(link["url"])
        self.assertEqual(self.browser.heading(), "Link not found")
        call("PATCH", f"/api/v1/link/{link['id']}", {"disabled": False, "expiresAt": "2020-01-01T00:00:00Z"})
        self.browser.open(link["url"])
        self.assertEqual(self.browser.heading(), "Link expired")


class Forms(InBrowser):
    FIELDS = [
        {"name": "email", "type": "email", "required": True},
        {"name": "message", "maxLength": 2000},
        {"name": "seats", "type": "integer"},
        {"name": "plan", "type": "choice", "options": ["Basic", "Pro & more"]},
        {"name": "agreed", "type": "checkbox"},
    ]

    def show(self, form):
        """Opens a page with the snippet that the API gave, and nothing else."""
        self.browser.open(self.site.page("/contact", "<h1>Contact</h1>" + form["html"], "Contact"))

    def test_a_plain_form_is_submitted_and_thanked_for_and_told_of(self):
        form = self.form(fields=self.FIELDS, thankYou="Danke schön!\nWe <b>answer</b> within a day.")
        _, inbox = self.subscribe("form.submitted")
        _, hooked = self.hook("form.submitted")
        self.show(form)
        text = "Grüße, \"quoted\" & <b>bold</b> 💌\nsecond line"
        # The driver types what is on the first plane only; the rest is put there by script.
        self.browser.fill(email="ada@example.com", seats="12")
        self.browser.driver.execute_script("document.querySelector('[name=message]').value = arguments[0]", text)
        self.browser.find("option[value='Pro & more']").click()
        self.browser.find("[name=agreed]").click()
        self.browser.submit()
        self.browser.wait_for_title("Danke schön!")
        self.assertEqual(self.browser.heading(), "Danke schön!")
        self.assertIn("We <b>answer</b> within a day.", self.browser.find("body").text)

        data = self.event(inbox, "form.submitted")
        self.assertEqual(self.event(hooked, "form.submitted"), data)
        self.check_visitor(data)
        fields = {"email": "ada@example.com", "message": text, "seats": 12, "plan": "Pro & more", "agreed": True}
        self.assertEqual({**data["fields"], "message": data["fields"]["message"].replace("\r\n", "\n")}, fields)
        self.assertEqual((data["form"], data["formName"], data["files"]), (form["id"], form["name"], []))
        self.assertEqual(data["origin"], self.site.origin)
        stats = self.settled(form, 1)
        self.assertEqual(stats["browsers"], [{"value": "Chrome", "count": 1}])

    def test_a_form_with_a_redirect_leads_there(self):
        target = self.site.page("/thanks", "<h1>Thanks</h1>", "Thanks from the site")
        form = self.form(redirectUrl=target)
        _, inbox = self.subscribe("form.submitted")
        self.show(form)
        self.browser.fill(email="ada@example.com", message="Hello")
        self.browser.submit()
        self.browser.wait_for_title("Thanks from the site")
        data = self.event(inbox, "form.submitted")
        self.assertEqual(data["fields"], {"email": "ada@example.com", "message": "Hello"})

    def test_files_are_uploaded_and_fetched_back_by_their_urls(self):
        form = self.form(fields=[{"name": "cv", "type": "file", "required": True, "multiple": True}, {"name": "note"}])
        _, inbox = self.subscribe("form.submitted")
        files = {"cv \"1\".pdf": b"%PDF-1.7\r\n--" + bytes(range(256)), "größe.txt": os.urandom(300_000)}
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(content)
            self.show(form)
            self.browser.fill(note="two files", cv="\n".join(os.path.join(folder, name) for name in files))
            self.browser.submit()
            self.browser.wait_for_title("Thank you")
        data = self.event(inbox, "form.submitted")
        self.assertEqual(data["fields"], {"note": "two files"})
        described = [(file["field"], file["name"], file["size"]) for file in data["files"]]
        self.assertEqual(described, [("cv", name, len(content)) for name, content in files.items()])
        self.assertEqual([file["contentType"] for file in data["files"]], ["application/pdf", "text/plain"])
        for file, content in zip(data["files"], files.values()):
            self.assertEqual(request("GET", urllib.parse.urljoin(SERVER, file["url"])), (200, content))

    def test_what_was_filled_in_wrongly_is_said_on_a_page(self):
        form = self.form(fields=self.FIELDS)
        self.show(form)
        # As if the page had been written by hand, without the rules.
        self.browser.driver.execute_script("document.querySelector('form').noValidate = true")
        self.browser.fill(email="nobody", message="Hello")
        self.browser.submit()
        self.browser.wait_for_title("Please check your entries")
        self.assertIn("email", self.browser.find("ul").text)
        self.assertEqual(self.events(form), [])

    def test_a_robot_that_fills_the_trap_is_thanked_and_dropped(self):
        form = self.form(fields=self.FIELDS)
        _, inbox = self.subscribe("form.submitted")
        self.show(form)
        self.browser.driver.execute_script("document.querySelector('[name=_gotcha]').value = 'cheap watches'")
        self.browser.fill(email="robot@example.com")
        self.browser.submit()
        self.browser.wait_for_title("Thank you")
        self.show(form)
        self.browser.fill(email="ada@example.com")
        self.browser.submit()
        self.browser.wait_for_title("Thank you")
        self.assertEqual(self.event(inbox, "form.submitted")["fields"]["email"], "ada@example.com")
        self.assertEqual(len(self.events(form)), 1)

    def test_a_script_posts_json_from_the_sites_that_the_form_names_only(self):
        form = self.form(fields=self.FIELDS, origins=[self.site.origin])
        _, inbox = self.subscribe("form.submitted")
        self.show(form)
        fields = {"email": "ada@example.com", "seats": 3, "agreed": True}
        status, answer = self.browser.fetch(form["url"], fields)
        self.assertEqual((status, answer["ok"]), (200, True))
        data = self.event(inbox, "form.submitted")
        self.assertEqual(data["fields"], {**data["fields"], **fields})
        status, answer = self.browser.fetch(form["url"], {"email": "nobody"})
        self.assertEqual((status, [wrong["field"] for wrong in answer["fields"]]), (422, ["email"]))
        call("PATCH", f"/api/v1/form/{form['id']}", {"origins": ["https://example.com"]})
        self.assertEqual(self.browser.fetch(form["url"], fields)[0], "refused")
        self.assertEqual(len(self.events(form)), 1)
