//! Verification of providers' requests: the given vectors, the table's own promises, and tampering with whatever the table
//! can sign.

mod configuration;
mod generic;
mod table;
mod tampering;
mod vectors;

use crate::providers::{ConfigError, Draft, Inbound, NoMaterials, Provider, Refusal, sign};
use serde_json::Value;

const NOW_MS: i64 = 1_760_000_000_123;
const URL: &str = "https://hooks.example.com/in/abc?tenant=7";

/// A request that owns its parts, so that tests can break them.
#[derive(Clone)]
struct Sent {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    now_ms: i64,
}

impl Sent {
    fn new(headers: &[(&str, &str)], body: &[u8]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Sent { method: "POST".into(), url: URL.into(), headers, body: body.to_vec(), now_ms: NOW_MS }
    }

    fn judge(&self, name: &str, config: &Value) -> Result<(), Refusal> {
        let verifier = find(name).verifier_lenient(config).unwrap_or_else(|error| panic!("{name}: {error}"));
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let (method, url, body, now_ms) = (&*self.method, &*self.url, &*self.body, self.now_ms);
        verifier.judge(&Inbound { method, url, headers: &headers, body, now_ms }, &NoMaterials)
    }

    fn header(&mut self, name: &str) -> &mut String {
        &mut self.headers.iter_mut().find(|(known, _)| known == name).unwrap().1
    }
}

fn find(name: &str) -> &'static Provider {
    Provider::find(name).unwrap_or_else(|| panic!("there is no {name}"))
}

fn signed(name: &str, config: &Value, body: &[u8]) -> Result<Sent, ConfigError> {
    let draft = Draft {
        method: "POST",
        url: URL,
        content_type: "application/json",
        body,
        now_ms: NOW_MS,
        event_type: "invoice.paid",
        event_id: "evt_1",
    };
    let headers = sign(find(name), config, &draft)?;
    Ok(Sent { method: "POST".into(), url: URL.into(), headers, body: body.to_vec(), now_ms: NOW_MS })
}
