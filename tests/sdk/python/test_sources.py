"""Sources and their endpoints, managed with the SDK as it comes."""

import json
import unittest
import urllib.parse

import dialect
from journey import receiver, unique, walk
from providers import Signed
from receiving import SOURCES, Receiving, call, ingest, request, types_of_sdk
from svix import models
from svix.api.ingest_source import IngestSourceListOptions
from svix.exceptions import HTTPValidationError, HttpError

SECRET = "a signing secret of 32 letters..."


class Sources(Receiving):
    def make(self, **fields):
        fields = {"name": self.id(), "type": "stripe", "config": {"secret": SECRET}, **fields}
        made = ingest().source.create(models.IngestSourceIn(**fields))
        self.addCleanup(self.remove, made.id)
        return made

    def remove(self, source_id):
        try:
            ingest().source.delete(source_id)
        except HttpError as gone:
            self.assertEqual(gone.status_code, 404)

    def refused(self, status, call, *args):
        with self.assertRaises(HTTPValidationError if status == 422 else HttpError) as caught:
            call(*args)
        self.assertEqual(caught.exception.status_code, status)

    def test_a_source_gives_back_what_it_was_made_of_but_its_secret(self):
        uid = unique("source")
        metadata = {"metadata": {"team": "payments"}} if dialect.has_source_metadata else {}
        made = self.make(uid=uid, **metadata)
        for name in (made.id, uid):
            found = ingest().source.get(name)
            self.assertEqual((found.id, found.uid, found.type, found.name), (made.id, uid, "stripe", self.id()))
            self.assertEqual(found.ingest_url, made.ingest_url)
            if metadata:
                self.assertEqual(found.metadata, {"team": "payments"})
        self.assertNotIn(SECRET, json.dumps(call("GET", f"{SOURCES}/{made.id}")))
        self.refused(409, ingest().source.create, models.IngestSourceIn(name="again", uid=uid, type="github", config={}))

    def test_sources_are_listed_page_by_page(self):
        made = [self.make().id for _ in range(3)]
        listed = [source.id for source in walk(ingest().source.list, IngestSourceListOptions, limit=2)]
        self.assertEqual([one for one in listed if one in made], made)

    def test_a_put_changes_a_source_and_makes_one_that_there_is_not(self):
        put = dialect.put(ingest().source)
        made = self.make()
        whole = models.IngestSourceIn(name="changed", type="github", config={"secret": SECRET})
        changed = put(made.id, whole)
        self.assertEqual((changed.id, changed.name, changed.type), (made.id, "changed", "github"))
        self.assertEqual(changed.ingest_url, made.ingest_url)
        uid = unique("source")
        new = put(uid, whole)
        self.addCleanup(self.remove, new.id)
        self.assertEqual((ingest().source.get(uid).id, new.uid), (new.id, uid))

    def test_every_type_of_the_sdk_is_known(self):
        kinds = {kind["name"] for kind in call("GET", "/api/v1/source-type")["data"]}
        aliases = {alias for kind in call("GET", "/api/v1/source-type")["data"] for alias in kind["aliases"]}
        self.assertEqual(types_of_sdk() - kinds - aliases, set())

    def test_a_source_that_could_not_verify_is_refused(self):
        for config in ({"secret": ""}, {"secret": "short"}):
            whole = models.IngestSourceIn(name="bad", type="slack", config=config)
            self.refused(422, ingest().source.create, whole)

    def test_after_a_rotation_both_urls_work(self):
        made = self.make(type="generic-webhook", config={})
        new = ingest().source.rotate_token(made.id).ingest_url
        self.assertNotEqual(new, made.ingest_url)
        self.assertEqual(ingest().source.get(made.id).ingest_url, new)
        for n, url in enumerate((made.ingest_url, new)):
            self.post(200, Signed(url, {"content-type": "application/json"}, b'{"n":%d}' % n))
        for url in (ingest().source.rotate_token(made.id).ingest_url, ingest().source.rotate_token(made.id).ingest_url):
            self.assertNotEqual(url, new)
        self.refused(409, ingest().source.rotate_token, made.id)

    def test_what_is_deleted_is_gone_and_so_is_its_url(self):
        made = self.make()
        ingest().source.delete(made.id)
        self.refused(404, ingest().source.get, made.id)
        self.post(404, Signed(made.ingest_url, {}, b"{}"))


