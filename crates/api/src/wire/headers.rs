//! An endpoint's custom headers.
//!
//! **Invariant:** a header that passes here can be sent as it is, and can't change who the receiver thinks sent it.

use super::fields::{Fields, Patch};
use super::read::Read;
use crate::problem::Problem;
use http::{HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Lower-case name to value, as sealed in the store.
pub(crate) type Headers = BTreeMap<String, String>;

const HEADERS_MAX: usize = 50;
const VALUE_LEN_MAX: usize = 4096;

/// Names that the sender owns.
const OWNED: [&str; 16] = [
    "accept-encoding",
    "connection",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-forwarded-for",
    "x-real-ip",
];
const OWNED_PREFIXES: [&str; 5] = ["content-", "proxy-", "svix-", "webhook-", "sec-"];

/// Parts of a name that tell that its value is a secret.
const SENSITIVE: [&str; 8] = ["auth", "token", "secret", "key", "cookie", "password", "credential", "signature"];

#[derive(Serialize)]
pub(crate) struct HeadersOut<'a> {
    headers: BTreeMap<&'a str, &'a str>,
    /// Names of headers whose values can't be read back.
    sensitive: Vec<&'a str>,
}

impl<'a> HeadersOut<'a> {
    pub fn of(headers: &'a Headers) -> Self {
        let (secret, open): (Vec<_>, Vec<_>) = headers.iter().partition(|(name, _)| is_sensitive(name));
        HeadersOut {
            headers: open.into_iter().map(|(k, v)| (k.as_str(), v.as_str())).collect(),
            sensitive: secret.into_iter().map(|(k, _)| k.as_str()).collect(),
        }
    }
    pub fn open(&self) -> &BTreeMap<&'a str, &'a str> {
        &self.headers
    }
    /// Names of those that can't be read back.
    pub fn hidden(&self) -> &[&'a str] {
        &self.sensitive
    }
}

fn is_sensitive(name: &str) -> bool {
    SENSITIVE.iter().any(|part| name.contains(part))
}

/// A PUT's body: the whole set.
pub(crate) fn read_all(body: &[u8]) -> Result<Headers, Problem> {
    let mut f = Fields::parse(body)?;
    let headers = f.require(&["headers"], headers);
    f.finish()?;
    Ok(headers)
}

/// A PATCH's body: `null`, or a place in `deleteHeaders`, removes a header.
pub(crate) fn read_changes(body: &[u8]) -> Result<BTreeMap<String, Option<String>>, Problem> {
    let mut f = Fields::parse(body)?;
    let changes = f.require(&["headers"], |v| {
        let Value::Object(map) = v else { return Err("must be an object of string values".into()) };
        map.into_iter().map(|(k, v)| Ok((name(&k)?, if v.is_null() { None } else { Some(value(v)?) }))).collect()
    });
    let deleted = f.take(&["deleteHeaders"], |v| {
        let Value::Array(names) = v else { return Err("must be a list of header names".into()) };
        names.iter().map(|n| name(n.as_str().unwrap_or_default())).collect::<Read<Vec<String>>>()
    });
    f.finish()?;
    let mut changes: BTreeMap<String, Option<String>> = changes;
    if let Patch::Value(names) = deleted {
        changes.extend(names.into_iter().map(|name| (name, None)));
    }
    Ok(changes)
}

/// The merged set, if it isn't too large.
pub(crate) fn merge(mut old: Headers, changes: BTreeMap<String, Option<String>>) -> Result<Headers, Problem> {
    for (name, value) in changes {
        match value {
            Some(value) => old.insert(name, value),
            None => old.remove(&name),
        };
    }
    if old.len() > HEADERS_MAX {
        return Err(Problem::field("headers", format!("there may be {HEADERS_MAX} headers at most")));
    }
    Ok(old)
}

/// The `headers` field of a new endpoint.
pub(crate) fn take(f: &mut Fields) -> Option<Headers> {
    match f.take(&["headers"], headers) {
        Patch::Value(h) if !h.is_empty() => Some(h),
        _ => None,
    }
}

fn headers(v: Value) -> Read<Headers> {
    let Value::Object(map) = v else { return Err("must be an object of string values".into()) };
    if map.len() > HEADERS_MAX {
        return Err(format!("there may be {HEADERS_MAX} headers at most").into());
    }
    let count = map.len();
    let headers: Headers = map.into_iter().map(|(k, v)| Ok((name(&k)?, value(v)?))).collect::<Read<_>>()?;
    if headers.len() != count {
        return Err("a header is named twice in different case".into());
    }
    Ok(headers)
}

fn name(text: &str) -> Read<String> {
    let Ok(name) = text.parse::<HeaderName>() else {
        return Err("a header name has a character that is not allowed".into());
    };
    let name = name.as_str();
    if OWNED.contains(&name) || OWNED_PREFIXES.iter().any(|p| name.starts_with(p)) {
        return Err(format!("the header {name} is set by the sender").into());
    }
    Ok(name.to_owned())
}

fn value(v: Value) -> Read<String> {
    match v {
        Value::String(s) if s.len() > VALUE_LEN_MAX => {
            Err(format!("a header value may have {VALUE_LEN_MAX} bytes at most").into())
        }
        // What `HeaderValue` takes beyond visible ASCII would be read differently by every receiver.
        Value::String(s) if HeaderValue::from_str(&s).is_ok_and(|v| v.to_str().is_ok()) => Ok(s),
        Value::String(_) => Err("a header value has a character that is not allowed".into()),
        _ => Err("a header value must be a string".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str) -> Result<Headers, String> {
        read_all(body.as_bytes()).map_err(|p| String::from_utf8_lossy(&p.into_reply().body).into_owned())
    }

    #[test]
    fn headers_that_the_sender_owns_or_that_break_http_are_refused() {
        for name in ["Host", "content-type", "Webhook-Id", "svix-signature", "Transfer-Encoding", "a b", "", "é", "a:b"]
        {
            assert!(check(&format!(r#"{{"headers":{{"{name}":"x"}}}}"#)).is_err(), "{name}");
        }
        for value in
            [r#""a\nb""#, r#""a\rb""#, r#""\u0000""#, "1", "null", r#""é""#, &format!("\"{}\"", "v".repeat(4097))]
        {
            assert!(check(&format!(r#"{{"headers":{{"x-a":{value}}}}}"#)).is_err(), "{value}");
        }
        assert!(check(r#"{"headers":{"X-A":"1","x-a":"2"}}"#).is_err());
        assert_eq!(check(r#"{"headers":{"X-A":"1"}}"#), Ok(Headers::from([("x-a".into(), "1".into())])));
    }

    #[test]
    fn values_of_sensitive_headers_are_not_shown() {
        let headers =
            Headers::from(["authorization", "x-api-key", "x-csrf-token", "x-plain"].map(|n| (n.into(), "v".into())));
        let out = serde_json::to_string(&HeadersOut::of(&headers)).unwrap();
        assert_eq!(out, r#"{"headers":{"x-plain":"v"},"sensitive":["authorization","x-api-key","x-csrf-token"]}"#);
    }

    #[test]
    fn a_patch_adds_replaces_and_removes() {
        let old = Headers::from([("a".into(), "1".into()), ("b".into(), "2".into())]);
        let changes = read_changes(br#"{"headers":{"A":null,"b":"3","c":"4"}}"#).unwrap();
        assert_eq!(merge(old, changes).unwrap(), Headers::from([("b".into(), "3".into()), ("c".into(), "4".into())]));
    }
}
