//! Every handshake of `vectors/challenges.json`, those that aren't in it, and what must not be answered.

use super::{BODY_LEN_MAX, Context, ECHO_LEN_MAX, Handshake, Reply, acknowledgement, after, before};
use crate::providers::{Config, Inbound};
use serde_json::{Value, json};

struct Sent<'a> {
    method: &'a str,
    query: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: String,
}

impl Default for Sent<'_> {
    fn default() -> Self {
        Sent { method: "POST", query: "", headers: Vec::new(), body: String::new() }
    }
}

#[derive(Clone, Copy)]
enum When {
    Before,
    After,
}

fn ask(when: When, provider: &str, config: &Value, sent: &Sent<'_>) -> Option<Handshake> {
    let url = format!("https://hooks.example.com/in/src{}", sent.query);
    let headers: Vec<_> = sent.headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let request = Inbound {
        method: sent.method,
        url: &url,
        headers: &headers,
        body: sent.body.as_bytes(),
        now_ms: 1_760_000_000_000,
    };
    let context = Context { provider, config: Config::new(config).unwrap() };
    match when {
        When::Before => before(context, &request),
        When::After => after(context, &request),
    }
}

fn asked_before(provider: &str, config: Value, sent: Sent<'_>) -> Option<Handshake> {
    ask(When::Before, provider, &config, &sent)
}

fn asked_after(provider: &str, sent: Sent<'_>) -> Option<Handshake> {
    ask(When::After, provider, &json!({"secret": "secret of the source"}), &sent)
}

fn get(query: &str) -> Sent<'_> {
    Sent { method: "GET", query, ..Sent::default() }
}

fn post(body: impl Into<String>) -> Sent<'static> {
    Sent { body: body.into(), ..Sent::default() }
}

fn reply(handshake: Option<Handshake>) -> Reply {
    match handshake {
        Some(Handshake::Answer(reply) | Handshake::Learn { reply, .. }) => reply,
        other => panic!("{other:?}"),
    }
}

fn text_of(handshake: Option<Handshake>) -> (u16, String) {
    let reply = reply(handshake);
    (reply.status, String::from_utf8(reply.body).unwrap())
}

fn status_of(handshake: Option<Handshake>) -> u16 {
    reply(handshake).status
}

/// Whether a case is answered before or after verification, or not here at all.
fn when(id: &str) -> Option<When> {
    match id {
        "slack_url_verification"
        | "zoom_url_validation"
        | "twitch_callback_verification"
        | "twitch_revocation"
        | "discord_interaction_ping"
        | "discord_webhook_event_ping"
        | "xero_itr_valid" => Some(When::After),
        "discord_ping_bad_signature" | "adyen_ack" => None,
        _ => Some(When::Before),
    }
}

fn expect(id: &str, expected: &Value, got: &Reply) {
    assert_eq!(Value::from(got.status), expected["status"], "{id}");
    for (name, value) in expected["headers"].as_object().into_iter().flatten() {
        let found = got.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
        assert_eq!(found, value.as_str(), "{id} {name}");
    }
    if let Some(body) = expected["body"].as_str() {
        assert_eq!(String::from_utf8_lossy(&got.body), body, "{id}");
    }
    if !expected["body_json"].is_null() {
        assert_eq!(serde_json::from_slice::<Value>(&got.body).unwrap(), expected["body_json"], "{id}");
    }
}

