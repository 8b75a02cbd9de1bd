//! Contentful: HMAC-SHA256 over method, path, chosen headers and body.
//!
//! `x-contentful-signature` is hexadecimal HMAC-SHA256 over `method \n path \n name:value;… \n body`. The headers are
//! those that `x-contentful-signed-headers` lists, lower-case names sorted, values trimmed. The path is the path and
//! `?` and the escaped query, escaped once more as a URI: the query is escaped twice. `x-contentful-timestamp` is in
//! milliseconds and at most 30 s old.
//!
//! **Invariant:** the time, and the list of signed headers itself, are among the signed headers.
//!
//! Source: @contentful/node-apps-toolkit 3.16.1 `requests/`,
//! <https://www.contentful.com/developers/docs/extensibility/app-framework/request-verification/>.

use super::super::config::Config;
use super::super::{ConfigError, Inbound, Materials, Refusal};
use super::mac::{Keys, Kind};
use super::{Judge, time};

const AGE_S_MAX: i64 = 30;
const SIGNED_HEADERS: &str = "x-contentful-signed-headers";
const TIMESTAMP: &str = "x-contentful-timestamp";
/// Headers that are signed, at most.
const HEADERS_MAX: usize = 100;
/// What `encodeURIComponent` (and `querystring.escape`) leaves alone besides letters and digits.
const COMPONENT_PLAIN: &[u8] = b"-_.!~*'()";
/// What `encodeURI` leaves alone besides.
const URI_PLAIN: &[u8] = b"-_.!~*'();,/?:@&=+$#";

pub(super) struct Contentful {
    keys: Keys,
}

impl Contentful {
    pub(super) fn new(config: Config<'_>) -> Result<Self, ConfigError> {
        Ok(Self { keys: Keys::of(config)? })
    }
}

impl Judge for Contentful {
    fn judge(&self, request: &Inbound<'_>, _materials: &dyn Materials) -> Result<(), Refusal> {
        let claim = request.header("x-contentful-signature")?;
        let at_ms = time::digits(request.header(TIMESTAMP)?);
        let at_ms = at_ms.ok_or_else(|| Refusal::Malformed("the timestamp is not an integer".into()))?;
        time::check(at_ms, request.now_ms, AGE_S_MAX, AGE_S_MAX)?;
        let path = path(request)?;
        let headers = headers(request)?;
        let signed: [&[u8]; 7] =
            [request.method.as_bytes(), b"\n", path.as_bytes(), b"\n", &headers, b"\n", request.body];
        self.keys.check(Kind::Sha256Hex, &signed, claim)
    }
}

/// The signed headers, written as they are signed.
fn headers(request: &Inbound<'_>) -> Result<Vec<u8>, Refusal> {
    let listed = String::from_utf8_lossy(request.header(SIGNED_HEADERS)?).to_ascii_lowercase();
    let mut names: Vec<&str> = listed.split(',').map(str::trim).collect();
    names.sort_unstable();
    if names.len() > HEADERS_MAX {
        return Err(Refusal::Malformed(format!("more than {HEADERS_MAX} headers are signed").into()));
    }
    if !names.contains(&SIGNED_HEADERS) || !names.contains(&TIMESTAMP) {
        return Err(Refusal::Malformed("the timestamp or the list of signed headers is not signed".into()));
    }
    let mut written = Vec::new();
    for (position, name) in names.iter().enumerate() {
        let mut values = request.headers.iter().filter(|(n, _)| n == name).map(|(_, value)| *value);
        let value = values.next().ok_or_else(|| Refusal::Missing((*name).to_owned().into()))?;
        if values.next().is_some() {
            return Err(Refusal::Doubled((*name).to_owned().into()));
        }
        if position > 0 {
            written.push(b';');
        }
        written.extend_from_slice(name.as_bytes());
        written.push(b':');
        written.extend_from_slice(value.trim_ascii());
    }
    Ok(written)
}

/// The path and query, written as they are signed.
fn path(request: &Inbound<'_>) -> Result<String, Refusal> {
    let whole = request.path_and_query();
    let whole = whole.split_once('#').map_or(whole, |(whole, _)| whole);
    let (path, query) = whole.split_once('?').unwrap_or((whole, ""));
    if query.contains('?') {
        // Contentful's own code signs nothing after a second question mark.
        return Err(Refusal::Malformed("the query has a question mark: what follows is not signed".into()));
    }
    let path = if path.is_empty() { "/" } else { path };
    let joined = if query.is_empty() { path.to_owned() } else { format!("{path}?{}", escaped(query, COMPONENT_PLAIN)) };
    Ok(escaped(&joined, URI_PLAIN))
}

fn escaped(text: &str, plain: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
