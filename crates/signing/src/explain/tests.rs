//! Each usual mistake is made, and has to be found, named and mended.

use super::*;
use crate::EndpointSecret;
use crate::SigningKeys;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

const NOW_S: i64 = 1_760_000_000;
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD+/vb8Pn9QQ==";
const OTHER: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwQ0VGRlJDTUs=";
const BODY: &str = "{\"b\": 1.0, \"a\": \"é/<x>\"}";

/// A request as it was signed; tests then change something of it.
struct Made {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    secret: String,
    others: Vec<(&'static str, &'static str)>,
    original: Option<Vec<u8>>,
    now_s: i64,
}

fn signature(secret: &str, id: &str, at: i64, body: &[u8]) -> String {
    let mut out = String::new();
    SigningKeys::new([&EndpointSecret::parse(secret).unwrap()]).sign_into(id, at, body, &mut out);
    out
}

fn made() -> Made {
    made_of(BODY.as_bytes())
}

/// What was signed is `signed`.
fn made_of(signed: &[u8]) -> Made {
    let headers = [
        ("webhook-id", "msg_1".to_owned()),
        ("webhook-timestamp", NOW_S.to_string()),
        ("webhook-signature", signature(SECRET, "msg_1", NOW_S, signed)),
    ];
    Made {
        headers: headers.map(|(n, v)| (n.to_owned(), v)).to_vec(),
        body: signed.to_vec(),
        secret: SECRET.to_owned(),
        others: Vec::new(),
        original: None,
        now_s: NOW_S,
    }
}

impl Made {
    fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.retain(|(n, _)| n != name);
        self.headers.push((name.to_owned(), value.into()));
        self
    }
    fn map(self, name: &str, change: impl Fn(&str) -> String) -> Self {
        let value = self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| change(v)).unwrap();
        self.set(name, value)
    }
    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
    fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = secret.into();
        self
    }
    fn explain_as(&self, provider: &str) -> Explanation {
        let headers: Vec<(&str, &[u8])> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
        let config = json!({"secret": self.secret});
        let request = Inbound {
            method: "POST",
            url: "https://a.test/",
            headers: &headers,
            body: &self.body,
            now_ms: self.now_s * 1000,
        };
        let explanation = explain(&Question {
            provider: Provider::find(provider).unwrap(),
            config: &config,
            request,
            others: &self.others,
            original: self.original.as_deref(),
        });
        for finding in &explanation.findings {
            let text = format!("{} {}", finding.text, finding.fix);
            let bare = self.secret.trim_start_matches("whsec_");
            assert!(bare.len() < 8 || !text.contains(bare), "a secret is repeated: {text}");
        }
        explanation
    }
    /// The codes of what is found, and that nothing else is wrong.
    #[track_caller]
    fn check(&self, codes: &[&str], part: &str) {
        let explanation = self.explain_as("standard-webhooks");
        let found: Vec<&str> = explanation.findings.iter().map(|f| f.code).collect();
        assert_eq!(found, codes, "{explanation:#?}");
        assert!(explanation.is_complete && !explanation.is_valid, "{explanation:#?}");
        let texts: String = explanation.findings.iter().map(|f| format!("{} {} ", f.text, f.fix)).collect();
        assert!(texts.contains(part), "{part:?} is not in {texts}");
    }
    /// The same, where what is wrong can't be mended.
    #[track_caller]
    fn ends(&self, code: &str, part: &str) {
        let explanation = self.explain_as("standard-webhooks");
        let last = explanation.findings.last().unwrap();
        assert_eq!(last.code, code, "{explanation:#?}");
        assert!(!explanation.is_complete && !explanation.is_valid);
        assert!(last.text.contains(part), "{part:?} is not in {}", last.text);
    }
}

#[test]
fn a_request_that_holds_is_valid() {
    assert_eq!(
        made().explain_as("standard-webhooks"),
        Explanation { is_valid: true, is_complete: true, findings: vec![] }
    );
    let svix = Made {
        headers: made().headers.into_iter().map(|(n, v)| (n.replace("webhook", "svix"), v)).collect(),
        ..made()
    };
    assert!(svix.explain_as("standard-webhooks").is_valid);
}

#[test]
fn a_valid_request_that_nearly_is_not_gets_a_note() {
    let late = Made { now_s: NOW_S + 280, ..made() }.explain_as("standard-webhooks");
    assert!(late.is_valid && late.findings[0].code == "clock_skew", "{late:?}");
    let bare = made().secret(SECRET.trim_start_matches("whsec_")).explain_as("standard-webhooks");
    assert!(bare.is_valid && bare.findings[0].code == "secret_encoding", "{bare:?}");
}

