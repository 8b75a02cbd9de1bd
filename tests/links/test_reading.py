"""What programs read: hooks and polling as Zapier and Make do it, and exports as spreadsheets and scripts do."""

import csv
import io
import json
import urllib.parse

from journey import until
from origins import PEOPLE, SERVER, Origins, download, get, parsed
from receiving import call, request

FORMULAS = ["=1+1", "+1", "-2+3", "@SUM(A1)", "\t=1", "=HYPERLINK(\"https://evil.test\",\"x\")"]


class Hooks(Origins):
    def hooks(self):
        return [hook["id"] for hook in call("GET", f"/api/v1/hook?appId={self.app}")["data"]]

    def test_a_target_that_is_gone_ends_its_hook_and_only_that(self):
        link = self.link()
        gone, leaving = self.hook("link.clicked")
        stays, staying = self.hook("link.clicked")
        self.assertEqual(sorted(self.hooks()), sorted([gone["id"], stays["id"]]))
        leaving.answers.append((410, b"gone"))
        # One that fails another way is only tried again.
        staying.answers.append((404, b"not found"))
        get(link["url"])
        self.event(leaving, "link.clicked")
        self.event(staying, "link.clicked")
        self.event(staying, "link.clicked")
        until("the hook is gone", lambda: self.hooks() == [stays["id"]])
        self.assertEqual(request("DELETE", f"{SERVER}/api/v1/hook/{gone['id']}", headers=self.bearer())[0], 404)
        get(link["url"])
        self.event(staying, "link.clicked")
        self.assertTrue(leaving.waiting.empty())

    def test_an_endpoint_that_is_no_hook_outlives_a_410(self):
        link = self.link()
        endpoint, inbox = self.subscribe("link.clicked")
        inbox.answers.append((410, b"gone"))
        get(link["url"])
        self.event(inbox, "link.clicked")
        [event] = until("the click is told of", lambda: self.events(link))
        path = f"/api/v1/app/{self.app}/attempt/msg/{event['id']}"
        until("the attempt is settled", lambda: call("GET", path)["data"])
        self.assertEqual(call("GET", f"/api/v1/app/{self.app}/endpoint/{endpoint}")["id"], endpoint)

    def test_unsubscribing_works_once_and_ends_the_webhooks(self):
        link = self.link()
        made, inbox = self.hook("link.clicked")
        other, stays = self.hook("link.clicked", firstPer="data.link")
        self.assertEqual((made["url"], made["eventTypes"]), (inbox.url, ["link.clicked"]))
        statuses = [request("DELETE", f"{SERVER}/api/v1/hook/{made['id']}", headers=self.bearer())[0] for _ in range(2)]
        self.assertEqual(statuses, [204, 404])
        self.assertEqual(self.hooks(), [other["id"]])
        get(link["url"])
        self.event(stays, "link.clicked")
        self.assertTrue(inbox.waiting.empty())


class Polling(Origins):
    def poll(self, limit=50, event="link.clicked"):
        return call("GET", f"/api/v1/event?event={event}&appId={self.app}&limit={limit}")

    def test_the_list_is_plain_newest_first_and_its_ids_stay(self):
        link = self.link(clickParam="cid")
        clicks = []
        for n in range(5):
            location = get(link["url"])[1]["location"]
            clicks.insert(0, location.partition("cid=")[2])
            self.settled(link, n + 1)
        seen = self.poll()
        self.assertIsInstance(seen, list)
        self.assertEqual([item["click"] for item in seen], clicks)
        times = [item["timestamp"] for item in seen]
        self.assertEqual(times, sorted(times, reverse=True))
        self.assertEqual(len({item["id"] for item in seen}), 5)
        self.assertEqual({item["type"] for item in seen}, {"link.clicked"})
        self.assertEqual(self.poll(), seen)
        self.assertEqual(self.poll(limit=2), seen[:2])
        get(link["url"])
        self.settled(link, 6)
        again = self.poll()
        self.assertEqual((len(again), again[1:]), (6, seen))
        # What is delivered has the same id, so that a hook and its fallback don't count twice.
        made, inbox = self.hook("link.clicked")
        get(link["url"])
        taken = inbox.take()
        self.assertEqual(self.poll(limit=1)[0]["id"], taken.message_id)
        self.assertEqual(made["appId"], self.app)

    def test_only_the_wanted_events_are_listed(self):
        link, form = self.link(), self.form(ratePerMinute=0)
        get(link["url"])
        request("POST", form["url"], json.dumps({"a": "b"}), {**PEOPLE, "content-type": "application/json"})
        self.settled(link, 1)
        self.settled(form, 1)
        self.assertEqual([item["type"] for item in self.poll(event="form.submitted")], ["form.submitted"])
        self.assertEqual(len(self.poll(event="form.submitted,link.clicked")), 2)
        self.assertEqual(self.poll(event="link.converted"), [])


