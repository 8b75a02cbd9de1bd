//! Attempts, and deliveries as messages and endpoints see them, on the wire.

use super::endpoint::EndpointOut;
use super::{message, time};
use domain::{AttemptDetail, HeaderLines, IdCodec};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use store::{Attempt, AttemptedMessage, DeliveryStatus, Destination};

/// What the Svix API shows for a response that was deleted.
const EXPUNGED: &str = "EXPUNGED";

/// How much of an attempt a caller may see.
#[derive(Clone, Copy)]
pub(crate) struct AttemptView {
    pub with_content: bool,
    /// Addresses are the operator's: tenants could map a network by them.
    pub with_address: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AttemptOut {
    id: String,
    msg_id: String,
    endpoint_id: String,
    url: String,
    response: String,
    response_status_code: u16,
    response_duration_ms: u64,
    status: u8,
    status_text: &'static str,
    trigger_type: u8,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    timings: Option<TimingsOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_headers: Option<HeadersOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    msg: Option<Box<RawValue>>,
}

/// In milliseconds; stages that weren't needed or reached are absent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TimingsOut {
    #[serde(skip_serializing_if = "Option::is_none")]
    dns_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_byte_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_ms: Option<f64>,
    total_ms: f64,
    reused: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

impl TimingsOut {
    fn of(detail: &AttemptDetail, duration_us: u64, with_address: bool) -> Self {
        let stages = detail.stages;
        let ms = |us: u64| us as f64 / 1000.0;
        TimingsOut {
            dns_ms: stages.dns_us.map(ms),
            connect_ms: stages.connect_us.map(ms),
            tls_ms: stages.tls_us.map(ms),
            first_byte_ms: stages.first_byte_us.map(ms),
            body_ms: stages.body_us.map(ms),
            total_ms: ms(duration_us.saturating_add(stages.body_us.unwrap_or(0))),
            reused: detail.reused,
            http_version: detail.http_version.map(|v| v.text()),
            address: detail.peer.filter(|_| with_address).map(|peer| peer.to_string()),
        }
    }
}

/// An object of names and values; what came several times is joined by commas (RFC 9110, section 5.3).
struct HeadersOut(HeaderLines);

impl Serialize for HeadersOut {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut all: BTreeMap<&str, String> = BTreeMap::new();
        for (name, value) in self.0.iter() {
            let value = String::from_utf8_lossy(value);
            all.entry(name).and_modify(|text| *text = format!("{text}, {value}")).or_insert_with(|| value.into_owned());
        }
        to.collect_map(all)
    }
}

impl AttemptOut {
    pub fn of(a: Attempt, view: AttemptView, codec: &IdCodec) -> Self {
        let with_content = view.with_content;
        let (status, status_text) = if a.success { (0, "success") } else { (2, "fail") };
        let response = match &a.response {
            _ if !with_content => String::new(),
            // Bytes that aren't UTF-8 show as U+FFFD; a NUL stays, escaped by JSON.
            Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            None => EXPUNGED.to_owned(),
        };
        let msg = a.message.and_then(|m| {
            let mut text = String::new();
            message::write_stored(&mut text, &m, with_content, codec, "");
            RawValue::from_string(text).ok()
        });
        AttemptOut {
            id: codec.text(a.id),
            msg_id: codec.text(a.key.message),
            endpoint_id: codec.text(a.key.endpoint),
            url: a.url,
            response,
            response_status_code: a.status_code,
            response_duration_ms: a.duration_us / 1000,
            status,
            status_text,
            trigger_type: u8::from(a.manual),
            timestamp: time::text(a.id.created_at()),
            timings: a.detail.as_ref().map(|d| TimingsOut::of(d, a.duration_us, view.with_address)),
            response_headers: a.detail.and_then(|d| d.headers).filter(|_| with_content).map(HeadersOut),
            msg,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusOut {
    status: u8,
    status_text: &'static str,
    next_attempt: Option<String>,
}

impl StatusOut {
    fn of(s: DeliveryStatus) -> Self {
        let (status, status_text, next) = match s {
            DeliveryStatus::Success => (0, "success", None),
            DeliveryStatus::Pending { next_attempt } => (1, "pending", Some(next_attempt)),
            DeliveryStatus::Fail { .. } => (2, "fail", None),
            DeliveryStatus::Sending => (3, "sending", None),
            DeliveryStatus::Canceled => (4, "canceled", None),
        };
        StatusOut { status, status_text, next_attempt: next.map(time::text) }
    }
}

/// A message with the state of its delivery to one endpoint, as JSON.
pub(crate) fn attempted_message(a: &AttemptedMessage, with_content: bool, codec: &IdCodec) -> Option<Box<RawValue>> {
    let status = serde_json::to_string(&StatusOut::of(a.status)).ok()?;
    let fields = status.strip_prefix('{')?.strip_suffix('}')?;
    let mut text = String::new();
    message::write_stored(&mut text, &a.message, with_content, codec, &format!(",{fields}"));
    RawValue::from_string(text).ok()
}

#[derive(Serialize)]
pub(crate) struct DestinationOut {
    #[serde(flatten)]
    endpoint: EndpointOut,
    #[serde(flatten)]
    status: StatusOut,
}

impl DestinationOut {
    pub fn of(d: Destination, codec: &IdCodec) -> Self {
        DestinationOut { endpoint: EndpointOut::of(d.endpoint, codec), status: StatusOut::of(d.status) }
    }
}