#[test]
fn a_clock_that_is_off_is_told_by_how_much() {
    Made { now_s: NOW_S + 301, ..made() }.check(&["clock_skew"], "301 s");
    Made { now_s: NOW_S + 7200, ..made() }.check(&["clock_skew"], "2 hours");
    Made { now_s: NOW_S - 400, ..made() }.check(&["clock_skew"], "ahead of this moment");
    let both = Made { now_s: NOW_S + 900, ..made().body(format!("{BODY}\n")) };
    both.check(&["clock_skew", "body_altered"], "without the line break");
}

#[test]
fn an_altered_body_is_told_by_what_altered_it() {
    made().body(format!("{BODY}\n")).check(&["body_altered"], "without the line break at its end");
    made().body(format!("\u{feff}{BODY}")).check(&["body_altered"], "byte order mark");
    made().body(r#"{"b":1.0,"a":"é/<x>"}"#).check(&["body_altered"], "as Python writes it");
    made().body(r#"{"b": 1.0, "a": "\u00e9/<x>"}"#).check(&["body_altered"], "read the JSON and wrote it again");
    made().body("{\n  \"b\": 1.0,\n  \"a\": \"é/<x>\"\n}").check(&["body_altered"], "a space after each comma");
    made_of(b"{\"a\":1,\"b\":2}").body("{\"b\":2,\"a\":1}").check(&["body_altered"], "keys sorted");
    made_of(b"{\"a\":1}").body("{\"a\":1.0}").check(&["body_altered"], "as JavaScript writes them");
    made_of(b"{\"u\":\"a\\/b\\u00e9\"}").body("{\"u\":\"a/bé\"}").check(&["body_altered"], "as PHP writes it");
    made_of(b"{\"u\":\"\\u003ca\\u003e\"}").body("{\"u\":\"<a>\"}").check(&["body_altered"], "as Go writes it");
    made_of(b"{\n\t\"a\": 1\n}").body("{\"a\":1}").check(&["body_altered"], "indented by tabs");
    made_of(b"{\n    \"a\": 1\n}\n").body("{\"a\":1}").check(&["body_altered"], "indented by 4 spaces");
    made_of(b"a\r\nb").body("a\nb").check(&["body_altered"], "CR LF line breaks in place of LF");
    made_of(b"").check_body_read();
    made_of("{\"a\":\"é\"}".as_bytes()).body("{\"a\":\"Ã©\"}").check(&["body_altered"], "Latin-1");
    made_of(b"{\"a\":1}").body("\"{\\\"a\\\":1}\"").check(&["body_altered"], "the text inside");
    made_of(b"{\"a\":1}").body(BASE64_STANDARD.encode("{\"a\":1}")).check(&["body_altered"], "base64");
}

impl Made {
    fn check_body_read(self) {
        self.body(BODY).check(&["body_altered"], "had been read already");
    }
}

#[test]
fn a_body_that_is_known_as_sent_is_compared_with_what_came() {
    let lost = Made { original: Some(BODY.into()), ..made().body(r#"{"b": 1.0}"#) };
    lost.check(&["body_altered"], "its content differs");
    let sorted = Made { original: Some(BODY.into()), ..made().body(r#"{"a": "é/<x>", "b": 1.00}"#) };
    sorted.check(&["body_altered"], "the same JSON, written differently");
    let intact = Made { original: Some(BODY.into()), ..made().secret(OTHER) };
    intact.ends("signature_mismatch", "The body is exactly what was sent");
}

#[test]
fn another_secret_is_named() {
    let others = vec![("the secret before the rotation", SECRET)];
    let rotated = Made { others: others.clone(), ..made().secret(OTHER) };
    rotated.check(&["secret_other"], "the secret before the rotation");
    let both = Made { others, ..made().secret(OTHER).body(format!("{BODY}\n")) };
    both.check(&["body_altered"], "it is signed with the secret before the rotation");
    made().secret(OTHER).ends("signature_mismatch", "No usual mistake");
}

#[test]
fn a_secret_that_is_written_wrongly_is_read_rightly() {
    let bare = SECRET.trim_start_matches("whsec_");
    made().secret(format!("\"{SECRET}\"")).check(&["secret_encoding"], "quotes");
    made().secret(format!("{SECRET}\n")).check(&["secret_encoding"], "line break");
    made().secret(format!("WEBHOOK_SECRET={SECRET}")).check(&["secret_encoding"], "name of its variable");
    made().secret(SECRET.replace('+', "-").replace('/', "_")).check(&["secret_encoding"], "URL-safe");
    let hex: String = BASE64_STANDARD.decode(bare).unwrap().iter().map(|b| format!("{b:02x}")).collect();
    made().secret(format!("whsec_{hex}")).check(&["secret_encoding"], "hexadecimal");
    made().secret("").ends("secret_missing", "no secret");
    made().secret("whsk_AAAA").ends("secret_encoding", "private key");
    made().secret("whsec_!!!").ends("secret_encoding", "can't be used");
}

#[test]
fn a_key_that_is_the_text_of_the_secret_is_found() {
    for (text, part) in [
        (SECRET, "the text of the secret as the key"),
        (SECRET.trim_start_matches("whsec_"), "the text after `whsec_`"),
    ] {
        let key = format!("whsec_{}", BASE64_STANDARD.encode(text));
        let wrong = signature(&key, "msg_1", NOW_S, BODY.as_bytes());
        made().set("webhook-signature", wrong).check(&["secret_encoding"], part);
    }
}

#[test]
fn headers_that_are_missing_renamed_mixed_or_doubled_are_told() {
    let without =
        |name: &str| Made { headers: made().headers.into_iter().filter(|(n, _)| n != name).collect(), ..made() };
    without("webhook-id").ends("header_missing", "`webhook-id` is missing");
    made().set("webhook-signature", "").ends("header_missing", "is empty");
    without("webhook-id").set("http_webhook_id", "msg_1").check(&["header_renamed"], "http_webhook_id");
    without("webhook-id").set("x-webhook-id", "msg_1").check(&["header_renamed"], "x-webhook-id");
    without("webhook-id").set("svix-id", "msg_1").check(&["header_missing"], "two families");
    let mut twice = made();
    twice.headers.insert(0, ("webhook-id".to_owned(), "msg_2".to_owned()));
    twice.check(&["header_doubled"], "different values");
    twice.headers[0].1 = "msg_1".to_owned();
    twice.check(&["header_doubled"], "same value");
}

#[test]
fn a_signature_in_another_code_is_told() {
    let code = "signature_encoding";
    let hex = |value: &str| -> String {
        BASE64_STANDARD.decode(&value[3..]).unwrap().iter().map(|b| format!("{b:02x}")).collect()
    };
    made().map("webhook-signature", |v| format!("v1,{}", hex(v))).check(&[code], "hexadecimal");
    made().map("webhook-signature", |v| format!("sha256={}", hex(v))).check(&[code], "hexadecimal");
    made().map("webhook-signature", |v| v[3..].to_owned()).check(&[code], "lacks the version");
    made().map("webhook-signature", |v| v.trim_end_matches('=').to_owned()).check(&[code], "padding");
    made().map("webhook-signature", |v| format!("\"{v}\"")).check(&[code], "quotes");
    made().map("webhook-signature", |v| v.replace("v1,", "v1=")).check(&[code], "`=` or `:`");
    let other = signature(OTHER, "msg_1", NOW_S, BODY.as_bytes());
    made().map("webhook-signature", |v| format!("{other},{v}")).check(&[code], "commas");
    made().set("webhook-signature", "v2,AAAA").ends("version_unknown", "v2");
    made().set("webhook-signature", "nonsense!").ends("signature_malformed", "no signature that could be one");
}

#[test]
fn plus_signs_that_became_spaces_are_told() {
    // One of a few ids has a plus in its signature.
    let id = (0..200).map(|n| format!("msg_{n}")).find(|id| signature(SECRET, id, NOW_S, b"{}").contains('+')).unwrap();
    let lost = signature(SECRET, &id, NOW_S, b"{}").replace('+', " ");
    made_of(b"{}").set("webhook-id", id).set("webhook-signature", lost).check(&["signature_encoding"], "plus signs");
}

#[test]
fn another_id_than_was_signed_is_found_where_it_came_too() {
    made().set("webhook-id", "msg_2").set("svix-id", "msg_1").check(&["id_mismatch"], "`svix-id` is");
    made_of(b"{\"id\":\"msg_1\"}").set("webhook-id", "evt_7").check(&["id_mismatch"], "the body's `id`");
    made()
        .set("webhook-timestamp", (NOW_S + 1).to_string())
        .set("svix-timestamp", NOW_S.to_string())
        .check(&["id_mismatch"], "timestamp");
    made().set("webhook-id", "msg_2").ends("signature_mismatch", "No usual mistake");
}

#[test]
fn a_timestamp_that_is_none_is_told() {
    made().set("webhook-timestamp", "2026-01-01T00:00:00Z").ends("timestamp_malformed", "is a date");
    made().set("webhook-timestamp", format!("{NOW_S}.5")).ends("timestamp_malformed", "fraction");
    made().set("webhook-timestamp", "soon").ends("timestamp_malformed", "no number");
    made().map("webhook-timestamp", |v| format!(" {v} ")).check(&["timestamp_malformed"], "white space");
    // Milliseconds are far in the future.
    made().map("webhook-timestamp", |v| format!("{v}000")).ends("signature_mismatch", "No usual");
}

#[test]
fn a_sender_with_a_rule_of_its_own_is_told() {
    use crate::secret::keyed;
    use hmac::Mac;
    let key = BASE64_STANDARD.decode(SECRET.trim_start_matches("whsec_")).unwrap();
    let sign = |parts: &[&[u8]]| {
        let mut mac = keyed(&key);
        parts.iter().for_each(|part| mac.update(part));
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().as_bytes()))
    };
    let at = NOW_S.to_string();
    let check = |parts: &[&[u8]], part: &str| made().set("webhook-signature", sign(parts)).ends("scheme_wrong", part);
    check(&[BODY.as_bytes()], "the body alone");
    check(&[at.as_bytes(), b".", BODY.as_bytes()], "without the id");
    check(&[b"msg_1.", BODY.as_bytes()], "without the timestamp");
    check(&[b"msg_1", at.as_bytes(), BODY.as_bytes()], "without dots");
}

#[test]
fn an_ed25519_signature_and_a_shared_secret_do_not_go_together() {
    let pair = EndpointSecret::generate(crate::SignatureType::Ed25519, &mut |bytes| bytes.fill(7));
    let signed = signature(&pair.reveal(), "msg_1", NOW_S, BODY.as_bytes());
    let v1a = made().set("webhook-signature", signed);
    v1a.ends("version_mismatch", "v1a (Ed25519)");
    let right = made().map("webhook-signature", |_| signature(&pair.reveal(), "msg_1", NOW_S, BODY.as_bytes()));
    assert!(right.secret(pair.shown().as_str()).explain_as("standard-webhooks").is_valid);
    made().secret(pair.shown().as_str()).ends("version_mismatch", "public one");
}

#[test]
fn other_providers_are_explained_by_their_own_rules() {
    let provider = Provider::find("github").unwrap();
    let config = json!({"secret": "a long secret"});
    let draft = crate::providers::Draft {
        method: "POST",
        url: "https://a.test/",
        content_type: "application/json",
        body: b"{\"a\": 1}",
        now_ms: NOW_S * 1000,
        event_type: "push",
        event_id: "1",
    };
    let headers = crate::providers::sign(provider, &config, &draft).unwrap();
    let github = Made { headers, secret: "a long secret".to_owned(), ..made_of(b"{\"a\": 1}") };
    assert!(github.explain_as("github").is_valid);
    let altered = github.body("{\"a\":1}").explain_as("github");
    assert_eq!((altered.findings[0].code, altered.is_complete), ("body_altered", true), "{altered:?}");
    let quoted = Made {
        body: b"{\"a\": 1}".to_vec(),
        ..Made { headers: crate::providers::sign(provider, &config, &draft).unwrap(), ..made() }
    };
    let quoted = quoted.secret("'a long secret'").explain_as("github");
    assert_eq!((quoted.findings[0].code, quoted.is_complete), ("secret_encoding", true), "{quoted:?}");
}

proptest::proptest! {
    #[test]
    fn nothing_that_is_pasted_makes_it_fail(
        body in proptest::collection::vec(0..=255_u8, 0..200),
        id in "\\PC{0,20}", at in "\\PC{0,20}", sig in "\\PC{0,60}", secret in "\\PC{0,40}",
    ) {
        let headers: [(&str, &[u8]); 3] =
            [("webhook-id", id.as_bytes()), ("webhook-timestamp", at.as_bytes()), ("webhook-signature", sig.as_bytes())];
        let request = Inbound { method: "POST", url: "", headers: &headers, body: &body, now_ms: NOW_S * 1000 };
        let config = json!({ "secret": secret });
        let provider = Provider::find("svix").unwrap();
        let found = explain(&Question { provider, config: &config, request, others: &[], original: None });
        proptest::prop_assert!(!found.is_valid && !found.findings.is_empty());
    }
}
