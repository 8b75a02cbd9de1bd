//! `postrider trigger`: sends a realistic event, signed as its provider would, to a URL.
//!
//! **Invariant:** what it sends verifies under the provider's own library.

use std::io::Write;

use bytes::Bytes;
use domain::{Clock, Timestamp};
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use serde_json::{Value, json};
use signing::providers::samples::{SAMPLES, Sample};
use signing::providers::{Draft, Provider, sign};
use tokio::time::timeout;
use url::Url;

use crate::client;
use crate::clock::{OsRng, SystemClock};
use crate::commands::fail;
use crate::exit::Exit;

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// What `trigger` was asked for.
pub struct Wanted {
    pub provider: String,
    /// `None`: the provider's first sample.
    pub event: Option<String>,
    pub url: Url,
    /// `None` sends it unsigned.
    pub secret: Option<String>,
    /// Instead of the sample.
    pub body: Option<Vec<u8>>,
    /// An id of the caller's: the same twice is a duplicate.
    pub id: Option<String>,
}

/// The providers and events that there are, a line each.
pub fn list(out: &mut dyn Write) -> std::io::Result<()> {
    SAMPLES.iter().try_for_each(|sample| writeln!(out, "{:<18} {}", sample.provider, sample.event))
}

pub async fn run(wanted: Wanted, out: &mut dyn Write) -> Exit {
    match timeout(PATIENCE, trigger(&wanted)).await {
        Err(_) => fail(format!("no answer within {} s", PATIENCE.as_secs()), Exit::Failure),
        Ok(Err(why)) => fail(why, Exit::Failure),
        Ok(Ok((status, body))) => {
            let line = if body.is_empty() { format!("{status}") } else { format!("{status} {body}") };
            // A reader that went away has all it wanted.
            let _ = writeln!(out, "{line}");
            if (200..300).contains(&status) { Exit::Ok } else { Exit::Failure }
        }
    }
}

/// A request as the provider would send it: the headers, in lower case, and the body.
pub type Signed = (Vec<(String, String)>, Vec<u8>);

/// Fills in a sample and signs it.
pub fn make(wanted: &Wanted, now: Timestamp, id: &str) -> Result<Signed, String> {
    let provider = Provider::find(&wanted.provider).ok_or_else(|| {
        format!("there is no provider {:?}; `postrider trigger --list` prints those with samples", wanted.provider)
    })?;
    let sample = Sample::find(&provider.name, wanted.event.as_deref());
    let (content_type, event, body) = match (&wanted.body, sample) {
        (Some(body), sample) => {
            let event = wanted.event.as_deref().or(sample.map(|s| s.event)).unwrap_or_default();
            (sample.map_or("application/json", |s| s.content_type), event, body.clone())
        }
        (None, Some(sample)) => (sample.content_type, sample.event, sample.body(id, now.millis()).into_bytes()),
        (None, None) => {
            let event = wanted.event.as_deref().unwrap_or("any event");
            return Err(format!(
                "there is no sample of {} for {event}; `postrider trigger --list` prints all, or give one with --body",
                provider.name
            ));
        }
    };
    let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
    let draft = Draft {
        method: "POST",
        url: wanted.url.as_str(),
        content_type,
        body: &body,
        now_ms: now.millis(),
        event_type: event,
        event_id: id,
    };
    let config = match &wanted.secret {
        Some(secret) => json!({ "secret": secret }),
        None => Value::Object(serde_json::Map::new()),
    };
    if wanted.secret.is_some() || provider.is_insecure {
        headers.extend(sign(provider, &config, &draft).map_err(|e| e.to_string())?);
    } else {
        return Err("--secret is needed: the one that the source has".to_owned());
    }
    Ok((headers, body))
}

async fn trigger(wanted: &Wanted) -> Result<(u16, String), String> {
    let id = wanted.id.clone().unwrap_or_else(|| OsRng.array::<8>().iter().map(|b| format!("{b:02x}")).collect());
    let (headers, body) = make(wanted, SystemClock.now(), &id)?;
    let path = match wanted.url.query() {
        Some(query) => format!("{}?{query}", wanted.url.path()),
        None => wanted.url.path().to_owned(),
    };
    let mut request = Request::builder().method("POST").uri(path);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(|e| e.to_string())?;
    let mut answer = client::send(&wanted.url, request).await.map_err(|e| e.to_string())?;
    let status = answer.response.status().as_u16();
    let body = Limited::new(answer.response.body_mut(), ANSWER_BYTES_MAX).collect().await.map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&body.to_bytes()).chars().filter(|c| !c.is_control()).collect();
    Ok((status, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use signing::providers::{Inbound, NoMaterials};

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn wanted(provider: &str, event: Option<&str>) -> Wanted {
        // Standard Webhooks secrets are base64, which any other provider's may look like too.
        let secret = Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let url = Url::parse("https://hooks.example.com/in/abc?x=1").unwrap();
        Wanted { provider: provider.to_owned(), event: event.map(str::to_owned), url, secret, body: None, id: None }
    }

    #[test]
    fn each_sample_passes_the_verification_of_its_provider() {
        for sample in SAMPLES {
            let wanted = wanted(sample.provider, Some(sample.event));
            let (headers, body) = make(&wanted, NOW, "abc123").unwrap();
            let provider = Provider::find(sample.provider).unwrap();
            assert_eq!(provider.name, sample.provider, "samples go by the providers' own names");
            let verifier = provider.verifier(&json!({ "secret": wanted.secret })).unwrap();
            assert!(!verifier.is_insecure());
            let headers: Vec<(&str, &[u8])> = headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
            let request = Inbound {
                method: "POST",
                url: wanted.url.as_str(),
                headers: &headers,
                body: &body,
                now_ms: NOW.millis(),
            };
            assert_eq!(verifier.judge(&request, &NoMaterials), Ok(()), "{} {}", sample.provider, sample.event);
            let tampered = [&body[..], b" "].concat();
            let tampered = Inbound { body: &tampered, ..request };
            assert!(verifier.judge(&tampered, &NoMaterials).is_err(), "{} {}", sample.provider, sample.event);
        }
        let providers: std::collections::BTreeSet<_> = SAMPLES.iter().map(|s| s.provider).collect();
        assert!(providers.len() >= 10);
    }

    #[test]
    fn an_unknown_provider_or_event_says_where_the_list_is() {
        for (provider, event) in [("nobody", None), ("github", Some("nothing"))] {
            let error = make(&wanted(provider, event), NOW, "1").unwrap_err();
            assert!(error.contains("--list"), "{error}");
        }
    }
}
