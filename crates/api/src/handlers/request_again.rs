//! The request that sends a message to an endpoint, signed now: for who wants to send it by hand.
//!
//! **Invariant:** values of sensitive headers are left out, only their names are told; nothing is sent and nothing is written.

use super::endpoint::Place;
use super::secret;
use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::export::curl;
use crate::wire::headers::HeadersOut;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use signing::SigningKeys;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestOut<'a> {
    method: &'static str,
    url: &'a str,
    /// Names in lower case, and values; those that sign are made anew.
    headers: Vec<(&'a str, &'a str)>,
    /// Headers that it has, too, and whose values can't be read back.
    hidden: Vec<&'a str>,
    /// `None` where it isn't text.
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    /// The same as a command for a shell.
    curl: String,
}

pub(crate) async fn get(call: Call) -> Result<Reply, Problem> {
    let place = Place { param: 2, ..Place::of(&call).await? };
    let message = call.store().message(place.app, &call.message(1)?, true).await?;
    let endpoint = call.store().endpoint(place.app, &call.endpoint(place.param)?).await?;
    let payload = message.payload.ok_or_else(|| Problem::conflict("The payload expired or was deleted"))?;
    let secrets = secret::all_of(&call, place.app, endpoint.id).await?;
    let (id, timestamp_s) = (call.codec().text(message.id), call.shared.now().millis().div_euclid(1000));
    let mut signature = String::new();
    SigningKeys::new(secrets.iter().map(|(secret, _)| secret)).sign_into(&id, timestamp_s, &payload, &mut signature);
    let custom = secret::headers_of(&call, place.app, endpoint.id).await?;
    let custom = HeadersOut::of(&custom);
    let timestamp = timestamp_s.to_string();
    let mut headers = vec![
        ("content-type", "application/json"),
        ("webhook-id", id.as_str()),
        ("webhook-timestamp", timestamp.as_str()),
        ("webhook-signature", signature.as_str()),
    ];
    headers.extend(custom.open().iter().map(|(name, value)| (*name, *value)));
    let body = std::str::from_utf8(&payload).ok();
    let sent = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
    let mut curl = String::new();
    for name in custom.hidden() {
        curl.push_str(&format!("# The header {name} is left out: its value can't be read back.\n"));
    }
    curl.push_str(&curl::command("POST", &endpoint.url, sent, &payload));
    let out = RequestOut {
        method: "POST",
        url: &endpoint.url,
        headers,
        hidden: custom.hidden().to_vec(),
        body,
        body_base64: body.is_none().then(|| STANDARD.encode(&payload)),
        curl,
    };
    Ok(Reply::ok(&out).secret())
}
