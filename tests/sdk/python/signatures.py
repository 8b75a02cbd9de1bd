"""Checks the signature of one received request with every verifier that there is for it.

Called by the receiver for each request. **Invariant:** nothing here shares code with the server or with the
verifier beside it, so that an error would have to be made several times to stay hidden.

Every key must be satisfied, as during a rotation; the timestamp must be within the five minutes that receivers allow.
"""

import base64
import hashlib
import hmac
import json
import re

import nacl.exceptions
import nacl.signing
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook as StandardWebhook
from svix.webhooks import Webhook as SvixWebhook

# Standard Webhooks: an item is a version, a comma and base64 of 32 (HMAC-SHA256) or 64 (Ed25519) bytes.
ITEM = re.compile(r"v1,[A-Za-z0-9+/]{43}=|v1a,[A-Za-z0-9+/]{86}==")
FAMILIES = ("webhook", "svix")


class Rejected(Exception):
    """A verifier, or a rule of the format, said no."""


def header_sets(headers):
    """The complete sets of signature headers in a request: (id, timestamp, signatures) by family of names."""
    sets = {}
    for family in FAMILIES:
        values = [headers.get(f"{family}-{part}") for part in ("id", "timestamp", "signature")]
        if any(value is not None for value in values):
            if None in values:
                raise Rejected(f"only some of the {family}-* headers were sent: {sorted(headers)}")
            sets[family] = tuple(values)
    if not sets:
        raise Rejected(f"no signature headers were sent: {sorted(headers)}")
    if len(set(sets.values())) != 1:
        raise Rejected("the webhook-* and svix-* headers differ")
    return sets


def check_form(message_id, timestamp, signature):
    if not re.fullmatch(r"[0-9]{10}", timestamp):
        raise Rejected(f"{timestamp!r} is not a time in whole seconds")
    if not re.fullmatch(r"[\x21-\x2d\x2f-\x7e]+", message_id):
        raise Rejected(f"the id {message_id!r} has a full stop or unprintable characters")
    for item in signature.split(" "):
        if not ITEM.fullmatch(item):
            raise Rejected(f"{item!r} is not a signature")


def by_stdlib(key, _headers, message_id, timestamp, signature, body):
    secret = base64.b64decode(key.removeprefix("whsec_"), validate=True)
    signed = message_id.encode() + b"." + timestamp.encode() + b"." + body
    want = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    if not any(hmac.compare_digest(f"v1,{want}", item) for item in signature.split(" ")):
        raise Rejected("no v1 signature matches")


def by_standardwebhooks(key, _headers, message_id, timestamp, signature, body):
    names = {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signature}
    StandardWebhook(key).verify(body, names, json_parse=False)


def by_svix(key, headers, _id, _timestamp, _signature, body):
    try:
        SvixWebhook(key).verify(body, headers)
    except json.JSONDecodeError:
        # Once it is verified, 1.x reads the body, whatever it is: that one passed.
        if is_json(body):
            raise


def is_json(body):
    try:
        json.loads(body)
        return True
    except ValueError:
        return False


def ed25519_candidates(signature):
    return [base64.b64decode(item[4:], validate=True) for item in signature.split(" ") if item.startswith("v1a,")]


def by_pynacl(key, _headers, message_id, timestamp, signature, body):
    public = nacl.signing.VerifyKey(base64.b64decode(key.removeprefix("whpk_"), validate=True))
    for candidate in ed25519_candidates(signature):
        try:
            public.verify(f"{message_id}.{timestamp}.".encode() + body, candidate)
            return
        except nacl.exceptions.BadSignatureError:
            continue
    raise Rejected("no v1a signature matches")


def by_cryptography(key, _headers, message_id, timestamp, signature, body):
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.removeprefix("whpk_"), validate=True))
    for candidate in ed25519_candidates(signature):
        try:
            public.verify(candidate, f"{message_id}.{timestamp}.".encode() + body)
            return
        except InvalidSignature:
            continue
    raise Rejected("no v1a signature matches")


HMAC_VERIFIERS = {"stdlib": by_stdlib, "standardwebhooks": by_standardwebhooks, "svix": by_svix}
ED25519_VERIFIERS = {"PyNaCl": by_pynacl, "cryptography": by_cryptography}


def verifiers(key):
    """Those for a key as the API shows it: whsec_... or whpk_..."""
    return ED25519_VERIFIERS if key.startswith("whpk_") else HMAC_VERIFIERS


def refusals(headers, body, key):
    """What each verifier that refuses the request under this key says."""
    sets = header_sets(headers)
    said = {}
    for name, verifier in verifiers(key).items():
        for values in sets.values():
            check_form(*values)
            try:
                verifier(key, headers, *values, body)
            except Exception as why:  # each library has exceptions of its own; any of them is a refusal
                said[name] = f"{type(why).__name__}: {why}"
    return said


def verify(headers, body, keys):
    """Raises Rejected unless every verifier accepts the request under every key."""
    if not keys:
        raise Rejected("no key is known for this endpoint")
    for key in keys:
        said = refusals(headers, body, key)
        if said:
            raise Rejected(f"{said} for {headers}")


def public_part(key):
    """`whpk_...` of a signing key `whsk_` + base64(secret | public)."""
    pair = base64.b64decode(key.removeprefix("whsk_"), validate=True)
    return "whpk_" + base64.b64encode(pair[32:]).decode()
