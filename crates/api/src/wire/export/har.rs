//! HTTP Archive 1.2 (<http://www.softwareishard.com/blog/har-12-spec/>): what browsers' tools import.
//!
//! **Invariant:** every field that the specification requires is there; what we don't know is written as it says
//! (`-1`, or empty). Fields of ours begin with an underscore.

use super::super::request::RequestOut;
use super::json;
use serde::Serialize;
use std::borrow::Cow;

#[derive(Serialize)]
struct Pair<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    started_date_time: &'a str,
    time: u8,
    request: Request<'a>,
    response: Response,
    cache: Empty,
    timings: Timings,
    #[serde(rename = "_id")]
    id: &'a str,
    #[serde(rename = "_remoteAddress")]
    remote_address: &'a str,
    #[serde(rename = "_verdict")]
    verdict: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    method: &'a str,
    url: String,
    http_version: &'static str,
    cookies: Vec<Pair<'a>>,
    headers: Vec<Pair<'a>>,
    query_string: Vec<Pair<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_data: Option<PostData<'a>>,
    headers_size: i8,
    body_size: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PostData<'a> {
    mime_type: &'a str,
    text: &'a str,
    #[serde(rename = "_encoding", skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    status: u16,
    status_text: &'static str,
    http_version: &'static str,
    cookies: [u8; 0],
    headers: [u8; 0],
    content: Content,
    #[serde(rename = "redirectURL")]
    redirect_url: &'static str,
    headers_size: i8,
    body_size: i8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    size: u8,
    mime_type: &'static str,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct Timings {
    send: u8,
    wait: u8,
    receive: u8,
}

const HTTP: &str = "HTTP/1.1";

pub(super) fn head(out: &mut Vec<u8>) {
    const HEAD: &str = concat!(
        r#"{"log":{"version":"1.2","creator":{"name":"Postrider","version":""#,
        env!("CARGO_PKG_VERSION"),
        "\"},\"entries\":[\n"
    );
    out.extend_from_slice(HEAD.as_bytes());
}

pub(super) fn row(r: &RequestOut<'_>, url: &str, out: &mut Vec<u8>) {
    let entry = Entry {
        started_date_time: &r.timestamp,
        time: 0,
        request: request(r, url),
        response: Response {
            status: r.status,
            status_text: "",
            http_version: HTTP,
            cookies: [],
            headers: [],
            content: Content { size: 0, mime_type: "x-unknown" },
            redirect_url: "",
            headers_size: -1,
            body_size: -1,
        },
        cache: Empty {},
        timings: Timings { send: 0, wait: 0, receive: 0 },
        id: &r.id,
        remote_address: &r.remote_address,
        verdict: r.verdict,
    };
    json(&entry, out);
}

fn request<'a>(r: &'a RequestOut<'_>, url: &str) -> Request<'a> {
    let question = if r.query.is_empty() { "" } else { "?" };
    let values = |name: &'a Cow<'_, str>, values: &'a [Cow<'_, str>]| {
        values.iter().map(|value| Pair { name, value }).collect::<Vec<_>>()
    };
    let cookies = r.headers.iter().filter(|(name, _)| *name == "cookie").flat_map(|(_, value)| value.split(';'));
    let cookies = cookies.filter_map(|pair| pair.trim().split_once('='));
    Request {
        method: r.method,
        url: format!("{url}{}{question}{}", r.path, r.query),
        http_version: HTTP,
        cookies: cookies.map(|(name, value)| Pair { name, value }).collect(),
        headers: r.headers.iter().map(|(name, value)| Pair { name, value }).collect(),
        query_string: r.query_params.iter().flat_map(|(name, list)| values(name, list)).collect(),
        post_data: post_data(r),
        headers_size: -1,
        body_size: r.body_length,
    }
}

fn post_data<'a>(r: &'a RequestOut<'_>) -> Option<PostData<'a>> {
    let mime_type = r.content_type.as_deref().unwrap_or_default();
    match (r.body.body, r.body.body_base64.as_deref()) {
        (Some(text), _) if !text.is_empty() => Some(PostData { mime_type, text, encoding: None }),
        (None, Some(text)) => Some(PostData { mime_type, text, encoding: Some("base64") }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::tests::{captured, export};
    use serde_json::{Value, json};

    /// What the specification requires of an object.
    fn has(value: &Value, keys: &[&str]) {
        for key in keys {
            assert!(value.get(key).is_some_and(|v| !v.is_null()), "no {key} in {value}");
        }
    }

    #[test]
    fn an_archive_has_every_required_field() {
        let headers: [(&str, &[u8]); 3] =
            [("content-type", b"text/plain"), ("cookie", b"a=1; b=2=3"), ("x-\"", b"\"\\")];
        let requests = [
            captured("POST", "/p?q=1&q=2", &headers, b"x\"y"),
            captured("GET", "", &[], b""),
            captured("PUT", "", &[], b"\xff"),
        ];
        let har: Value = serde_json::from_str(&export(Format::Har, &requests)).unwrap();
        let log = &har["log"];
        assert_eq!(log["version"], "1.2");
        has(&log["creator"], &["name", "version"]);
        let entries = log["entries"].as_array().unwrap();
        assert_eq!(entries.len(), 3);
        for entry in entries {
            has(entry, &["startedDateTime", "time", "request", "response", "cache", "timings"]);
            let request =
                ["method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"];
            has(&entry["request"], &request);
            let response = ["status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL"];
            has(&entry["response"], &response);
            has(&entry["response"], &["headersSize", "bodySize"]);
            has(&entry["response"]["content"], &["size", "mimeType"]);
            has(&entry["timings"], &["send", "wait", "receive"]);
        }
        let first = &entries[0]["request"];
        assert_eq!(first["url"], "https://hooks.example.com/in/tok/p?q=1&q=2");
        assert_eq!(first["cookies"], json!([{"name": "a", "value": "1"}, {"name": "b", "value": "2=3"}]));
        assert_eq!(first["queryString"], json!([{"name": "q", "value": "1"}, {"name": "q", "value": "2"}]));
        assert_eq!(first["postData"], json!({"mimeType": "text/plain", "text": "x\"y"}));
        assert_eq!(entries[1]["request"].get("postData"), None);
        assert_eq!(entries[2]["request"]["postData"], json!({"mimeType": "", "text": "/w==", "_encoding": "base64"}));
    }
}
