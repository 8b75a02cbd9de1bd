//! Requests that others signed: the published vectors of the Svix server and the Standard Webhooks libraries, and ones
//! made with the official Python packages, PyNaCl and `cryptography` (`tests/vectors/`).

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::*;

const SVIX_SERVER_ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const SVIX_SERVER_TIME_S: i64 = 1_614_265_330;
const SVIX_SERVER_BODY: &[u8] = br#"{"test": 2432232314}"#;
const SVIX_SERVER_WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SVIX_SERVER_WHSK: &str =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
const SVIX_SERVER_WHPK: &str = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
const SVIX_SERVER_V1: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
pub(super) const SVIX_SERVER_V1A: &str =
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";

fn sign_as_the_svix_server(texts: &[&str]) -> String {
    let secrets: Vec<_> = texts.iter().map(|text| EndpointSecret::parse(text).unwrap()).collect();
    let mut header = String::new();
    SigningKeys::new(&secrets).sign_into(SVIX_SERVER_ID, SVIX_SERVER_TIME_S, SVIX_SERVER_BODY, &mut header);
    header
}

#[test]
fn signatures_are_those_of_the_svix_server() {
    assert_eq!(sign_as_the_svix_server(&[SVIX_SERVER_WHSEC]), SVIX_SERVER_V1);
    assert_eq!(sign_as_the_svix_server(&[SVIX_SERVER_WHSK]), SVIX_SERVER_V1A);
}

#[test]
fn several_keys_sign_in_their_order_separated_by_one_space() {
    let both = sign_as_the_svix_server(&[SVIX_SERVER_WHSK, SVIX_SERVER_WHSEC]);
    assert_eq!(both, format!("{SVIX_SERVER_V1A} {SVIX_SERVER_V1}"));
    let both = sign_as_the_svix_server(&[SVIX_SERVER_WHSEC, SVIX_SERVER_WHSK]);
    assert_eq!(both, format!("{SVIX_SERVER_V1} {SVIX_SERVER_V1A}"));
}

#[test]
fn the_svix_servers_key_pair_shows_its_public_key() {
    let secret = EndpointSecret::parse(SVIX_SERVER_WHSK).unwrap();
    assert_eq!(secret.shown().as_str(), SVIX_SERVER_WHPK);
    assert_eq!(secret.reveal().as_str(), SVIX_SERVER_WHSK);
}

#[test]
fn the_svix_servers_signatures_verify() {
    for (shown, signature) in [(SVIX_SERVER_WHSEC, SVIX_SERVER_V1), (SVIX_SERVER_WHPK, SVIX_SERVER_V1A)] {
        let received = Received {
            id: SVIX_SERVER_ID.into(),
            timestamp: SVIX_SERVER_TIME_S.to_string().into(),
            signature: signature.into(),
            body: SVIX_SERVER_BODY.into(),
        };
        assert_eq!(check_at(&[shown], &received, SVIX_SERVER_TIME_S), Ok(()), "{signature}");
    }
}

fn vectors(json: &str) -> Vec<Value> {
    let Value::Array(cases) = serde_json::from_str(json).unwrap() else { panic!("a file of vectors is an array") };
    cases
}

fn all_vectors() -> Vec<Value> {
    let mut cases = vectors(include_str!("../../tests/vectors/standard_webhooks.json"));
    cases.extend(vectors(include_str!("../../tests/vectors/svix.json")));
    cases
}

fn judge(case: &Value) -> Result<(), VerifyError> {
    let keys = match case.get("secrets") {
        Some(secrets) => VerifyKeys::parse(secrets.as_array().unwrap().iter().map(|text| text.as_str().unwrap())),
        None => VerifyKeys::parse([case["secret"].as_str().unwrap()]),
    };
    let headers = case["headers"].as_object().unwrap();
    let header = |name: &str| {
        let found = headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str().unwrap().as_bytes())
    };
    let body = BASE64_STANDARD.decode(case["body"].as_str().unwrap()).unwrap();
    let now_s = case["now"].as_i64().unwrap();
    SignedHeaders::find(header).and_then(|found| keys.unwrap().verify(&found, &body, now_s, TOLERANCE_S_DEFAULT))
}

/// Where an official package is more lenient than a strict verifier, the vector has a `strict_expected`, and we are
/// strict.
#[test]
fn made_vectors_get_the_strict_verdict() {
    let cases = all_vectors();
    assert_eq!(cases.len(), 79);
    for case in cases {
        let expected = case.get("strict_expected").unwrap_or(&case["expected"]);
        let verdict = judge(&case);
        assert_eq!(verdict.is_ok(), expected == "valid", "{} {}: {verdict:?}", case["id"], case["case"]);
    }
}

/// The signing key stands beside each `v1a` vector; Ed25519 signatures are deterministic.
#[test]
fn valid_v1a_vectors_are_made_again() {
    let mut made = 0;
    for case in all_vectors() {
        let Some(key) = case["extra"]["signing_key"].as_str() else { continue };
        let headers = &case["headers"];
        let expected = headers["webhook-signature"].as_str().unwrap();
        let one_of_this_key = !expected.contains(' ') && !case.get("secrets").is_some_and(Value::is_array);
        if case["expected"] != "valid" || !one_of_this_key {
            continue;
        }
        let received = sign(
            &[EndpointSecret::parse(key).unwrap()],
            headers["webhook-id"].as_str().unwrap(),
            headers["webhook-timestamp"].as_str().unwrap().parse().unwrap(),
            &BASE64_STANDARD.decode(case["body"].as_str().unwrap()).unwrap(),
        );
        assert_eq!(String::from_utf8(received.signature).unwrap(), expected, "{}", case["id"]);
        made += 1;
    }
    assert_eq!(made, 6);
}
