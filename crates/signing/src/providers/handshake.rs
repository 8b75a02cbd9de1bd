//! Requests by which a provider asks whether a URL is wanted, and what it expects in return.
//!
//! `ingest` asks [`before`] it verifies a request and [`after`], and answers with what it is told. Which provider does what
//! is in `unsigned` and `signed`, with its source.
//!
//! **Invariant:** pure; an echo is never HTML, never longer than [`ECHO_LEN_MAX`] and has no control characters; what has to
//! be verified first is in [`after`].

mod signed;
#[cfg(test)]
mod tests;
mod unsigned;

use super::{Config, Inbound, Secret, query};
use serde::de::DeserializeOwned;
use serde_json::Value;
use subtle::ConstantTimeEq;

/// Bytes of a challenge that is echoed.
pub const ECHO_LEN_MAX: usize = 4096;
/// Bytes of a value that is echoed in a header, or learnt.
const TOKEN_LEN_MAX: usize = 512;
/// Handshakes are small: longer bodies aren't looked into.
const BODY_LEN_MAX: usize = 16 * 1024;

/// Whose handshake: the source's type, and its configuration with the secrets.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The provider's name: `meta`, `aws_sns`.
    pub provider: &'a str,
    pub config: Config<'a>,
}

/// What a handshake is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// What to do with a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// Answer it.
    Answer(Reply),
    /// `GET` this URL (it was checked to be the provider's), then answer 200.
    Confirm { url: String },
    /// Keep this secret as the source's, then answer.
    ///
    /// Anyone can send such a request. A caller must never let it replace a secret that the source has: it then treats the
    /// request as any other, which fails verification.
    Learn { secret: String, reply: Reply },
}

/// A handshake that comes unsigned: judged before the signature. `None` when this is no handshake.
///
/// On the path of every request: a provider without handshakes costs a comparison of its name.
pub fn before(context: Context<'_>, request: &Inbound<'_>) -> Option<Handshake> {
    match request.method {
        "POST" => unsigned::post(context, request),
        "GET" => unsigned::get(context, request),
        "HEAD" => matches!(context.provider, "trello" | "mandrill").then(|| Handshake::Answer(Reply::empty(200))),
        "OPTIONS" => unsigned::options(request),
        _ => None,
    }
}

/// A handshake that comes signed: judged after the signature was found right. `None` when this is no handshake.
pub fn after(context: Context<'_>, request: &Inbound<'_>) -> Option<Handshake> {
    if request.method == "POST" { signed::post(context, request) } else { None }
}

/// The answer that a provider expects to an accepted event, where it isn't an empty 200.
pub fn acknowledgement(context: Context<'_>) -> Option<Reply> {
    match context.provider {
        // docs.adyen.com/development-resources/webhooks
        "adyen" => Some(Reply::text(200, "[accepted]")),
        // developers.hellosign.com/docs/events/overview: other texts count as failures.
        "dropbox_sign" => Some(Reply::text(200, "Hello API Event Received")),
        // discord.com/developers/docs/events/webhook-events: 204, without a body.
        "discord" => Some(Reply::empty(204).with("content-type", "application/json")),
        // Adobe Sign wants its client id in every answer.
        "adobe-sign" | "adobe_sign" => {
            let client_id = context.config.text("clientId").ok().flatten().and_then(token)?;
            Some(Reply::empty(200).with("x-adobesign-clientid", client_id))
        }
        _ => None,
    }
}

impl Reply {
    fn empty(status: u16) -> Self {
        Reply { status, headers: Vec::new(), body: Vec::new() }
    }

    /// Without `nosniff`, old browsers take text for HTML.
    fn text(status: u16, text: impl Into<String>) -> Self {
        let headers = vec![("content-type", "text/plain".to_owned()), ("x-content-type-options", "nosniff".to_owned())];
        Reply { status, headers, body: text.into().into_bytes() }
    }

    fn json(value: &Value) -> Self {
        let headers =
            vec![("content-type", "application/json".to_owned()), ("x-content-type-options", "nosniff".to_owned())];
        Reply { status: 200, headers, body: value.to_string().into_bytes() }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// A text that may be echoed in a body.
fn echo(text: String) -> Option<String> {
    let is_safe = !text.is_empty() && text.len() <= ECHO_LEN_MAX && !text.chars().any(char::is_control);
    is_safe.then_some(text)
}

/// A text that may stand in a header: visible ASCII.
fn token(text: &str) -> Option<&str> {
    let is_safe = !text.is_empty() && text.len() <= TOKEN_LEN_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_safe.then_some(text)
}

/// A header's only value, as text that may be echoed in a header.
fn header<'a>(request: &Inbound<'a>, name: &'static str) -> Option<&'a str> {
    request.header(name).ok().and_then(|value| std::str::from_utf8(value).ok()).and_then(token)
}

/// A parameter of the query, as text that may be echoed.
fn parameter(request: &Inbound<'_>, name: &str) -> Option<String> {
    request.query().and_then(|raw| query::value(raw, name)).and_then(echo)
}

/// The body as JSON, if it is short and has `word` in it.
fn json<T: DeserializeOwned>(request: &Inbound<'_>, word: &str) -> Option<T> {
    let body = Some(request.body).filter(|body| body.len() <= BODY_LEN_MAX)?;
    let text = std::str::from_utf8(body).ok().filter(|text| text.contains(word))?;
    serde_json::from_str(text).ok()
}

/// A member of the body, as text that may be echoed.
fn member(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned).and_then(echo)
}

/// Whether the source knows this token: its `verifyToken`, or without one any of its secrets.
fn knows(context: Context<'_>, token: &str) -> bool {
    let is_it = |known: &str| bool::from(known.as_bytes().ct_eq(token.as_bytes()));
    match context.config.text("verifyToken") {
        Ok(Some(known)) => is_it(known),
        Ok(None) => secrets(context).iter().filter(|known| is_it(known)).count() > 0,
        Err(_) => false,
    }
}

fn secrets(context: Context<'_>) -> Vec<Secret> {
    context.config.secrets(1).unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
