//! Handshakes over the wire: each provider asks a source of its type whether the URL is wanted, as it does on setting up.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::support::client::{Answer, Api};
use super::support::receiver::Receiver;
use super::support::server::{Launch, Server};
use super::support::source::{Hook, SECRET, Source};

struct World {
    api: Api,
    server: Server,
    _launch: Launch,
}

impl World {
    fn new() -> World {
        let launch = Launch::strict(&[]);
        let server = launch.start();
        World { api: server.api(&launch), server, _launch: launch }
    }
    fn source(&self, kind: &str, config: Value) -> Source {
        Source::new(&self.api, kind, config)
    }
    fn get(&self, source: &Source, query: &str) -> Answer {
        Hook::new("GET", &format!("{}?{query}", source.path), "").send(self.server.address)
    }
    /// How each request of a source was judged, oldest first; none became a message.
    fn verdicts(&self, source: &Source) -> Vec<String> {
        assert_eq!(source.messages(&self.api), Vec::<Value>::new());
        source.requests(&self.api).iter().map(|r| r["verdict"].as_str().unwrap().to_owned()).collect()
    }
}

fn secret() -> Value {
    json!({"secret": SECRET})
}

fn check_text(answer: &Answer, text: &str) {
    assert_eq!((answer.status, &*answer.text()), (200, text), "{answer:?}");
    assert!(answer.header("content-type").unwrap().starts_with("text/plain"), "{answer:?}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

fn hmac_sha256(text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[test]
fn slack_is_answered_its_challenge_if_it_signed() {
    let w = World::new();
    let source = w.source("slack", secret());
    let body =
        r#"{"token":"t","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}"#;
    let answer = source.hook("", "", body).send(w.server.address);
    check_text(&answer, "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P");
    let forged = source.hook_under(&json!({"secret": "of somebody else"}), "", "", body).send(w.server.address);
    assert_eq!(forged.status, 401);
    assert!(!forged.text().contains("3eZbrw1a"), "{forged:?}");
    assert_eq!(w.verdicts(&source), ["handshake", "refused"]);
}

#[test]
fn meta_is_answered_its_challenge_if_it_knows_the_token() {
    let w = World::new();
    let source = w.source("meta", json!({"secret": SECRET, "verifyToken": "meatyhamhock"}));
    let query = |token: &str| format!("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}");
    check_text(&w.get(&source, &query("meatyhamhock")), "1158201444");
    for wrong in ["meatyham", "", "meatyhamhock2"] {
        let answer = w.get(&source, &query(wrong));
        assert_eq!((answer.status, &*answer.text()), (403, ""), "{wrong}");
    }
    assert_eq!(w.verdicts(&source), ["handshake", "refused", "refused", "refused"]);
}

#[test]
fn dropbox_and_microsoft_graph_get_their_text_back() {
    let w = World::new();
    let dropbox = w.source("dropbox", secret());
    check_text(&w.get(&dropbox, "challenge=%3Cb%3Eabc%20123"), "<b>abc 123");
    let graph = w.source("microsoft_graph", json!({"secret": "a state that nobody guesses"}));
    let path = format!("{}?validationToken=Validation%3A+Testing%20%2B1", graph.path);
    let answer = Hook::new("POST", &path, "").with("content-type", "text/plain").send(w.server.address);
    check_text(&answer, "Validation: Testing +1");
    // What would break out of a line is no challenge.
    assert_eq!(w.get(&dropbox, "challenge=a%0d%0ab").status, 401);
    assert_eq!(w.verdicts(&dropbox), ["handshake", "refused"]);
    assert_eq!(w.verdicts(&graph), ["handshake"]);
}

#[test]
fn x_and_zoom_get_a_proof_that_the_secret_is_known() {
    let w = World::new();
    let x = w.source("x_twitter", secret());
    let answer = w.get(&x, "crc_token=challenge_string&nonce=1");
    let token = format!("sha256={}", BASE64_STANDARD.encode(hmac_sha256("challenge_string")));
    assert_eq!((answer.status, answer.json()), (200, json!({"response_token": token})));
    let zoom = w.source("zoom", secret());
    let body = r#"{"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event_ts":1,"event":"endpoint.url_validation"}"#;
    let answer = zoom.hook("", "", body).send(w.server.address);
    let hex: String = hmac_sha256("qgg8vlvZRS6UYooatFL8Aw").iter().map(|byte| format!("{byte:02x}")).collect();
    let want = json!({"plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": hex});
    assert_eq!((answer.status, answer.json()), (200, want));
    assert_eq!(Hook::new("POST", &zoom.path, body).send(w.server.address).status, 401);
    assert_eq!(w.verdicts(&x), ["handshake"]);
    assert_eq!(w.verdicts(&zoom), ["handshake", "refused"]);
}

#[test]
fn twitch_and_okta_are_answered_in_their_way() {
    let w = World::new();
    let twitch = w.source("twitch", secret());
    let body = r#"{"challenge":"pogchamp-kappa-360noscope-vohiyo","subscription":{"type":"channel.follow"}}"#;
    let kind = ("twitch-eventsub-message-type", "webhook_callback_verification");
    let answer = twitch.hook("channel.follow", "m-1", body).with(kind.0, kind.1).send(w.server.address);
    check_text(&answer, "pogchamp-kappa-360noscope-vohiyo");
    assert_eq!(Hook::new("POST", &twitch.path, body).with(kind.0, kind.1).send(w.server.address).status, 401);
    assert_eq!(w.verdicts(&twitch), ["handshake", "refused"]);
    let okta = w.source("okta", secret());
    let challenge = Hook::new("GET", &okta.path, "").with("x-okta-verification-challenge", "4bAaZ-Wq");
    let answer = challenge.send(w.server.address);
    assert_eq!((answer.status, answer.json()), (200, json!({"verification": "4bAaZ-Wq"})));
    assert_eq!(w.verdicts(&okta), ["handshake"]);
}

#[test]
fn asanas_secret_is_learnt_once_and_verifies_over_a_restart() {
    let launch = Launch::strict(&[]);
    let mut server = launch.start();
    let source = Source::new(&server.api(&launch), "asana", json!({}));
    let secret = "b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81";
    let body = r#"{"events":[{"action":"changed","resource":{"gid":"1"}}]}"#;
    let event = source.hook_under(&json!({"secret": secret}), "", "", body);
    assert_ne!(event.send(server.address).status, 200, "nothing verifies before");
    let shake = |server: &Server, secret: &str| {
        let answer = Hook::new("POST", &source.path, "").with("x-hook-secret", secret).send(server.address);
        (answer.status, answer.header("x-hook-secret").map(str::to_owned))
    };
    assert_eq!(shake(&server, secret), (200, Some(secret.to_owned())));
    server.kill();
    server = launch.start();
    let other = "00000000000000000000000000000000000000000000000000000000deadbeef";
    assert_eq!(shake(&server, other), (401, None), "nobody replaces it");
    source.hook_under(&json!({"secret": other}), "", "", body).expect(401, server.address);
    event.expect(200, server.address);
    let api = server.api(&launch);
    assert_eq!(source.messages(&api)[0]["eventType"], "changed");
    let shown = api.get(&source.at(""));
    assert!(!shown.to_string().contains(secret), "{shown}");
}

#[test]
fn cloudevents_senders_are_told_that_they_may() {
    let w = World::new();
    let source = w.source("cloudevents", json!({}));
    let ask = Hook::new("OPTIONS", &source.path, "");
    let ask = ask.with("webhook-request-origin", "eventemitter.example.com").with("webhook-request-rate", "120");
    let answer = ask.send(w.server.address);
    assert_eq!(answer.status, 200);
    let headers = ["webhook-allowed-origin", "webhook-allowed-rate"].map(|name| answer.header(name).unwrap());
    assert_eq!(headers, ["eventemitter.example.com", "120"]);
    assert_eq!(w.verdicts(&source), ["handshake"]);
}

#[test]
fn an_sns_subscription_that_amazon_did_not_sign_is_refused_and_nothing_is_fetched() {
    let w = World::new();
    let source = w.source("aws_sns", json!({}));
    // Inside our network, where a forger would like us to go.
    let inside = Receiver::good();
    let hosts = [
        inside.url(""),
        inside.url("").replace("http:", "https:"),
        format!("https://sns.us-east-1.amazonaws.com@{}", inside.address),
        format!("https://{}/sns.us-east-1.amazonaws.com", inside.address),
    ];
    for host in &hosts {
        let body = json!({
            "Type": "SubscriptionConfirmation", "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b", "Token": "2336412f37",
            "TopicArn": "arn:aws:sns:us-west-2:123456789012:MyTopic", "Message": "You have chosen to subscribe",
            "SubscribeURL": format!("{host}/?Action=ConfirmSubscription"), "Timestamp": "2026-04-26T20:45:04.751Z",
            "SignatureVersion": "1", "Signature": BASE64_STANDARD.encode([7; 256]),
            "SigningCertURL": format!("{host}/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem"),
        });
        let hook = Hook::new("POST", &source.path, body.to_string()).with("content-type", "text/plain; charset=UTF-8");
        let id = hook.with("x-amz-sns-message-type", "SubscriptionConfirmation").expect(401, w.server.address);
        assert_ne!(source.request(&w.api, &id)["reason"], Value::Null);
    }
    assert_eq!(w.verdicts(&source), ["refused"; 4]);
    assert_eq!(inside.open_max(), 0, "somebody came for a certificate");
}

#[test]
fn keys_are_not_fetched_from_private_addresses() {
    let w = World::new();
    let inside = Receiver::good();
    let url = inside.url("/jwks.json").replace("http:", "https:");
    let source = w.source("jwt", json!({"algorithm": "RS256", "jwksUrl": url}));
    // {"alg":"RS256","kid":"k"}, {"iat":..., "exp":...} far ahead, and no signature.
    let part = |value: Value| BASE64_STANDARD.encode(value.to_string()).trim_end_matches('=').replace('+', "-");
    let claims = part(json!({"iat": 1_760_000_000, "exp": 4_000_000_000_u64})).replace('/', "_");
    let token = format!("{}.{claims}.{}", part(json!({"alg": "RS256", "kid": "k"})), "A".repeat(342));
    let hook = Hook::new("POST", &source.path, "{}").with("authorization", &format!("Bearer {token}"));
    let answer = hook.send(w.server.address);
    assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("not_verifiable")));
    assert_eq!(w.verdicts(&source), ["refused"]);
    assert_eq!(inside.open_max(), 0, "somebody came for the keys");
}
