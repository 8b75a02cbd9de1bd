"""Clicks that other programs make: the first of many, countries, visitors who ask not to be tracked, conversions."""

import http.client
import json
import threading
import urllib.parse

import countries
from journey import WAIT_S, until
from origins import PEOPLE, SERVER, Origins, get
from receiving import call, request

PARALLEL = 64


def click_together(url):
    """That many first clicks at once, each over a connection of its own that is open before; their statuses."""
    parts = urllib.parse.urlsplit(url)
    barrier = threading.Barrier(PARALLEL)
    statuses = []

    def click(n):
        connection = http.client.HTTPConnection(parts.netloc, timeout=WAIT_S)
        connection.connect()
        barrier.wait(WAIT_S)
        connection.request("GET", parts.path, headers={**PEOPLE, "x-forwarded-for": f"203.0.113.{n}"})
        statuses.append(connection.getresponse().status)
        connection.close()

    threads = [threading.Thread(target=click, args=[n]) for n in range(PARALLEL)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


class FirstClicks(Origins):
    def destinations_of(self, events):
        """Endpoints that the events' messages go to, one for each delivery."""
        path = f"/api/v1/app/{self.app}/msg"
        return [found["id"] for event in events for found in call("GET", f"{path}/{event['id']}/endpoint")["data"]]

    def test_64_parallel_first_clicks_notify_once_and_another_link_has_its_own_first(self):
        endpoint, inbox = self.subscribe("link.clicked", firstPer="data.link")
        first, second = self.link(), self.link()
        for link in (first, second):
            self.assertEqual(click_together(link["url"]), [302] * PARALLEL)
            data = self.event(inbox, "link.clicked")
            self.assertEqual(data["link"], link["id"])
            stats = self.settled(link, PARALLEL)
            self.assertEqual((stats["uniqueVisitors"], stats["bots"]), (PARALLEL, 0))
            events = self.events(link)
            self.assertEqual(len({event["data"]["click"] for event in events}), PARALLEL)
            for flag in ("first", "firstHuman"):
                self.assertEqual([event["data"][flag] for event in events].count(True), 1, flag)
            # Not only that no other has come: there is no other.
            self.assertEqual(self.destinations_of(events), [endpoint])
        self.assertTrue(inbox.waiting.empty())

    def test_what_comes_first_for_one_endpoint_is_not_for_another(self):
        link = self.link()
        _, early = self.subscribe("link.clicked", firstPer="data.link")
        get(link["url"])
        self.event(early, "link.clicked")
        late_id, late = self.subscribe("link.clicked", firstPer="data.link")
        get(link["url"])
        self.assertEqual(self.event(late, "link.clicked")["first"], False)
        get(link["url"])
        self.settled(link, 3)
        self.assertEqual(self.destinations_of(self.events(link)).count(late_id), 1)
        self.assertTrue(early.waiting.empty())

    def test_the_first_person_is_told_of_though_robots_came_before(self):
        link = self.link()
        _, inbox = self.subscribe("link.clicked", firstPer="data.link", channels=["human"])
        for agent in ("curl/8.5.0", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "Googlebot/2.1"):
            get(link["url"], user_agent=agent)
        get(link["url"], "HEAD")
        get(link["url"])
        data = self.event(inbox, "link.clicked")
        self.assertEqual((data["bot"], data["first"], data["firstHuman"]), (False, False, True))
        self.assertEqual(self.settled(link, 1)["bots"], 4)


class Visitors(Origins):
    def test_the_country_is_that_of_the_address_that_a_trusted_proxy_names(self):
        link = self.link()
        _, inbox = self.subscribe("link.clicked")
        self.assertIn("203.0.113.0/25", countries.COUNTRIES["DE"])
        for address, country in [
            ("203.0.113.9", "DE"),
            ("203.0.113.200", "NZ"),
            ("2001:db8:1::7", "DE"),
            ("::ffff:203.0.113.9", "DE"),
            # Whoever is behind the proxy may claim what he likes before what it adds.
            ("203.0.113.9, 203.0.113.200", "NZ"),
            ("198.51.100.1", None),
            ("nonsense", None),
        ]:
            self.assertEqual(get(link["url"], x_forwarded_for=address)[0], 302)
            self.assertEqual(self.event(inbox, "link.clicked")["country"], country, address)
        want = [{"value": "DE", "count": 3}, {"value": "NZ", "count": 2}]
        self.assertEqual(self.settled(link, 7)["countries"], want)

    def test_nothing_is_known_of_who_asks_not_to_be_tracked(self):
        link = self.link("https://example.com/?utm_source=target")
        _, inbox = self.subscribe("link.clicked")
        nothing = dict.fromkeys(["visitor", "referrer", "referrerHost", "country", "device", "os", "browser"])
        for name in ("dnt", "sec_gpc"):
            headers = {name: "1", "x_forwarded_for": "203.0.113.9", "referer": "https://news.example/a"}
            get(link["url"] + "?utm_source=letter", **headers)
            data = self.event(inbox, "link.clicked")
            self.assertEqual({**data, **nothing, "doNotTrack": True, "unique": False, "bot": False}, data)
            self.assertEqual(set(data["utm"].values()), {None})
        stats = self.settled(link, 2)
        self.assertEqual(stats["uniqueVisitors"], 0)
        told = ["referrers", "countries", "devices", "os", "browsers", "utmSources", "utmMediums", "utmCampaigns"]
        self.assertEqual([stats[name] for name in told], [[]] * len(told))

    def test_no_address_is_told_or_kept(self):
        link = self.link()
        get(link["url"], x_forwarded_for="203.0.113.77")
        self.settled(link, 1)
        self.assertNotIn("203.0.113.77", str(self.events(link)))


class Conversions(Origins):
    def click(self, link):
        """Follows it; the click's id, as the target gets it."""
        status, headers, _ = get(link["url"])
        self.assertEqual(status, 302)
        [click] = urllib.parse.parse_qs(urllib.parse.urlsplit(headers["location"]).query)["cid"]
        return click

    def convert(self, **fields):
        """(status, answer)."""
        headers = {**self.bearer(), "content-type": "application/json"}
        status, answer = request("POST", SERVER + "/api/v1/conversion", json.dumps(fields), headers)
        return status, json.loads(answer)

    def test_a_conversion_comes_once_for_each_name_whoever_says_it_again(self):
        link = self.link(clickParam="cid")
        _, inbox = self.subscribe("link.converted")
        click = self.click(link)
        status, answer = self.convert(click=click, name="signup", value=12.5, currency="eur", externalId="order-1")
        self.assertEqual((status, answer["repeated"], answer["link"]), (202, False, link["id"]))
        status, answer = self.convert(click=click, name="signup", externalId="order-1")
        self.assertEqual((status, answer["repeated"]), (200, True))
        data = self.event(inbox, "link.converted")
        told = [data[name] for name in ("click", "link", "name", "value", "currency", "externalId")]
        self.assertEqual(told, [click, link["id"], "signup", 12.5, "EUR", "order-1"])

        for _ in range(3):
            status, headers, body = get(f"{SERVER}/c/{click}.gif?name=seen")
            self.assertEqual((status, headers["content-type"], body[:6]), (200, "image/gif", b"GIF89a"))
        self.assertEqual(self.event(inbox, "link.converted")["name"], "seen")
        self.assertEqual(self.convert(click=click, name="seen")[0], 200)
        self.assertEqual(self.convert(click=click)[0], 202)
        self.assertEqual(self.event(inbox, "link.converted")["name"], "conversion")
        names = [event["data"]["name"] for event in self.events(link) if event["type"] == "link.converted"]
        self.assertEqual(names, ["conversion", "seen", "signup"])
        self.assertEqual(self.settled(link, 1)["conversions"], 3)

    def test_a_click_that_never_was_is_not_converted(self):
        link = self.link(clickParam="cid")
        click = self.click(link)
        last = "A" if click[-1] != "A" else "B"
        for forged in (click[:-1] + last, "clk_" + "A" * 35, click + "A", "clk_", link["id"]):
            self.assertEqual(self.convert(click=forged)[0], 404, forged)
            # Nobody looks at a picture's status; it is always one.
            self.assertEqual(get(f"{SERVER}/c/{forged}.gif")[0], 200)
        self.settled(link, 1)
        self.assertEqual([event["type"] for event in self.events(link)], ["link.clicked"])

    def test_a_deleted_links_clicks_convert_nothing(self):
        link = self.link(clickParam="cid")
        click = self.click(link)
        call("DELETE", f"/api/v1/link/{link['id']}")
        self.assertEqual(self.convert(click=click)[0], 404)
        until("the link leads nowhere", lambda: get(link["url"])[0] == 404)
