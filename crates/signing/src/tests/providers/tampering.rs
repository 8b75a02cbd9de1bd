//! Whatever the table can sign verifies, and nothing else does: each provider, each way to break a request.

use super::table::{any_config, declared};
use super::*;
use crate::providers::encoding::Encoding;
use crate::providers::spec::{Format, Kind};
use proptest::prelude::*;
use serde_json::json;

/// Types that a configuration leaves without proof of anything, or whose requests nobody can make.
fn can_sign(provider: &Provider) -> bool {
    !provider.is_insecure && provider.name != "ip-allow-list" && signed_by(provider).is_ok()
}

/// A body with a time in it, for Linear.
fn body() -> Vec<u8> {
    json!({ "id": "evt_1", "type": "invoice.paid", "webhookTimestamp": NOW_MS }).to_string().into_bytes()
}

fn signed_by(provider: &Provider) -> Result<Sent, ConfigError> {
    signed(&provider.name, &any_config(&provider.name), &body())
}

/// The header with the signature or credential.
fn signature_header(sent: &Sent) -> String {
    let names =
        ["signature", "hmac", "token", "authorization", "x-sig", "secret", "api-key", "x-trello", "client", "dg-"];
    let is_signature = |name: &str| {
        names.iter().any(|part| name.contains(part))
            && !["timestamp", "version", "nonce", "algorithm"].iter().any(|part| name.contains(part))
    };
    let found = sent.headers.iter().find(|(name, _)| is_signature(name));
    found.unwrap_or_else(|| panic!("no signature among {:?}", sent.headers)).0.clone()
}

fn is_credential(provider: &Provider) -> bool {
    provider.schemes.iter().any(|spec| matches!(spec.kind, Kind::Token | Kind::Basic)) && provider.name != "gitlab"
}

