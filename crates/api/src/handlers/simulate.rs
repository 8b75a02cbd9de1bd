//! Simulates what a provider sends to a source: its example, signed with the source's own secret.
//!
//! The request goes through the same door as the provider's, in-process: verified, stored, forwarded, answered.
//!
//! **Invariant:** nothing is dialled, and the secret goes nowhere but into the signature.

use super::source::{of_path, open};
use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::source::{SimulatedOut, ingest_url, read_simulation};
use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, HOST};
use http_body_util::Full;
use signing::providers::samples::{Sample, plain};
use signing::providers::{Draft, Provider, sign};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use store::Source;

/// What any event is called, of a kind without samples.
const EVENT_DEFAULT: &str = "test";

pub(crate) async fn send(call: Call) -> Result<Reply, Problem> {
    let wanted = read_simulation(&call.body)?;
    let source = of_path(&call).await?;
    let (event_type, request) = request(&call, &source, wanted)?;
    let inbound =
        call.shared.config.inbound.as_ref().ok_or_else(|| Problem::conflict("This server receives nothing"))?;
    let peer = SocketAddr::from((call.caller.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), 0));
    let response = inbound.hand_over(request, peer).await;
    let id = response.headers().get("postrider-request-id").and_then(|id| id.to_str().ok());
    Ok(Reply::ok(&SimulatedOut {
        request_id: id.map(str::to_owned),
        event_type,
        response_status_code: response.status().as_u16(),
    }))
}

/// The event's type, and the request as the provider would send it.
fn request(call: &Call, source: &Source, wanted: Option<String>) -> Result<(String, Request<Full<Bytes>>), Problem> {
    let unable = |why: String| Problem::conflict(format!("{} can't be simulated: {why}", source.name));
    let provider =
        Provider::find(&source.kind).ok_or_else(|| unable("this server doesn't know its kind".to_owned()))?;
    let now_ms = call.shared.now().millis();
    let id = format!("{:016x}", call.store().rng().next_u64());
    let (event, content_type, body) = match Sample::find(&provider.name, wanted.as_deref()) {
        Some(sample) => (sample.event.to_owned(), sample.content_type, sample.body(&id, now_ms)),
        None => {
            let event = wanted.unwrap_or_else(|| EVENT_DEFAULT.to_owned());
            let body = plain(&event, &id, now_ms);
            (event, "application/json", body)
        }
    };
    let url = ingest_url(&call.origin(), &source.token);
    let draft = Draft {
        method: "POST",
        url: source.options.verify_url.as_deref().unwrap_or(&url),
        content_type,
        body: body.as_bytes(),
        now_ms,
        event_type: &event,
        event_id: &id,
    };
    let config = open(&call.shared, source)?;
    let signed = sign(provider, config.value(), &draft).map_err(|e| unable(e.to_string()))?;
    let host = url.split_once("://").and_then(|(_, rest)| rest.split('/').next()).unwrap_or("localhost");
    let path = format!("/in/{}", source.token);
    let mut request = Request::builder().method("POST").uri(path).header(HOST, host).header(CONTENT_TYPE, content_type);
    for (name, value) in signed {
        request = request.header(name, value);
    }
    let request = request.header("content-length", body.len()).body(Full::new(Bytes::from(body)));
    Ok((event, request.map_err(|e| Problem::failed(&e))?))
}
