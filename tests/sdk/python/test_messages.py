"""Messages: accepting them once, listing them, and deleting their content."""

import datetime
import json
import unittest

import dialect
from journey import Journey, unique, walk
from svix import models
from svix.api import MessageCreateOptions, MessageGetOptions, MessageListOptions
from svix.api.message import message_in_raw


def now():
    return datetime.datetime.now(datetime.timezone.utc)


class Messages(Journey):
    def test_a_message_arrives_as_it_was_sent(self):
        _, inbox = self.endpoint()
        payload = {"text": "Grüße \u2028 🙂", "deep": [{"n": -1.5e300}, None, True], "": ""}
        sent = self.message("invoice.paid", payload, event_id=unique("event"), channels=["blue"], tags=["t1"])
        request = inbox.take()
        self.assertEqual(request.message_id, sent.id)
        self.assertEqual(json.loads(request.body), payload)
        self.assertEqual(request.headers["content-type"].split(";")[0], "application/json")
        found = self.found(sent.id)
        self.assertEqual((found.payload, found.event_type), (payload, "invoice.paid"))
        self.assertEqual((found.event_id, found.channels, found.tags), (sent.event_id, ["blue"], ["t1"]))
        self.assertEqual(self.svix.message.get(self.app, sent.event_id).id, sent.id)
        bare = self.svix.message.get(self.app, sent.id, MessageGetOptions(with_content=False))
        self.assertEqual(bare.payload, {})

    def test_a_raw_payload_arrives_byte_for_byte(self):
        _, inbox = self.endpoint()
        text = '{ "b" : 1.0,\n\t"a" : "\\u0041/\\/" ,  "a" : 2e+01 }'
        self.svix.message.create(self.app, message_in_raw("raw.sent", text))
        self.assertEqual(inbox.take().body, text.encode())

    def test_the_same_idempotency_key_makes_one_message(self):
        _, inbox = self.endpoint()
        key = MessageCreateOptions(idempotency_key=unique("key"), with_content=True)
        body = models.MessageIn(event_type="thing.happened", payload={"n": 1})
        first = self.svix.message.create(self.app, body, key)
        second = self.svix.message.create(self.app, body, key)
        self.assertEqual((second.id, second.payload), (first.id, {"n": 1}))
        self.assertEqual(inbox.take().message_id, first.id)
        self.assertEqual([m.id for m in self.svix.message.list(self.app).data], [first.id])
        self.assertEqual(len(self.svix.message_attempt.list_attempted_destinations(self.app, first.id).data), 1)

    def test_without_a_key_the_same_message_is_sent_twice(self):
        _, inbox = self.endpoint()
        first, second = self.message(), self.message()
        self.assertNotEqual(first.id, second.id)
        self.assertEqual({r.message_id for r in inbox.take_many(2)}, {first.id, second.id})

    def test_a_key_belongs_to_its_application(self):
        key = MessageCreateOptions(idempotency_key=unique("key"))
        body = models.MessageIn(event_type="thing.happened", payload={"n": 1})
        here = self.svix.message.create(self.app, body, key)
        there = self.svix.message.create(self.application(), body, key)
        self.assertNotEqual(here.id, there.id)

    def test_an_event_id_is_taken_once(self):
        event_id = unique("event")
        self.message(event_id=event_id)
        error = self.refused(409, lambda: self.message(event_id=event_id))
        self.assertEqual(error.code, "conflict")

    def test_a_walk_over_pages_meets_every_message_once_newest_first(self):
        sent = [self.message(payload={"n": n}).id for n in range(11)]
        self.assertEqual(self.ids(limit=4), sent[::-1])

    def test_lists_are_filtered(self):
        plain = self.message("invoice.paid").id
        blue = self.message("invoice.lost", channels=["blue"]).id
        tagged = self.message("invoice.sent", tags=["t1"]).id
        self.assertEqual(self.ids(event_types=["invoice.paid", "invoice.sent"]), [tagged, plain])
        self.assertEqual(self.ids(channel="blue"), [blue])
        self.assertEqual(self.ids(tag="t1"), [tagged])
        self.assertEqual(self.ids(before=now() + datetime.timedelta(minutes=1)), [tagged, blue, plain])
        self.assertEqual(self.ids(after=now() + datetime.timedelta(minutes=1)), [])

    def test_the_application_can_come_with_the_message(self):
        uid = unique("customer")
        body = models.MessageIn(
            event_type="thing.happened", payload={}, application=models.ApplicationIn(name="brought", uid=uid)
        )
        sent = self.svix.message.create(uid, body)
        self.addCleanup(self.delete_application, uid)
        self.assertEqual(self.svix.application.get(uid).name, "brought")
        self.assertEqual([m.id for m in self.svix.message.list(uid).data], [sent.id])

    def test_deleted_content_can_no_longer_be_read(self):
        endpoint, inbox = self.endpoint()
        sent = self.message(payload={"secret": "42"})
        inbox.take()
        self.settled(sent.id, endpoint.id, 0)
        self.svix.message.expunge_content(self.app, sent.id)
        self.assertEqual(self.found(sent.id).payload, {"expired": True})
        self.assertEqual(self.svix.message.list(self.app, MessageListOptions(with_content=True)).data[0].payload, {"expired": True})

    @unittest.skipUnless(dialect.has_deliver_at, "this version of the SDK can't say when to deliver")
    def test_a_message_for_later_waits(self):
        endpoint, _ = self.endpoint()
        later = now() + datetime.timedelta(hours=1)
        sent = self.message(deliver_at=later)
        page = self.svix.message_attempt.list_attempted_destinations(self.app, sent.id)
        self.assertEqual([(e.id, e.status) for e in page.data], [(endpoint.id, 1)])
        self.assertLess(abs(page.data[0].next_attempt - later), datetime.timedelta(seconds=1))

    def test_an_unknown_message_is_not_found(self):
        self.refused(404, self.svix.message.get, self.app, "no-such-message")

    def test_an_event_type_that_is_no_name_is_refused(self):
        error = self.refused(422, lambda: self.message("no name"))
        self.assertEqual(error.detail[0].loc, ["body", "eventType"])

    def ids(self, **fields):
        list_page = lambda options: self.svix.message.list(self.app, options)
        return [m.id for m in walk(list_page, MessageListOptions, **fields)]
