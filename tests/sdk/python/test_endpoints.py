"""Endpoints: their fields, lists, headers, and what of them shows in deliveries."""

import unittest

import dialect
from journey import Journey, receiver, unique, walk
from svix.api import EndpointListOptions
from svix.models import EndpointHeadersIn, EndpointHeadersPatchIn


class Endpoints(Journey):
    def test_an_endpoint_gives_back_all_that_it_was_made_of(self):
        kind, uid = self.event_type(), unique("endpoint")
        made, inbox = self.endpoint(
            uid=uid,
            description="all of it",
            event_types=[kind],
            channels=["blue"],
            metadata={"team": "a"},
            throttle_rate=50,
        )
        for name in (made.id, uid):
            found = self.svix.endpoint.get(self.app, name)
            self.assertEqual((found.id, found.uid, found.url), (made.id, uid, inbox.url))
            self.assertEqual((found.description, found.metadata), ("all of it", {"team": "a"}))
            self.assertEqual((dialect.event_types_of(found), found.channels), ([kind], ["blue"]))
            self.assertEqual(dialect.throttle_rate_of(found), 50)
            self.assertFalse(found.disabled)

    def test_a_patch_keeps_what_is_absent_and_clears_what_is_null(self):
        kind = self.event_type()
        made, inbox = self.endpoint(
            uid=unique("endpoint"), event_types=[kind], channels=["blue"], metadata={"a": "1"}, throttle_rate=9
        )
        patched = self.patch(made, description="patched")
        self.assertEqual((patched.description, dialect.event_types_of(patched)), ("patched", [kind]))
        self.assertEqual((patched.uid, patched.channels, patched.url), (made.uid, ["blue"], inbox.url))
        cleared = self.patch(made, uid=None, event_types=None, channels=None, throttle_rate=None)
        self.assertEqual((cleared.uid, dialect.event_types_of(cleared), cleared.channels), (None, None, None))
        self.assertIsNone(dialect.throttle_rate_of(cleared))
        self.assertEqual((cleared.description, cleared.metadata), ("patched", {"a": "1"}))
        replaced = self.patch(made, metadata={"b": "2"})
        self.assertEqual(replaced.metadata, {"b": "2"})

    def test_put_writes_an_endpoint_whole(self):
        made, inbox = self.endpoint(channels=["blue"], metadata={"a": "1"}, description="old")
        whole = dialect.put(self.svix.endpoint)(self.app, made.id, dialect.endpoint_whole(url=inbox.url))
        self.assertEqual((whole.id, whole.channels, whole.metadata, whole.description), (made.id, None, {}, ""))

    def test_a_walk_over_pages_meets_every_endpoint_once(self):
        made = [self.endpoint()[0].id for _ in range(5)]
        list_page = lambda options: self.svix.endpoint.list(self.app, options)
        self.assertEqual([e.id for e in walk(list_page, EndpointListOptions, limit=2)], made)

    def test_a_deleted_endpoint_is_gone_and_gets_nothing(self):
        gone, _ = self.endpoint()
        _, inbox = self.endpoint()
        self.svix.endpoint.delete(self.app, gone.id)
        self.refused(404, self.svix.endpoint.get, self.app, gone.id)
        sent = self.message()
        self.assertEqual(inbox.take().message_id, sent.id)
        self.assertNotIn(gone.id, self.destinations(sent.id))

    def test_a_disabled_endpoint_gets_nothing_until_it_is_enabled(self):
        made, inbox = self.endpoint(disabled=True)
        missed = self.message()
        self.assertFalse(self.patch(made, disabled=False).disabled)
        sent = self.message()
        self.assertEqual(inbox.take().message_id, sent.id)
        self.assertNotEqual(missed.id, sent.id)

    def test_messages_go_where_event_type_and_channel_match(self):
        paid, lost = self.event_type(), self.event_type()
        everything, of_all = self.endpoint()
        only_paid, of_paid = self.endpoint(event_types=[paid])
        only_blue, of_blue = self.endpoint(channels=["blue", "green"])
        first = self.message(paid)
        second = self.message(lost, channels=["blue"])
        third = self.message(lost, channels=["red"])
        self.assertEqual({r.message_id for r in of_all.take_many(3)}, {first.id, second.id, third.id})
        self.assertEqual(of_paid.take().message_id, first.id)
        self.assertEqual(of_blue.take().message_id, second.id)
        # The routes are fixed when a message is accepted, so that nothing can follow later.
        self.assertEqual(set(self.destinations(first.id)), {everything.id, only_paid.id})
        self.assertEqual(set(self.destinations(second.id)), {everything.id, only_blue.id})
        self.assertEqual(set(self.destinations(third.id)), {everything.id})

    def patch(self, endpoint, **fields):
        return self.svix.endpoint.patch(self.app, endpoint.id, dialect.endpoint_patch(**fields))


