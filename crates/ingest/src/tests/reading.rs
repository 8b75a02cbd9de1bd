//! How events are read from requests.

use crate::content::Seen;
use crate::content::tests::seen;
use crate::reading::{Places, Reading};
use crate::tests::support::route;
use bytes::Bytes;
use domain::{DedupBy, DedupOptions};
use serde_json::{Value, json};
use store::InboundEvent;

/// A provider; the rules of its ids have spaces between them.
struct Acme {
    event_id: Vec<String>,
    event_type: &'static str,
    batch: Option<&'static str>,
}

impl Acme {
    fn places(&self) -> Option<Places<'_>> {
        Some(Places { name: "acme", event_id: &self.event_id, event_type: self.event_type, batch: self.batch })
    }
}

fn provider(event_id: &str, event_type: &'static str, batch: Option<&'static str>) -> Acme {
    Acme { event_id: event_id.split_whitespace().map(str::to_owned).collect(), event_type, batch }
}

fn read(provider: &Acme, body: &'static str, pass_through: bool) -> Vec<InboundEvent> {
    let body = Bytes::from_static(body.as_bytes());
    let headers = [("content-type", &b"application/json"[..]), ("x-type", b"Push Hook/\xff")];
    Reading::new(&route(false, "acme"), provider.places()).events(&seen("/s?q=1", &headers, &body), pass_through)
}

fn types(events: &[InboundEvent]) -> Vec<&str> {
    events.iter().map(|e| &*e.event_type).collect()
}

