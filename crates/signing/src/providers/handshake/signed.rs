//! Handshakes that are signed like any other request: by now the signature was found right.
//!
//! **Invariant:** an ordinary event costs a search for one word, in a short body at most.

use super::{Context, Handshake, Reply, header, hex, json, member, secrets};
use crate::providers::Inbound;
use ring::hmac;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json as json_of};

pub(super) fn post(context: Context<'_>, request: &Inbound<'_>) -> Option<Handshake> {
    match context.provider {
        "slack" => slack(request),
        "zoom" => zoom(context, request),
        "twitch" => twitch(request),
        "discord" => discord(request),
        "aws_sns" | "aws-sns" | "sns" => sns(request),
        "xero" => xero(request),
        _ => None,
    }
}

/// Source: docs.slack.dev/reference/events/url_verification.
fn slack(request: &Inbound<'_>) -> Option<Handshake> {
    let body: Value = json(request, "url_verification").filter(|body| is_type(body, "/type", "url_verification"))?;
    member(&body, "/challenge").map(|challenge| Handshake::Answer(Reply::text(200, challenge)))
}

/// The token and its HMAC under the secret that signed this request. Source: @zoom/rivet, `HttpReceiver`.
fn zoom(context: Context<'_>, request: &Inbound<'_>) -> Option<Handshake> {
    let word = "endpoint.url_validation";
    let body: Value = json(request, word).filter(|body| is_type(body, "/event", word))?;
    let plain = member(&body, "/payload/plainToken")?;
    let keys: Vec<_> =
        secrets(context).iter().map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())).collect();
    let timestamp = request.header("x-zm-request-timestamp").unwrap_or_default();
    let signed = [b"v0:", timestamp, b":", request.body].concat();
    let claimed = request.header("x-zm-signature").unwrap_or_default();
    let signs = |key: &&hmac::Key| format!("v0={}", hex(hmac::sign(key, &signed).as_ref())).as_bytes() == claimed;
    let key = keys.iter().find(signs).or(keys.first())?;
    let encrypted = hex(hmac::sign(key, plain.as_bytes()).as_ref());
    Some(Handshake::Answer(Reply::json(&json_of!({ "plainToken": plain, "encryptedToken": encrypted }))))
}

/// Source: dev.twitch.tv/docs/eventsub/handling-webhook-events.
fn twitch(request: &Inbound<'_>) -> Option<Handshake> {
    match header(request, "twitch-eventsub-message-type")? {
        "webhook_callback_verification" => {
            let body: Value = json(request, "challenge")?;
            member(&body, "/challenge").map(|challenge| Handshake::Answer(Reply::text(200, challenge)))
        }
        "revocation" => Some(Handshake::Answer(Reply::empty(204))),
        _ => None,
    }
}

#[derive(Deserialize)]
struct DiscordPing {
    r#type: u64,
    event: Option<IgnoredAny>,
}

/// Interactions ping with type 1, where events have an `event`; events ping with type 0. Source: discord-interactions-js,
/// and discord.com/developers/docs/events/webhook-events.
fn discord(request: &Inbound<'_>) -> Option<Handshake> {
    let body: DiscordPing = json(request, "\"type\"")?;
    match (body.r#type, body.event) {
        (1, None) => Some(Handshake::Answer(Reply::json(&json_of!({ "type": 1 })))),
        // "You must provide a valid Content-Type", also without a body.
        (0, None) => Some(Handshake::Answer(Reply::empty(204).with("content-type", "application/json"))),
        _ => None,
    }
}

/// Source: docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.prepare.html.
fn sns(request: &Inbound<'_>) -> Option<Handshake> {
    let word = "SubscriptionConfirmation";
    let body: Value = json(request, word).filter(|body| is_type(body, "/Type", word))?;
    let url = member(&body, "/SubscribeURL").filter(|url| is_sns(url))?;
    Some(Handshake::Confirm { url })
}

/// `https://sns.<region>.amazonaws.com[.cn]/…`
fn is_sns(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://sns.").filter(|rest| rest.bytes().all(|byte| byte.is_ascii_graphic()))
    else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let region = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"));
    let is_region = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    region.is_some_and(|region| region.len() >= 3 && region.bytes().all(is_region))
}

/// Xero's intent to receive: no events. The wrongly signed ones are refused like all others. Source:
/// developer.xero.com/documentation/guides/webhooks/configuring-your-server.
fn xero(request: &Inbound<'_>) -> Option<Handshake> {
    let body: Value = json(request, "\"entropy\"")?;
    let is_empty = body.get("events").and_then(Value::as_array).is_some_and(Vec::is_empty);
    is_empty.then(|| Handshake::Answer(Reply::empty(200)))
}

fn is_type(body: &Value, pointer: &str, name: &str) -> bool {
    body.pointer(pointer).and_then(Value::as_str) == Some(name)
}
