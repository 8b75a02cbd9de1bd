//! The options of a source or a bin: how its requests become messages, and what they are answered.
//!
//! **Invariant:** what passes here can be obeyed: an answer's header can be sent as it is and doesn't break the
//! connection, a rule has a meaning.

use super::fields::{Fields, Patch};
use super::read::{self, Read};
use domain::{DedupBy, DedupOptions, ResponseOptions, SourceOptions, Uid, is_answer_header};
use http::{HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

const DEDUP_WINDOW_S_MAX: u64 = 30 * 86_400;
const DELAY_MS_MAX: u64 = 30_000;
const BODY_LIMIT_MAX: u64 = 1 << 32;
const REQUESTS_KEPT_MAX: u64 = 1_000_000;
const ANSWER_BODY_MAX: usize = 64 * 1024;
const ANSWER_HEADERS_MAX: usize = 50;
const HEADER_VALUE_MAX: usize = 4096;
const RULE_LEN_MAX: usize = 512;
const FIELDS_MAX: usize = 10;
const URL_LEN_MAX: usize = 2048;

/// Takes the field `options`.
pub(crate) fn take(f: &mut Fields) -> Patch<SourceOptions> {
    let mut o = match f.object("options") {
        Patch::Absent => return Patch::Absent,
        Patch::Null => return Patch::Null,
        Patch::Value(o) => o,
    };
    let options = SourceOptions {
        delivery: o.take(&["delivery"], word("must be pass-through or message")).value().unwrap_or_default(),
        response: response(&mut o),
        dedup: dedup(&mut o),
        event_type: o.take(&["eventType"], event_type).value(),
        verify_url: o.take(&["verifyUrl"], url).value(),
        body_limit: o.take(&["bodyLimit"], read::integer(1..=BODY_LIMIT_MAX)).value(),
        requests_kept: o.take(&["requestsKept"], requests_kept).value(),
        delay_ms: o.take(&["delayMs"], small(DELAY_MS_MAX)).value().unwrap_or_default(),
        failure_rate: o.take(&["failureRate"], percent).value().unwrap_or_default(),
    };
    f.absorb(o);
    Patch::Value(options)
}

fn response(o: &mut Fields) -> ResponseOptions {
    let Patch::Value(mut r) = o.object("response") else { return ResponseOptions::default() };
    let response = ResponseOptions {
        status: r.take(&["status"], status).value(),
        body: r.take(&["body"], answer_body).value(),
        headers: r.take(&["headers"], answer_headers).value().unwrap_or_default(),
    };
    o.absorb(r);
    response
}

fn dedup(o: &mut Fields) -> DedupOptions {
    let default = DedupOptions::default();
    let Patch::Value(mut d) = o.object("dedup") else { return default };
    let by = d.take(&["by"], word("must be provider, body, fields or nothing")).value().unwrap_or_default();
    let dedup = DedupOptions {
        by,
        fields: d.take(&["fields"], rules).value().unwrap_or_default(),
        window_seconds: d.take(&["windowSeconds"], small(DEDUP_WINDOW_S_MAX)).value().unwrap_or(default.window_seconds),
    };
    if dedup.by == DedupBy::Fields && dedup.fields.is_empty() {
        d.complain("fields", "must name at least one field when `by` is `fields`");
    }
    o.absorb(d);
    dedup
}

/// One of an enum's words.
fn word<T: DeserializeOwned>(rule: &'static str) -> impl FnOnce(Value) -> Read<T> {
    move |v| serde_json::from_value(v).map_err(|_| rule.into())
}

fn small(max: u64) -> impl FnOnce(Value) -> Read<u32> {
    move |v| read::integer(0..=max)(v).map(|n| u32::try_from(n).unwrap_or(u32::MAX))
}

fn percent(v: Value) -> Read<u8> {
    read::integer(0..=100)(v).map(|n| u8::try_from(n).unwrap_or(100))
}

fn status(v: Value) -> Read<u16> {
    read::integer(200..=599)(v).map(|n| u16::try_from(n).unwrap_or(200))
}

pub(crate) fn requests_kept(v: Value) -> Read<u32> {
    read::integer(1..=REQUESTS_KEPT_MAX)(v).map(|n| u32::try_from(n).unwrap_or(u32::MAX))
}

fn answer_body(v: Value) -> Read<String> {
    let text = read::string(v)?;
    if text.len() > ANSWER_BODY_MAX {
        return Err(format!("must be at most {ANSWER_BODY_MAX} bytes").into());
    }
    Ok(text)
}

fn answer_headers(v: Value) -> Read<BTreeMap<String, String>> {
    const RULE: &str = "must be an object of string values";
    let Value::Object(map) = v else { return Err(RULE.into()) };
    if map.len() > ANSWER_HEADERS_MAX {
        return Err(format!("there may be {ANSWER_HEADERS_MAX} headers at most").into());
    }
    let mut headers = BTreeMap::new();
    for (name, value) in map {
        let Ok(name) = name.parse::<HeaderName>() else {
            return Err("a header name has a character that is not allowed".into());
        };
        let name = name.as_str();
        if !is_answer_header(name) {
            return Err(format!("the header {name} can't be set").into());
        }
        let Value::String(value) = value else { return Err(RULE.into()) };
        let is_plain = HeaderValue::from_str(&value).is_ok_and(|v| v.to_str().is_ok());
        if !is_plain || value.len() > HEADER_VALUE_MAX {
            return Err("a header value has a character that is not allowed, or is too long".into());
        }
        if headers.insert(name.to_owned(), value).is_some() {
            return Err("a header is named twice in different case".into());
        }
    }
    Ok(headers)
}

const RULE: &str = "must be header:<name>, json:/<pointer>, query:<name> or form:<name>";

/// Whether `text` says where in a request something is.
fn is_rule(text: &str) -> bool {
    let Some((kind, rest)) = text.split_once(':') else { return false };
    text.len() <= RULE_LEN_MAX
        && match kind {
            "header" => rest.parse::<HeaderName>().is_ok(),
            // RFC 6901: `~` is `~0`, `/` in a name `~1`.
            "json" => {
                (rest.is_empty() || rest.starts_with('/'))
                    && rest.split('~').skip(1).all(|after| after.starts_with(['0', '1']))
            }
            "query" | "form" => !rest.is_empty() && !rest.chars().any(char::is_control),
            _ => false,
        }
}

fn rules(v: Value) -> Read<Vec<String>> {
    let list = read::strings(v)?;
    if list.len() > FIELDS_MAX {
        return Err(format!("there may be {FIELDS_MAX} fields at most").into());
    }
    if list.iter().all(|rule| is_rule(rule)) { Ok(list) } else { Err(format!("each {RULE}").into()) }
}

fn event_type(v: Value) -> Read<String> {
    let text = read::string(v)?;
    match text.strip_prefix("text:") {
        Some(name) if Uid::is_valid(name) => Ok(text),
        Some(_) => Err(format!("what follows text: {}", read::UID_RULE).into()),
        None if is_rule(&text) => Ok(text),
        None => Err(format!("{RULE}, or text:<event type>").into()),
    }
}

fn url(v: Value) -> Read<String> {
    let text = read::string(v)?;
    let parsed = url::Url::parse(&text).ok().filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
    let is_plain = text.len() <= URL_LEN_MAX && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    if parsed.is_some() && is_plain { Ok(text) } else { Err("must be an http:// or https:// URL".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;
    use serde_json::json;

    fn read_options(options: &Value) -> Result<SourceOptions, Value> {
        let mut f = Fields::parse(json!({"options": options}).to_string().as_bytes()).unwrap();
        let read = take(&mut f);
        match f.finish() {
            Ok(()) => Ok(read.value().unwrap()),
            Err(Problem::Invalid(complaints)) => Err(json!(complaints)[0]["loc"].clone()),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn options_are_read_as_they_are_shown() {
        let whole = json!({
            "delivery": "message",
            "response": {"status": 202, "body": "ok", "headers": {"x-a": "b"}},
            "dedup": {"by": "fields", "fields": ["header:X-Id", "json:/a~1b/0", "json:", "query:q", "form:MessageSid"],
                "windowSeconds": 0},
            "eventType": "text:order.created", "verifyUrl": "https://hooks.example.com/in/x?y=1",
            "bodyLimit": 1, "requestsKept": 5, "delayMs": 30_000, "failureRate": 100,
        });
        let read = read_options(&whole).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), whole);
        assert_eq!(read_options(&json!({})).unwrap(), SourceOptions::default());
        assert_eq!(read_options(&json!({"response": null, "dedup": null})).unwrap(), SourceOptions::default());
    }

    #[test]
    fn a_header_that_would_not_be_sent_is_refused() {
        for name in domain::ANSWER_HEADERS_OWNED {
            let options = json!({"response": {"headers": {name.to_uppercase(): "a"}}});
            assert_eq!(read_options(&options), Err(json!(["body", "options", "response", "headers"])), "{name}");
        }
    }

    #[test]
    fn each_broken_rule_is_named_by_its_place() {
        let long = "v".repeat(4097);
        for (options, place) in [
            (json!([]), "options"),
            (json!({"delivery": "post"}), "options.delivery"),
            (json!({"response": 1}), "options.response"),
            (json!({"response": {"status": 199}}), "options.response.status"),
            (json!({"response": {"status": 600}}), "options.response.status"),
            (json!({"response": {"body": 1}}), "options.response.body"),
            (json!({"response": {"headers": {"Set-Cookie": "a=b"}}}), "options.response.headers"),
            (json!({"response": {"headers": {"content-length": "1"}}}), "options.response.headers"),
            (json!({"response": {"headers": {"Transfer-Encoding": "chunked"}}}), "options.response.headers"),
            (json!({"response": {"headers": {"x a": "b"}}}), "options.response.headers"),
            (json!({"response": {"headers": {"x-a": "b\r\nx: y"}}}), "options.response.headers"),
            (json!({"response": {"headers": {"x-a": long}}}), "options.response.headers"),
            (json!({"response": {"headers": {"x-a": "1", "X-A": "2"}}}), "options.response.headers"),
            (json!({"dedup": {"by": "hash"}}), "options.dedup.by"),
            (json!({"dedup": {"by": "fields"}}), "options.dedup.fields"),
            (json!({"dedup": {"fields": ["json:a"]}}), "options.dedup.fields"),
            (json!({"dedup": {"fields": ["json:/a~2"]}}), "options.dedup.fields"),
            (json!({"dedup": {"fields": ["header:"]}}), "options.dedup.fields"),
            (json!({"dedup": {"fields": ["cookie:a"]}}), "options.dedup.fields"),
            (json!({"dedup": {"fields": ["text:a"]}}), "options.dedup.fields"),
            (json!({"dedup": {"windowSeconds": 30 * 86_400 + 1}}), "options.dedup.windowSeconds"),
            (json!({"eventType": "order.created"}), "options.eventType"),
            (json!({"eventType": "text:a b"}), "options.eventType"),
            (json!({"verifyUrl": "ftp://example.com/"}), "options.verifyUrl"),
            (json!({"verifyUrl": "/in/x"}), "options.verifyUrl"),
            (json!({"bodyLimit": 0}), "options.bodyLimit"),
            (json!({"requestsKept": 0}), "options.requestsKept"),
            (json!({"delayMs": 30_001}), "options.delayMs"),
            (json!({"failureRate": 101}), "options.failureRate"),
        ] {
            let want: Vec<&str> = std::iter::once("body").chain(place.split('.')).collect();
            assert_eq!(read_options(&options), Err(json!(want)), "{options}");
        }
    }
}
