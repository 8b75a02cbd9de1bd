//! Texts that are of a kind: a time, an address, an id.
//!
//! **Invariant:** says yes only where a validator of JSON Schema (draft 7) would.

use domain::Timestamp;

pub(super) const FORMATS: [&str; 6] = ["date-time", "date", "uuid", "email", "uri", "ipv4"];

pub(super) fn is(format: &str, text: &str) -> bool {
    match format {
        // With its letters, as RFC 3339 has it.
        "date-time" => {
            text.len() >= 20 && text.as_bytes().get(10) == Some(&b'T') && Timestamp::parse_rfc3339(text).is_some()
        }
        "date" => text.len() == 10 && Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")).is_some(),
        "uuid" => is_uuid(text),
        "email" => is_email(text),
        "uri" => is_uri(text),
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        // Unknown formats hold, as the specification asks.
        _ => true,
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        })
}

pub(super) fn is_email(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    text.split_once('@').is_some_and(|(name, host)| {
        let dots = |part: &str| !part.starts_with('.') && !part.ends_with('.') && !part.contains("..");
        !name.is_empty()
            && name.chars().all(plain)
            && dots(name)
            && host.contains('.')
            && dots(host)
            && host.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'))
            && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
    })
}

fn is_uri(text: &str) -> bool {
    let plain = text
        .chars()
        .all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}'));
    (text.starts_with("https://") || text.starts_with("http://")) && plain && text.parse::<url::Url>().is_ok()
}
