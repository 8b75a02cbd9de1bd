//! Names of headers that requests often have, by number: what a captured request needs to store of them.
//!
//! **Invariant:** a name keeps its number for ever: new ones are added at the end. No name is there twice.

/// Header names in lower case, by number. At most 255.
const NAMES: &[&str] = &[
    "host",
    "user-agent",
    "accept",
    "accept-encoding",
    "accept-language",
    "accept-charset",
    "content-type",
    "content-length",
    "content-encoding",
    "content-language",
    "content-disposition",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "cache-control",
    "pragma",
    "date",
    "expect",
    "te",
    "trailer",
    "upgrade",
    "upgrade-insecure-requests",
    "via",
    "from",
    "origin",
    "referer",
    "cookie",
    "authorization",
    "proxy-authorization",
    "range",
    "if-none-match",
    "if-modified-since",
    "dnt",
    "digest",
    "content-digest",
    "signature",
    "signature-input",
    "idempotency-key",
    "request-id",
    "x-request-id",
    "x-correlation-id",
    "x-trace-id",
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "sentry-trace",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-tags",
    "x-cloud-trace-context",
    "x-amzn-trace-id",
    "x-amz-cf-id",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-forwarded-scheme",
    "x-original-forwarded-for",
    "x-real-ip",
    "x-client-ip",
    "x-scheme",
    "x-envoy-attempt-count",
    "x-envoy-external-address",
    "x-envoy-expected-rq-timeout-ms",
    "true-client-ip",
    "fly-client-ip",
    "fly-forwarded-port",
    "fly-forwarded-proto",
    "fly-region",
    "fly-request-id",
    "cdn-loop",
    "cf-connecting-ip",
    "cf-ipcountry",
    "cf-ray",
    "cf-visitor",
    "cf-worker",
    "cf-ew-via",
    "cloudfront-viewer-country",
    "x-vercel-id",
    "x-vercel-forwarded-for",
    "x-vercel-ip-country",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
    "sec-gpc",
    "priority",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "svix-id",
    "svix-timestamp",
    "svix-signature",
    "ce-id",
    "ce-source",
    "ce-specversion",
    "ce-type",
    "ce-time",
    "ce-subject",
    "x-signature",
    "x-signature-256",
    "x-timestamp",
    "x-hub-signature",
    "x-hub-signature-256",
    "x-github-event",
    "x-github-delivery",
    "x-github-hook-id",
    "x-github-hook-installation-target-id",
    "x-github-hook-installation-target-type",
    "x-gitlab-event",
    "x-gitlab-event-uuid",
    "x-gitlab-instance",
    "x-gitlab-token",
    "x-gitlab-webhook-uuid",
    "x-event-key",
    "x-hook-uuid",
    "x-request-uuid",
    "x-attempt-number",
    "stripe-signature",
    "stripe-version",
    "x-shopify-topic",
    "x-shopify-hmac-sha256",
    "x-shopify-shop-domain",
    "x-shopify-webhook-id",
    "x-shopify-api-version",
    "x-shopify-triggered-at",
    "x-shopify-event-id",
    "x-shopify-sub-topic",
    "x-slack-signature",
    "x-slack-request-timestamp",
    "x-slack-retry-num",
    "x-slack-retry-reason",
    "x-twilio-signature",
    "i-twilio-idempotency-token",
    "x-home-region",
    "x-twilio-email-event-webhook-signature",
    "x-twilio-email-event-webhook-timestamp",
    "x-hubspot-signature",
    "x-hubspot-signature-v3",
    "x-hubspot-signature-version",
    "x-hubspot-request-timestamp",
    "x-hubspot-timeout-millis",
    "x-zm-signature",
    "x-zm-request-timestamp",
    "x-amz-sns-message-id",
    "x-amz-sns-message-type",
    "x-amz-sns-subscription-arn",
    "x-amz-sns-topic-arn",
    "x-amz-sns-rawdelivery",
    "paypal-auth-algo",
    "paypal-auth-version",
    "paypal-cert-url",
    "paypal-transmission-id",
    "paypal-transmission-sig",
    "paypal-transmission-time",
    "paddle-signature",
    "paddle-version",
    "typeform-signature",
    "linear-delivery",
    "linear-event",
    "linear-signature",
    "x-square-hmacsha256-signature",
    "square-environment",
    "square-initial-delivery-timestamp",
    "square-retry-number",
    "square-retry-reason",
    "square-subscription-id",
    "square-version",
    "plaid-verification",
    "intuit-signature",
    "intuit-t-id",
    "intuit-notification-schema-version",
    "x-wc-webhook-delivery-id",
    "x-wc-webhook-event",
    "x-wc-webhook-id",
    "x-wc-webhook-resource",
    "x-wc-webhook-signature",
    "x-wc-webhook-source",
    "x-wc-webhook-topic",
    "x-hook-signature",
    "x-hook-secret",
    "x-line-signature",
    "x-telegram-bot-api-secret-token",
    "twitch-eventsub-message-id",
    "twitch-eventsub-message-retry",
    "twitch-eventsub-message-signature",
    "twitch-eventsub-message-timestamp",
    "twitch-eventsub-message-type",
    "twitch-eventsub-subscription-type",
    "twitch-eventsub-subscription-version",
    "x-signature-ed25519",
    "x-signature-timestamp",
    "x-api-key",
    "x-webhook-id",
    "x-webhook-signature",
    "x-webhook-timestamp",
    "x-event-type",
    "x-event-id",
];

