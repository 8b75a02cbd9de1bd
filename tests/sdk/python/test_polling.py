"""The message poller: an application's messages for consumers without a URL."""

import datetime
import unittest

import dialect
from journey import Journey, walk
from svix import models
from svix.exceptions import HttpError

if dialect.has_poller:
    from svix.api import message_poller as poller


@unittest.skipUnless(dialect.has_poller, "this version has no poller")
class Polling(Journey):
    def sent(self, count):
        return [self.message("thing.happened", {"n": n}).id for n in range(count)]

    def poll(self, sink, **fields):
        return self.svix.message.poller.poll(self.app, sink, poller.MessagePollerPollOptions(**fields))

    def consume(self, consumer, **fields):
        options = poller.MessagePollerConsumerPollOptions(**fields)
        return self.svix.message.poller.consumer_poll(self.app, "queue", consumer, options)

    def test_all_messages_are_polled_in_order(self):
        sent = self.sent(5)
        found = walk(lambda o: self.svix.message.poller.poll(self.app, "queue", o), poller.MessagePollerPollOptions, limit=2)
        self.assertEqual([m.id for m in found], sent)
        self.assertEqual((found[4].payload, found[4].event_type), ({"n": 4}, "thing.happened"))
        self.assertEqual([m.id for m in self.poll("queue", event_type="thing.happened").data], sent)
        self.assertEqual(self.poll("queue", event_type="other").data, [])

    def test_a_consumer_keeps_its_place_on_the_server(self):
        sent = self.sent(4)
        first = self.consume("one", limit=3)
        self.assertEqual([m.id for m in first.data], sent[:3])
        self.assertEqual([m.id for m in self.consume("one", limit=3).data], sent[:3])
        self.assertEqual([m.id for m in self.consume("one", iterator=first.iterator).data], sent[3:])
        self.assertEqual([m.id for m in self.consume("one").data], sent[3:])
        hour_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        seek = models.PollingEndpointConsumerSeekIn(after=hour_ago)
        self.svix.message.poller.consumer_seek(self.app, "queue", "one", seek)
        self.assertEqual([m.id for m in self.consume("one").data], sent)

    def test_a_body_that_is_no_object_is_polled_too(self):
        from svix.api.message import message_in_raw

        self.svix.message.create(self.app, message_in_raw("raw.sent", "[1, 2]"))
        self.assertEqual(self.poll("queue").data[0].payload, {"rawPayload": "[1, 2]"})

    def test_a_sink_that_looks_like_an_endpoint_must_be_one(self):
        with self.assertRaises(HttpError) as refused:
            self.poll("ep_2rMqEXxTZ0PiD5RcPjSTnNnWcVA")
        self.assertEqual(refused.exception.status_code, 404)
