//! What several pages say in the same words: addresses, statuses, codes, links with a query.
//!
//! **Invariant:** pure functions; text from outside is escaped by the template or here.

use crate::view::{Badge, Html, Tone, badge};
use domain::DeadReason;
use domain::html::escaped;
use store::DeliveryStatus;
use url::{Url, form_urlencoded};

/// Characters of an address in a list at most.
const ADDRESS_MAX: usize = 48;

/// A URL as people name it: host and path, without scheme, query and what is too long.
pub(crate) fn address(url: &str) -> String {
    let Ok(parsed) = Url::parse(url) else { return shorten(url, ADDRESS_MAX) };
    let host = parsed.host_str().unwrap_or_default();
    let port = parsed.port().map(|port| format!(":{port}")).unwrap_or_default();
    shorten(&format!("{host}{port}{}", parsed.path().trim_end_matches('/')), ADDRESS_MAX)
}

pub(crate) fn shorten(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// `?a=b&c=d` of the pairs whose value isn't empty.
pub(crate) fn query(pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    match query.finish() {
        empty if empty.is_empty() => empty,
        query => format!("?{query}"),
    }
}

/// Where a delivery stands.
pub(crate) fn status(status: DeliveryStatus) -> Badge {
    let (tone, text) = match status {
        DeliveryStatus::Success => (Tone::Good, "Delivered"),
        DeliveryStatus::Pending { .. } => (Tone::Busy, "Waiting"),
        DeliveryStatus::Sending => (Tone::Busy, "Sending"),
        DeliveryStatus::Fail { .. } => (Tone::Bad, "Failed"),
        DeliveryStatus::Canceled => (Tone::Idle, "Canceled"),
    };
    Badge { tone, text: text.to_owned() }
}

/// Why a delivery failed for good.
pub(crate) fn dead(reason: DeadReason) -> &'static str {
    match reason {
        DeadReason::Exhausted => "Every attempt failed: it is not tried again by itself",
        DeadReason::Gone => "The receiver answered 410 Gone: it unsubscribed",
        DeadReason::EndpointDeleted => "The endpoint was deleted",
        DeadReason::ContentDeleted => "The content expired or was deleted before it was delivered",
    }
}

/// A status code with its colour; `no answer` for 0.
pub(crate) fn code(status_code: u16) -> Html {
    match status_code {
        0 => badge(Tone::Bad, "No answer"),
        200..=299 => badge(Tone::Good, &status_code.to_string()),
        _ => badge(Tone::Bad, &status_code.to_string()),
    }
}

/// `503 Service Unavailable`, or `No answer`.
pub(crate) fn code_in_words(status_code: u16) -> String {
    let phrase = http::StatusCode::from_u16(status_code).ok().and_then(|code| code.canonical_reason());
    match (status_code, phrase) {
        (0, _) => "No answer".to_owned(),
        (code, Some(phrase)) => format!("{code} {phrase}"),
        (code, None) => code.to_string(),
    }
}

/// `1 message`, `12 messages`.
pub(crate) fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", crate::view::count(n), if n == 1 { one } else { many })
}

/// An `<option>`.
pub(crate) fn option(value: &str, text: &str, chosen: &str) -> Html {
    let selected = if value == chosen { " selected" } else { "" };
    Html(format!("<option value=\"{}\"{selected}>{}</option>", escaped(value), escaped(text)))
}

/// ` aria-current="true"` of the chosen one among links.
pub(crate) fn current(is_chosen: bool) -> Html {
    Html(if is_chosen { " aria-current=\"true\"".to_owned() } else { String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_host_and_path() {
        assert_eq!(address("https://api.acme.io/hooks/?token=secret"), "api.acme.io/hooks");
        assert_eq!(address("http://127.0.0.1:8080/"), "127.0.0.1:8080");
        assert_eq!(address("no url"), "no url");
        assert!(address(&format!("https://a.b/{}", "x".repeat(80))).ends_with('…'));
    }

    #[test]
    fn a_query_leaves_out_what_is_empty_and_encodes_the_rest() {
        assert_eq!(query(&[("q", "type:a b"), ("x", ""), ("y", "&")]), "?q=type%3Aa+b&y=%26");
        assert_eq!(query(&[("x", "")]), "");
    }
}
