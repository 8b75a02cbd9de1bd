//! Why a request was refused, in plain words, and what to do.
//!
//! **Invariant:** says nothing that the stored reason doesn't; where the reason is unknown, it says only that.

use crate::answer::Members;
use domain::Timestamp;
use serde_json::Value;

/// Parts of reasons (`signing::providers::Refusal`), and what they usually mean. The first that fits counts.
const MEANINGS: [(&str, &str); 12] = [
    (
        "does not match",
        "The signature belongs to another secret, another URL or another body. Most often the secret here isn't the one \
         that the provider signs with: copy it again (test and live mode have different ones). Otherwise something between \
         the provider and this server changed the body, or the provider signs another URL than the one it called.",
    ),
    (
        "s old, the limit",
        "The signature is genuine in form but too old: a replayed request, or a clock that is wrong on this server. Check \
         this machine's time first.",
    ),
    ("in the future", "The signature's time is ahead of this server's clock. Check this machine's time."),
    (
        "is missing or empty",
        "The header that carries the signature did not come. Whoever sent this isn't the provider, or signing is switched \
         off there, or a proxy in front of this server drops the header.",
    ),
    (
        "came more than once",
        "A signature header came twice. Something between the provider and this server adds headers.",
    ),
    ("credential is not", "The password, key or token in the request isn't the one that this source has."),
    (
        "could not be fetched",
        "The provider's key could not be fetched, so nothing could be checked. The provider tries again.",
    ),
    (
        "no secret yet",
        "This source has learned no secret yet. Set the webhook up at the provider: its first request brings it.",
    ),
    ("not in allowIps", "The sender's address isn't one of those that this source allows."),
    ("not allowed", "The sender's address isn't one of those that this source allows."),
    ("address", "The sender's address isn't one of those that this source allows."),
    (
        "signature",
        "The signature isn't written as this provider writes it. Is this source of the right type, and is it the provider \
         that called?",
    ),
];

/// What it means; empty without a reason.
pub(crate) fn explain(reason: &str) -> &'static str {
    if reason.is_empty() {
        return "";
    }
    let found = MEANINGS.iter().find(|(part, _)| reason.contains(part));
    found.map_or("The request isn't what this provider sends. Compare it with the provider's page.", |(_, text)| text)
}

/// How much later than it was signed the request came, in seconds, where a header says when it was.
pub(crate) fn skew_s(request: &Value, at: Timestamp) -> Option<f64> {
    let header = |name: &str| {
        let pair = request.list("headers").iter().find(|pair| pair.get(0).and_then(Value::as_str) == Some(name))?;
        pair.get(1)?.as_str()
    };
    let plain = ["webhook-timestamp", "svix-timestamp", "x-slack-request-timestamp", "x-zm-request-timestamp"];
    let stamped = |value: &str| {
        value.split([',', ';']).find_map(|item| {
            let item = item.trim();
            item.strip_prefix("t=").or_else(|| item.strip_prefix("ts=")).and_then(|seconds| seconds.parse::<i64>().ok())
        })
    };
    let signed_s = plain
        .iter()
        .find_map(|name| header(name).and_then(|value| value.trim().parse::<i64>().ok()))
        .or_else(|| {
            ["stripe-signature", "paddle-signature", "calendly-webhook-signature", "workos-signature"]
                .iter()
                .find_map(|name| header(name).and_then(stamped))
        })?;
    Some((at.millis() - signed_s.checked_mul(1000)?) as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_reason_is_explained() {
        let check = |reason: &str, part: &str| assert!(explain(reason).contains(part), "{reason}");
        check("the signature does not match: the secret, the URL or the body is not what was signed", "another secret");
        check("the timestamp is 900 s old, the limit is 300 s", "clock");
        check("the header `stripe-signature` is missing or empty", "did not come");
        check("the signature is not 64 hexadecimal digits", "isn't written");
        check("who knows", "provider's page");
        assert_eq!(explain(""), "");
    }

    #[test]
    fn the_skew_is_read_where_the_time_is_signed() {
        let at = Timestamp(1_760_000_000_400);
        let request = |name: &str, value: &str| json!({"headers": [["a", "b"], [name, value]]});
        assert_eq!(skew_s(&request("stripe-signature", "t=1760000000,v1=ab"), at), Some(0.4));
        assert_eq!(skew_s(&request("webhook-timestamp", "1759999998"), at), Some(2.4));
        assert_eq!(skew_s(&request("x-other", "1759999998"), at), None);
    }
}
