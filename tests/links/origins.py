"""What the tests of links and forms share: making them, visiting them as other programs do, and their webhooks.

All by plain HTTP: the SDKs don't know links and forms.
"""

import http.client
import json
import os
import urllib.parse

from journey import WAIT_S, Journey, receiver, until
from receiving import call, request
from standardwebhooks.webhooks import Webhook

SERVER = os.environ["JOURNEY_URL"]
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
PEOPLE = {"user-agent": AGENT}


def get(url, method="GET", **headers):
    """Visits as a browser would, without following: (status, headers in lower case, body)."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=WAIT_S)
    try:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, parts._replace(scheme="", netloc="").geturl(), headers={**PEOPLE, **names})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def download(path):
    """(headers in lower case, body) of an answer of the API that is no JSON."""
    status, headers, body = get(SERVER + path, authorization=f"Bearer {os.environ['JOURNEY_TOKEN']}")
    assert status == 200, f"{path}: {status} {body}"
    return headers, body


class Origins(Journey):
    """A test with an application for the events of the links and forms that it makes."""

    def link(self, target="https://example.com/landing", **fields):
        made = call("POST", "/api/v1/link", {"target": target, "appId": self.app, **fields})
        self.addCleanup(self.remove, f"/api/v1/link/{made['id']}")
        return made

    def form(self, **fields):
        made = call("POST", "/api/v1/form", {"name": self.id(), "appId": self.app, **fields})
        self.addCleanup(self.remove, f"/api/v1/form/{made['id']}")
        return made

    def remove(self, path):
        status, answer = request("DELETE", SERVER + path, headers=self.bearer())
        self.assertIn(status, (204, 404), answer)

    def bearer(self):
        return {"authorization": f"Bearer {os.environ['JOURNEY_TOKEN']}"}

    def subscribe(self, *event_types, **fields):
        """An ordinary endpoint with an inbox: (id, inbox)."""
        inbox = receiver.inbox()
        body = {"url": inbox.url, "filterTypes": event_types or None, **fields}
        made = call("POST", f"/api/v1/app/{self.app}/endpoint", body)
        inbox.keys = [call("GET", f"/api/v1/app/{self.app}/endpoint/{made['id']}/secret")["key"]]
        return made["id"], inbox

    def hook(self, event_type, **fields):
        """A subscription as Zapier makes it: (what was answered, inbox)."""
        inbox = receiver.inbox()
        made = call("POST", "/api/v1/hook", {"hookUrl": inbox.url, "event": event_type, "appId": self.app, **fields})
        self.addCleanup(self.remove, f"/api/v1/hook/{made['id']}")
        inbox.keys = [made["secret"]]
        return made, inbox

    def event(self, inbox, event_type):
        """The data of the next webhook, as the official library gives it out, once it has verified it."""
        taken = inbox.take()
        event = Webhook(inbox.keys[0]).verify(taken.body, taken.headers)
        self.assertEqual(event["type"], event_type, event)
        return event["data"]

    def settled(self, origin, count):
        """Figures of a link or form, once they have so many clicks or submissions of people."""
        kind = origin["id"].partition("_")[0]
        word = {"link": "clicks", "form": "submissions"}[kind]
        path = f"/api/v1/{kind}/{origin['id']}"
        look = lambda: (stats := call("GET", f"{path}/stats"))[word] == count and stats
        return until(f"{count} {word}", look)

    def events(self, origin):
        """All of them, newest first."""
        kind = origin["id"].partition("_")[0]
        found, iterator = [], ""
        while True:
            page = call("GET", f"/api/v1/{kind}/{origin['id']}/event?limit=50{iterator}")
            found += page["data"]
            if page["done"]:
                return found
            iterator = "&iterator=" + page["iterator"]


def parsed(json_lines):
    return [json.loads(line) for line in json_lines.decode().splitlines()]
