//! Events of Postrider's own: how their payload is written, and what a conversion is.
//!
//! Both `ingest` (clicks, submissions, the pixel) and the API (conversions by call) make them. **Invariant:** a payload is
//! valid JSON whatever a visitor sent, once the store has closed it.

use crate::ids::{IdCodec, LinkId};
use crate::link::{ClickId, LinkRoute};
use crate::time::Timestamp;
use serde::Serialize;
use std::io::Write;

/// Writes `{"type":…,"timestamp":…,"data":{…` and leaves the last two braces to the store's writer, which adds what only it
/// knows. `data` must be a struct with at least one member; `event_type` needs no escaping.
pub fn open_payload<T: Serialize>(event_type: &str, at: Timestamp, data: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(768);
    // A vector takes everything.
    let _ = write!(out, r#"{{"type":"{event_type}","timestamp":"{at}","data":"#);
    let begin = out.len();
    if serde_json::to_writer(&mut out, data).is_err() || out.last() != Some(&b'}') {
        // Only a map with keys that are no strings could come here. The payload stays JSON even so.
        out.truncate(begin);
        out.extend_from_slice(br#"{"unwritable":true}"#);
    }
    out.pop();
    out
}

/// Channels of a link's event: people or machines, the link, and both together; an endpoint asks for what it wants.
pub fn link_channels(codec: &IdCodec, link: LinkId, bot: bool) -> Vec<String> {
    let who = if bot { "bot" } else { "human" };
    let link = codec.text(link);
    let both = format!("{link}.{who}");
    vec![who.to_owned(), link, both]
}

/// What a visitor did after a click: bought, subscribed, stayed.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversion {
    pub click: ClickId,
    pub name: String,
    pub value: Option<serde_json::Number>,
    /// ISO 4217, in capitals.
    pub currency: Option<String>,
    /// The caller's own id of it: a click converts once for each name and external id.
    pub external_id: Option<String>,
}

/// What a conversion is called that nobody named.
pub const CONVERSION_NAME: &str = "conversion";
/// Characters of a conversion's name at most.
pub const CONVERSION_NAME_LEN_MAX: usize = 64;
/// Characters of a conversion's external id at most.
pub const EXTERNAL_ID_LEN_MAX: usize = 128;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Converted<'a> {
    click: &'a str,
    clicked_at: String,
    link: String,
    slug: &'a str,
    target: &'a str,
    tags: Vec<&'a str>,
    name: &'a str,
    value: Option<&'a serde_json::Number>,
    currency: Option<&'a str>,
    external_id: Option<&'a str>,
    bot: bool,
}

