//! What a click says: the payload of `link.clicked`, its channels, and what is counted of it.
//!
//! **Invariant:** pure; whatever a visitor sent is escaped, and what the visit doesn't tell is not told here.

use super::recorder::Click;
use crate::visit::{Utm, Visit};
use domain::{IdCodec, event};
use serde::Serialize;
use store::{Dim, EventKind, OwnEvent};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Clicked<'a> {
    click: &'a str,
    link: &'a str,
    slug: &'a str,
    url: &'a str,
    target: &'a str,
    tags: Vec<&'a str>,
    referrer: Option<&'a str>,
    referrer_host: Option<&'a str>,
    utm: &'a Utm,
    device: Option<&'a str>,
    os: Option<&'a str>,
    browser: Option<&'a str>,
    country: Option<&'a str>,
    bot: bool,
    visitor: Option<String>,
    do_not_track: bool,
}

/// The event of a click. `base` is what URLs of links begin with: the server's public one, or nothing.
pub(super) fn clicked(click: &Click, visit: &Visit, codec: &IdCodec, base: &str) -> OwnEvent {
    let (route, kind) = (&*click.route, EventKind::Clicked);
    let bot = visit.bot || click.visit.prefetch;
    let data = Clicked {
        click: &click.id.text(codec),
        link: &codec.text(route.link),
        slug: route.slug(),
        url: &format!("{base}/l/{}", route.slug()),
        target: route.target(),
        tags: route.tags().collect(),
        referrer: visit.referrer.as_deref(),
        referrer_host: visit.referrer_host.as_deref(),
        utm: &visit.utm,
        device: visit.device,
        os: visit.os.as_deref(),
        browser: visit.browser.as_deref(),
        country: visit.country.as_deref(),
        bot,
        visitor: visit.visitor.map(|hash| format!("{hash:016x}")),
        do_not_track: visit.do_not_track,
    };
    OwnEvent {
        origin: route.link.into(),
        app: route.app,
        at: click.id.at,
        kind,
        bot,
        visitor: visit.visitor,
        dims: if bot { Vec::new() } else { dims(visit) },
        channels: event::link_channels(codec, route.link, bot),
        event_id: None,
        payload: event::open_payload(kind.event_type(), click.id.at, &data).into(),
        files: Vec::new(),
    }
}

