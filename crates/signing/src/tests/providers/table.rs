//! What the table promises: it reads, its names are unique, every scheme makes a verifier, every type of Svix's is there.

use super::*;
use crate::providers::spec::Kind;
use crate::providers::{NoMaterials, Verifier};
use serde_json::json;

/// Svix's types, and whether they work without a secret.
const SVIX_TYPES: &[&str] = &[
    "adobe-sign",
    "airwallex",
    "beehiiv",
    "brex",
    "checkbook",
    "clerk",
    "cron",
    "docusign",
    "easypost",
    "generic-webhook",
    "github",
    "guesty",
    "hubspot",
    "incident-io",
    "lithic",
    "merge",
    "meta",
    "nango",
    "nash",
    "open-ai",
    "openclaw",
    "orum-io",
    "panda-doc",
    "pleo",
    "port-io",
    "psi-fi",
    "render",
    "replicate",
    "resend",
    "rutter",
    "safebase",
    "sardine",
    "segment",
    "shopify",
    "slack",
    "stripe",
    "stych",
    "svix",
    "tailscale",
    "telnyx",
    "vapi",
    "veriff",
    "vgs",
    "zoom",
];
const SECRET_OPTIONAL: &[&str] = &["docusign", "easypost", "github", "hubspot", "segment"];
/// Types whose secret a handshake brings.
const LEARNING: &[&str] = &["asana", "notion"];
const OPEN: &[&str] = &["azure_event_grid", "cloudevents", "generic-webhook", "monday", "strava"];

/// A configuration that suits any type.
pub(super) fn any_config(name: &str) -> Value {
    let discord = "89cd7489bf665a36667ba46dfd521ca6713fd2f9ad842835340b244e98355f2a";
    match name {
        "adyen_payload" => json!({ "secret": "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056" }),
        "postmark" | "chargebee" | "deepgram" | "basic" => json!({ "secret": "hook:correct horse" }),
        "discord" | "ed25519" => json!({ "publicKey": discord, "header": "x-signature" }),
        "telnyx" => json!({ "publicKey": "ic10ib9mWjZme6Rt/VIcpnE/0vmthCg1NAskTpg1Xyo=" }),
        "sendgrid" => {
            json!({ "publicKey": "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==" })
        }
        "cron" => json!({ "schedule": "* * * * *", "payload": "{}" }),
        "adobe-sign" => json!({ "clientId": "CBJCHBCAABAA" }),
        "ip-allow-list" => json!({ "allowIps": ["192.0.2.0/24", "2001:db8::1"] }),
        "hmac" | "api-key" => json!({ "secret": "correct horse battery", "header": "X-Sig" }),
        _ => json!({ "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" }),
    }
}

/// Types whose scheme is in the table, not in code.
pub(super) fn declared() -> impl Iterator<Item = &'static Provider> {
    let is_coded = |provider: &Provider| provider.schemes.iter().any(|spec| spec.kind == Kind::Special);
    Provider::all().iter().filter(move |provider| !is_coded(provider) && provider.name != "orum-io")
}

fn empty_request(verifier: &Verifier) -> Result<(), Refusal> {
    verifier.judge(&Inbound { method: "POST", url: URL, headers: &[], body: b"", now_ms: NOW_MS }, &NoMaterials)
}

#[test]
fn there_are_over_eighty_providers_in_the_order_of_their_names() {
    let names: Vec<_> = Provider::all().iter().map(|provider| provider.name.as_str()).collect();
    assert!(names.len() > 130, "{}", names.len());
    assert!(names.is_sorted());
}

#[test]
fn every_name_and_alias_finds_its_provider_in_any_spelling() {
    for provider in Provider::all() {
        for name in std::iter::once(&provider.name).chain(&provider.aliases) {
            assert_eq!(find(name).name, provider.name);
            assert_eq!(find(&name.to_uppercase().replace('-', "_")).name, provider.name);
        }
    }
    assert_eq!(find("openai").name, "open-ai");
    assert_eq!(find("standard_webhooks").name, "standard-webhooks");
    assert_eq!(find("twitter").name, "x_twitter");
    assert!(Provider::find("no-such-provider").is_none());
}

