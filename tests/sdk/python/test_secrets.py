"""Signing secrets: rotation with both secrets live, Ed25519, and what a verifier must refuse."""

import base64
import os
import unittest

import dialect
import nacl.signing
import signatures
from journey import Journey, receiver
from svix import models


def new_hmac_key():
    return "whsec_" + base64.b64encode(os.urandom(32)).decode()


def new_ed25519_key():
    key = nacl.signing.SigningKey.generate()
    return "whsk_" + base64.b64encode(bytes(key) + bytes(key.verify_key)).decode()


class Secrets(Journey):
    def test_the_verifiers_refuse_what_was_changed_or_signed_by_another(self):
        _, inbox = self.endpoint()
        self.message()
        request = inbox.take()
        (key,) = inbox.keys
        self.assertEqual(signatures.refusals(request.headers, request.body, key), {})
        everyone = set(signatures.HMAC_VERIFIERS)
        changed = request.body.replace(b"1", b"2")
        self.assertEqual(set(signatures.refusals(request.headers, changed, key)), everyone)
        self.assertEqual(set(signatures.refusals(request.headers, request.body, new_hmac_key())), everyone)

    def test_a_secret_of_ones_own_is_used(self):
        key = new_hmac_key()
        _, inbox = self.endpoint(secret=key)
        self.assertEqual(inbox.keys, [key])
        self.message()
        inbox.take()

    def test_both_secrets_sign_while_one_replaces_the_other(self):
        endpoint, inbox = self.endpoint()
        (old,) = inbox.keys
        self.rotate(endpoint)
        new = self.secret(endpoint)
        self.assertNotEqual(new, old)
        self.message()
        inbox.keys = [new, old]
        request = inbox.take()
        self.assertEqual(len(request.headers.get("webhook-signature", request.headers.get("svix-signature")).split()), 2)

    def test_three_secrets_sign_after_two_rotations(self):
        endpoint, inbox = self.endpoint()
        for _ in range(2):
            self.rotate(endpoint)
            inbox.keys = [self.secret(endpoint), *inbox.keys]
        self.message()
        inbox.take()

    @unittest.skipUnless(dialect.has_grace_period, "this version of the SDK can't set the grace period")
    def test_with_a_grace_period_of_zero_the_old_secret_ends_at_once(self):
        endpoint, inbox = self.endpoint()
        (old,) = inbox.keys
        new = new_hmac_key()
        self.rotate(endpoint, key=new, grace_period_seconds=0)
        inbox.keys = [new]
        self.message()
        request = inbox.take()
        refused = signatures.refusals(request.headers, request.body, old)
        self.assertEqual(set(refused), set(signatures.HMAC_VERIFIERS))

    @unittest.skipUnless(dialect.has_grace_period, "this version of the SDK can't set the grace period")
    def test_within_a_grace_period_the_old_secret_holds(self):
        endpoint, inbox = self.endpoint()
        self.rotate(endpoint, grace_period_seconds=3600)
        inbox.keys = [self.secret(endpoint), *inbox.keys]
        self.message()
        inbox.take()

    def test_a_rotation_tells_the_new_secret_to_an_sdk_that_reads_it(self):
        endpoint, _ = self.endpoint()
        answer = self.rotate(endpoint)
        if not dialect.IS_V1:
            self.assertEqual(answer.key, self.secret(endpoint))

    def test_an_unfit_secret_is_refused(self):
        endpoint, _ = self.endpoint()
        short = "whsec_" + base64.b64encode(b"short").decode()
        self.refused(422, lambda: self.rotate(endpoint, key=short))
        self.refused(422, self.svix.endpoint.create, self.app, dialect.endpoint_in(url=receiver.url, secret="whsec_?"))

    def test_an_ed25519_key_shows_only_its_public_part(self):
        key = new_ed25519_key()
        endpoint, inbox = self.endpoint(secret=key)
        self.assertEqual(inbox.keys, [signatures.public_part(key)])
        self.message()
        request = inbox.take()
        everyone = set(signatures.ED25519_VERIFIERS)
        (shown,) = inbox.keys
        self.assertEqual(set(signatures.refusals(request.headers, request.body + b" ", shown)), everyone)
        other = signatures.public_part(new_ed25519_key())
        self.assertEqual(set(signatures.refusals(request.headers, request.body, other)), everyone)

    def test_an_ed25519_key_rotates_to_another(self):
        endpoint, inbox = self.endpoint(secret=new_ed25519_key())
        self.rotate(endpoint)
        new = self.secret(endpoint)
        self.assertTrue(new.startswith("whpk_"))
        inbox.keys = [new, *inbox.keys]
        self.message()
        inbox.take()

    def test_hmac_and_ed25519_sign_together_while_one_replaces_the_other(self):
        endpoint, inbox = self.endpoint()
        key = new_ed25519_key()
        self.rotate(endpoint, key=key)
        inbox.keys = [signatures.public_part(key), *inbox.keys]
        self.message()
        inbox.take()

    def secret(self, endpoint):
        return self.svix.endpoint.get_secret(self.app, endpoint.id).key

    def rotate(self, endpoint, **fields):
        return self.svix.endpoint.rotate_secret(self.app, endpoint.id, models.EndpointSecretRotateIn(**fields))


class Ed25519ByDefault(Journey):
    """Against a server that signs with Ed25519 unless told otherwise."""

    server = "JOURNEY_ED25519"

    def test_new_endpoints_sign_with_ed25519(self):
        _, inbox = self.endpoint()
        self.assertTrue(inbox.keys[0].startswith("whpk_"), inbox.keys)
        for n in range(3):
            self.message(payload={"n": n})
        inbox.take_many(3)

    def test_an_endpoint_that_brings_an_hmac_secret_signs_with_it(self):
        key = new_hmac_key()
        _, inbox = self.endpoint(secret=key)
        self.assertEqual(inbox.keys, [key])
        self.message()
        inbox.take()