fn dims(visit: &Visit) -> Vec<(Dim, Box<str>)> {
    let found = [
        (Dim::Referrer, visit.referrer_host.as_deref()),
        (Dim::Country, visit.country.as_deref()),
        (Dim::Device, visit.device),
        (Dim::Os, visit.os.as_deref()),
        (Dim::Browser, visit.browser.as_deref()),
        (Dim::UtmSource, visit.utm.source.as_deref()),
        (Dim::UtmMedium, visit.utm.medium.as_deref()),
        (Dim::UtmCampaign, visit.utm.campaign.as_deref()),
    ];
    found.into_iter().filter_map(|(dim, value)| Some((dim, Box::from(value?)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visit::RawVisit;
    use domain::{AppId, ClickId, LinkId, LinkParts, LinkRoute, OrgId, Timestamp};
    use serde_json::{Value, json};
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;
    use store::OriginId;

    const AT: Timestamp = Timestamp(1_795_247_040_123);
    const CODEC: [u8; 16] = [7; 16];

    fn click(target: &str, tags: &[String], prefetch: bool) -> Click {
        let parts = LinkParts { slug: "spring", target, redirect: 302, click_param: "", tags };
        let route = LinkRoute::new((OrgId(1), LinkId(2), AppId(3)), &parts, false, None).unwrap();
        let remote = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let visit = RawVisit { remote, user_agent: None, referer: None, query: None, do_not_track: false, prefetch };
        Click { route: Arc::new(route), id: ClickId { link: LinkId(2), at: AT, nonce: 5 }, visit }
    }

    /// The payload as it is stored: closed by the writer.
    fn closed(event: &OwnEvent) -> Value {
        let mut payload = event.payload.to_vec();
        payload.extend_from_slice(br#","first":true,"firstHuman":true,"unique":true}}"#);
        serde_json::from_slice(&payload).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&payload)))
    }

    fn visit() -> Visit {
        Visit {
            device: Some("phone"),
            os: Some("iOS".into()),
            browser: Some("Safari".into()),
            referrer: Some("https://news.test/a".into()),
            referrer_host: Some("news.test".into()),
            utm: Utm { source: Some("mail".into()), term: Some("t".into()), ..Utm::default() },
            country: Some("DE".into()),
            visitor: Some(0xab),
            ..Visit::default()
        }
    }

    #[test]
    fn a_click_says_what_the_visit_told() {
        let codec = IdCodec::new(CODEC);
        let click = click("https://x.test/?a=1", &["press".to_owned()], false);
        let event = clicked(&click, &visit(), &codec, "https://go.test");
        let link = codec.text(LinkId(2));
        let want = json!({
            "type": "link.clicked", "timestamp": "2026-11-21T07:44:00.123Z", "data": {
                "click": click.id.text(&codec), "link": link, "slug": "spring", "url": "https://go.test/l/spring",
                "target": "https://x.test/?a=1", "tags": ["press"], "referrer": "https://news.test/a",
                "referrerHost": "news.test",
                "utm": {"source": "mail", "medium": null, "campaign": null, "term": "t", "content": null},
                "device": "phone", "os": "iOS", "browser": "Safari", "country": "DE", "bot": false,
                "visitor": "00000000000000ab", "doNotTrack": false, "first": true, "firstHuman": true, "unique": true
            }
        });
        assert_eq!(closed(&event), want);
        assert_eq!((event.origin, event.app, event.at, event.event_id), (OriginId(2), AppId(3), AT, None));
        assert_eq!(event.channels, ["human", &link, &format!("{link}.human")]);
        let dims: Vec<_> = event.dims.iter().map(|(dim, value)| (*dim, &**value)).collect();
        let want = [
            (Dim::Referrer, "news.test"),
            (Dim::Country, "DE"),
            (Dim::Device, "phone"),
            (Dim::Os, "iOS"),
            (Dim::Browser, "Safari"),
            (Dim::UtmSource, "mail"),
        ];
        assert_eq!(dims, want);
    }

    #[test]
    fn a_machines_click_goes_to_the_machines_channel_and_counts_nothing_else() {
        let codec = IdCodec::new(CODEC);
        let link = codec.text(LinkId(2));
        for (visit, prefetch) in [(Visit { bot: true, ..visit() }, false), (visit(), true)] {
            let event = clicked(&click("https://x.test/", &[], prefetch), &visit, &codec, "");
            let data = closed(&event);
            assert_eq!((&data["data"]["bot"], &data["data"]["url"]), (&json!(true), &json!("/l/spring")));
            assert!(event.bot && event.dims.is_empty());
            assert_eq!(event.channels, ["bot", &link, &format!("{link}.bot")]);
        }
    }

    #[test]
    fn whatever_was_sent_the_payload_is_json() {
        let codec = IdCodec::new(CODEC);
        let hostile = ["\"}},{\"", "\\", "\u{0}\u{1}\u{1f}\u{7f}", "\r\n\t", "\u{2028}\u{fffd}é", "</script>"];
        for text in hostile.map(str::to_owned).into_iter().chain(["x\"".repeat(50_000)]) {
            let mut visit = visit();
            visit.referrer = Some(text.clone());
            visit.referrer_host = Some(text.clone());
            visit.os = Some(text.as_str().into());
            visit.browser = Some(text.as_str().into());
            visit.country = Some(text.as_str().into());
            visit.utm.content = Some(text.clone());
            // No tag has a line's end, and a target is no longer than its limit.
            let tag = text.replace('\n', "");
            let tags: &[String] = if tag.len() < 1_000 { &[tag] } else { &[] };
            let data = closed(&clicked(&click("https://x.test/\"\\", tags, false), &visit, &codec, "")).clone();
            for member in ["referrer", "referrerHost", "os", "browser", "country"] {
                assert_eq!(data["data"][member], json!(text), "{member}");
            }
            assert_eq!(data["data"]["utm"]["content"], json!(text));
            assert_eq!(data["data"]["tags"], json!(tags));
        }
    }
}
