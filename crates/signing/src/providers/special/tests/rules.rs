//! The rules that the vectors don't reach: what is refused before any signature is looked at, and why.

use super::super::super::Refusal;
use super::{Case, Documents, Outcome, own_cases, valid, valid_cases};
use serde_json::json;

fn named(id: &str) -> Case {
    own_cases().into_iter().find(|case| case.id == id).unwrap()
}

#[track_caller]
fn assert_malformed(case: &Case, words: &str) {
    match case.refusal() {
        Refusal::Malformed(text) => assert!(text.contains(words), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_unknown_scheme_is_a_wrong_configuration() {
    let mut case = valid("twilio");
    case.scheme = "nobody".into();
    assert!(matches!(case.judge(), Outcome::Unsound(error) if error.field == "type"));
}

#[test]
fn a_configuration_without_its_keys_is_refused() {
    for case in valid_cases() {
        if case.scheme != "aws_sns" {
            let bare = Case { config: json!({}), ..case.clone() };
            assert!(matches!(bare.judge(), Outcome::Unsound(_)), "{}", case.scheme);
        }
    }
    assert!(matches!(valid("adyen").with_config("secret", json!("no hex")).judge(), Outcome::Unsound(_)));
    assert!(matches!(valid("adyen").with_config("secret", json!("abc")).judge(), Outcome::Unsound(_)));
    assert!(matches!(valid("pusher").with_config("key", json!(null)).judge(), Outcome::Unsound(_)));
    assert!(matches!(valid("paypal").with_config("certificate", json!("no pem")).judge(), Outcome::Unsound(_)));
    assert!(matches!(valid("paddle_classic").with_config("publicKey", json!("no pem")).judge(), Outcome::Unsound(_)));
    assert!(matches!(valid("aws_sns").with_config("topicArns", json!([1])).judge(), Outcome::Unsound(_)));
    let both_empty = valid("box").with_config("secret", json!("")).with_config("secrets", json!(["", ""]));
    assert!(matches!(both_empty.judge(), Outcome::Unsound(_)));
}

#[test]
fn twilio_refuses_a_body_that_nothing_covers() {
    let hashed = named("twilio_py#0033");
    assert_eq!(hashed.judge(), Outcome::Valid);
    // Taken away, and called a form: the URL alone would still match.
    let emptied = hashed.with_body("").with_header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(emptied.refusal(), Refusal::Mismatch);
    // A request without a body, given one.
    let bare = named("twilio_py#0012").with_body("{}").with_header("content-type", "application/json");
    assert_malformed(&bare, "it is not signed");
}

#[test]
fn twilio_takes_the_url_with_and_without_a_port_only() {
    let case = named("twilio_py#0003");
    for (url, verifies) in [
        ("https://mycompany.com:443/myapp.php?foo=1&bar=2", true),
        ("https://mycompany.com:8443/myapp.php?foo=1&bar=2", true),
        ("https://mycompany.com:x/myapp.php?foo=1&bar=2", false),
        ("https://mycompany.com:/myapp.php?foo=1&bar=2", false),
        ("http://mycompany.com/myapp.php?foo=1&bar=2", false),
        ("https://mycompany.com@evil/myapp.php?foo=1&bar=2", false),
    ] {
        assert_eq!(case.with_url(url).judge() == Outcome::Valid, verifies, "{url}");
    }
}

#[test]
fn forms_with_broken_escapes_or_too_many_fields_are_refused() {
    for scheme in ["mandrill", "plivo_v3", "braintree", "paddle_classic"] {
        let case = named(match scheme {
            "plivo_v3" => "plivo_py#0015",
            "mandrill" => "formula_mandrill#0003",
            "braintree" => "braintree_py#0002",
            _ => "paddle_classic_valid",
        });
        assert_eq!(case.judge(), Outcome::Valid);
        assert_malformed(&case.with_body("a=%4"), "percent");
        assert_malformed(&case.with_body("a=%zz"), "percent");
        assert_malformed(&case.with_body("a=1&".repeat(10_001)), "more than 10000 fields");
        assert_malformed(&case.with_header("content-type", "text/plain"), "not a form");
    }
}

#[test]
fn a_mandrill_test_signed_with_the_public_key_is_refused() {
    let case = named("formula_mandrill#0003").with_body("mandrill_events=%5B%5D");
    let known = case.with_header("x-mandrill-signature", "p67P+pvBokmi/LybNdDO1csCByc=");
    assert_eq!(known.with_config("secret", json!("test-webhook")).judge(), Outcome::Valid);
    assert_eq!(known.refusal(), Refusal::Mismatch);
}

#[test]
fn mailgun_cannot_be_split_into_another_token() {
    let case = named("formula_mailgun#0004");
    let text = String::from_utf8(case.body.clone()).unwrap();
    let shifted = text.replace("timestamp=1760000000&token=5", "timestamp=17600000005&token=");
    assert_malformed(&case.with_body(shifted), "10 digits");
}

#[test]
fn mailgun_reads_multipart_forms() {
    let case = named("formula_mailgun#0004");
    let fields = [
        ("timestamp", "1760000000"),
        ("token", "50c5d1f4e2a9b1c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1"),
        ("signature", "104e2b323f21d018eaad28ba64365af2dddcce3752e8271d2bbba6fa33990efb"),
    ];
    let part = |(name, value)| format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let body = fields.map(part).concat() + "--XX--\r\n";
    let case = case.with_header("content-type", "multipart/form-data; boundary=XX").with_body(&body);
    assert_eq!(case.judge(), Outcome::Valid);
    assert_malformed(&case.with_body(part(fields[1]) + &body), "more than once");
    assert_malformed(&case.with_body(body.trim_end_matches("--\r\n")), "broken boundary");
}

#[test]
fn every_item_of_a_batch_has_to_verify() {
    let one = valid("adyen");
    let text = String::from_utf8(one.body.clone()).unwrap();
    let item = text.strip_prefix(r#"{"live":"false","notificationItems":["#).unwrap().strip_suffix("]}").unwrap();
    let forged = item.replace("1130", "9999");
    let batch =
        |items: &[&str]| one.with_body(format!(r#"{{"live":"false","notificationItems":[{}]}}"#, items.join(",")));
    assert_eq!(batch(&[item, item]).judge(), Outcome::Valid);
    assert_eq!(batch(&[item, &forged]).refusal(), Refusal::Mismatch);
    assert_eq!(batch(&[&forged, item]).refusal(), Refusal::Mismatch);
    assert_malformed(&batch(&[]), "no `notificationItems`");

    let graph = valid("microsoft_graph");
    assert_malformed(&graph.with_body(r#"{"value":[]}"#), "no notifications");
    assert_eq!(graph.with_body(r#"{"value":[{"clientState":"secretClientValue"},{}]}"#).refusal(), Refusal::Credential);
}

#[test]
fn what_a_header_has_to_say_is_checked() {
    assert_malformed(&valid("box").with_header("box-signature-version", "2"), "version");
    assert_malformed(&valid("box").with_header("box-signature-algorithm", "HmacSHA1"), "algorithm");
    assert_malformed(&valid("box").with_header("box-delivery-timestamp", "1760000000"), "RFC 3339");
    assert_eq!(valid("pusher").with_header("x-pusher-key", "other").refusal(), Refusal::Credential);
    assert_malformed(&valid("paypal").with_header("paypal-auth-algo", "SHA1withRSA"), "SHA256withRSA");
    let plivo = named("plivo_py#0015");
    let good = String::from_utf8(plivo.header("x-plivo-signature-v3").unwrap().to_vec()).unwrap();
    let list = |junk: usize| plivo.with_header("x-plivo-signature-v3", format!("{}{good}", "A,".repeat(junk)));
    assert_eq!(list(62).judge(), Outcome::Valid);
    assert_malformed(&list(63), "more than 64");
}

#[test]
fn braintree_looks_only_at_the_signature_of_its_public_key() {
    let case = named("braintree_py#0002");
    let text = String::from_utf8(case.body.clone()).unwrap();
    let listed = text.replacen("bt_signature=", "bt_signature=other%7C0000%26", 1);
    assert_eq!(case.with_body(listed).judge(), Outcome::Valid);
    let renamed = text.replacen("integration_public_key", "other", 1);
    assert_malformed(&case.with_body(renamed), "no signature for this public key");
}

#[test]
fn box_keys_are_positional() {
    let rotated = named("box_py#0031");
    let with = |secrets| rotated.with_config("secret", json!(null)).with_config("secrets", secrets).judge();
    assert_eq!(with(json!(["SamplePrimaryKey", "SampleSecondaryKey"])), Outcome::Valid);
    assert_eq!(with(json!(["", "SampleSecondaryKey"])), Outcome::Valid);
    assert_eq!(with(json!(["SampleSecondaryKey", "SamplePrimaryKey"])), Outcome::Refused(Refusal::Mismatch));
    assert_eq!(with(json!(["SampleSecondaryKey"])), Outcome::Refused(Refusal::Mismatch));
    assert!(matches!(with(json!(["a", "b", "c"])), Outcome::Unsound(_)));
}

#[test]
fn old_and_future_times_say_how_far_off_they_are() {
    let at = |scheme: &str, shift_s: i64| {
        let case = valid(scheme);
        Case { now_ms: case.now_ms + shift_s * 1000, ..case }.judge()
    };
    for (scheme, past_s, future_s) in [("box", 600, 60), ("contentful", 30, 30), ("pusher", 300, 300)] {
        assert_eq!(at(scheme, past_s), Outcome::Valid, "{scheme}");
        let stale = Refusal::Stale { age_s: past_s + 1, tolerance_s: past_s };
        assert_eq!(at(scheme, past_s + 1), Outcome::Refused(stale));
        assert_eq!(at(scheme, -future_s), Outcome::Valid, "{scheme}");
        let future = Refusal::Future { ahead_s: future_s + 1, tolerance_s: future_s };
        assert_eq!(at(scheme, -future_s - 1), Outcome::Refused(future));
    }
}

#[test]
fn contentful_signs_its_own_list_and_time() {
    let case = valid("contentful");
    let list = "x-contentful-signed-headers";
    assert_malformed(&case.with_header(list, "content-type,x-contentful-signed-headers"), "is not signed");
    assert_malformed(&case.with_header(list, "x-contentful-timestamp"), "is not signed");
    assert_eq!(case.without_header("x-contentful-topic").refusal(), Refusal::Missing("x-contentful-topic".into()));
    assert_malformed(&case.with_url(&format!("{}?c=3", case.url)), "question mark");
}

#[test]
fn kudosity_refuses_what_php_would_read_differently() {
    let case = valid("kudosity");
    assert_malformed(&case.with_body("{}"), "not signed");
    assert_malformed(&case.with_url(&format!("{}&status=x", case.url)), "more than once");
    assert_malformed(&case.with_url(&format!("{}&a%5B%5D=x", case.url)), "PHP");
    assert_malformed(&case.with_url(&format!("{}&a=%ff", case.url)), "UTF-8");
}

#[test]
fn a_certificate_is_asked_for_only_where_the_provider_keeps_them() {
    for scheme in ["aws_sns", "paypal"] {
        let case = Case { materials: Documents::default(), ..valid(scheme) };
        assert!(matches!(case.refusal(), Refusal::Needs(url) if url.starts_with("https://")), "{scheme}");
    }
    let case = Case { materials: Documents::default(), ..valid("aws_sns") };
    let text = String::from_utf8(case.body.clone()).unwrap();
    let good = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-7ff5318490ec183fbaddaa2a969abfda.pem";
    assert!(text.contains(good));
    for bad in [
        "http://sns.us-east-1.amazonaws.com/x.pem",
        "https://sns.us-east-1.amazonaws.com.evil.example/x.pem",
        "https://evil.example/sns.us-east-1.amazonaws.com/x.pem",
        "https://sns.us-east-1.amazonaws.com:444/x.pem",
        "https://a@sns.us-east-1.amazonaws.com/x.pem",
        "https://sns.us-east-1.amazonaws.com/x.pem?a=b.pem",
        "https://sns.us-east-1.amazonaws.com/a/x.pem",
        "https://sns.us-east-1.amazonaws.com/x.txt",
        "https://sns.us-east-1.amazonaws.com/.pem",
        "https://sns.us.east.amazonaws.com/x.pem",
        "https://sns.us-east-1.amazonaws.com.cn.cn/x.pem",
        "https://s3.us-east-1.amazonaws.com/x.pem",
        "https://SNS.us-east-1.amazonaws.com/x.pem",
        "",
    ] {
        let refusal = case.with_body(text.replace(good, bad)).refusal();
        assert!(matches!(refusal, Refusal::Untrusted(_) | Refusal::Malformed(_)), "{bad}: {refusal:?}");
    }
    let china = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-1.pem";
    assert_eq!(case.with_body(text.replace(good, china)).refusal(), Refusal::Needs(china.into()));
}

#[test]
fn a_document_without_a_usable_certificate_is_not_trusted() {
    let case = valid("aws_sns");
    let with = |document: &[u8]| {
        let mut case = case.clone();
        case.materials.0.values_mut().for_each(|known| *known = document.to_vec());
        case.refusal()
    };
    let pem = case.materials.0.values().next().unwrap().clone();
    assert!(matches!(with(b""), Refusal::Untrusted(_)));
    assert!(matches!(with(b"<html>"), Refusal::Untrusted(_)));
    assert!(matches!(with(&pem[..pem.len() / 2]), Refusal::Untrusted(_)));
    assert!(matches!(with(&pem.repeat(9)), Refusal::Untrusted(_)));
    assert!(matches!(with(&[pem.as_slice(), &[b'\n'; 70_000]].concat()), Refusal::Untrusted(_)));
    let paypal = valid_cases().into_iter().find(|case| case.id == "paypal_leaf_alone").unwrap();
    let other = with(paypal.materials.0.values().next().unwrap());
    assert_eq!(other, Refusal::Untrusted("the certificate was issued for another name".into()));
}

#[test]
fn a_key_that_is_not_rsa_is_a_wrong_configuration() {
    let elliptic = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEmyCfk6/BzC4DT1I/BQ8hOg6VPXPd\nn/fr4NcaReeqNkoP8Mb7sq18vZ8hDoeu7FMbiAb1OIhFAkQsJCrM4/sUBA==\n-----END PUBLIC KEY-----\n";
    let case = valid("paddle_classic").with_config("publicKey", json!(elliptic));
    assert!(matches!(case.judge(), Outcome::Unsound(error) if error.field == "publicKey"));
}

#[test]
fn a_certificate_counts_only_while_it_is_valid() {
    let outside = Refusal::Untrusted("the certificate is not valid at this time".into());
    for scheme in ["aws_sns", "paypal"] {
        let case = valid(scheme);
        for now_s in [0, 1_600_000_000, 9_000_000_000, i64::MAX / 1000] {
            assert_eq!(Case { now_ms: now_s * 1000, ..case.clone() }.refusal(), outside, "{scheme} at {now_s}");
        }
    }
}

#[test]
fn a_genuine_certificate_of_aws_is_read() {
    let file = super::shared().join("harvested/aws_sns.json");
    if !file.is_file() {
        println!("skipped: there is no {}", file.display());
        return;
    }
    // Genuine but for the body that was changed: all but the signature's own verdict is passed.
    for case in super::cases(&file).into_iter().filter(|case| !case.is_valid) {
        assert_eq!(case.refusal(), Refusal::Mismatch, "{}", case.id);
    }
}

#[test]
fn only_wanted_topics_are_accepted() {
    let case = valid("aws_sns");
    let mine = "arn:aws:sns:us-east-1:123456789012:MyTopic";
    assert_eq!(case.with_config("topicArns", json!([mine])).judge(), Outcome::Valid);
    let other = case.with_config("topicArns", json!(["arn:aws:sns:us-east-1:123456789012:Other"]));
    assert_eq!(other.refusal(), Refusal::Credential);
    assert_eq!(case.with_config("topicArns", json!([])).refusal(), Refusal::Credential);
}

#[test]
fn each_signed_field_of_a_notification_is_covered() {
    for case in valid_cases().into_iter().filter(|case| case.scheme == "aws_sns") {
        let message: serde_json::Value = serde_json::from_slice(&case.body).unwrap();
        for name in ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type", "Token", "SubscribeURL"] {
            let is_signed = message["Type"] != "Notification" || !matches!(name, "Token" | "SubscribeURL");
            if !is_signed || message[name].is_null() {
                continue;
            }
            let mut changed = message.clone();
            changed[name] = json!(format!("{} ", message[name].as_str().unwrap()));
            let outcome = case.with_body(changed.to_string()).judge();
            assert!(matches!(outcome, Outcome::Refused(_)), "{} {name}", case.id);
        }
    }
}