class EndpointHeaders(Journey):
    def test_headers_given_on_creation_are_sent(self):
        made, inbox = self.endpoint(headers={"X-Tenant": "blue", "Authorization": "Basic abc"})
        self.message()
        request = inbox.take()
        self.assertEqual(request.headers["x-tenant"], "blue")
        self.assertEqual(request.headers["authorization"], "Basic abc")
        shown = self.headers(made)
        self.assertEqual({k.lower(): v for k, v in shown.headers.items()}, {"x-tenant": "blue"})
        self.assertEqual([name.lower() for name in shown.sensitive], ["authorization"])

    def test_headers_are_set_whole_and_patched(self):
        made, inbox = self.endpoint()
        dialect.put_headers(self.svix.endpoint)(
            self.app, made.id, EndpointHeadersIn(headers={"X-One": "1", "X-Two": "2"})
        )
        self.svix.endpoint.patch_headers(self.app, made.id, EndpointHeadersPatchIn(headers={"X-Two": "two"}))
        self.message()
        request = inbox.take()
        self.assertEqual((request.headers["x-one"], request.headers["x-two"]), ("1", "two"))
        dialect.put_headers(self.svix.endpoint)(self.app, made.id, EndpointHeadersIn(headers={"X-Three": "3"}))
        self.message()
        request = inbox.take()
        self.assertEqual(request.headers["x-three"], "3")
        self.assertNotIn("x-one", request.headers)

    @unittest.skipUnless(dialect.has_delete_headers, "this version of the SDK can't name headers to delete")
    def test_a_patch_deletes_headers(self):
        made, inbox = self.endpoint(headers={"X-One": "1", "X-Two": "2"})
        change = EndpointHeadersPatchIn(headers={}, delete_headers=["X-One"])
        self.svix.endpoint.patch_headers(self.app, made.id, change)
        self.assertEqual([name.lower() for name in self.headers(made).headers], ["x-two"])
        self.message()
        self.assertNotIn("x-one", inbox.take().headers)

    def test_headers_that_the_sender_owns_are_refused(self):
        made, _ = self.endpoint()
        for name in ("Host", "Content-Length", "Webhook-Signature", "svix-id"):
            self.refused(
                422,
                dialect.put_headers(self.svix.endpoint),
                self.app,
                made.id,
                EndpointHeadersIn(headers={name: "x"}),
            )

    def headers(self, endpoint):
        return self.svix.endpoint.get_headers(self.app, endpoint.id)


class EndpointErrors(Journey):
    def test_a_url_that_is_none_is_refused_and_says_where(self):
        error = self.refused(422, self.svix.endpoint.create, self.app, dialect.endpoint_in(url="nowhere"))
        self.assertEqual(error.detail[0].loc, ["body", "url"])
        self.assertTrue(error.detail[0].msg)

    def test_an_event_type_that_does_not_exist_is_refused(self):
        unknown = dialect.endpoint_in(url=receiver.url, event_types=["never.made"])
        self.refused(422, self.svix.endpoint.create, self.app, unknown)

    def test_a_uid_is_taken_once_in_an_application(self):
        uid = unique("endpoint")
        self.endpoint(uid=uid)
        again = dialect.endpoint_in(url=receiver.url, uid=uid)
        self.assertEqual(self.refused(409, self.svix.endpoint.create, self.app, again).code, "conflict")
        other = self.application()
        self.endpoint(app=other, uid=uid)

    def test_an_unknown_application_has_no_endpoints(self):
        self.assertEqual(self.refused(404, self.svix.endpoint.list, "no-such-app").code, "not_found")
        body = dialect.endpoint_in(url=receiver.url)
        self.refused(404, self.svix.endpoint.create, "no-such-app", body)

    def test_a_page_size_out_of_range_is_refused(self):
        error = self.refused(422, self.svix.endpoint.list, self.app, EndpointListOptions(limit=251))
        self.assertEqual(error.detail[0].loc, ["query", "limit"])
