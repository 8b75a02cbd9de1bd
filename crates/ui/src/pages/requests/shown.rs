//! One request, whole.
//!
//! **Invariant:** which part is shown is in the URL.

use super::{curl, explain, target, verdict};
use crate::answer::Members;
use crate::call::Call;
use crate::fault::Fault;
use crate::view::{self as v, Badge};
use base64::Engine;
use base64::prelude::BASE64_STANDARD as STANDARD;
use http::Method;
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use std::fmt::Write as _;

/// Bytes of a body shown in hexadecimal at most.
const HEX_MAX: usize = 8 << 10;
const HEX_ROW: usize = 16;
/// Bytes of a body shown as text at most, and rows of a table: what a stranger sent may be megabytes of either.
const TEXT_MAX: usize = 256 << 10;
const ROWS_MAX: usize = 1000;
/// Bytes of a body that a page reads at most.
const RAW_MAX: usize = 16 << 20;
/// Where a command sends to that must not say where the request came.
const SOMEWHERE: &str = "http://localhost:3000";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Body,
    Raw,
    Hex,
    Headers,
    Query,
    Form,
    Curl,
}

impl View {
    pub fn parse(text: &str) -> View {
        match text {
            "raw" => View::Raw,
            "hex" => View::Hex,
            "headers" => View::Headers,
            "query" => View::Query,
            "form" => View::Form,
            "curl" => View::Curl,
            _ => View::Body,
        }
    }
}

pub(crate) struct Shown {
    pub id: String,
    pub method: String,
    pub target: String,
    pub at: v::Html,
    pub since: v::Html,
    pub size: String,
    pub from: String,
    pub status: u64,
    pub verdict: Badge,
    pub is_refused: bool,
    pub is_held: bool,
    /// May be made into messages once more.
    pub may_replay: bool,
    pub reason: String,
    pub explained: &'static str,
    pub event_type: String,
    pub message: String,
    pub messages: u64,
    pub duplicates: u64,
    pub headers: Vec<(String, String)>,
    pub query: Vec<(String, String)>,
    pub form: Vec<(String, String)>,
    /// Text of the body, or its beginning; `None` where it isn't text, or is gone.
    pub body: Option<String>,
    /// How much of the body is shown, if not all.
    pub cut: Option<String>,
    pub has_body: bool,
    pub is_empty: bool,
    pub hex: String,
    pub curl: String,
    pub view: View,
    /// Path and query of its page, to which a view is added: `/inspector/bin_x?request=req_y`.
    pub base: String,
    /// Path of what is done with it: `/inspector/bin_x/requests/req_y`.
    pub path: String,
}

impl Shown {
    /// `api` is the path of the source or bin in the API, `url` the one that it is called at.
    pub async fn read(call: &Call, api: &str, url: &str, id: &str, base: String, path: String) -> Result<Shown, Fault> {
        let at = format!("{api}/request/{}", crate::answer::part(id));
        let request = call.api(Method::GET, &at, None).await?;
        let view = View::parse(call.query().get("view"));
        let mut shown = Shown::of(&request, url, view, base, path, call.now());
        if view == View::Hex && shown.has_body {
            shown.hex = hex(&raw(call, &at).await?);
        }
        Ok(shown)
    }

    /// A request as everybody sees it who has the link of its inbox: nothing of the inbox, and nothing to do.
    pub fn shared(request: &Value, view: View, base: String, now: domain::Timestamp) -> Shown {
        let mut shown = Shown::of(request, SOMEWHERE, view, base, String::new(), now);
        shown.message.clear();
        if view == View::Hex {
            let coded = request.member("bodyBase64").as_str().map(|text| STANDARD.decode(text).unwrap_or_default());
            shown.hex = hex(coded.as_deref().or(shown.body.as_deref().map(str::as_bytes)).unwrap_or_default());
        }
        shown
    }

    fn of(request: &Value, url: &str, view: View, base: String, path: String, now: domain::Timestamp) -> Shown {
        let pair = |pair: &Value| {
            let text = |i: usize| pair.get(i).and_then(Value::as_str).unwrap_or_default().to_owned();
            (text(0), text(1))
        };
        let headers: Vec<_> = request.list("headers").iter().map(pair).collect();
        let name = request.text("verdict");
        let whole_body = request.member("body").as_str();
        let body = whole_body.map(|text| text.get(..text.floor_char_boundary(TEXT_MAX)).unwrap_or(text).to_owned());
        let is_cut = request.is("bodyTruncated") || whole_body.is_some_and(|text| text.len() > TEXT_MAX);
        let has_body = body.is_some() || request.member("bodyBase64").is_string();
        let (method, reason) = (request.text("method"), request.text("reason"));
        let query = request.text("query");
        let whole = format!("{url}{}{}{query}", request.text("path"), if query.is_empty() { "" } else { "?" });
        Shown {
            id: request.text("id"),
            target: target(request),
            at: request.time("timestamp").map(v::stamp).unwrap_or_default(),
            since: request.time("timestamp").map(|at| v::ago(at, now)).unwrap_or_default(),
            size: v::bytes(request.number("bodyLength")),
            is_empty: request.number("bodyLength") == 0,
            from: request.text("remoteAddress"),
            status: request.number("status"),
            verdict: verdict(&name),
            is_refused: name == "refused",
            is_held: name == "held",
            may_replay: has_body && matches!(&*name, "accepted" | "captured"),
            explained: explain(&reason),
            reason,
            event_type: request.text("eventType"),
            message: request.text("messageId"),
            messages: request.number("messages"),
            duplicates: request.number("duplicates"),
            query: values(request.member("queryParams")),
            form: form(request),
            // Without its body where that is too long for a command line.
            curl: curl::command(
                &method,
                &whole,
                &headers,
                match has_body {
                    true => body.as_deref().filter(|_| !is_cut),
                    false => Some(""),
                },
            ),
            cut: is_cut.then(|| format!("The first {} are shown.", v::bytes(TEXT_MAX as u64))),
            method,
            headers,
            body,
            has_body,
            hex: String::new(),
            view,
            base,
            path,
        }
    }

