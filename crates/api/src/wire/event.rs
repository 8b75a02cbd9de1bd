//! Events on the wire: messages as flat objects, for platforms that poll.
//!
//! **Invariant:** an item has its own `id`, `type` and `timestamp`, whatever its payload holds.

use super::time;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::IdCodec;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use store::Message;

/// What is ours in an item.
const OURS: [&str; 3] = ["id", "type", "timestamp"];

type Members<'a> = BTreeMap<String, &'a RawValue>;

/// A message with its payload: `id`, `type`, `timestamp`, and the members of the payload's `data`; of the payload itself
/// where that is no event with `data`; or a single member `data` where it is no object.
pub(crate) struct EventOut {
    id: String,
    event_type: String,
    timestamp: String,
    payload: bytes::Bytes,
}

impl EventOut {
    /// `None` when the payload is no more.
    pub fn of(m: Message, codec: &IdCodec) -> Option<Self> {
        let payload = m.payload?;
        Some(EventOut {
            id: codec.text(m.id),
            event_type: m.event_type,
            timestamp: time::text(m.id.created_at()),
            payload,
        })
    }
}

impl Serialize for EventOut {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("type", &self.event_type)?;
        match serde_json::from_slice::<Members<'_>>(&self.payload) {
            Ok(payload) => {
                let event = payload.get("data").filter(|_| payload.contains_key("type"));
                let data = event.and_then(|data| serde_json::from_str::<Members<'_>>(data.get()).ok());
                // An event says itself when it was.
                let time = payload.get("timestamp").filter(|t| data.is_some() && t.get().starts_with('"'));
                match time {
                    Some(time) => map.serialize_entry("timestamp", time)?,
                    None => map.serialize_entry("timestamp", &self.timestamp)?,
                }
                members(&mut map, data.as_ref().unwrap_or(&payload))?;
            }
            Err(_) => {
                map.serialize_entry("timestamp", &self.timestamp)?;
                match serde_json::from_slice::<&RawValue>(&self.payload) {
                    Ok(value) => map.serialize_entry("data", value)?,
                    Err(_) => map.serialize_entry("data", &text(&self.payload))?,
                }
            }
        }
        map.end()
    }
}

fn members<M: SerializeMap>(map: &mut M, members: &Members<'_>) -> Result<(), M::Error> {
    for (name, value) in members {
        if !OURS.contains(&&**name) {
            map.serialize_entry(name, value)?;
            continue;
        }
        let other = format!("data_{name}");
        if !members.contains_key(&other) {
            map.serialize_entry(&other, value)?;
        }
    }
    Ok(())
}

/// What is no JSON, as it is or in base64.
fn text(payload: &[u8]) -> String {
    match std::str::from_utf8(payload) {
        Ok(text) => text.to_owned(),
        Err(_) => STANDARD.encode(payload),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{AppId, MessageId};

    fn check(payload: &[u8], want: &str) {
        let codec = IdCodec::new([1; 16]);
        let m = Message {
            id: MessageId(7 << 40),
            app: AppId(1),
            event_type: "a.b".into(),
            event_id: None,
            channels: Vec::new(),
            tags: Vec::new(),
            deliver_at: None,
            payload: Some(payload.to_vec().into()),
        };
        let (id, now) = (codec.text(m.id), time::text(m.id.created_at()));
        let out = serde_json::to_string(&EventOut::of(m, &codec).unwrap()).unwrap();
        let want = want.replace("NOW", &format!("\"{now}\""));
        assert_eq!(out, format!(r#"{{"id":"{id}","type":"a.b","timestamp":{want}}}"#));
    }

    #[test]
    fn an_event_shows_the_members_of_its_data() {
        check(
            br#"{"type":"x","timestamp":"2026-01-01T00:00:00Z","data":{"link":"l", "n": 1.50}}"#,
            r#""2026-01-01T00:00:00Z","link":"l","n":1.50"#,
        );
        check(br#"{"type":"x","data":{}}"#, "NOW");
        check(br#"{"type":"x","timestamp":5,"data":{"a":1}}"#, r#"NOW,"a":1"#);
    }

    #[test]
    fn what_is_no_event_shows_its_own_members() {
        check(br#"{"a":1,"data":{"b":2}}"#, r#"NOW,"a":1,"data":{"b":2}"#);
        check(br#"{"type":"x","data":[1]}"#, r#"NOW,"data":[1],"data_type":"x""#);
        check(b"{}", "NOW");
    }

    #[test]
    fn members_named_like_ours_step_aside() {
        check(
            br#"{"type":"x","data":{"id":"inv_1","type":7,"timestamp":null}}"#,
            r#"NOW,"data_id":"inv_1","data_timestamp":null,"data_type":7"#,
        );
        check(br#"{"type":"x","data":{"id":1,"data_id":2}}"#, r#"NOW,"data_id":2"#);
        check(br#"{"\u0069d":1}"#, r#"NOW,"data_id":1"#);
    }

    #[test]
    fn what_is_no_object_is_its_data() {
        check(b"[1, 2]", r#"NOW,"data":[1, 2]"#);
        check(b"7", r#"NOW,"data":7"#);
        check(b"a=1&b=2", r#"NOW,"data":"a=1&b=2""#);
        check(b"", r#"NOW,"data":"""#);
        check(b"\xff\xfe", r#"NOW,"data":"//4=""#);
        check(br#"{"a":1}{"#, r#"NOW,"data":"{\"a\":1}{""#);
    }
}