#[test]
fn every_type_of_svix_is_there_under_its_name() {
    for name in SVIX_TYPES {
        assert_eq!(find(name).name, *name);
    }
}

#[test]
fn every_provider_names_its_source_and_its_rules_are_known_words() {
    for provider in Provider::all() {
        assert!(provider.docs.starts_with("https://"), "{}", provider.name);
        assert!(!provider.title.is_empty() && !provider.schemes.is_empty(), "{}", provider.name);
        for rule in
            provider.event_id.iter().chain(std::iter::once(&provider.event_type).filter(|rule| !rule.is_empty()))
        {
            let (word, rest) = rule.split_once(':').unwrap();
            assert!(["header", "json", "form", "query"].contains(&word), "{rule}");
            assert!(word != "json" || rest.starts_with('/'), "{rule}");
            assert!(word != "header" || rest == rest.to_lowercase(), "{rule}");
        }
        for spec in &provider.schemes {
            assert_eq!(spec.header, spec.header.to_lowercase(), "{}", provider.name);
        }
    }
}

#[test]
fn every_declared_scheme_makes_a_verifier_that_refuses_an_empty_request() {
    for provider in declared() {
        let verifier = provider.verifier(&any_config(&provider.name)).map_err(|error| (&provider.name, error)).unwrap();
        let is_open = OPEN.contains(&provider.name.as_str());
        assert_eq!(verifier.is_insecure(), is_open, "{}", provider.name);
        assert_eq!(provider.is_insecure, is_open, "{}", provider.name);
        let takes_all = is_open || provider.name == "ip-allow-list";
        assert_eq!(empty_request(&verifier).is_ok(), takes_all, "{}", provider.name);
    }
}

#[test]
fn only_where_svix_lets_the_secret_be_left_out_it_may_be_and_then_nothing_is_verified() {
    for provider in declared() {
        let needs_nothing =
            OPEN.contains(&provider.name.as_str()) || ["vgs", "cuttly"].contains(&provider.name.as_str());
        for config in [json!({}), json!({ "secret": null })] {
            let verifier = provider.verifier(&config);
            if SECRET_OPTIONAL.contains(&provider.name.as_str()) {
                let verifier = verifier.ok().unwrap();
                assert!(verifier.is_insecure() && empty_request(&verifier).is_ok(), "{}", provider.name);
            } else if LEARNING.contains(&provider.name.as_str()) {
                let verifier = verifier.ok().unwrap();
                let refusal = empty_request(&verifier).unwrap_err();
                assert!(!verifier.is_insecure() && refusal.to_string().starts_with("no secret yet: "), "{refusal}");
            } else {
                assert_eq!(verifier.is_ok(), needs_nothing, "{}", provider.name);
            }
        }
    }
}

#[test]
fn empty_blank_and_short_secrets_are_refused() {
    let takes_shared = |provider: &&Provider| any_config(&provider.name).get("secret").is_some();
    let closed = |provider: &&Provider| !OPEN.contains(&provider.name.as_str());
    for provider in declared().filter(takes_shared).filter(closed) {
        for secret in ["", "       ", "a:bc"] {
            let error = provider.verifier(&json!({ "secret": secret, "header": "x-sig" }));
            let is_closed = ["vgs", "cuttly"].contains(&provider.name.as_str());
            assert_eq!(error.is_err(), !is_closed, "{} {secret:?}", provider.name);
        }
    }
}

#[test]
fn what_is_shown_of_a_configuration_is_never_a_secret() {
    let config = json!({
        "secret": "s", "secrets": ["t"], "password": "p", "verifyToken": "v", "publicKey": "k", "tolerance": 9,
        "allowIps": ["192.0.2.1"], "clientId": "c", "unknown": "u",
    });
    let shown = find("meta").shown(&config);
    assert_eq!(shown, json!({ "publicKey": "k", "tolerance": 9, "allowIps": ["192.0.2.1"], "clientId": "c" }));
}
