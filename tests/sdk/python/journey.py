"""What the tests share: a client, an application of their own, inboxes, and waiting for a condition."""

import functools
import itertools
import os
import secrets
import threading
import time
import unittest

import dialect
from receiver import Receiver
from svix import models
from svix.api import MessageAttemptListByEndpointOptions, MessageGetOptions, Svix, SvixOptions
from svix.exceptions import HTTPValidationError, HttpError

WAIT_S = 20
# A receiver settles in microseconds, the server within a commit: look often.
LOOK_EVERY_S = 0.01

receiver = Receiver()
_numbers = itertools.count(1)
# So that a run against servers that served one before meets nothing of it.
_run = secrets.token_hex(3)


def unique(kind):
    """A name that no other test of this run uses."""
    return f"{kind}-{_run}-{next(_numbers)}"


class Resources:
    """`svix.application` and so on, each made once: versions before 1.99 load certificates anew for each of them."""

    def __init__(self, svix):
        self._svix = svix

    def __getattr__(self, name):
        value = getattr(self._svix, name)
        setattr(self, name, value)
        return value


@functools.cache
def client(token=None, server="JOURNEY"):
    # No retries: the first answer must be right.
    options = SvixOptions(server_url=os.environ[f"{server}_URL"], retry_schedule=[])
    return Resources(Svix(token or os.environ[f"{server}_TOKEN"], options))


def until(what, look):
    """Waits until `look()` is true and returns it."""
    deadline = time.monotonic() + WAIT_S
    pause = threading.Event()
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {WAIT_S} s: {what}")
        pause.wait(LOOK_EVERY_S)


def walk(list_page, make_options, **fields):
    """All items of a list, page by page."""
    items, iterator = [], None
    for _ in range(1000):
        page = list_page(make_options(iterator=iterator, **fields))
        items += page.data
        if page.done:
            return items
        assert page.iterator != iterator, "the iterator does not move"
        iterator = page.iterator
    raise AssertionError("the list does not end")


class Journey(unittest.TestCase):
    """A test with an application, `self.app`, that is deleted after it."""

    server = "JOURNEY"

    def setUp(self):
        self.svix = client(server=self.server)
        self.app = self.application()

    def application(self, **fields):
        made = self.svix.application.create(models.ApplicationIn(name=self.id(), **fields))
        self.addCleanup(self.delete_application, made.id)
        return made.id

    def delete_application(self, app_id):
        try:
            self.svix.application.delete(app_id)
        except HttpError as gone:
            self.assertEqual(gone.status_code, 404)

    def event_type(self, **fields):
        name = fields.pop("name", None) or unique("thing.happened")
        self.svix.event_type.create(models.EventTypeIn(name=name, description=fields.pop("description", ""), **fields))
        return name

    def endpoint(self, app=None, **fields):
        """An endpoint with an inbox that knows its secret: (endpoint, inbox)."""
        inbox = receiver.inbox()
        made = self.svix.endpoint.create(app or self.app, dialect.endpoint_in(url=inbox.url, **fields))
        inbox.keys = [self.svix.endpoint.get_secret(app or self.app, made.id).key]
        return made, inbox

    def message(self, event_type="thing.happened", payload=None, app=None, **fields):
        body = models.MessageIn(event_type=event_type, payload=payload or {"n": 1}, **fields)
        return self.svix.message.create(app or self.app, body)

    def destinations(self, message_id):
        """Status by endpoint of a message."""
        page = self.svix.message_attempt.list_attempted_destinations(self.app, message_id)
        return {endpoint.id: endpoint.status for endpoint in page.data}

    def status(self, message_id, endpoint_id):
        return self.destinations(message_id).get(endpoint_id)

    def settled(self, message_id, endpoint_id, status):
        until(f"delivery has status {status!r}", lambda: self.status(message_id, endpoint_id) == status)

    def attempts(self, endpoint_id, count):
        """The attempts at an endpoint, newest first, once there are `count`."""
        options = MessageAttemptListByEndpointOptions(with_content=True)
        look = lambda: self.svix.message_attempt.list_by_endpoint(self.app, endpoint_id, options).data
        return until(f"{count} attempts", lambda: len(page := look()) == count and page)

    def found(self, message_id):
        """A message with its payload, which version 2 of the SDK leaves out unless asked."""
        return self.svix.message.get(self.app, message_id, MessageGetOptions(with_content=True))

    def refused(self, status, call, *args):
        """The SDK's exception for an answer of this status."""
        with self.assertRaises(HTTPValidationError if status == 422 else HttpError) as caught:
            call(*args)
        self.assertEqual(caught.exception.status_code, status)
        return caught.exception