/// Slots of the table: four for each name, about.
const SLOTS: usize = 1024;
/// Names by what [`slot`] says of them, one more than their number; 0 is free.
#[expect(clippy::indexing_slicing, reason = "reckoned by the compiler")]
const TABLE: [u8; SLOTS] = {
    let mut table = [0; SLOTS];
    let mut n = 0;
    while n < NAMES.len() {
        let mut at = slot(NAMES[n].as_bytes());
        while table[at] != 0 {
            at = (at + 1) % SLOTS;
        }
        table[at] = n as u8 + 1;
        n += 1;
    }
    table
};

/// Looks at a few bytes only: no two names of a request agree in all of them, or few do.
const fn slot(name: &[u8]) -> usize {
    let len = name.len();
    let places = [0, len / 3, len / 2, len * 2 / 3, len.saturating_sub(3), len.saturating_sub(1)];
    let mut hash = len as u32;
    let mut rest = places.as_slice();
    while let [at, after @ ..] = rest {
        if let (_, [byte, ..]) = name.split_at(if *at < len { *at } else { len }) {
            hash = hash.wrapping_mul(0x0100_0193) ^ *byte as u32;
        }
        rest = after;
    }
    (hash ^ (hash >> 15)) as usize % SLOTS
}

/// The number of a name in lower case.
pub(crate) fn code(name: &str) -> Option<u8> {
    let mut at = slot(name.as_bytes());
    loop {
        let code = TABLE.get(at)?.checked_sub(1)?;
        if NAMES.get(usize::from(code)).is_some_and(|known| *known == name) {
            return Some(code);
        }
        at = (at + 1) % SLOTS;
    }
}

/// The name of a number.
pub(crate) fn name(code: u8) -> Option<&'static str> {
    NAMES.get(usize::from(code)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_one_number() {
        assert!(NAMES.len() <= 255);
        for (n, known) in NAMES.iter().enumerate() {
            assert_eq!((code(known), name(n as u8)), (Some(n as u8), Some(*known)), "{known}");
            assert!(known.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{known}");
        }
        for other in ["", "x-not-there", "Host", "hosts", "x-github-even"] {
            assert_eq!(code(other), None, "{other}");
        }
        assert_eq!(name(255), None);
    }

    #[test]
    fn numbers_never_change() {
        // Stored requests name headers by them: add names at the end only.
        let first = [(0, "host"), (6, "content-type"), (113, "x-hub-signature"), (129, "stripe-signature")];
        for (code, known) in first {
            assert_eq!(name(code), Some(known));
        }
    }
}
