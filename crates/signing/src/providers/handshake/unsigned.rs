//! Handshakes that nothing signs: whoever knows the URL can send them, so what they get is an echo, or a proof that only
//! the source's secret can make.
//!
//! **Invariant:** a wrong token is told so by its status and nothing else.

use super::{Context, Handshake, Reply, echo, header, hex, json, knows, member, parameter, secrets, token};
use crate::providers::Inbound;
use base64::{Engine, prelude::BASE64_STANDARD};
use ring::{digest, hmac};
use serde_json::{Map, Value, json as json_of};

/// The names under which Meta's apps are known.
const META: [&str; 5] = ["meta", "whatsapp", "messenger", "instagram", "facebook"];

pub(super) fn post(context: Context<'_>, request: &Inbound<'_>) -> Option<Handshake> {
    match context.provider {
        "asana" => asana(request),
        "smartsheet" => smartsheet(request),
        "microsoft_graph" | "microsoft-graph" => text_of(request, "validationToken"),
        "monday" => monday(request),
        "notion" => notion(request),
        "woocommerce" => woocommerce(request),
        // Its "Test connection" is not signed. Source: Bitbucket Data Center's event payloads, `diagnostics:ping`.
        "bitbucket_server" => {
            let is_ping = header(request, "x-event-key") == Some("diagnostics:ping");
            (is_ping && request.header("x-hub-signature").is_err()).then(|| Handshake::Answer(Reply::empty(200)))
        }
        "azure_event_grid" | "event_grid" | "cloudevents" | "generic-webhook" | "generic_webhook" | "none"
        | "basic" | "api_key" | "api-key" | "jwt" => event_grid(request),
        _ => None,
    }
}

pub(super) fn get(context: Context<'_>, request: &Inbound<'_>) -> Option<Handshake> {
    match context.provider {
        "dropbox" | "nylas" => text_of(request, "challenge"),
        "strava" => hub(context, request, |challenge| Reply::json(&json_of!({ "hub.challenge": challenge }))),
        "websub" => websub(context, request),
        "x_twitter" | "x" | "twitter" => x(context, request),
        "okta" => okta(request),
        "braintree" => braintree(context, request),
        "adobe-sign" | "adobe_sign" => adobe_sign(context, request),
        // Also when the validation comes by another method than documented.
        "microsoft_graph" | "microsoft-graph" => text_of(request, "validationToken"),
        name if META.contains(&name) => hub(context, request, |challenge| Reply::text(200, challenge)),
        _ => None,
    }
}

/// CloudEvents' abuse protection: says that the origin may send here. Source: CloudEvents HTTP Webhook §4.
pub(super) fn options(request: &Inbound<'_>) -> Option<Handshake> {
    let origin = header(request, "webhook-request-origin")?;
    let reply = Reply::empty(200).with("webhook-allowed-origin", origin).with("allow", "POST");
    let rate = header(request, "webhook-request-rate");
    let rate = rate.filter(|rate| *rate == "*" || (rate.len() <= 10 && rate.bytes().all(|b| b.is_ascii_digit())));
    Some(Handshake::Answer(match rate {
        Some(rate) => reply.with("webhook-allowed-rate", rate),
        None => reply,
    }))
}

/// Dropbox (developers.dropbox.com/developers/reference/webhooks), Nylas (developer.nylas.com), Microsoft Graph
/// (learn.microsoft.com/graph/change-notifications-delivery-webhooks): the parameter, decoded, as plain text.
fn text_of(request: &Inbound<'_>, name: &str) -> Option<Handshake> {
    parameter(request, name).map(|challenge| Handshake::Answer(Reply::text(200, challenge)))
}

/// Meta (developers.facebook.com/docs/graph-api/webhooks/getting-started) and Strava (developers.strava.com/docs/webhooks).
fn hub(context: Context<'_>, request: &Inbound<'_>, reply: impl FnOnce(String) -> Reply) -> Option<Handshake> {
    let mode = parameter(request, "hub.mode")?;
    let is_known = parameter(request, "hub.verify_token").is_some_and(|token| knows(context, &token));
    let challenge = parameter(request, "hub.challenge").filter(|_| is_known && mode == "subscribe");
    Some(Handshake::Answer(challenge.map_or_else(|| Reply::empty(403), reply)))
}

/// WebSub (W3C) §5.3: yes to a subscription of a wanted topic (`topics`; without it all are wanted), and to the end of one
/// of an unwanted topic, so that nobody else can end a subscription.
fn websub(context: Context<'_>, request: &Inbound<'_>) -> Option<Handshake> {
    let mode = parameter(request, "hub.mode")?;
    if mode == "denied" {
        return Some(Handshake::Answer(Reply::empty(200)));
    }
    let is_wanted = parameter(request, "hub.topic").map(|topic| match context.config.value("topics") {
        None | Some(Value::Null) => true,
        Some(Value::Array(topics)) => topics.iter().any(|one| one.as_str() == Some(&*topic)),
        Some(only) => only.as_str() == Some(&*topic),
    });
    let is_agreed = matches!((&*mode, is_wanted), ("subscribe", Some(true)) | ("unsubscribe", Some(false)));
    let challenge = parameter(request, "hub.challenge").filter(|_| is_agreed);
    Some(Handshake::Answer(challenge.map_or_else(|| Reply::empty(404), |challenge| Reply::text(200, challenge))))
}