impl Conversion {
    /// A name is 1..=64 characters of `A-Z a-z 0-9 - _ .`: no colon, which parts it from the external id in the event's id.
    pub fn is_name(text: &str) -> bool {
        (1..=CONVERSION_NAME_LEN_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    }
    /// An external id is 1..=128 visible ASCII characters.
    pub fn is_external_id(text: &str) -> bool {
        (1..=EXTERNAL_ID_LEN_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
    }
    /// The currency that three letters name (ISO 4217; whether it exists is not looked up).
    pub fn currency(text: &str) -> Option<String> {
        (text.len() == 3 && text.bytes().all(|b| b.is_ascii_alphabetic())).then(|| text.to_ascii_uppercase())
    }

    /// The same for every copy of this conversion: the store takes one.
    pub fn event_id(&self, codec: &IdCodec) -> String {
        let mut id = String::with_capacity(128);
        id.push_str("conv:");
        self.click.write(codec, &mut id);
        id.push(':');
        id.push_str(&self.name);
        if let Some(external) = &self.external_id {
            id.push(':');
            id.push_str(external);
        }
        id
    }

    /// The payload of its event, open at the end ([`open_payload`]). `route` is the link that was clicked.
    pub fn payload(&self, event_type: &str, route: &LinkRoute, at: Timestamp, codec: &IdCodec) -> Vec<u8> {
        let data = Converted {
            click: &self.click.text(codec),
            clicked_at: self.click.at.to_string(),
            link: codec.text(route.link),
            slug: route.slug(),
            target: route.target(),
            tags: route.tags().collect(),
            name: &self.name,
            value: self.value.as_ref(),
            currency: self.currency.as_deref(),
            external_id: self.external_id.as_deref(),
            bot: false,
        };
        open_payload(event_type, at, &data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AppId, OrgId};
    use crate::link::LinkParts;
    use serde_json::{Value, json};

    fn conversion() -> Conversion {
        let click = ClickId { link: LinkId(2), at: Timestamp(1_795_247_040_123), nonce: 7 };
        Conversion { click, name: "sale".into(), value: None, currency: None, external_id: None }
    }

    #[test]
    fn a_conversions_payload_is_json_once_it_is_closed() {
        let codec = IdCodec::new([7; 16]);
        let tags = ["say \"hi\"".to_owned()];
        let parts =
            LinkParts { slug: "s", target: "https://x.test/?a=\"\\", redirect: 302, click_param: "", tags: &tags };
        let route = LinkRoute::new((OrgId(1), LinkId(2), AppId(3)), &parts, false, None).unwrap();
        let conversion = Conversion {
            value: serde_json::Number::from_f64(19.9),
            currency: Conversion::currency("eur"),
            external_id: Some("#\"1\"".into()),
            ..conversion()
        };
        let at = Timestamp(1_795_247_050_000);
        let mut payload = conversion.payload("link.converted", &route, at, &codec);
        payload.extend_from_slice(br#","first":true}}"#);
        let value: Value = serde_json::from_slice(&payload).unwrap();
        let want = json!({
            "type": "link.converted", "timestamp": "2026-11-21T07:44:10.000Z", "data": {
                "click": conversion.click.text(&codec), "clickedAt": "2026-11-21T07:44:00.123Z",
                "link": codec.text(LinkId(2)), "slug": "s", "target": "https://x.test/?a=\"\\", "tags": ["say \"hi\""],
                "name": "sale", "value": 19.9, "currency": "EUR", "externalId": "#\"1\"", "bot": false, "first": true
            }
        });
        assert_eq!(value, want);
    }

    #[test]
    fn what_can_not_be_written_is_still_json() {
        let odd = std::collections::BTreeMap::from([(vec![1], 1)]);
        let mut payload = open_payload("t", Timestamp(0), &odd);
        payload.extend_from_slice(br#","first":true}}"#);
        let value: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(value["data"], json!({"unwritable": true, "first": true}));
    }

    #[test]
    fn copies_of_a_conversion_have_one_event_id_and_others_have_another() {
        let codec = IdCodec::new([7; 16]);
        let (plain, click) = (conversion(), conversion().click.text(&codec));
        assert_eq!(plain.event_id(&codec), format!("conv:{click}:sale"));
        let order = Conversion { external_id: Some("o:1".into()), ..conversion() };
        assert_eq!(order.event_id(&codec), format!("conv:{click}:sale:o:1"));
    }

    #[test]
    fn names_external_ids_and_currencies_are_plain() {
        for (text, is_name, is_external_id) in [
            ("conversion", true, true),
            ("a:b", false, true),
            ("", false, false),
            ("a b", false, false),
            ("é", false, false),
            (&"x".repeat(64), true, true),
            (&"x".repeat(65), false, true),
            (&"x".repeat(129), false, false),
        ] {
            assert_eq!(
                (Conversion::is_name(text), Conversion::is_external_id(text)),
                (is_name, is_external_id),
                "{text}"
            );
        }
        assert_eq!(Conversion::currency("eUr").as_deref(), Some("EUR"));
        for bad in ["", "EURO", "E1R", "€"] {
            assert_eq!(Conversion::currency(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_endpoint_may_ask_for_people_machines_or_one_link() {
        let codec = IdCodec::new([7; 16]);
        let link = codec.text(LinkId(2));
        assert_eq!(link_channels(&codec, LinkId(2), true), ["bot", &link, &format!("{link}.bot")]);
        assert_eq!(link_channels(&codec, LinkId(2), false)[0], "human");
    }
}
