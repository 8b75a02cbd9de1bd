//! Configurations: what is refused when a source is made, and what is understood.

use super::*;
use crate::providers::SECRETS_MAX;
use crate::providers::spec::Kind;
use serde_json::json;

fn error(name: &str, config: &Value) -> Option<String> {
    find(name).verifier(config).err().map(|error| error.to_string())
}

#[test]
fn a_short_secret_is_refused_for_a_source_and_taken_for_a_single_request() {
    let config = json!({ "secret": "seven b" });
    assert_eq!(error("stripe", &config).unwrap(), "secret: must have at least 8 bytes");
    assert!(find("stripe").verifier_lenient(&config).is_ok());
    let config = json!({ "secret": "whsec_YWJjZGVmZ2g=" });
    assert_eq!(error("svix", &config).unwrap(), "secret: must be a key of at least 16 bytes");
    assert!(find("svix").verifier_lenient(&config).is_ok());
    assert!(find("stripe").verifier_lenient(&json!({ "secret": "" })).is_err());
}

#[test]
fn a_secret_of_one_byte_is_refused_for_every_type_that_takes_secrets_and_for_each_of_them() {
    let is_open = |provider: &&Provider| provider.schemes.iter().all(|s| matches!(s.kind, Kind::Open | Kind::Closed));
    let mut judged = 0;
    for provider in Provider::all().iter().filter(|provider| !is_open(provider)) {
        let good = "long enough for this";
        for config in [
            json!({ "secret": "x" }),
            json!({ "secret": "" }),
            json!({ "secret": "          " }),
            json!({ "secrets": ["x"] }),
            json!({ "secrets": [good, "x"] }),
            json!({ "secret": good, "secrets": ["x"] }),
            json!({ "secrets": ["", ""] }),
        ] {
            let said = error(&provider.name, &config).unwrap_or_else(|| panic!("{} takes {config}", provider.name));
            assert!(said.starts_with("secret"), "{} {said}", provider.name);
            judged += 1;
        }
    }
    assert!(judged > 900, "{judged}");
}

#[test]
fn a_place_in_boxs_list_may_be_empty() {
    let secret = "long enough for this";
    for config in [json!({ "secrets": ["", secret] }), json!({ "secrets": [secret, ""] })] {
        assert!(error("box", &config).is_none());
    }
    assert!(error("stripe", &json!({ "secrets": ["", secret] })).is_some());
    assert!(error("box", &json!({ "secrets": ["", "x"] })).is_some());
}

#[test]
fn one_short_secret_among_good_ones_is_refused() {
    assert!(error("stripe", &json!({ "secrets": ["long enough for this", "short"] })).is_some());
}

#[test]
fn more_secrets_than_the_limit_are_refused() {
    let secrets: Vec<String> = (0..=SECRETS_MAX).map(|number| format!("secret number {number}")).collect();
    assert!(error("stripe", &json!({ "secrets": secrets })).is_some());
    assert!(error("stripe", &json!({ "secrets": secrets[1..] })).is_none());
}

#[test]
fn keys_that_are_no_keys_are_refused() {
    for (name, key) in [
        ("discord", "zz"),
        ("discord", &"0".repeat(64)),
        ("telnyx", "AAAA"),
        ("sendgrid", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"),
        ("orum-io", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
    ] {
        assert!(error(name, &json!({ "publicKey": key })).unwrap().starts_with("publicKey: must be"), "{name}");
    }
    assert!(error("adyen_payload", &json!({ "secret": "not hexadecimal" })).is_some());
    assert!(error("svix", &json!({ "secret": "whsec_not base64 at all!" })).is_some());
    let private = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
    assert!(error("svix", &json!({ "secret": private })).unwrap().contains("private key"));
}

#[test]
fn addresses_are_understood_for_any_type_and_needed_for_one() {
    let config = json!({ "secret": "long enough for this", "allowIps": ["192.0.2.7", "10.0.0.0/8", "2001:db8::/32"] });
    let verifier = find("stripe").verifier(&config).ok().unwrap();
    assert_eq!(
        verifier.allow_ips().iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["192.0.2.7/32", "10.0.0.0/8", "2001:db8::/32",]
    );
    assert!(error("ip", &json!({})).unwrap().starts_with("allowIps: is required"));
    assert!(error("ip", &json!({ "allowIps": ["10.0.0.0/33"] })).unwrap().starts_with("allowIps: must be a list"));
    assert!(error("ip", &json!({ "allow": ["10.0.0.0/8"] })).is_none());
}

#[test]
fn what_a_type_needs_is_all_that_it_asks_for() {
    for (name, needs) in [
        ("stripe", &["secret"][..]),
        ("github", &[]),
        ("asana", &[]),
        ("generic-webhook", &[]),
        ("svix", &["secret"]),
        ("discord", &["publicKey"]),
        ("basic", &["secret"]),
        ("api-key", &["secret"]),
        ("hmac", &["secret", "header"]),
        ("jwt", &["secret", "algorithm"]),
        ("cron", &["payload", "schedule"]),
        ("ip-allow-list", &["allowIps"]),
        ("adobe-sign", &["clientId"]),
        ("adyen", &["secret"]),
        ("braintree", &["secret", "publicKey"]),
        ("pusher", &["secret", "key"]),
        ("plaid", &["secret", "clientId"]),
        ("paddle_classic", &["publicKey"]),
        ("aws_sns", &[]),
    ] {
        assert_eq!(find(name).needs(), needs, "{name}");
    }
}

#[test]
fn cron_takes_no_requests() {
    let config = json!({ "schedule": "* * * * *", "payload": "{}" });
    assert!(!find("cron").is_insecure);
    assert!(matches!(Sent::new(&[], b"{}").judge("cron", &config), Err(Refusal::Untrusted(_))));
    assert_eq!(error("cron", &json!({ "schedule": "* * * * *" })).unwrap(), "payload: is required");
}

#[test]
fn a_configuration_that_is_no_object_is_refused() {
    for config in [json!(null), json!("secret"), json!(["secret"])] {
        assert!(error("stripe", &config).is_some());
    }
}
