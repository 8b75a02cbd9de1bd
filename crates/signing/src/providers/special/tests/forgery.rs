//! What a forger would try on a request that verifies: none of it may.

use super::super::super::Refusal;
use super::{Case, Outcome, valid_cases};
use serde_json::json;

/// The header with the signature, and whether the signature covers every byte of the body.
fn shape(case: &Case) -> (Option<&'static str>, bool) {
    match case.scheme.as_str() {
        "box" => (Some("box-signature-primary"), true),
        "contentful" => (Some("x-contentful-signature"), true),
        "kudosity" => (Some("x-transmitsms-signature"), true),
        "mandrill" => (Some("x-mandrill-signature"), true),
        "paypal" => (Some("paypal-transmission-sig"), true),
        "plivo_v3" => (Some("x-plivo-signature-v3"), true),
        "pusher" => (Some("x-pusher-signature"), true),
        "twilio" => (Some("x-twilio-signature"), true),
        "braintree" | "paddle_classic" => (None, true),
        _ => (None, false),
    }
}

fn assert_refused(case: &Case, what: &str) {
    let outcome = case.judge();
    assert!(matches!(outcome, Outcome::Refused(_)), "{} {} {what}: {outcome:?}", case.scheme, case.id);
}

#[test]
fn another_secret_is_refused() {
    for case in valid_cases() {
        let wrong = match case.scheme.as_str() {
            "aws_sns" | "paddle_classic" => continue,
            "adyen" => "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
            _ => "another secret of a good length",
        };
        assert_refused(&case.with_config("secret", json!(wrong)).with_config("secrets", json!(null)), "wrong secret");
    }
}

#[test]
fn any_of_several_secrets_will_do() {
    for case in valid_cases() {
        // Box's two are positional; the others have no shared secret.
        if matches!(case.scheme.as_str(), "aws_sns" | "paddle_classic" | "box") {
            continue;
        }
        let right = case.config["secret"].clone();
        let wrong = if case.scheme == "adyen" { "00ff00ff00ff00ff" } else { "a wrong secret" };
        let rotated = case.with_config("secret", json!(wrong)).with_config("secrets", json!(["ff00", right]));
        assert_eq!(rotated.judge(), Outcome::Valid, "{} {}", case.scheme, case.id);
    }
}

#[test]
fn a_broken_signature_header_is_refused() {
    for case in valid_cases() {
        let Some(name) = shape(&case).0 else { continue };
        if case.id == "box_py#0031" {
            // Verifies by its secondary signature.
            continue;
        }
        let good = case.header(name).unwrap().to_vec();
        assert_refused(&case.without_header(name), "no signature");
        assert_refused(&case.with_header(name, ""), "empty signature");
        assert_refused(&case.with_header(name, &good[..good.len() - 1]), "truncated signature");
        assert_refused(&case.with_header(name, [good.as_slice(), b"A"].concat()), "longer signature");
        // In a list the first signature may be anything, when another verifies.
        if !good.contains(&b',') {
            assert_refused(&case.with_header(name, [b" ".as_slice(), &good[1..]].concat()), "space for a character");
            let other = if good[0] == b'0' { b'1' } else { b'0' };
            assert_refused(&case.with_header(name, [&[other], &good[1..]].concat()), "another first character");
        }
        let mut doubled = case.clone();
        doubled.headers.push((name.into(), good));
        assert_eq!(doubled.refusal(), Refusal::Doubled(name.into()), "{}", case.id);
    }
}

#[test]
fn an_upper_case_hexadecimal_signature_is_refused() {
    for case in valid_cases() {
        let Some(name) = shape(&case).0 else { continue };
        let good = case.header(name).unwrap();
        if good.iter().all(u8::is_ascii_hexdigit) {
            assert_refused(&case.with_header(name, good.to_ascii_uppercase()), "upper case");
        }
    }
}

#[test]
fn a_changed_byte_of_a_covered_body_is_refused() {
    for case in valid_cases().into_iter().filter(|case| shape(case).1) {
        let step = (case.body.len() / 200).max(1);
        for at in (0..case.body.len()).step_by(step) {
            let mut body = case.body.clone();
            body[at] ^= 1;
            assert_refused(&case.with_body(body), &format!("byte {at}"));
        }
        // Braintree signs two fields of its form; others say nothing.
        if case.scheme != "braintree" {
            let longer = [case.body.as_slice(), b"&x=y"].concat();
            assert_refused(&case.with_body(longer), "longer body");
        }
        if !case.body.is_empty() {
            assert_refused(&case.with_body(&case.body[..case.body.len() / 2]), "half a body");
            assert_refused(&case.with_body(""), "no body");
        }
    }
}

#[test]
fn a_broken_signature_inside_the_body_is_refused() {
    let pointers = [
        ("adyen", "hmacSignature\":\""),
        ("aws_sns", "\"Signature\": \""),
        ("dropbox_sign", "event_hash\":\""),
        ("mailgun", "\"signature\": \""),
        ("microsoft_graph", "clientState\":\""),
        ("braintree", "integration_public_key%7C"),
        ("paddle_classic", "p_signature="),
    ];
    let mut seen = 0;
    for case in valid_cases() {
        let Some((_, before)) = pointers.iter().find(|(scheme, _)| *scheme == case.scheme) else { continue };
        let text = String::from_utf8(case.body.clone()).unwrap();
        let Some(at) = text.find(before).map(|at| at + before.len()) else { continue };
        seen += 1;
        let (head, tail) = text.split_at(at);
        let end = tail.find(['"', '&']).unwrap_or(tail.len());
        let (good, tail) = tail.split_at(end);
        let other = if good.starts_with('0') { "1" } else { "0" };
        let changed = format!("{other}{}", &good[1..]);
        for bad in ["", &good[1..], &good[..good.len() - 1], &format!("{good}{good}"), &changed] {
            assert_refused(&case.with_body(format!("{head}{bad}{tail}")), bad);
        }
    }
    assert!(seen >= 15, "only {seen} bodies with a signature");
}

#[test]
fn a_name_that_an_object_has_twice_is_refused() {
    for case in valid_cases() {
        if !matches!(case.scheme.as_str(), "adyen" | "aws_sns" | "microsoft_graph" | "dropbox_sign") {
            continue;
        }
        let text = String::from_utf8(case.body.clone()).unwrap();
        let doubled = text.replacen('{', r#"{"again": 1, "again": 2, "#, 1);
        assert!(matches!(case.with_body(doubled).refusal(), Refusal::Malformed(_)), "{}", case.id);
    }
}
