"""The providers' own libraries as judges of receiving, in both directions: they sign, we verify; what we pass on, they verify."""

import json
import time
import urllib.parse

from providers import PROVIDERS, Hubspot, Signed, Stripe
from receiving import SOURCES, Receiving, call


def accepted(provider):
    def test(self):
        source = self.source(provider.type, provider.config())
        signed = provider.sign(source.url, provider.secret, int(time.time()))
        if provider.has_our_headers:
            source.inbox.originals = lowered(signed.headers)
        answer = self.post(200, signed)
        came = source.inbox.take()
        self.assertEqual(came.body, signed.body)
        forwarded = Signed(source.url + came.query, came.headers, came.body)
        self.assertEqual({**came.headers, **lowered(signed.headers)}, came.headers)
        self.assertTrue(provider.accepts(provider.secret, forwarded))
        self.assertRefuses(provider, provider.other_secret, forwarded)
        # The provider's retry.
        self.assertEqual(self.post(200, signed), answer)
        (one,) = source.requests("accepted")
        self.assertEqual((one["duplicates"], one["messages"], len(source.messages())), (1, 1, 1))
        self.assertEqual(source.requests("refused"), [])

    return test


def refused(provider):
    def test(self):
        source = self.source(provider.type, provider.config())
        now = int(time.time())
        good = provider.sign(source.url, provider.secret, now)
        bad = {
            "a changed body": provider.tampered(good),
            "another secret": provider.sign(source.url, provider.other_secret, now),
        }
        if provider.stale_s:
            bad["an old time"] = provider.sign(source.url, provider.secret, now - provider.stale_s)
        if len(good.headers) > 1:
            bad["no signature"] = Signed(good.url, {"Content-Type": good.headers["Content-Type"]}, good.body)
        for name, signed in bad.items():
            with self.subTest(name):
                self.post(401, signed)
                newest = source.requests("refused")[0]
                self.assertEqual((newest["status"], newest["messages"], newest["body"]), (401, 0, signed.body.decode()))
                self.assertTrue(newest["reason"])
                self.assertRefuses(provider, provider.secret, Signed(signed.url, lowered(signed.headers), signed.body))
        self.assertEqual(len(source.requests("refused")), len(bad))
        # A changed body looks like another secret; each other fault has a reason of its own.
        self.assertEqual(len({request["reason"] for request in source.requests("refused")}), len(bad) - 1)
        self.assertEqual((source.messages(), source.requests("accepted")), ([], []))
        if provider.has_our_headers:
            source.inbox.originals = lowered(good.headers)
        # What was refused didn't take the event's place.
        self.post(200, good)
        self.assertEqual(source.inbox.take().body, good.body)
        self.assertEqual(len(source.messages()), 1)

    return test


def enveloped(provider):
    def test(self):
        source = self.source(provider.type, provider.config(), delivery="message")
        signed = provider.sign(source.url, provider.secret, int(time.time()))
        self.post(200, signed)
        # Verified under the endpoint's secret by all there is for Standard Webhooks.
        came = source.inbox.take()
        (message,) = source.messages()
        envelope = json.loads(came.body)
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(signed.url).query)
        # Elements of a batch are messages of their own, without the request's query.
        has_query = query and signed.body and not signed.body.startswith(b"[")
        beside = {"query": {name: values[0] for name, values in query.items()}} if has_query else {}
        self.assertEqual(set(envelope) - set(beside), {"type", "timestamp", "data"})
        self.assertEqual({name: envelope[name] for name in beside}, beside)
        self.assertEqual((came.message_id, envelope["type"]), (message["id"], message["eventType"]))
        self.assertEqual((came.headers["content-type"], came.query), ("application/json", ""))
        self.assertEqual(envelope["data"], provider.data(signed))

    return test


def lowered(headers):
    return {name.lower(): value for name, value in headers.items()}


class Providers(Receiving):
    def assertRefuses(self, provider, secret, signed):
        """The provider's library agrees: no."""
        try:
            verdict = provider.accepts(secret, signed)
        except Exception:  # each library has exceptions of its own; any of them is a refusal
            verdict = False
        self.assertFalse(verdict)

    def test_each_element_of_a_batch_is_one_message_and_a_repeated_one_none(self):
        provider = Hubspot()
        source = self.source(provider.type, provider.config(), delivery="message")
        at = int(time.time())
        event = lambda n: {"eventId": n, "subscriptionId": 7, "occurredAt": at * 1000, "subscriptionType": f"contact.n{n}"}
        send = lambda *numbers: self.post(
            200, provider.sign(source.url, provider.secret, at, json.dumps([event(n) for n in numbers]))
        )
        send(1, 2, 1)
        send(2, 3, 4)
        came = [json.loads(request.body) for request in source.inbox.take_many(4)]
        self.assertEqual(sorted(envelope["data"]["eventId"] for envelope in came), [1, 2, 3, 4])
        for envelope in came:
            self.assertEqual(envelope["data"], event(envelope["data"]["eventId"]))
            self.assertEqual(envelope["type"], envelope["data"]["subscriptionType"])
        self.assertEqual(len(source.messages()), 4)

    def test_a_refused_request_that_a_person_accepts_is_forwarded(self):
        provider = Stripe()
        source = self.source(provider.type, provider.config())
        signed = provider.sign(source.url, provider.secret, int(time.time()) - provider.stale_s)
        self.post(401, signed)
        (stale,) = source.requests("refused")
        call("POST", f"{SOURCES}/{source.id}/request/{stale['id']}/accept")
        self.assertEqual(source.inbox.take().body, signed.body)
        (one,) = source.requests("accepted")
        self.assertEqual((one["id"], one["messages"]), (stale["id"], 1))


for one in PROVIDERS:
    name = type(one).__name__
    setattr(Providers, f"test_what_{name}_signs_is_forwarded_so_that_{name}_verifies_it", accepted(one))
    setattr(Providers, f"test_what_{name}_would_refuse_is_refused_stored_and_not_forwarded", refused(one))
    setattr(Providers, f"test_what_{name}_signs_is_a_signed_envelope_in_message_mode", enveloped(one))
