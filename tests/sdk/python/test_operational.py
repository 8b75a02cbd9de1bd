"""Operational webhooks: what Postrider itself reports, through the same deliveries."""

import json

import dialect
from journey import Journey, receiver

# The first attempt and one for each step of the retry schedule that the server runs with.
ATTEMPTS_MAX = 4


class OperationalWebhooks(Journey):
    def test_a_new_endpoint_is_announced(self):
        inbox = self.listen("endpoint.created")
        endpoint, _ = self.endpoint()
        event = self.event_about(inbox, endpoint)
        self.assertEqual(event["type"], "endpoint.created")
        self.assertEqual(event["data"]["appId"], self.app)

    def test_an_exhausted_message_is_announced_with_its_last_attempt(self):
        inbox = self.listen("message.attempt.exhausted")
        endpoint, of_endpoint = self.endpoint()
        of_endpoint.default = (500, b"boom")
        sent = self.message()
        of_endpoint.take_many(ATTEMPTS_MAX)
        event = self.event_about(inbox, endpoint)
        self.assertEqual(event["type"], "message.attempt.exhausted")
        self.assertEqual((event["data"]["appId"], event["data"]["msgId"]), (self.app, sent.id))
        last = event["data"]["lastAttempt"]
        self.assertEqual((last["id"], last["responseStatusCode"]), (self.attempts(endpoint.id, 4)[0].id, 500))

    def test_an_endpoint_that_says_it_is_gone_is_disabled_and_that_is_announced(self):
        inbox = self.listen("endpoint.disabled")
        endpoint, of_endpoint = self.endpoint()
        of_endpoint.default = (410, b"gone")
        self.message()
        of_endpoint.take()
        event = self.event_about(inbox, endpoint)
        self.assertEqual(event["type"], "endpoint.disabled")
        self.assertTrue(event["data"]["failSince"])
        self.assertTrue(self.svix.endpoint.get(self.app, endpoint.id).disabled)

    def listen(self, event_type):
        """An inbox at an operational endpoint of this event type."""
        inbox = receiver.inbox()
        endpoints = dialect.operational_endpoints(self.svix)
        made = endpoints.create(dialect.operational_endpoint_in(url=inbox.url, event_types=[event_type]))
        self.addCleanup(endpoints.delete, made.id)
        inbox.keys = [endpoints.get_secret(made.id).key]
        return inbox

    def event_about(self, inbox, endpoint):
        """The first event about this endpoint: those of earlier tests may come late."""
        while True:
            event = json.loads(inbox.take().body)
            if event["data"]["endpointId"] == endpoint.id:
                return event