#[test]
fn every_collected_challenge_is_answered_as_its_provider_expects() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../../../vectors/challenges.json")).unwrap();
    assert_eq!(cases.len(), 22);
    for case in &cases {
        let (id, provider) = (case["id"].as_str().unwrap(), case["provider"].as_str().unwrap());
        let config = case["secret"].as_str().map_or(json!({}), |secret| json!({ "secret": secret }));
        let request = &case["request"];
        let headers: Vec<_> = request["headers"].as_object().unwrap().iter().collect();
        let headers: Vec<_> = headers.iter().map(|(n, v)| (n.to_ascii_lowercase(), v.as_str().unwrap())).collect();
        let sent = Sent {
            method: request["method"].as_str().unwrap(),
            query: request["url"].as_str().and_then(|url| url.find('?').map(|at| &url[at..])).unwrap_or_default(),
            headers: headers.iter().map(|(name, value)| (name.as_str(), *value)).collect(),
            body: request["body"].as_str().unwrap_or_default().to_owned(),
        };
        match when(id) {
            Some(When::Before) => {
                expect(id, &case["expected_response"], &reply(ask(When::Before, provider, &config, &sent)))
            }
            Some(When::After) => {
                assert_eq!(ask(When::Before, provider, &config, &sent), None, "{id} has to be verified first");
                expect(id, &case["expected_response"], &reply(ask(When::After, provider, &config, &sent)));
            }
            None => assert_eq!(ask(When::Before, provider, &config, &sent), None, "{id}"),
        }
    }
}

fn acknowledged(provider: &str, config: Value) -> Option<Reply> {
    acknowledgement(Context { provider, config: Config::new(&config).unwrap() })
}

#[test]
fn accepted_events_are_acknowledged_in_the_providers_words() {
    let text = |provider| acknowledged(provider, json!({})).map(|r| (r.status, String::from_utf8(r.body).unwrap()));
    assert_eq!(text("adyen"), Some((200, "[accepted]".to_owned())));
    assert_eq!(text("dropbox_sign"), Some((200, "Hello API Event Received".to_owned())));
    assert_eq!(text("discord"), Some((204, String::new())));
    assert_eq!(text("postmark"), None);
    assert_eq!(text("adobe-sign"), None);
    let adobe = acknowledged("adobe-sign", json!({"clientId": "CBJ"})).unwrap();
    assert_eq!(adobe.headers, [("x-adobesign-clientid", "CBJ".to_owned())]);
}

#[test]
fn a_verify_token_is_compared_whole_and_other_modes_are_refused() {
    let config = || json!({"secret": "app secret of meta", "verifyToken": "tok"});
    let ask = |query: &str| text_of(asked_before("meta", config(), get(query)));
    assert_eq!(ask("?hub.mode=subscribe&hub.verify_token=tok&hub.challenge=11%2B5"), (200, "11+5".to_owned()));
    for query in [
        "?hub.mode=subscribe&hub.verify_token=to&hub.challenge=1",
        "?hub.mode=subscribe&hub.verify_token=tok2&hub.challenge=1",
        "?hub.mode=subscribe&hub.verify_token=app+secret+of+meta&hub.challenge=1",
        "?hub.mode=subscribe&hub.challenge=1",
        "?hub.mode=subscribe&hub.verify_token=tok",
        "?hub.mode=subscribe&hub.verify_token=tok&hub.challenge=1&hub.challenge=2",
        "?hub.mode=unsubscribe&hub.verify_token=tok&hub.challenge=1",
    ] {
        assert_eq!(ask(query), (403, String::new()), "{query}");
    }
    assert_eq!(asked_before("meta", config(), get("?x=1")), None);
    assert_eq!(
        status_of(asked_before("strava", json!({}), get("?hub.mode=subscribe&hub.verify_token=&hub.challenge=1"))),
        403
    );
}

#[test]
fn websub_agrees_to_wanted_topics_and_to_the_end_of_unwanted_ones() {
    let config = || json!({"topics": ["https://a.example/feed"]});
    let ask = |mode: &str, topic: &str| {
        let query = format!("?hub.mode={mode}&hub.topic={topic}&hub.challenge=c");
        status_of(asked_before("websub", config(), get(&query)))
    };
    let (wanted, unwanted) = ("https%3A%2F%2Fa.example%2Ffeed", "https%3A%2F%2Fb.example%2Ffeed");
    assert_eq!((ask("subscribe", wanted), ask("subscribe", unwanted)), (200, 404));
    assert_eq!((ask("unsubscribe", wanted), ask("unsubscribe", unwanted)), (404, 200));
    assert_eq!(status_of(asked_before("websub", config(), get("?hub.mode=denied&hub.topic=x"))), 200);
}