@unittest.skipUnless(dialect.has_ingest_endpoints, "this version names no source when it asks for its endpoints")
class Endpoints(Receiving):
    def setUp(self):
        self.of = ingest().endpoint
        fields = {"name": self.id(), "type": "generic-webhook", "config": {}}
        made = ingest().source.create(models.IngestSourceIn(**fields))
        self.addCleanup(ingest().source.delete, made.id)
        self.id_of_source, self.url = made.id, made.ingest_url
        self.inbox = receiver.inbox()
        self.made = self.of.create(made.id, dialect.ingest_endpoint_in(url=self.inbox.url, uid=unique("endpoint")))
        self.inbox.keys = [self.of.get_secret(made.id, self.made.id).key]

    def send(self, n):
        self.post(200, Signed(self.url, {"content-type": "application/json"}, b'{"n":%d}' % n))

    def test_an_endpoint_is_found_changed_and_deleted(self):
        source = self.id_of_source
        for name in (self.made.id, self.made.uid):
            self.assertEqual(self.of.get(source, name).url, self.inbox.url)
        self.assertEqual([one.id for one in self.of.list(source).data], [self.made.id])
        whole = dialect.ingest_endpoint_whole(
            url=self.inbox.url, description="changed", throttle_rate=50, metadata={"a": "b"}, disabled=True
        )
        changed = dialect.put(self.of)(source, self.made.id, whole)
        self.assertEqual((changed.description, changed.metadata, changed.disabled), ("changed", {"a": "b"}, True))
        self.assertEqual(dialect.throttle_rate_of(changed), 50)
        self.of.delete(source, self.made.id)
        self.assertEqual(self.of.list(source).data, [])
        with self.assertRaises(HttpError) as gone:
            self.of.get(source, self.made.id)
        self.assertEqual(gone.exception.status_code, 404)

    def test_a_new_secret_signs_and_so_does_the_old_one_for_a_while(self):
        own = "whsec_" + "b3duIHNlY3JldCBvZiAyNCBieXRlcyEh"
        self.of.rotate_secret(self.id_of_source, self.made.id, models.IngestEndpointSecretIn(key=own))
        self.assertEqual(self.of.get_secret(self.id_of_source, self.made.id).key, own)
        self.inbox.keys.append(own)
        self.send(1)
        self.assertEqual(self.inbox.take().body, b'{"n":1}')

    def test_headers_of_an_endpoint_come_on_top_of_the_originals(self):
        put = dialect.put_headers(self.of)
        headers = {"X-Team": "payments", "Authorization": "Basic abc"}
        put(self.id_of_source, self.made.id, models.IngestEndpointHeadersIn(headers=headers))
        shown = self.of.get_headers(self.id_of_source, self.made.id)
        self.assertEqual({name.lower(): value for name, value in shown.headers.items()}, {"x-team": "payments"})
        self.assertEqual([name.lower() for name in shown.sensitive], ["authorization"])
        self.post(200, Signed(self.url + "/sub?q=1", {"content-type": "text/x", "X-Team": "b", "x-own": "c"}, b"\x00 \xc3\xa9"))
        came = self.inbox.take()
        names = ("x-team", "authorization", "x-own", "content-type")
        self.assertEqual([came.headers[name] for name in names], ["payments", "Basic abc", "c", "text/x"])
        self.assertEqual((came.body, came.query), (b"\x00 \xc3\xa9", "?q=1"))

    def test_the_dashboards_token_reaches_this_source_and_no_other(self):
        body = models.IngestSourceConsumerPortalAccessIn()
        access = dialect.ingest_dashboard(ingest())(self.id_of_source, body)
        self.assertTrue(access.url)
        self.send(1)
        self.inbox.take()
        other = ingest().source.create(models.IngestSourceIn(name="other", type="generic-webhook", config={}))
        self.addCleanup(ingest().source.delete, other.id)
        server = urllib.parse.urlsplit(self.url)._replace(path=SOURCES).geturl()
        bearer = {"authorization": f"Bearer {access.token}"}
        look = lambda source, what: request("GET", f"{server}/{source}/{what}", headers=bearer)[0]
        self.assertEqual([look(self.id_of_source, what) for what in ("endpoint", "request", "log")], [200] * 3)
        self.assertNotIn(200, [look(other.id, what) for what in ("endpoint", "request", "log")])
