"""Deliveries: attempts, retries, dead letters, and sending again."""

import datetime
import json

import dialect
from journey import Journey, until, walk
from svix import models
from svix.api import (
    MessageAttemptListAttemptedMessagesOptions,
    MessageAttemptListByEndpointOptions,
    MessageAttemptListByMsgOptions,
)

SUCCESS, PENDING, FAIL = 0, 1, 2
SCHEDULED, MANUAL = 0, 1
# The first attempt and one for each step of the retry schedule that the server runs with.
ATTEMPTS_MAX = 4
BOOM = (500, b"boom")


class Deliveries(Journey):
    def test_a_delivery_is_recorded(self):
        endpoint, inbox = self.endpoint()
        sent = self.message()
        inbox.take()
        (attempt,) = self.attempts(endpoint.id, 1)
        self.assertEqual((attempt.status, attempt.response_status_code, attempt.response), (SUCCESS, 200, "thanks"))
        self.assertEqual((attempt.msg_id, attempt.endpoint_id, attempt.url), (sent.id, endpoint.id, inbox.url))
        self.assertEqual(attempt.trigger_type, SCHEDULED)
        self.assertGreaterEqual(attempt.response_duration_ms, 0)
        if dialect.has_status_text:
            self.assertEqual(attempt.status_text, "success")
        one = self.svix.message_attempt.get(self.app, sent.id, attempt.id)
        self.assertEqual((one.id, one.response), (attempt.id, "thanks"))
        self.settled(sent.id, endpoint.id, SUCCESS)

    def test_a_failed_attempt_is_repeated_under_the_same_id(self):
        endpoint, inbox = self.endpoint()
        inbox.answers.extend([BOOM, (404, b"who?")])
        sent = self.message()
        self.assertEqual([r.message_id for r in inbox.take_many(3)], [sent.id] * 3)
        attempts = self.attempts(endpoint.id, 3)
        self.assertEqual([a.response_status_code for a in attempts], [200, 404, 500])
        self.assertEqual([a.response for a in attempts], ["thanks", "who?", "boom"])
        self.assertEqual([a.status for a in attempts], [SUCCESS, FAIL, FAIL])
        self.settled(sent.id, endpoint.id, SUCCESS)

    def test_attempts_are_listed_by_endpoint_and_by_message(self):
        endpoint, inbox = self.endpoint()
        other, of_other = self.endpoint()
        inbox.answers.extend([BOOM, BOOM])
        sent = self.message()
        inbox.take_many(3)
        of_other.take()
        self.attempts(endpoint.id, 3)
        self.attempts(other.id, 1)
        by_endpoint = lambda options: self.svix.message_attempt.list_by_endpoint(self.app, endpoint.id, options)
        by_message = lambda options: self.svix.message_attempt.list_by_msg(self.app, sent.id, options)
        newest_first = walk(by_endpoint, MessageAttemptListByEndpointOptions, limit=2)
        self.assertEqual([a.response_status_code for a in newest_first], [200, 500, 500])
        everywhere = walk(by_message, MessageAttemptListByMsgOptions, limit=2)
        self.assertEqual(len({a.id for a in everywhere}), 4)
        at_other = walk(by_message, MessageAttemptListByMsgOptions, endpoint_id=other.id)
        self.assertEqual([a.endpoint_id for a in at_other], [other.id])
        failed = walk(by_endpoint, MessageAttemptListByEndpointOptions, status=FAIL)
        self.assertEqual([a.status for a in failed], [FAIL, FAIL])
        server_errors = walk(by_endpoint, MessageAttemptListByEndpointOptions, status_code_class=500)
        self.assertEqual(len(server_errors), 2)
        with_message = walk(by_endpoint, MessageAttemptListByEndpointOptions, with_msg=True, limit=1)
        self.assertEqual({a.msg.id for a in with_message}, {sent.id})

    def test_attempted_messages_show_the_state_of_each(self):
        endpoint, inbox = self.endpoint()
        good = self.message(payload={"good": True})
        inbox.take()
        self.settled(good.id, endpoint.id, SUCCESS)
        inbox.default = BOOM
        bad = self.message(payload={"good": False})
        inbox.take_many(ATTEMPTS_MAX)
        self.settled(bad.id, endpoint.id, FAIL)
        attempted = lambda options: self.svix.message_attempt.list_attempted_messages(self.app, endpoint.id, options)
        listed = walk(attempted, MessageAttemptListAttemptedMessagesOptions, limit=1, with_content=True)
        self.assertEqual([(m.id, m.status) for m in listed], [(bad.id, FAIL), (good.id, SUCCESS)])
        self.assertEqual([m.payload for m in listed], [{"good": False}, {"good": True}])
        failed = walk(attempted, MessageAttemptListAttemptedMessagesOptions, status=FAIL)
        self.assertEqual([m.id for m in failed], [bad.id])

    def test_statistics_count_deliveries(self):
        endpoint, inbox = self.endpoint()
        for _ in range(3):
            self.message()
        inbox.take_many(3)
        stats = lambda: self.svix.endpoint.get_stats(self.app, endpoint.id)
        seen = until("three deliveries are counted", lambda: (s := stats()).success == 3 and s)
        self.assertEqual((seen.fail, seen.pending, seen.sending), (0, 0, 0))

    def test_the_response_of_an_attempt_can_be_deleted(self):
        endpoint, inbox = self.endpoint()
        sent = self.message()
        inbox.take()
        (attempt,) = self.attempts(endpoint.id, 1)
        self.svix.message_attempt.expunge_content(self.app, sent.id, attempt.id)
        found = self.svix.message_attempt.get(self.app, sent.id, attempt.id)
        self.assertEqual((found.response, found.response_status_code), ("EXPUNGED", 200))