/// X's challenge-response check: the HMAC of `crc_token` under the consumer secret. Source:
/// xdevplatform/account-activity-dashboard, `helpers/security.js`.
fn x(context: Context<'_>, request: &Inbound<'_>) -> Option<Handshake> {
    let crc = parameter(request, "crc_token")?;
    let secret = secrets(context).into_iter().next()?;
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), crc.as_bytes());
    let token = format!("sha256={}", BASE64_STANDARD.encode(mac));
    Some(Handshake::Answer(Reply::json(&json_of!({ "response_token": token }))))
}

/// Okta's only GET. Source: developer.okta.com/docs/concepts/event-hooks.
fn okta(request: &Inbound<'_>) -> Option<Handshake> {
    let challenge = header(request, "x-okta-verification-challenge")?;
    Some(Handshake::Answer(Reply::json(&json_of!({ "verification": challenge }))))
}

/// Braintree: `public key|hex HMAC-SHA1(SHA1(private key), challenge)`. Source: braintree_python, `webhook_notification_gateway`.
/// The configuration has `publicKey` (or `public_key`) and `secret`, or `secret` is `public key|private key`.
fn braintree(context: Context<'_>, request: &Inbound<'_>) -> Option<Handshake> {
    let challenge = parameter(request, "bt_challenge")?;
    let is_hex = challenge.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !is_hex || !(20..=32).contains(&challenge.len()) {
        return None;
    }
    let secret = secrets(context).into_iter().next()?;
    let named = |field| context.config.text(field).ok().flatten();
    let (public, private) = match named("publicKey").or_else(|| named("public_key")) {
        Some(public) => (public, secret.as_str()),
        None => secret.split_once('|')?,
    };
    let key = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, private.as_bytes());
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_ref());
    let mac = hex(hmac::sign(&key, challenge.as_bytes()).as_ref());
    echo(format!("{public}|{mac}")).map(|answer| Handshake::Answer(Reply::text(200, answer)))
}

/// Adobe Sign's intent: its client id, back. Source: developer.adobe.com/acrobat-sign, "Verification of intent".
fn adobe_sign(context: Context<'_>, request: &Inbound<'_>) -> Option<Handshake> {
    let claimed = header(request, "x-adobesign-clientid")?;
    let agreed = context.config.text("clientId").ok().flatten();
    Some(Handshake::Answer(match agreed.filter(|agreed| *agreed == claimed) {
        Some(agreed) => Reply::empty(200).with("x-adobesign-clientid", agreed),
        None => Reply::empty(403),
    }))
}

/// Asana sends the secret of a new webhook. Source: Asana/devrel-examples, `webhooks-nodejs`.
fn asana(request: &Inbound<'_>) -> Option<Handshake> {
    let secret = header(request, "x-hook-secret")?;
    let reply = Reply::empty(200).with("x-hook-secret", secret);
    Some(Handshake::Learn { secret: secret.to_owned(), reply })
}

/// Source: developers.smartsheet.com, "Webhook verification".
fn smartsheet(request: &Inbound<'_>) -> Option<Handshake> {
    let challenge = header(request, "smartsheet-hook-challenge")?;
    let reply = Reply::json(&json_of!({ "smartsheetHookResponse": challenge }));
    Some(Handshake::Answer(reply.with("smartsheet-hook-response", challenge)))
}

/// An object with nothing but `challenge`. Source: developer.monday.com/apps/docs, "Webhooks".
fn monday(request: &Inbound<'_>) -> Option<Handshake> {
    let body: Map<String, Value> = json(request, "\"challenge\"").filter(|body: &Map<_, _>| body.len() == 1)?;
    let challenge = body.get("challenge").and_then(Value::as_str).map(str::to_owned).and_then(echo)?;
    Some(Handshake::Answer(Reply::json(&json_of!({ "challenge": challenge }))))
}

/// An object with nothing but the token, which is the key of all later signatures. Source: developers.notion.com/reference/webhooks.
fn notion(request: &Inbound<'_>) -> Option<Handshake> {
    let body: Map<String, Value> =
        json(request, "\"verification_token\"").filter(|body: &Map<_, _>| body.len() == 1)?;
    let secret = body.get("verification_token").and_then(Value::as_str).and_then(token)?;
    Some(Handshake::Learn { secret: secret.to_owned(), reply: Reply::empty(200) })
}

/// The form `webhook_id=N` that comes, unsigned, when a webhook is saved. Source: woocommerce, `class-wc-webhook.php`.
fn woocommerce(request: &Inbound<'_>) -> Option<Handshake> {
    let id = request.body.strip_prefix(b"webhook_id=").filter(|id| (1..=20).contains(&id.len()))?;
    let is_ping = id.iter().all(u8::is_ascii_digit) && request.header("x-wc-webhook-signature").is_err();
    is_ping.then(|| Handshake::Answer(Reply::empty(200)))
}

/// Source: learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema.
fn event_grid(request: &Inbound<'_>) -> Option<Handshake> {
    if !header(request, "aeg-event-type")?.eq_ignore_ascii_case("SubscriptionValidation") {
        return None;
    }
    let events: Value = json(request, "validationCode")?;
    let code = member(&events, "/0/data/validationCode")?;
    Some(Handshake::Answer(Reply::json(&json_of!({ "validationResponse": code }))))
}
