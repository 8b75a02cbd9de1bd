"""Providers whose own libraries sign requests here, and verify what was forwarded.

**Invariant:** each signature is made by the provider's library and judged by it; nothing here computes one.
"""

import base64
import datetime
import hashlib
import json
import logging
import urllib.parse
from dataclasses import dataclass

import Adyen
import braintree
import stripe
from hubspot.utils.signature import Signature as HubspotSignature
from plivo.utils import signature_v3 as plivo
from slack_sdk.signature import SignatureVerifier
from standardwebhooks.webhooks import Webhook as StandardWebhook
from svix.webhooks import Webhook as SvixWebhook
from twilio.request_validator import RequestValidator

logging.getLogger("stripe").setLevel(logging.ERROR)

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass
class Signed:
    """A request as the provider sends it."""

    url: str
    headers: dict
    body: bytes


class Provider:
    # The source's type.
    type = ""
    secret = "a signing secret of 32 letters..."
    other_secret = "another secret, as long, but of others"
    # How old a signature may not be, if the provider signs the time.
    stale_s = None
    # Its headers have the names of the server's own, which then go by others.
    has_our_headers = False
    # A part of every body, and what may not come instead of it.
    part, changed = b"4200", b"9900"

    def config(self):
        return {"secret": self.secret}

    def sign(self, url, secret, at):
        """`at` in seconds."""
        raise NotImplementedError

    def accepts(self, secret, signed):
        """Whether the provider's library takes the request; it may throw instead of saying no."""
        raise NotImplementedError

    def data(self, signed):
        """What is the event's data in message mode."""
        if signed.headers["Content-Type"] == FORM:
            return dict(urllib.parse.parse_qsl(signed.body.decode(), keep_blank_values=True))
        return json.loads(signed.body)

    def tampered(self, signed):
        assert self.part in signed.body
        return Signed(signed.url, signed.headers, signed.body.replace(self.part, self.changed, 1))


class Stripe(Provider):
    type = "stripe"
    stale_s = 301

    def sign(self, url, secret, at):
        paid = {"amount": 4200, "to": "Zoë / \u2028"}
        event = {"id": f"evt_{at}", "object": "event", "type": "invoice.paid", "data": {"object": paid}}
        # As Stripe writes it: indented, and not in ASCII only.
        body = json.dumps(event, ensure_ascii=False, indent=2)
        signature = stripe.WebhookSignature.generate_signature_header(body, secret, at)
        return Signed(url, {"Stripe-Signature": signature, "Content-Type": "application/json; charset=utf-8"}, body.encode())

    def accepts(self, secret, signed):
        event = stripe.Webhook.construct_event(signed.body, signed.headers["stripe-signature"], secret)
        return event.type == "invoice.paid"


class Slack(Provider):
    type = "slack"
    stale_s = 301

    def sign(self, url, secret, at):
        body = json.dumps({"type": "event_callback", "event_id": f"Ev{at}", "event": {"type": "app_mention", "text": "4200"}})
        signature = SignatureVerifier(secret).generate_signature(timestamp=str(at), body=body)
        headers = {"X-Slack-Signature": signature, "X-Slack-Request-Timestamp": str(at), "Content-Type": JSON}
        return Signed(url, headers, body.encode())

    def accepts(self, secret, signed):
        return SignatureVerifier(secret).is_valid_request(signed.body, signed.headers)