/// Runs `check` for each provider that can sign, with a good request.
fn each(mut check: impl FnMut(&'static Provider, Sent, Value)) {
    let mut count = 0;
    for provider in declared().filter(|provider| can_sign(provider)) {
        check(provider, signed_by(provider).unwrap(), any_config(&provider.name));
        count += 1;
    }
    assert!(count > 100, "only {count} providers sign");
}

#[test]
fn what_is_signed_verifies() {
    each(|provider, sent, config| assert_eq!(sent.judge(&provider.name, &config), Ok(()), "{}", provider.name));
}

#[test]
fn the_mandatory_providers_can_be_imitated() {
    for name in [
        "github",
        "stripe",
        "slack",
        "shopify",
        "hubspot",
        "linear",
        "paddle",
        "square",
        "zoom",
        "typeform",
        "standard-webhooks",
        "svix",
        "gitlab",
    ] {
        assert_eq!(signed_by(find(name)).unwrap().judge(name, &any_config(name)), Ok(()), "{name}");
    }
}

#[test]
fn an_old_secret_still_verifies_beside_the_new_one_and_each_position_is_tried() {
    each(|provider, sent, config| {
        let Some(Value::String(live)) = config.get("secret") else { return };
        let other = any_other(live);
        for secrets in [json!([other, live]), json!([live, other])] {
            let mut config = config.clone();
            config.as_object_mut().unwrap().remove("secret");
            config.as_object_mut().unwrap().insert("secrets".into(), secrets);
            assert_eq!(sent.judge(&provider.name, &config), Ok(()), "{}", provider.name);
        }
    });
}

/// A secret of the same form, and another.
fn any_other(secret: &str) -> String {
    let at = secret.len() / 2;
    let replacement = if &secret[at..=at] == "A" { "B" } else { "A" };
    format!("{}{replacement}{}", &secret[..at], &secret[at + 1..])
}

#[test]
fn another_secret_is_refused() {
    each(|provider, sent, mut config| {
        for field in ["secret", "clientId"] {
            if let Some(Value::String(secret)) = config.get(field) {
                config[field] = any_other(secret).into();
            }
        }
        let verdict = sent.judge(&provider.name, &config);
        assert!(matches!(verdict, Err(Refusal::Mismatch | Refusal::Credential)), "{}: {verdict:?}", provider.name);
    });
}

#[test]
fn a_tampered_body_is_refused_where_the_body_is_signed() {
    each(|provider, mut sent, config| {
        let template_has_body = provider.schemes.iter().any(|spec| spec.template.contains("{body}"));
        if is_credential(provider) || !template_has_body {
            return;
        }
        for change in [b" ".as_slice(), b"\n", b"x"] {
            let mut tampered = sent.clone();
            tampered.body.extend_from_slice(change);
            assert_eq!(tampered.judge(&provider.name, &config), Err(Refusal::Mismatch), "{}", provider.name);
        }
        sent.body.clear();
        assert!(sent.judge(&provider.name, &config).is_err(), "{}", provider.name);
    });
}

#[test]
fn a_missing_empty_truncated_extended_doubled_or_re_encoded_signature_is_refused() {
    each(|provider, sent, config| {
        let name = signature_header(&sent);
        let good = sent.clone().header(&name).clone();
        let upper = good.to_uppercase();
        let mut broken = vec![
            String::new(),
            good[..good.len() - 1].to_owned(),
            format!("{good}0"),
            format!("{good}="),
            good.chars().rev().collect(),
        ];
        if upper != good {
            broken.push(upper);
        }
        let spec = &provider.schemes[0];
        let is_list = [Format::List, Format::CsvOptionalPrefix].contains(&spec.format);
        if spec.kind != Kind::Standard && !spec.trim && !is_list {
            broken.push(format!(" {good}"));
        }
        for value in broken {
            let mut sent = sent.clone();
            sent.header(&name).clone_from(&value);
            assert!(sent.judge(&provider.name, &config).is_err(), "{} takes {value:?}", provider.name);
        }
        let mut missing = sent.clone();
        missing.headers.retain(|(known, _)| *known != name);
        assert!(missing.judge(&provider.name, &config).is_err(), "{}", provider.name);
        let mut doubled = sent;
        doubled.headers.push((name.clone(), good));
        let verdict = doubled.judge(&provider.name, &config);
        assert_eq!(verdict, Err(Refusal::Doubled(name.into())), "{}", provider.name);
    });
}

#[test]
fn a_right_digest_in_another_encoding_is_refused() {
    let mut tried = 0;
    each(|provider, sent, config| {
        let spec = &provider.schemes[0];
        if !matches!(spec.kind, Kind::Hmac | Kind::Hash) || spec.format != Format::Plain {
            return;
        }
        let name = signature_header(&sent);
        let text = sent.clone().header(&name).strip_prefix(&spec.prefix).unwrap().to_owned();
        let encodings = [Encoding::Hex, Encoding::Base64, Encoding::Base64url, Encoding::Base64urlPadded];
        let digest = spec.encoding.decode(text.as_bytes()).unwrap();
        // A digest without `+` and `/` is the same text in both alphabets.
        for other in encodings.into_iter().filter(|encoding| encoding.encode(&digest) != text) {
            let mut sent = sent.clone();
            *sent.header(&name) = format!("{}{}", spec.prefix, other.encode(&digest));
            let verdict = sent.judge(&provider.name, &config);
            assert!(matches!(verdict, Err(Refusal::Malformed(_))), "{} takes {other:?}: {verdict:?}", provider.name);
        }
        tried += 1;
    });
    assert!(tried > 40, "{tried}");
}

#[test]
fn a_stale_request_is_refused_where_the_provider_signs_a_time() {
    let mut timed = 0;
    each(|provider, mut sent, config| {
        let spec = &provider.schemes[0];
        let is_standard = spec.kind == Kind::Standard;
        if !is_standard && spec.time.as_ref().is_none_or(|time| time.tolerance.is_none()) {
            return;
        }
        sent.now_ms += 3_600_000;
        let verdict = sent.judge(&provider.name, &config);
        assert!(matches!(verdict, Err(Refusal::Stale { .. })), "{}: {verdict:?}", provider.name);
        let mut wide = config.clone();
        wide["tolerance"] = 7200.into();
        assert_eq!(sent.judge(&provider.name, &wide), Ok(()), "{}", provider.name);
        sent.now_ms -= 7_200_000;
        if is_standard || spec.time.as_ref().is_some_and(|time| time.future) {
            let verdict = sent.judge(&provider.name, &config);
            assert!(matches!(verdict, Err(Refusal::Future { .. })), "{}: {verdict:?}", provider.name);
        }
        timed += 1;
    });
    assert!(timed > 20, "{timed}");
}

#[test]
fn a_url_or_method_that_is_signed_must_be_the_one_that_was_called() {
    each(|provider, sent, config| {
        let template = &provider.schemes[0].template;
        if template.contains("{url}") {
            let mut other = sent.clone();
            other.url.push_str("&more=1");
            assert_eq!(other.judge(&provider.name, &config), Err(Refusal::Mismatch), "{}", provider.name);
        }
        if template.contains("{method}") {
            let mut other = sent;
            other.method = "PUT".into();
            assert_eq!(other.judge(&provider.name, &config), Err(Refusal::Mismatch), "{}", provider.name);
        }
    });
}

/// One of each way to sign.
const KINDS: &[&str] = &[
    "stripe",
    "github",
    "slack",
    "hubspot",
    "hubspot_v1",
    "square",
    "sanity",
    "vercel",
    "adyen_payload",
    "svix",
    "docusign",
];

proptest! {
    #![proptest_config(super::super::config())]

    #[test]
    fn any_bytes_verify_as_they_were_signed_and_not_with_one_bit_changed(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        name in proptest::sample::select(KINDS),
        at in any::<proptest::sample::Index>(),
        bit in 0..8u32,
    ) {
        let config = any_config(name);
        let mut sent = signed(name, &config, &body).unwrap();
        prop_assert_eq!(sent.judge(name, &config), Ok(()));
        if body.is_empty() {
            sent.body.push(0);
        } else {
            sent.body[at.index(body.len())] ^= 1 << bit;
        }
        prop_assert_eq!(sent.judge(name, &config), Err(Refusal::Mismatch));
    }

    #[test]
    fn no_bytes_in_the_headers_make_a_judge_stumble(
        values in proptest::collection::vec("[ -~]{0,80}", 1..4),
        name in proptest::sample::select(Provider::all().iter().map(|provider| provider.name.as_str()).collect::<Vec<_>>()),
    ) {
        let provider = find(name);
        let Ok(verifier) = provider.verifier_lenient(&any_config(name)) else { return Ok(()) };
        let mut headers: Vec<(&str, &[u8])> = Vec::new();
        for spec in &provider.schemes {
            headers.extend(values.iter().map(|value| (spec.header.as_str(), value.as_bytes())).take(1));
            headers.extend(spec.require.iter().map(|name| (name.as_str(), values[0].as_bytes())));
        }
        let request = Inbound { method: "POST", url: URL, headers: &headers, body: b"{}", now_ms: NOW_MS };
        let verdict = verifier.judge(&request, &crate::providers::NoMaterials);
        prop_assert_eq!(verdict.is_ok(), provider.is_insecure || name == "ip-allow-list");
    }
}
