//! Endpoints on the wire: the superset that pleases SDK 1.x and 2.x at once (docs/api.md).

use super::fields::{Fields, Patch};
use super::headers::{self, Headers};
use super::{read, time};
use crate::problem::Problem;
use domain::target::{TargetRules, TargetUrl};
use domain::{IdCodec, Kind};
use serde::Serialize;
use serde_json::Value;
use signing::EndpointSecret;
use store::{Endpoint, EndpointFields, EndpointPatch, Metadata};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointOut {
    id: String,
    uid: Option<String>,
    url: String,
    description: String,
    disabled: bool,
    /// Its queue waits; not in the Svix API.
    paused: bool,
    paused_at: Option<String>,
    channels: Option<Vec<String>>,
    event_types: Option<Vec<String>>,
    filter_types: Option<Vec<String>>,
    throttle_rate: Option<u32>,
    rate_limit: Option<u32>,
    version: u32,
    metadata: Metadata,
    created_at: String,
    updated_at: String,
    /// Since when every attempt has failed; not in the Svix API.
    failing_since: Option<String>,
    /// Not in the Svix API.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_per: Option<String>,
}

impl EndpointOut {
    pub fn of(e: Endpoint, codec: &IdCodec) -> Self {
        EndpointOut {
            id: codec.text(e.id),
            uid: e.uid,
            url: e.url,
            description: e.description,
            disabled: e.disabled,
            paused: e.paused_at.is_some(),
            paused_at: e.paused_at.map(time::text),
            channels: e.channels,
            filter_types: e.event_types.clone(),
            event_types: e.event_types,
            throttle_rate: e.throttle_rate,
            rate_limit: e.throttle_rate,
            version: e.version,
            metadata: e.metadata,
            created_at: time::text(e.id.created_at()),
            updated_at: time::text(e.updated_at),
            failing_since: e.failing_since.map(time::text),
            first_per: e.first_per,
        }
    }
}

/// A new endpoint, with what only a new one can bring.
pub(crate) struct NewEndpoint {
    pub fields: EndpointFields,
    pub secret: Option<EndpointSecret>,
    pub headers: Option<Headers>,
}

const TYPES: [&str; 2] = ["eventTypes", "filterTypes"];
const THROTTLE: [&str; 2] = ["throttleRate", "rateLimit"];

/// Reads an endpoint that is written whole: a POST's or a PUT's body.
pub(crate) fn read_new(body: &[u8], rules: &TargetRules) -> Result<NewEndpoint, Problem> {
    let mut f = Fields::parse(body)?;
    let fields = EndpointFields {
        uid: f.take(&["uid"], read::uid(Kind::Endpoint)).value(),
        url: f.require(&["url"], target(rules)),
        description: f.take(&["description"], read::string).value().unwrap_or_default(),
        version: f.take(&["version"], version).value(),
        disabled: f.take(&["disabled"], read::boolean).value().unwrap_or_default(),
        // Left out, it stays as it is: SDKs that PUT don't know of it.
        paused: f.take(&["paused"], read::boolean).value(),
        throttle_rate: f.take(&THROTTLE, read::rate).value(),
        event_types: f.take(&TYPES, read::event_types).value(),
        channels: f.take(&["channels"], read::channels).value(),
        metadata: f.take(&["metadata"], read::metadata).value().unwrap_or_default(),
        first_per: f.take(&["firstPer"], read::payload_path).value(),
        hook: false,
    };
    let secret = f.take(&["secret"], secret).value();
    let headers = headers::take(&mut f);
    f.finish()?;
    Ok(NewEndpoint { fields, secret, headers })
}

pub(crate) fn read_patch(body: &[u8], rules: &TargetRules) -> Result<EndpointPatch, Problem> {
    let mut f = Fields::parse(body)?;
    let url = f.take(&["url"], target(rules));
    if url == Patch::Null {
        f.complain("url", "can't be cleared");
    }
    let patch = EndpointPatch {
        uid: f.take(&["uid"], read::uid(Kind::Endpoint)).clearable(),
        url: url.value(),
        description: f.take(&["description"], read::string).or_reset(String::new()),
        version: f.take(&["version"], version).value(),
        disabled: f.take(&["disabled"], read::boolean).or_reset(false),
        paused: f.take(&["paused"], read::boolean).or_reset(false),
        throttle_rate: f.take(&THROTTLE, read::rate).clearable(),
        event_types: f.take(&TYPES, read::event_types).clearable(),
        channels: f.take(&["channels"], read::channels).clearable(),
        metadata: f.take(&["metadata"], read::metadata).or_reset(Metadata::new()),
        first_per: f.take(&["firstPer"], read::payload_path).clearable(),
    };
    f.finish()?;
    Ok(patch)
}

pub(super) fn target(rules: &TargetRules) -> impl FnOnce(Value) -> read::Read<String> {
    |v| {
        let text = read::string(v)?;
        let url = TargetUrl::parse(&text, rules).map_err(|e| e.to_string())?;
        Ok(url.as_str().to_owned())
    }
}

fn version(v: Value) -> read::Read<u32> {
    read::integer(1..=1_000_000)(v).map(|n| u32::try_from(n).unwrap_or(1))
}

/// A secret that the client brings. The Svix API takes one without `whsec_` too.
pub(super) fn secret(v: Value) -> read::Read<EndpointSecret> {
    let text = zeroize::Zeroizing::new(read::string(v)?);
    let whole = if text.starts_with("wh") && text.contains('_') {
        text
    } else {
        zeroize::Zeroizing::new(format!("whsec_{}", *text))
    };
    EndpointSecret::parse(&whole).map_err(|e| e.to_string().into())
}

/// A rotation: the new secret, if the client brings one, and how long the old one signs too, in seconds.
pub(crate) fn read_rotation(body: &[u8]) -> Result<(Option<EndpointSecret>, u64), Problem> {
    const DAY_S: u64 = 86_400;
    let mut f = Fields::parse(body)?;
    let key = f.take(&["key"], secret).value();
    let grace_s = f.take(&["gracePeriodSeconds"], read::integer(0..=7 * DAY_S)).value().unwrap_or(DAY_S);
    f.finish()?;
    Ok((key, grace_s))
}

#[derive(Serialize)]
pub(crate) struct SecretOut<'a> {
    pub key: &'a str,
}

#[derive(Serialize)]
pub(crate) struct StatsOut {
    pub success: u64,
    pub pending: u64,
    pub sending: u64,
    pub fail: u64,
    pub canceled: u64,
}