class Exports(Origins):
    def export(self, origin, kind):
        name = origin["id"].partition("_")[0]
        headers, body = download(f"/api/v1/{name}/{origin['id']}/export?format={kind}")
        self.assertTrue(headers["content-type"].startswith({"csv": "text/csv", "ndjson": "application/x-ndjson"}[kind]))
        self.assertIn(f"{origin['id']}.{kind}", headers["content-disposition"])
        return body

    def table(self, origin):
        return list(csv.DictReader(io.StringIO(self.export(origin, "csv").decode(), newline=""), strict=True))

    def check_harmless(self, rows):
        """That no cell is a formula to a spreadsheet."""
        cells = [cell for row in rows for cell in row.values()]
        self.assertFalse([cell for cell in cells if cell[:1] in "=+-@\t\r" and cell])

    def test_clicks_are_exported_as_they_are_listed(self):
        link = self.link("https://example.com/a?b=c,d", tags=["a,b", "c"], clickParam="cid")
        for n, formula in enumerate(FORMULAS):
            query = urllib.parse.urlencode({"utm_source": formula, "utm_campaign": "x,\"y\"\nz"})
            get(f"{link['url']}?{query}", referer="https://news.example/a,b")
            self.settled(link, n + 1)
        click = self.events(link)[0]["data"]["click"]
        call("POST", "/api/v1/conversion", {"click": click, "value": -5})
        events = self.events(link)
        self.assertEqual(parsed(self.export(link, "ndjson")), events)

        rows = self.table(link)
        self.check_harmless(rows)
        self.assertEqual([row["id"] for row in rows], [event["id"] for event in events])
        self.assertEqual((rows[0]["type"], rows[0]["value"]), ("link.converted", "'-5"))
        for row, event, formula in zip(rows[1:], events[1:], reversed(FORMULAS)):
            data = event["data"]
            self.assertEqual(row["utmSource"].strip("'").strip(), formula.strip(), event)
            for name in ("click", "target", "referrer"):
                self.assertEqual(row[name], data[name])
            self.assertEqual((json.loads(row["tags"]), row["first"]), (data["tags"], str(data["first"]).lower()))

    def test_submissions_are_exported_with_a_column_for_each_field(self):
        form = self.form(fields=[{"name": "text"}, {"name": "=sum", "type": "integer"}], ratePerMinute=0)
        for n, formula in enumerate(FORMULAS):
            body = urllib.parse.urlencode({"text": formula, "=sum": -n, "other": "a\r\nb \"c\", d"})
            headers = {**PEOPLE, "content-type": "application/x-www-form-urlencoded"}
            self.assertEqual(request("POST", form["url"], body, headers)[0], 200)
        self.settled(form, len(FORMULAS))
        events = self.events(form)
        self.assertEqual(parsed(self.export(form, "ndjson")), events)
        rows = self.table(form)
        self.check_harmless(rows)
        self.assertFalse([name for name in rows[0] if name[:1] in "=+-@"])
        for row, event in zip(rows, events, strict=True):
            fields = event["data"]["fields"]
            self.assertEqual(row["fields.text"].removeprefix("'"), fields["text"])
            self.assertEqual(int(row["fields.=sum"].removeprefix("'")), fields["=sum"])
            self.assertEqual(json.loads(row["otherFields"]), {"other": fields["other"]})
        self.assertEqual([event["data"]["fields"]["text"] for event in events], FORMULAS[::-1])

    def test_hundreds_of_events_are_exported_whole(self):
        link = self.link()
        for _ in range(150):
            get(link["url"])
        self.settled(link, 150)
        ids = [event["id"] for event in self.events(link)]
        self.assertEqual(len(set(ids)), 150)
        self.assertEqual([event["id"] for event in parsed(self.export(link, "ndjson"))], ids)
        self.assertEqual([row["id"] for row in self.table(link)], ids)
