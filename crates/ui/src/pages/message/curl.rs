//! A message as a cURL command, signed for an endpoint a moment ago.
//!
//! **Invariant:** the secret itself is never shown, only a signature of this message; who may not see secrets gets neither.

use super::found;
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::pages::common::address;
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use domain::EndpointId;
use http::Method;
use http::header::ACCEPT;
use signing::{EndpointSecret, SigningKeys};
use std::fmt::Write as _;

/// Bytes of a payload in a command: shells take no more than some hundred kilobytes.
const PAYLOAD_MAX: usize = 96 * 1024;

#[derive(Template)]
#[template(path = "message/curl.html")]
struct Page {
    frame: Frame,
    id: String,
    event_type: String,
    address: String,
    command: String,
}

/// As a page, or as plain text for the button that copies it.
pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    let message = found(&call).await?;
    let endpoint: EndpointId = call.codec().read(call.param(1)).ok_or_else(|| Fault::not_found("endpoint"))?;
    let endpoint = call.store().find_endpoint(call.me.org, endpoint).await?;
    if endpoint.app != message.app {
        return Err(Fault::not_found("endpoint"));
    }
    let payload = message.payload.ok_or_else(|| Refusal::of("The content of this message expired or was deleted"))?;
    let text = std::str::from_utf8(&payload).ok().filter(|t| t.len() <= PAYLOAD_MAX && !t.contains('\0'));
    let text = text.ok_or_else(|| Refusal::of("This payload is too large for a command, or no text: download it"))?;
    let (app, id) = (call.codec().text(message.app), call.codec().text(message.id));
    let path = format!("/api/v1/app/{app}/endpoint/{}/secret", call.codec().text(endpoint.id));
    let key = call.api(Method::GET, &path, None).await?;
    let key = key.get("key").and_then(serde_json::Value::as_str).unwrap_or_default();
    let secret = EndpointSecret::parse(key).map_err(|_| Refusal::of("The endpoint's secret can't be read"))?;
    let (at, mut signature) = (call.now().seconds(), String::new());
    SigningKeys::new([&secret]).sign_into(&id, at, &payload, &mut signature);
    let command = command(&endpoint.url, &id, at, &signature, text);
    let wants_text = call.headers.get(ACCEPT).is_some_and(|accept| accept.as_bytes() == b"text/plain");
    if wants_text {
        return Ok(Reply::text(http::StatusCode::OK, command));
    }
    let frame = call.frame(format!("cURL of {id}"), Section::Messages);
    Reply::page(&Page { frame, address: address(&endpoint.url), event_type: message.event_type, command, id })
}

fn command(url: &str, id: &str, at: i64, signature: &str, payload: &str) -> String {
    let mut out = format!("curl -i -X POST {}", quoted(url));
    let at = at.to_string();
    let headers = [
        ("content-type", "application/json"),
        ("webhook-id", id),
        ("webhook-timestamp", at.as_str()),
        ("webhook-signature", signature),
    ];
    for (name, value) in headers {
        let _ = write!(out, " \\\n  -H {}", quoted(&format!("{name}: {value}")));
    }
    let _ = write!(out, " \\\n  --data-raw {}", quoted(payload));
    out
}

/// As one word for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_one_that_a_shell_reads_as_it_is_meant() {
        let command = command("https://a.b/c?d='", "msg_1", 17, "v1,abc", "{\"a\":\"it's $HOME\"}");
        assert!(command.starts_with("curl -i -X POST 'https://a.b/c?d='\\'''"), "{command}");
        assert!(command.contains("-H 'webhook-timestamp: 17' \\\n"), "{command}");
        assert!(command.ends_with("--data-raw '{\"a\":\"it'\\''s $HOME\"}'"), "{command}");
    }
}