class SendingAgain(Journey):
    def test_a_resend_is_one_more_attempt_by_hand(self):
        endpoint, inbox = self.endpoint()
        sent = self.message()
        first = inbox.take()
        self.settled(sent.id, endpoint.id, SUCCESS)
        self.svix.message_attempt.resend(self.app, sent.id, endpoint.id)
        again = inbox.take()
        self.assertEqual((again.message_id, again.body), (sent.id, first.body))
        self.assertEqual([a.trigger_type for a in self.attempts(endpoint.id, 2)], [MANUAL, SCHEDULED])

    def test_a_resend_passes_by_the_filter(self):
        sent = self.message()
        kind = self.event_type()
        endpoint, inbox = self.endpoint(event_types=[kind])
        self.svix.message_attempt.resend(self.app, sent.id, endpoint.id)
        self.assertEqual(inbox.take().message_id, sent.id)

    def test_a_resend_to_a_disabled_endpoint_is_refused(self):
        endpoint, inbox = self.endpoint()
        sent = self.message()
        inbox.take()
        self.settled(sent.id, endpoint.id, SUCCESS)
        self.svix.endpoint.patch(self.app, endpoint.id, dialect.endpoint_patch(disabled=True))
        self.refused(409, self.svix.message_attempt.resend, self.app, sent.id, endpoint.id)

    def test_recovering_sends_what_had_failed_and_nothing_else(self):
        start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)
        endpoint, inbox = self.endpoint()
        good = self.message(payload={"n": 0})
        inbox.take()
        self.settled(good.id, endpoint.id, SUCCESS)
        inbox.default = BOOM
        lost = [self.message(payload={"n": n}).id for n in (1, 2)]
        inbox.take_many(2 * ATTEMPTS_MAX)
        for message_id in lost:
            self.settled(message_id, endpoint.id, FAIL)
        inbox.default = (200, b"back")
        task = self.svix.endpoint.recover(self.app, endpoint.id, models.RecoverIn(since=start))
        self.assertTrue(task.id.startswith("qtask_"))
        self.assertEqual({r.message_id for r in inbox.take_many(2)}, set(lost))
        for message_id in lost:
            self.settled(message_id, endpoint.id, SUCCESS)
        if dialect.has_background_tasks:
            until("the task is finished", lambda: self.svix.background_task.get(task.id).status == "finished")
        self.assertEqual(len(self.attempts(endpoint.id, 1 + 2 * ATTEMPTS_MAX + 2)), 1 + 2 * ATTEMPTS_MAX + 2)

    def test_replay_missing_sends_what_was_never_tried(self):
        start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)
        missed = [self.message(payload={"n": n}).id for n in range(3)]
        endpoint, inbox = self.endpoint()
        seen = self.message()
        self.assertEqual(inbox.take().message_id, seen.id)
        self.svix.endpoint.replay_missing(self.app, endpoint.id, models.ReplayIn(since=start))
        self.assertEqual({r.message_id for r in inbox.take_many(3)}, set(missed))

    def test_an_example_is_sent_as_the_schema_has_it(self):
        example = {"id": "inv_1", "amount": 4200}
        kind = self.event_type(schemas={"1": {"type": "object", "examples": [example]}})
        endpoint, inbox = self.endpoint(event_types=[kind])
        body = models.EventExampleIn(event_type=kind)
        sent = self.svix.endpoint.send_example(self.app, endpoint.id, body)
        request = inbox.take()
        self.assertEqual((request.message_id, json.loads(request.body)), (sent.id, example))
