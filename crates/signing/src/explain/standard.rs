//! Standard Webhooks, signed by the wrong rule: what a sender of its own making got wrong.
//!
//! **Invariant:** only for requests with `webhook-*` or `svix-*` headers.

use super::headers::family;
use super::secrets::{decode_any, decode_hex};
use super::{Case, Finding, Found};
use crate::secret::keyed;
use crate::verify::TOLERANCE_S_DEFAULT;
use hmac::Mac;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What is worth knowing of a request that holds.
pub(super) fn notes(case: &Case<'_>) -> Vec<Finding> {
    let Some([_, timestamp, _]) = family(case) else { return Vec::new() };
    let at = case.text(timestamp).and_then(|text| text.parse::<i64>().ok());
    let age_s = at.map_or(0, |at| case.now_ms.div_euclid(1000).saturating_sub(at));
    let mut notes = Vec::new();
    if age_s.unsigned_abs() > u64::from(TOLERANCE_S_DEFAULT) / 2 {
        let text = format!(
            "It holds, but its timestamp is {age_s} s off; beyond {TOLERANCE_S_DEFAULT} s receivers refuse it."
        );
        notes.push(Finding::new("clock_skew", text, "Set both clocks by NTP."));
    }
    if case.config.secret().is_some_and(|secret| !secret.starts_with("wh")) {
        notes.push(Finding::new(
            "secret_encoding",
            "The secret stands without `whsec_`.",
            "Most libraries take it; some want the whole text.",
        ));
    }
    notes
}

/// The signature is of other parts, or under a key that was read differently.
pub(super) fn deviation<'a>(case: &Case<'a>) -> Option<Found<'a>> {
    let [id_name, timestamp_name, signature_name] = family(case)?;
    let (id, timestamp) = (case.text(id_name)?, case.text(timestamp_name)?);
    let signature = case.text(signature_name)?;
    let secret = case.config.secret()?;
    let versions: Vec<&str> = signature.split(' ').filter_map(|item| item.split_once(',')).map(|(v, _)| v).collect();
    let is_public = secret.starts_with("whpk_");
    if !is_public && !versions.is_empty() && versions.iter().all(|v| *v == "v1a") {
        let text = "The signature is of version v1a (Ed25519), while the secret is a shared one.";
        return Some((
            Finding::new("version_mismatch", text, "Verify with the public key, which begins with `whpk_`."),
            None,
        ));
    }
    if is_public && versions.iter().all(|v| *v == "v1") {
        let text = "The signature is of version v1 (HMAC-SHA256), while the key given is a public one.";
        return Some((
            Finding::new("version_mismatch", text, "Verify with the shared secret, which begins with `whsec_`."),
            None,
        ));
    }
    let claims: Vec<Vec<u8>> = signature
        .split(' ')
        .filter_map(|item| decode_any(item.split_once(',').map_or(item, |(_, encoded)| encoded)))
        .collect();
    for (key, how_key) in keys(secret) {
        for (parts, how_parts) in contents(id, timestamp, &case.body) {
            let mut mac = keyed(&key);
            parts.iter().for_each(|part| mac.update(part));
            let mac = mac.finalize();
            if claims.iter().any(|claim| bool::from(claim.as_slice().ct_eq(mac.as_bytes().as_slice()))) {
                let text =
                    format!("The sender doesn't sign as Standard Webhooks has it: it signed {how_parts}{how_key}.");
                let fix = "Signed must be `{id}.{timestamp}.{body}`, under the bytes that the base64 after `whsec_` stands for.";
                return Some((Finding::new("scheme_wrong", text, fix), None));
            }
        }
    }
    None
}

type Keys = Vec<(Zeroizing<Vec<u8>>, &'static str)>;

fn keys(secret: &str) -> Keys {
    let bare = secret.strip_prefix("whsec_").unwrap_or(secret);
    let mut keys: Keys = vec![
        (Zeroizing::new(secret.as_bytes().to_vec()), ", under the text of the secret as the key"),
        (Zeroizing::new(bare.as_bytes().to_vec()), ", under the text after `whsec_` as the key"),
    ];
    if let Some(bytes) = decode_any(bare) {
        keys.insert(0, (Zeroizing::new(bytes), ""));
    }
    if let Some(bytes) = decode_hex(bare) {
        keys.push((Zeroizing::new(bytes), ", under the secret read as hexadecimal"));
    }
    keys
}

fn contents<'a>(id: &'a str, timestamp: &'a str, body: &'a [u8]) -> Vec<(Vec<&'a [u8]>, &'static str)> {
    let (id, timestamp) = (id.as_bytes(), timestamp.as_bytes());
    vec![
        (vec![id, b".", timestamp, b".", body], "the right parts"),
        (vec![body], "the body alone"),
        (vec![timestamp, b".", body], "timestamp and body, without the id"),
        (vec![id, b".", body], "id and body, without the timestamp"),
        (vec![timestamp, b".", id, b".", body], "the timestamp before the id"),
        (vec![id, timestamp, body], "the parts without dots between them"),
        (vec![timestamp, body], "timestamp and body, without a dot between them"),
        (vec![id, b":", timestamp, b":", body], "the parts with colons between them"),
        (vec![id, b".", timestamp, b"."], "an empty body"),
    ]
}