#[test]
fn passed_through_a_request_is_one_event_with_its_body_as_it_came() {
    let events = read(&provider("json:/id", "json:/type", None), r#"{"id":"evt_1","type":"invoice.paid"}"#, true);
    assert_eq!(types(&events), ["invoice.paid"]);
    assert_eq!(events[0].payload, r#"{"id":"evt_1","type":"invoice.paid"}"#);
    assert_eq!((events[0].body_at.clone(), events[0].keys.len()), (Some(0..36), 1));
}

#[test]
fn as_a_message_it_is_wrapped_and_the_body_can_be_found_in_it() {
    let body = r#"{"id":"evt_1","type":"a"}"#;
    let events = read(&provider("json:/id", "json:/type", None), body, false);
    let at = events[0].body_at.clone().unwrap();
    assert_eq!(events[0].payload.slice(at.start as usize..at.end as usize), body);
    let envelope: Value = serde_json::from_slice(&events[0].payload).unwrap();
    assert_eq!(envelope["data"], json!({"id": "evt_1", "type": "a"}));
    assert_eq!(envelope["type"], "a");
}

#[test]
fn a_type_is_fit_for_a_name_or_made_of_the_source() {
    assert_eq!(types(&read(&provider("", "header:X-Type", None), "{}", true)), ["Push_Hook__"]);
    assert_eq!(types(&read(&provider("", "header:x-type json:/a", None), r#"{"a":"b.c"}"#, true)), ["Push_Hook__.b.c"]);
    assert_eq!(types(&read(&provider("", "json:/none", None), "{}", true)), ["acme.event"]);
    assert_eq!(types(&read(&provider("", "none", None), "not json", true)), ["acme.event"]);
    let mut own = route(false, "acme");
    own.options.event_type = Some("query:q".into());
    let provider = provider("", "header:x-type", None);
    let body = Bytes::new();
    let long = format!("?q={}", "é".repeat(1000));
    let events = Reading::new(&own, provider.places()).events(&seen(&long, &[], &body), true);
    assert_eq!(types(&events), ["_".repeat(256)]);
}

const BATCH: &str = r#"[{"id":1,"k":"a.b"}, {"id":2,"k":"c"},{"k":"d"},{"k":"d"}]"#;

#[test]
fn a_batch_has_an_event_for_each_element_and_passed_through_one_with_all_keys() {
    let provider = provider("json:/id", "json:/k", Some(""));
    let apart = read(&provider, BATCH, false);
    assert_eq!(types(&apart), ["a.b", "c", "d", "d"]);
    let data: Vec<Value> =
        apart.iter().map(|e| serde_json::from_slice::<Value>(&e.payload).unwrap()["data"].take()).collect();
    assert_eq!(data, serde_json::from_str::<Vec<Value>>(BATCH).unwrap());
    assert!(apart.iter().all(|e| e.body_at.is_none() && e.keys.len() == 1));

    let whole = read(&provider, BATCH, true);
    assert_eq!((types(&whole), whole[0].payload.as_ref()), (vec!["a.b"], BATCH.as_bytes()));
    let mut keys: Vec<_> = apart.iter().flat_map(|e| e.keys.clone()).collect();
    keys.sort_unstable();
    assert_eq!(whole[0].keys, keys);
    assert_eq!(keys.len(), 4);

    let again = read(&provider, r#"[{"id":2,"k":"other"}]"#, false);
    assert_eq!(again[0].keys, apart[1].keys);
}

#[test]
fn an_empty_batch_is_passed_through_and_makes_no_message() {
    let provider = provider("json:/id", "json:/k", Some("/events"));
    assert_eq!(read(&provider, r#"{"events":[]}"#, true).len(), 1);
    assert_eq!(read(&provider, r#"{"events":[]}"#, false).len(), 0);
}

#[test]
fn what_should_be_a_batch_and_is_none_is_one_event() {
    let provider = provider("json:/id", "json:/k", Some(""));
    assert_eq!(types(&read(&provider, r#"{"id":1,"k":"x"}"#, false)), ["x"]);
    assert_eq!(types(&read(&provider, "garbage", false)), ["acme.event"]);
}

fn key_of(dedup: DedupOptions, provider: &Acme, at: &Seen<'_>) -> Vec<[u8; 16]> {
    let mut route = route(false, "acme");
    route.options.dedup = dedup;
    Reading::new(&route, provider.places()).events(at, true).remove(0).keys
}

#[test]
fn keys_follow_what_the_source_is_told_to_compare() {
    let by = |by, fields: &[&str]| DedupOptions {
        by,
        fields: fields.iter().map(|f| (*f).to_owned()).collect(),
        ..DedupOptions::default()
    };
    let provider = provider("header:x-id json:/sub", "", None);
    let bodies = [r#"{"sub":1,"n":1}"#, r#"{"sub":1,"n":2}"#].map(|b| Bytes::from_static(b.as_bytes()));
    let with_id = [("x-id", &b"7"[..])];
    let key = |dedup: &DedupOptions, target, headers, n: usize| {
        key_of(dedup.clone(), &provider, &seen(target, headers, &bodies[n]))
    };
    let provider_id = by(DedupBy::Provider, &[]);
    assert_eq!(key(&provider_id, "", &with_id, 0), key(&provider_id, "/x", &with_id, 1));
    // Without the provider's id: method, target and body.
    assert_ne!(key(&provider_id, "", &[], 0), key(&provider_id, "", &[], 1));
    assert_ne!(key(&provider_id, "", &[], 0), key(&provider_id, "/x", &[], 0));
    assert_eq!(key(&provider_id, "", &[], 0), key(&provider_id, "", &[("other", b"1")], 0));

    let body = by(DedupBy::Body, &[]);
    assert_eq!(key(&body, "", &with_id, 0), key(&body, "/x", &[], 0));
    assert_ne!(key(&body, "", &[], 0), key(&body, "", &[], 1));

    let fields = by(DedupBy::Fields, &["json:/n", "query:q"]);
    assert_eq!(key(&fields, "?q=1", &[], 0), key(&fields, "/x?q=1", &with_id, 0));
    assert_ne!(key(&fields, "?q=1", &[], 0), key(&fields, "?q=2", &[], 0));
    assert_ne!(key(&fields, "?q=1", &[], 0), key(&fields, "?q=1", &[], 1));
    // Fields that are nowhere make nothing a copy of something else.
    let nowhere = by(DedupBy::Fields, &["json:/none"]);
    assert_ne!(key(&nowhere, "", &[], 0), key(&nowhere, "", &[], 1));
    assert!(key(&by(DedupBy::Nothing, &[]), "", &with_id, 0).is_empty());
}

#[test]
fn a_bin_has_no_keys() {
    let body = Bytes::from_static(b"{}");
    assert!(Reading::new(&route(true, "bin"), None).events(&seen("", &[], &body), true)[0].keys.is_empty());
}

#[test]
fn a_huge_batch_is_read_in_time_and_as_one_event() {
    let provider = provider("", "header:x-type", Some(""));
    let body = Bytes::from(format!("[{}1]", "1,".repeat(2_000_000)));
    let reading = Reading::new(&route(false, "acme"), provider.places());
    assert_eq!(reading.events(&seen("", &[], &body), false).len(), 1);
    // As many elements as are taken, none with an id, in a large body: it is hashed once.
    let body = Bytes::from(format!("[{}\"{}\"]", "1,".repeat(4_999), "x".repeat(4_000_000)));
    let events = reading.events(&seen("", &[], &body), true);
    assert_eq!((events.len(), events[0].keys.len()), (1, 5_000));
}
