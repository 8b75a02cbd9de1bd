"""What most journeys share: one server with an owner who is signed in, a receiver, and data of every kind.

**Invariant:** made through the API, as customers and strangers would; nothing is written behind the server's back.
"""

import functools
import json
import re
from urllib.parse import quote, urlencode

from browser import Browser
from hook import Hooks
from server import Server, request, until

OWNER = ("ana@example.com", "correct horse battery")


class World:
    def __init__(self, *settings):
        self.server = Server(*settings)
        self.hooks = Hooks()
        self.owner = self.set_up()

    def set_up(self):
        """Creates the owner with the page's own form, as a browser without scripts would: the session's token."""
        url = self.server.setup_url()
        status, _, page = request("GET", url)
        assert status == 200, page[:500]
        hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.decode())
        fields = dict(hidden) | {
            "name": "Ana Kovač",
            "email": OWNER[0],
            "password": OWNER[1],
            "org_name": "Acme Hooks",
            "public_url": self.server.url,
        }
        return self._session(url, fields)

    def sign_in(self, email, password):
        return self._session(self.server.url + "/login", {"email": email, "password": password})

    def _session(self, url, fields):
        status, headers, body = request(
            "POST", url, urlencode(fields), content_type="application/x-www-form-urlencoded"
        )
        assert status == 303, (status, body[:800])
        return re.search(r"postrider_session=([^;]+)", headers["set-cookie"]).group(1)

    def browser(self, session=None, **options):
        browser = Browser(**options)
        browser.cookie(self.server.url, "postrider_session", session or self.owner)
        return browser

    def api(self, method, path, body=None, **options):
        return self.server.api(method, path, body, **options)

    def app(self, name, uid=None):
        return self.api("POST", "/api/v1/app", {"name": name, **({"uid": uid} if uid else {})})

    def endpoint(self, app, path, **fields):
        return self.api("POST", f"/api/v1/app/{app['id']}/endpoint", {"url": self.hooks.url + path, **fields})

    def message(self, app, event_type="invoice.paid", payload=None, **fields):
        body = {"eventType": event_type, "payload": payload or {"id": "in_1", "amount": 4200}, **fields}
        return self.api("POST", f"/api/v1/app/{app['id']}/msg", body)

    def attempts(self, app, message, count):
        path = f"/api/v1/app/{app['id']}/attempt/msg/{message['id']}"
        look = lambda: (data := self.api("GET", path)["data"]) and len(data) >= count and data
        return until(f"{count} attempts of {message['id']}", look)

    @functools.cached_property
    def everything(self):
        """One of everything that a page can show; paths of pages by name."""
        return fill(self)

    def close(self):
        self.hooks.close()
        self.server.close()


def fill(world, text=lambda usual: usual, messages=12):
    """Data of every kind; `text` may put something else in each field that a stranger controls. Names of what was made."""
    api, hooks = world.api, world.hooks
    schema = {"type": "object", "properties": {"id": {"type": "string"}, "amount": {"type": "integer"}}, "required": ["id"]}
    for name in ("invoice.paid", "invoice.voided", "user.created"):
        api("PUT", f"/api/v1/event-type/{name}", {"description": text("Something happened"), "groupName": name.split(".")[0], "schemas": {"1": schema}})
    app = api("POST", "/api/v1/app", {"name": text("Acme Inc"), "metadata": {"plan": text("gold")}})
    hooks.answers["/fails"] = (503, text("upstream is down").encode())
    good = world.endpoint(app, "/works", description=text("Billing"), metadata={"note": text("n")})
    bad = world.endpoint(app, "/fails?tag=" + _encoded(text("x")), description=text("CRM"))
    payload = {"id": text("in_1"), text("amount"): 4200, "list": [1, {"deep": text("x")}]}
    message = world.message(app, payload=payload, tags=["tag-1"])
    for n in range(messages):
        world.message(app, ["invoice.paid", "user.created"][n % 2], {"id": f"in_{n}", "amount": n, "name": text("Ada")})
    world.attempts(app, message, 3)
    source = api("POST", "/ingest/api/v1/source", {"name": text("stripe-prod"), "type": "generic-webhook"})
    bin = api("POST", "/api/v1/bin", {"name": text("Inbox")})
    for url in (source.get("ingestUrl"), bin.get("url")):
        strange = {"user_agent": _latin(text("curl/8")), "x_note": _latin(text("hello")), "content_type": "application/json"}
        status, _, body = request("POST", url + "?q=" + _encoded(text("q")), json.dumps(payload), **strange)
        assert status < 300, (url, status, body)
    link = api("POST", "/api/v1/link", {"target": hooks.url + "/landing", "name": text("Spring")} | {"appId": app["id"]})
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
    request("GET", link["url"] + "?utm_source=" + _encoded(text("letter")), user_agent=agent, referer=_latin(text("https://news.example/a")))
    request("GET", link["url"], user_agent=_latin(text(agent)))
    form = api("POST", "/api/v1/form", {"name": text("Contact"), "appId": app["id"]})
    body = "email=ada%40example.com&message=" + _encoded(text("Hello"))
    request("POST", form["url"], body, user_agent=agent, content_type="application/x-www-form-urlencoded", accept="text/html")
    return {"app": app, "good": good, "bad": bad, "message": message, "source": source, "bin": bin, "link": link, "form": form}


def _encoded(text):
    return quote(text, safe="")


def _latin(text):
    """As a header's value can be."""
    return text.replace("\t", " ").encode("latin-1", "replace").decode("latin-1")


_world = None


def world():
    """The one that journeys share, which change nothing that others count on."""
    global _world
    if _world is None:
        import atexit

        _world = World()
        atexit.register(_world.close)
    return _world