#[test]
fn microsoft_graph_gets_its_token_decoded_as_plain_text() {
    let query = "?validationToken=Validation%3A+Testing+client+%3Cb%3E%20%2B1";
    let answer = reply(asked_before("microsoft_graph", json!({}), Sent { query, ..Sent::default() }));
    assert_eq!(answer.body, b"Validation: Testing client <b> +1");
    assert!(answer.headers.contains(&("content-type", "text/plain".to_owned())));
    assert!(answer.headers.contains(&("x-content-type-options", "nosniff".to_owned())));
    assert_eq!(asked_before("microsoft_graph", json!({}), post("{\"value\":[]}")), None);
}

#[test]
fn event_grid_gets_its_validation_code() {
    let headers = vec![("aeg-event-type", "SubscriptionValidation")];
    let body = json!([{"id": "1", "data": {"validationCode": "512d38b6", "validationUrl": "https://x.example"}}]);
    for provider in ["azure_event_grid", "generic-webhook"] {
        let sent = Sent { headers: headers.clone(), body: body.to_string(), ..Sent::default() };
        assert_eq!(text_of(asked_before(provider, json!({}), sent)).1, r#"{"validationResponse":"512d38b6"}"#);
    }
    assert_eq!(asked_before("azure_event_grid", json!({}), post(body.to_string())), None, "without its header");
    let sent = Sent { headers, body: body.to_string(), ..Sent::default() };
    assert_eq!(asked_before("stripe", json!({}), sent), None, "of a provider that sends no such thing");
}

#[test]
fn an_sns_subscription_is_confirmed_at_amazons_hosts_only() {
    let confirm = |url: &str| {
        asked_after("aws_sns", post(json!({"Type": "SubscriptionConfirmation", "SubscribeURL": url}).to_string()))
    };
    for url in [
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=2",
        "https://sns.cn-north-1.amazonaws.com.cn/?Action=ConfirmSubscription&Token=2",
    ] {
        assert_eq!(confirm(url), Some(Handshake::Confirm { url: url.to_owned() }));
    }
    for url in [
        "http://sns.us-east-1.amazonaws.com/",
        "https://sns.us-east-1.amazonaws.com.evil.example/",
        "https://sns.us-east-1.amazonaws.com@evil.example/",
        "https://sns.us-east-1.amazonaws.com:8443/",
        "https://sns.evil.example/.amazonaws.com",
        "https://sns.evil.example?.amazonaws.com",
        "https://sns.evil.example\\.amazonaws.com",
        "https://sns.x.evil.amazonaws.com/",
        "https://sns.us.amazonaws.com/",
        "https://sns.us-east-1.amazonaws.com/ x",
        "",
    ] {
        assert_eq!(confirm(url), None, "{url}");
    }
    let event = json!({"Type": "Notification", "Message": "SubscriptionConfirmation", "SubscribeURL": "https://x"});
    assert_eq!(asked_after("aws_sns", post(event.to_string())), None);
}

#[test]
fn secrets_are_learnt_from_asana_and_notion_alone() {
    let learnt = |handshake| match handshake {
        Some(Handshake::Learn { secret, .. }) => Some(secret),
        _ => None,
    };
    let token = json!({"verification_token": "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"}).to_string();
    let from_notion = learnt(asked_before("notion", json!({}), post(&*token)));
    assert_eq!(from_notion.as_deref(), Some("secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"));
    let event = json!({"verification_token": "x", "type": "page.created"}).to_string();
    assert_eq!(asked_before("notion", json!({}), post(event)), None, "an event that has such a field");
    let hook = || Sent { headers: vec![("x-hook-secret", "b537207f20cbfa02")], ..Sent::default() };
    assert_eq!(learnt(asked_before("asana", json!({}), hook())).as_deref(), Some("b537207f20cbfa02"));
    assert_eq!(asked_before("github", json!({}), hook()), None);
    assert_eq!(asked_before("stripe", json!({}), post(token)), None);
}

#[test]
fn zooms_token_is_encrypted_with_the_secret_that_signed() {
    let sent = || {
        Sent {
        headers: vec![
            ("x-zm-request-timestamp", "1760000000"),
            ("x-zm-signature", "v0=297f838276dbd41bcb4dcf943fd6dc69a8c0178cab6b92a7f4108ee6596233d3"),
        ],
        body: r#"{"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event_ts":1654503849680,"event":"endpoint.url_validation"}"#
            .to_owned(),
        ..Sent::default()
    }
    };
    let with = |config: Value| text_of(ask(When::After, "zoom", &config, &sent())).1;
    let new_first = json!({"secret": "the new secret of Zoom", "secrets": ["zoom_webhook_secret_token"]});
    assert_eq!(with(new_first), with(json!({"secret": "zoom_webhook_secret_token"})));
    assert_eq!(ask(When::After, "zoom", &json!({}), &sent()), None, "without a secret");
}

#[test]
fn pings_are_answered_and_events_are_not() {
    let ping =
        Sent { headers: vec![("x-event-key", "diagnostics:ping")], body: "{\"test\":true}".into(), ..Sent::default() };
    assert_eq!(status_of(asked_before("bitbucket_server", json!({}), ping)), 200);
    let signed = vec![("x-event-key", "diagnostics:ping"), ("x-hub-signature", "sha256=00")];
    assert_eq!(asked_before("bitbucket_server", json!({}), Sent { headers: signed, ..Sent::default() }), None);

    assert_eq!(status_of(asked_before("woocommerce", json!({}), post("webhook_id=42"))), 200);
    for body in ["webhook_id=", "webhook_id=4x", "webhook_id=4&a=b", "{\"id\":1}", ""] {
        assert_eq!(asked_before("woocommerce", json!({}), post(body)), None, "{body}");
    }
    let signed =
        Sent { headers: vec![("x-wc-webhook-signature", "AA==")], body: "webhook_id=1".into(), ..Sent::default() };
    assert_eq!(asked_before("woocommerce", json!({}), signed), None);

    assert_eq!(asked_after("discord", post(r#"{"version":1,"type":1,"event":{"type":"X"}}"#)), None);
    assert_eq!(asked_after("discord", post(r#"{"type":2,"id":"1"}"#)), None);
    assert_eq!(
        asked_after("slack", post(r#"{"type":"event_callback","text":"url_verification","challenge":"x"}"#)),
        None
    );
    assert_eq!(asked_after("xero", post(r#"{"events":[{"x":1}],"entropy":"S"}"#)), None);
    assert_eq!(asked_before("monday", json!({}), post(r#"{"challenge":"x","event":{}}"#)), None);
    let notice =
        Sent { headers: vec![("twitch-eventsub-message-type", "notification")], body: "{}".into(), ..Sent::default() };
    assert_eq!(asked_after("twitch", notice), None);
}

#[test]
fn only_mandrill_and_trello_probe_with_head() {
    for (provider, is_answered) in [("mandrill", true), ("trello", true), ("github", false), ("meta", false)] {
        let probe = Sent { method: "HEAD", ..Sent::default() };
        assert_eq!(asked_before(provider, json!({}), probe).is_some(), is_answered, "{provider}");
    }
}

#[test]
fn adobe_sign_gets_only_the_client_id_that_was_agreed() {
    let intent = || Sent { method: "GET", headers: vec![("x-adobesign-clientid", "CBJ")], ..Sent::default() };
    let agreed = reply(asked_before("adobe-sign", json!({"clientId": "CBJ"}), intent()));
    assert_eq!((agreed.status, agreed.headers), (200, vec![("x-adobesign-clientid", "CBJ".to_owned())]));
    assert_eq!(status_of(asked_before("adobe-sign", json!({"clientId": "other"}), intent())), 403);
}

#[test]
fn a_cloudevents_origin_may_ask_at_any_source() {
    for provider in ["github", "none", "cloudevents"] {
        let headers = vec![("webhook-request-origin", "eventemitter.example.com")];
        let answer = reply(asked_before(provider, json!({}), Sent { method: "OPTIONS", headers, ..Sent::default() }));
        let names: Vec<_> = answer.headers.iter().map(|(name, _)| *name).collect();
        assert_eq!((answer.status, names), (200, vec!["webhook-allowed-origin", "allow"]));
    }
    assert_eq!(asked_before("github", json!({}), Sent { method: "OPTIONS", ..Sent::default() }), None);
    let headers = vec![("webhook-request-origin", "a b")];
    assert_eq!(asked_before("github", json!({}), Sent { method: "OPTIONS", headers, ..Sent::default() }), None);
}

#[test]
fn nothing_is_echoed_that_is_long_or_has_control_characters() {
    let longest = format!("?challenge={}", "a".repeat(ECHO_LEN_MAX));
    assert_eq!(text_of(asked_before("dropbox", json!({}), get(&longest))).1.len(), ECHO_LEN_MAX);
    for query in [&format!("{longest}a"), "?challenge=a%0Ab", "?challenge=%00", "?challenge=%ff", "?challenge="] {
        assert_eq!(asked_before("dropbox", json!({}), get(query)), None, "{query}");
    }
    let body = json!({"type": "url_verification", "challenge": "a\r\nb"}).to_string();
    assert_eq!(asked_after("slack", post(body)), None);
    let body = json!({"type": "url_verification", "challenge": "a", "pad": "x".repeat(BODY_LEN_MAX)}).to_string();
    assert_eq!(asked_after("slack", post(body)), None);
    for bad in ["a\r\nset-cookie: x", "a b", "é"] {
        let sent = Sent { headers: vec![("smartsheet-hook-challenge", bad)], ..Sent::default() };
        assert_eq!(asked_before("smartsheet", json!({}), sent), None, "{bad}");
    }
}

#[test]
fn no_answer_is_html_and_each_text_forbids_sniffing() {
    for (provider, query) in [
        ("dropbox", "?challenge=%3Cscript%3E"),
        ("nylas", "?challenge=%3Cscript%3E"),
        ("websub", "?hub.mode=subscribe&hub.topic=t&hub.challenge=%3Cscript%3E"),
        ("meta", "?hub.mode=subscribe&hub.verify_token=tok&hub.challenge=%3Cscript%3E"),
        ("strava", "?hub.mode=subscribe&hub.verify_token=tok&hub.challenge=%3Cscript%3E"),
    ] {
        let answer = reply(asked_before(provider, json!({"verifyToken": "tok"}), get(query)));
        assert!(!answer.body.is_empty());
        let of = |name: &str| answer.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str());
        assert!(matches!(of("content-type"), Some("text/plain" | "application/json")), "{provider}");
        assert_eq!(of("x-content-type-options"), Some("nosniff"), "{provider}");
    }
}

#[test]
fn an_event_of_a_provider_without_handshakes_is_none() {
    for provider in ["github", "stripe", "intercom", "typeform", "postmark"] {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let query = "?challenge=x&hub.mode=subscribe&crc_token=y&validationToken=z";
            let sent = || Sent {
                method,
                query,
                body: r#"{"challenge":"x","type":"url_verification"}"#.into(),
                ..Sent::default()
            };
            assert_eq!(asked_before(provider, json!({"secret": "12345678"}), sent()), None);
            assert_eq!(asked_after(provider, sent()), None);
        }
    }
}