    /// The views that there is something to see in: name in the URL, words, how many.
    pub fn views(&self) -> Vec<(&'static str, &'static str, usize, bool)> {
        let all = [
            ("body", "Body", 0, View::Body, true),
            ("raw", "Raw", 0, View::Raw, self.has_body && !self.is_empty),
            ("hex", "Hex", 0, View::Hex, self.has_body && !self.is_empty),
            ("headers", "Headers", self.headers.len(), View::Headers, true),
            ("query", "Query", self.query.len(), View::Query, !self.query.is_empty()),
            ("form", "Form", self.form.len(), View::Form, !self.form.is_empty()),
            ("curl", "cURL", 0, View::Curl, true),
        ];
        all.into_iter().filter(|a| a.4).map(|(name, text, n, view, _)| (name, text, n, view == self.view)).collect()
    }
    /// `?` or `&`: what stands before a further parameter of `base`.
    pub fn join(&self) -> char {
        if self.base.contains('?') { '&' } else { '?' }
    }
}

/// `{name: [value]}` as pairs.
fn values(object: &Value) -> Vec<(String, String)> {
    let members = object.as_object().into_iter().flatten();
    let each = members.flat_map(|(name, list)| list.as_array().into_iter().flatten().map(move |value| (name, value)));
    each.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).take(ROWS_MAX).collect()
}

/// Fields of a form, or names and sizes of a multipart one's parts.
fn form(request: &Value) -> Vec<(String, String)> {
    let mut all = values(request.member("form"));
    for part in request.list("parts").iter().take(ROWS_MAX) {
        let file = part.some("filename").map(|name| format!("file {name}, ")).unwrap_or_default();
        all.push((part.text("name"), format!("{file}{}", v::bytes(part.number("length")))));
    }
    all
}

async fn raw(call: &Call, at: &str) -> Result<Vec<u8>, Fault> {
    let response = call.api_response(Method::GET, &format!("{at}/raw"), None).await?;
    let read = Limited::new(response.into_body(), RAW_MAX).collect().await;
    read.map(|all| all.to_bytes().to_vec()).map_err(|cause| {
        tracing::error!(%cause, "a stored body could not be read");
        Fault::Failed
    })
}

/// Offsets, bytes and text, sixteen bytes a row.
fn hex(bytes: &[u8]) -> String {
    let mut out = String::new();
    for (row, chunk) in bytes.iter().take(HEX_MAX).collect::<Vec<_>>().chunks(HEX_ROW).enumerate() {
        let cells: String = chunk.iter().map(|byte| format!("{byte:02x} ")).collect();
        let text: String = chunk
            .iter()
            .map(|&&byte| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' })
            .collect();
        let _ = writeln!(out, "{:06x}  {cells:<48} {text}", row * HEX_ROW);
    }
    if bytes.len() > HEX_MAX {
        let _ = writeln!(out, "… {} more", v::bytes((bytes.len() - HEX_MAX) as u64));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bytes_are_shown_with_their_offsets_and_text() {
        let text = hex(b"0123456789abcdefg\0");
        assert_eq!(
            text.lines().next(),
            Some("000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef")
        );
        assert!(text.lines().nth(1).is_some_and(|line| line.starts_with("000010  67 00") && line.ends_with("g.")));
    }

    #[test]
    fn a_page_shows_the_beginning_of_what_a_stranger_sent_and_says_so() {
        let form: serde_json::Map<String, Value> = (0..5_000).map(|n| (format!("f{n}"), json!(["1"]))).collect();
        let request = json!({"method": "POST", "body": "é".repeat(TEXT_MAX), "form": form, "bodyLength": 2 * TEXT_MAX});
        let shown =
            Shown::of(&request, "https://a.test/in/x", View::Body, String::new(), String::new(), Default::default());
        assert_eq!(shown.body.as_ref().map(String::len), Some(TEXT_MAX));
        assert_eq!(shown.form.len(), ROWS_MAX);
        assert!(shown.cut.is_some() && shown.curl.ends_with("--data-binary @body.bin") && shown.has_body);
        let small = json!({"method": "POST", "body": "{}", "bodyLength": 2});
        let shown =
            Shown::of(&small, "https://a.test/in/x", View::Body, String::new(), String::new(), Default::default());
        assert!(shown.cut.is_none() && shown.curl.ends_with("--data-raw '{}'"));
    }
}