class Hubspot(Provider):
    type = "hubspot"
    stale_s = 301

    def sign(self, url, secret, at, body=None):
        url += "?portal=7&to=a%3Ab%40c"
        body = body or json.dumps([{"eventId": at, "subscriptionType": "contact.creation", "occurredAt": 4200}])
        # HubSpot signs the URL with these escapes read.
        signature = HubspotSignature.get_signature(secret, body, "v3", urllib.parse.unquote(url), "POST", str(at * 1000))
        headers = {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": str(at * 1000), "Content-Type": JSON}
        return Signed(url, headers, body.encode())

    def accepts(self, secret, signed):
        uri = urllib.parse.unquote(signed.url)
        signature, at = (signed.headers[name] for name in ("x-hubspot-signature-v3", "x-hubspot-request-timestamp"))
        return HubspotSignature.is_valid(signature, secret, signed.body.decode(), uri, "POST", "v3", at)

    def data(self, signed):
        return json.loads(signed.body)[0]


class TwilioForm(Provider):
    type = "twilio"

    def sign(self, url, secret, at):
        fields = [("MessageSid", f"SM{at}"), ("MessageStatus", "delivered"), ("Body", "4200 = é & +"), ("Empty", "")]
        signature = RequestValidator(secret).compute_signature(url, dict(fields))
        return Signed(url, {"X-Twilio-Signature": signature, "Content-Type": FORM}, urllib.parse.urlencode(fields).encode())

    def accepts(self, secret, signed):
        fields = dict(urllib.parse.parse_qsl(signed.body.decode(), keep_blank_values=True))
        return RequestValidator(secret).validate(signed.url, fields, signed.headers["x-twilio-signature"])


class TwilioJson(Provider):
    type = "twilio"

    def sign(self, url, secret, at):
        body = json.dumps({"sid": f"SM{at}", "amount": 4200})
        url += "?bodySHA256=" + RequestValidator(secret).compute_hash(body)
        signature = RequestValidator(secret).compute_signature(url, {})
        return Signed(url, {"X-Twilio-Signature": signature, "Content-Type": JSON}, body.encode())

    def accepts(self, secret, signed):
        return RequestValidator(secret).validate(signed.url, signed.body.decode(), signed.headers["x-twilio-signature"])


class Plivo(Provider):
    type = "plivo"

    def sign(self, url, secret, at):
        url += "?step=2&name=a"
        fields = {"MessageUUID": f"m{at}", "Text": "4200 and more", "From": "15551234567"}
        nonce = str(at)
        text = plivo.construct_post_url(url, fields).decode()
        signature = plivo.get_signature_v3(secret.encode(), text, nonce.encode()).decode()
        headers = {"X-Plivo-Signature-V3": signature, "X-Plivo-Signature-V3-Nonce": nonce, "Content-Type": FORM}
        return Signed(url, headers, urllib.parse.urlencode(fields).encode())

    def accepts(self, secret, signed):
        fields = dict(urllib.parse.parse_qsl(signed.body.decode()))
        nonce, signature = signed.headers["x-plivo-signature-v3-nonce"], signed.headers["x-plivo-signature-v3"]
        return plivo.validate_v3_signature("POST", signed.url, nonce, secret, signature, fields)


class AdyenPayments(Provider):
    type = "adyen"
    secret = "44782def547aaa06c910c43932b1eb0c71fc68d9d0c057550c48ec2acf6ba056"
    other_secret = "0" * 63 + "1"

    def sign(self, url, secret, at):
        item = {
            "pspReference": f"psp{at}",
            "originalReference": "",
            "merchantAccountCode": "Shop",
            "merchantReference": "order:7\\",
            "amount": {"value": 4200, "currency": "EUR"},
            "eventCode": "AUTHORISATION",
            "success": "true",
            "eventDate": "2026-01-31T12:00:00+01:00",
        }
        signature = Adyen.util.generate_notification_sig(item, secret).decode()
        item["additionalData"] = {"hmacSignature": signature}
        body = json.dumps({"live": "false", "notificationItems": [{"NotificationRequestItem": item}]})
        return Signed(url, {"Content-Type": JSON}, body.encode())

    def accepts(self, secret, signed):
        return Adyen.util.is_valid_hmac_notification(json.loads(signed.body), secret)

    def data(self, signed):
        return json.loads(signed.body)["notificationItems"][0]


class AdyenPlatform(Provider):
    type = "adyen_payload"
    secret = AdyenPayments.secret
    other_secret = AdyenPayments.other_secret

    def sign(self, url, secret, at):
        body = json.dumps({"type": "balancePlatform.transfer.created", "data": {"id": f"t{at}", "value": 4200}}).encode()
        return Signed(url, {"HmacSignature": Adyen.util.generate_payload_sig(body, secret).decode(), "Content-Type": JSON}, body)

    def accepts(self, secret, signed):
        return Adyen.util.is_valid_hmac_payload(signed.headers["hmacsignature"], secret, signed.body)


class Braintree(Provider):
    type = "braintree"

    def config(self):
        return {"secret": self.secret, "publicKey": "the_public_key"}

    def gateway(self, secret):
        keys = {"merchant_id": "m", "public_key": "the_public_key", "private_key": secret}
        return braintree.BraintreeGateway(braintree.Configuration(braintree.Environment.Sandbox, **keys))

    def sign(self, url, secret, at):
        form = self.gateway(secret).webhook_testing.sample_notification("subscription_canceled", f"sub4200{at}")
        return Signed(url, {"Content-Type": FORM}, urllib.parse.urlencode(form).encode())

    def accepts(self, secret, signed):
        form = dict(urllib.parse.parse_qsl(signed.body.decode()))
        found = self.gateway(secret).webhook_notification.parse(form["bt_signature"], form["bt_payload"])
        return found.kind == "subscription_canceled"

    def tampered(self, signed):
        form = dict(urllib.parse.parse_qsl(signed.body.decode()))
        payload = base64.decodebytes(form["bt_payload"].encode()).replace(self.part, self.changed)
        form["bt_payload"] = base64.encodebytes(payload).decode()
        return Signed(signed.url, signed.headers, urllib.parse.urlencode(form).encode())


def whsec(text):
    return "whsec_" + base64.b64encode(hashlib.sha256(text).digest()).decode()


class Svix(Provider):
    type = "svix"
    library = SvixWebhook
    prefix = "svix"
    secret, other_secret = whsec(b"one"), whsec(b"other")
    stale_s = 301
    has_our_headers = True

    def sign(self, url, secret, at):
        body = json.dumps({"type": "invoice.paid", "amount": 4200})
        message_id = f"msg_{at}"
        signature = self.library(secret).sign(message_id, datetime.datetime.fromtimestamp(at, datetime.timezone.utc), body)
        headers = {"id": message_id, "timestamp": str(at), "signature": signature}
        named = {f"{self.prefix}-{name}": value for name, value in headers.items()}
        return Signed(url, {**named, "Content-Type": JSON}, body.encode())

    def accepts(self, secret, signed):
        self.library(secret).verify(signed.body, signed.headers)
        return True


class StandardWebhooks(Svix):
    type = "standard-webhooks"
    library = StandardWebhook
    prefix = "webhook"


class Resend(Svix):
    type = "resend"


class OpenAI(StandardWebhooks):
    type = "open-ai"


PROVIDERS = [
    Stripe(),
    Slack(),
    Hubspot(),
    TwilioForm(),
    TwilioJson(),
    Plivo(),
    AdyenPayments(),
    AdyenPlatform(),
    Braintree(),
    Svix(),
    StandardWebhooks(),
    Resend(),
    OpenAI(),
]
