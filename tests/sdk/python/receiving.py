"""What the tests of receiving share: sources, requests to them as a provider makes them, and what became of these.

Sources are made and removed with the SDK where it knows their type, else by plain HTTP: its answers have no other types.
"""

import functools
import http.client
import json
import os
import typing
import unittest
import urllib.parse
from dataclasses import dataclass

import dialect
from journey import WAIT_S, Resources, client, receiver, unique
from svix import models

SOURCES = "/ingest/api/v1/source"


@functools.cache
def ingest():
    """`svix.ingest`."""
    return Resources(client().ingest)


@functools.cache
def types_of_sdk():
    """The types of source that this version of the SDK has a name for."""
    union = models.IngestSourceIn.model_fields["type"].annotation
    return {name for literal in typing.get_args(union) for name in typing.get_args(literal) or (literal,)}


def request(method, url, body=None, headers=()):
    """(status, bytes of the answer). A connection of its own, so that nothing is sent again behind our back."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=WAIT_S)
    try:
        connection.request(method, parts._replace(scheme="", netloc="").geturl(), body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def call(method, path, body=None):
    """The JSON that the API answers; fails unless it is a success."""
    headers = {"authorization": f"Bearer {os.environ['JOURNEY_TOKEN']}", "content-type": "application/json"}
    status, answer = request(method, os.environ["JOURNEY_URL"] + path, body and json.dumps(body), headers)
    assert status // 100 == 2, f"{method} {path}: {status} {answer}"
    return json.loads(answer) if answer else None


@dataclass
class Source:
    """A source with one endpoint, whose inbox is `inbox`."""

    id: str
    # Where its provider sends to.
    url: str
    inbox: object = None

    def requests(self, verdict):
        """The stored requests of this verdict, newest first."""
        return call("GET", f"{SOURCES}/{self.id}/request?verdict={verdict}")["data"]

    def messages(self):
        """All messages that its requests became, newest first."""
        app = call("GET", f"{SOURCES}/{self.id}")["appId"]
        page = call("GET", f"/api/v1/app/{app}/msg?limit=250")
        assert page["done"]
        return page["data"]


class Receiving(unittest.TestCase):
    def source(self, kind, config, **options):
        """A source, with the endpoint that it forwards to."""
        fields = {"name": self.id(), "uid": unique("source"), "type": kind, "config": config}
        if kind in types_of_sdk():
            made = ingest().source.create(models.IngestSourceIn(**fields))
            source = Source(made.id, made.ingest_url)
        else:
            made = call("POST", SOURCES, fields)
            source = Source(made["id"], made["ingestUrl"])
        self.addCleanup(ingest().source.delete, source.id)
        if options:
            # The SDK has no field for them.
            call("PATCH", f"{SOURCES}/{source.id}", {"options": options})
        source.inbox = receiver.inbox()
        source.inbox.keys = [self.endpoint(source.id, source.inbox.url)]
        return source

    def endpoint(self, source_id, url):
        """Makes an endpoint; its secret."""
        if dialect.has_ingest_endpoints:
            made = ingest().endpoint.create(source_id, models.IngestEndpointIn(url=url))
            return ingest().endpoint.get_secret(source_id, made.id).key
        made = call("POST", f"{SOURCES}/{source_id}/endpoint", {"url": url})
        return call("GET", f"{SOURCES}/{source_id}/endpoint/{made['id']}/secret")["key"]

    def post(self, status, signed):
        """Sends as the provider does; the answer must have this status."""
        got, answer = request("POST", signed.url, signed.body, signed.headers)
        self.assertEqual(got, status, answer)
        return answer
