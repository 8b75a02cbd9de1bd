"""Tokens and the SDK's asynchronous client."""

import asyncio
import os
import unittest

import dialect
from journey import Journey, client, receiver
from svix import models
from svix.api import SvixAsync, SvixOptions


class Access(Journey):
    def test_a_wrong_token_is_refused(self):
        for token in ("wrong", os.environ["JOURNEY_TOKEN"] + "x"):
            error = self.refused(401, client(token).application.list)
            self.assertEqual(error.code, "authentication_failed")

    def test_a_portal_token_opens_its_application_and_nothing_else(self):
        access = self.svix.authentication.app_portal_access(self.app, models.AppPortalAccessIn())
        self.assertTrue(access.url.endswith(access.token))
        consumer = client(access.token)
        self.assertEqual(consumer.application.get(self.app).id, self.app)
        endpoint, inbox = self.endpoint()
        self.assertEqual([e.id for e in consumer.endpoint.list(self.app).data], [endpoint.id])
        sent = self.message()
        inbox.take()
        self.settled(sent.id, endpoint.id, 0)
        consumer.message_attempt.resend(self.app, sent.id, endpoint.id)
        self.assertEqual(inbox.take().message_id, sent.id)
        self.refused(403, consumer.application.list)
        self.refused(404, consumer.application.get, self.application())

    def test_a_token_that_logged_out_is_refused(self):
        access = self.svix.authentication.app_portal_access(self.app, models.AppPortalAccessIn())
        consumer = client(access.token)
        consumer.application.get(self.app)
        consumer.authentication.logout()
        self.refused(401, consumer.application.get, self.app)

    @unittest.skipUnless(dialect.has_dashboard_access, "this version of the SDK knows the portal by its new name alone")
    def test_the_older_name_of_portal_access_works_too(self):
        access = self.svix.authentication.dashboard_access(self.app)
        self.assertEqual(client(access.token).application.get(self.app).id, self.app)


class Async(Journey):
    def test_the_asynchronous_client_sends_a_message(self):
        asyncio.run(self.send())

    async def send(self):
        inbox = receiver.inbox()
        options = SvixOptions(server_url=os.environ["JOURNEY_URL"], retry_schedule=[])
        svix = SvixAsync(os.environ["JOURNEY_TOKEN"], options)
        endpoint = await svix.endpoint.create(self.app, dialect.endpoint_in(url=inbox.url))
        inbox.keys = [(await svix.endpoint.get_secret(self.app, endpoint.id)).key]
        body = models.MessageIn(event_type="thing.happened", payload={"n": 1})
        sent = await asyncio.gather(*(svix.message.create(self.app, body) for _ in range(5)))
        requests = await asyncio.to_thread(inbox.take_many, 5)
        self.assertEqual({r.message_id for r in requests}, {m.id for m in sent})
        listed = await svix.message.list(self.app)
        self.assertEqual(len(listed.data), 5)
