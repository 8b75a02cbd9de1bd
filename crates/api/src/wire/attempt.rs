//! Attempts, and deliveries as messages and endpoints see them, on the wire.

use super::endpoint::EndpointOut;
use super::{message, time};
use domain::IdCodec;
use serde::Serialize;
use serde_json::value::RawValue;
use store::{Attempt, AttemptedMessage, DeliveryStatus, Destination};

/// What the Svix API shows for a response that was deleted.
const EXPUNGED: &str = "EXPUNGED";

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
    msg: Option<Box<RawValue>>,
}

impl AttemptOut {
    pub fn of(a: Attempt, with_content: bool, codec: &IdCodec) -> Self {
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
