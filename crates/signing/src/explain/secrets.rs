//! Secrets that are nearly right: with quotes around them, in another alphabet, or another endpoint's.
//!
//! **Invariant:** copies of secrets are wiped when dropped, and no text repeats one.

use super::{Case, Finding, Found, Question};
use crate::providers::ConfigError;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

/// A configuration that is wiped when dropped.
#[derive(Clone)]
pub(super) struct Wiped(Value);

impl Wiped {
    pub fn of(config: &Value) -> Self {
        Wiped(config.clone())
    }
    pub fn get(&self) -> &Value {
        &self.0
    }
    /// The secret, where it is one text.
    pub fn secret(&self) -> Option<&str> {
        self.0.get("secret").and_then(Value::as_str)
    }
    /// The same with this secret alone.
    pub fn with_secret(&self, secret: &str) -> Self {
        let mut config = self.0.clone();
        if let Value::Object(fields) = &mut config {
            fields.insert("secret".to_owned(), secret.into());
            if let Some(mut old) = fields.remove("secrets") {
                wipe(&mut old);
            }
        }
        Wiped(config)
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// base64 with either alphabet, padded or not.
pub(super) fn decode_any(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let standard = text.replace('-', "+").replace('_', "/");
    GeneralPurpose::new(&alphabet::STANDARD, config).decode(standard).ok()
}

pub(super) fn decode_hex(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Other readings of the secret, and what is wrong with how it is written.
fn readings(secret: &str) -> Vec<(Zeroizing<String>, &'static str, &'static str)> {
    let mut all = Vec::new();
    let mut add = |text: String, what, fix| all.push((Zeroizing::new(text), what, fix));
    let bare = secret.trim().trim_matches(['"', '\'', '`', ',', ';']).trim();
    if bare != secret {
        let fix = "Remove them: settings files and shells often keep quotes and line breaks.";
        add(bare.to_owned(), "The secret has spaces, quotes or a line break around it.", fix);
    }
    let is_variable = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    if let Some((_, value)) = bare.split_once('=').filter(|(name, _)| is_variable(name)) {
        let what = "The secret has the name of its variable in front.";
        add(value.trim_matches(['"', '\'']).to_owned(), what, "Give only what stands after the equals sign.");
    }
    let (prefix, encoded) = match bare.strip_prefix("whsec_") {
        Some(encoded) => ("whsec_", encoded),
        None => ("", bare),
    };
    let standard = encoded.replace('-', "+").replace('_', "/");
    let padded =
        format!("{}{}", standard.trim_end_matches('='), "=".repeat((4 - standard.trim_end_matches('=').len() % 4) % 4));
    if padded != encoded && decode_any(encoded).is_some() {
        let what = "The secret is in the URL-safe alphabet of base64 (- and _), or without its padding (=).";
        add(format!("whsec_{padded}"), what, "Write it in standard base64: + and /, padded with =.");
    }
    if prefix.is_empty() {
        let text = "The secret stands without the `whsec_` before it, and is taken for plain text.";
        add(format!("whsec_{padded}"), text, "Copy the whole secret, with `whsec_`.");
    }
    if let Some(bytes) = decode_hex(encoded) {
        let what = "The secret is written in hexadecimal; it has to be base64.";
        add(
            format!("whsec_{}", BASE64_STANDARD.encode(Zeroizing::new(bytes).as_slice())),
            what,
            "Copy the secret as the endpoint's page shows it.",
        );
    }
    if !prefix.is_empty() {
        let fix =
            "The sender must decode the base64 after `whsec_` first. With an official library: hand it the whole text.";
        let raw = BASE64_STANDARD.encode(secret);
        add(
            format!("whsec_{raw}"),
            "It was signed with the text of the secret as the key, not with the bytes that its base64 stands for.",
            fix,
        );
        let raw = BASE64_STANDARD.encode(encoded);
        add(
            format!("whsec_{raw}"),
            "It was signed with the text after `whsec_` as the key, not with the bytes that its base64 stands for.",
            fix,
        );
        add(
            encoded.to_owned(),
            "The secret is used with `whsec_` before it; the sender signs without.",
            "Leave out `whsec_` for this provider.",
        );
    } else {
        let raw = BASE64_STANDARD.encode(bare);
        let fix = "The sender must decode the base64 of the secret first.";
        add(
            format!("whsec_{raw}"),
            "It was signed with the text of the secret as the key, not with the bytes that its base64 stands for.",
            fix,
        );
    }
    all
}

/// The same secret, written rightly: if the request holds with it.
pub(super) fn repaired<'a>(case: &Case<'a>) -> Option<Found<'a>> {
    let secret = case.config.secret()?;
    for (text, what, fix) in readings(secret) {
        let mended = Case { config: case.config.with_secret(&text), ..case.clone() };
        if mended.holds() {
            return Some((Finding::new("secret_encoding", what, fix), Some(mended)));
        }
    }
    None
}

/// Another secret that it holds with.
pub(super) fn other<'a>(case: &Case<'a>, question: &Question<'_>) -> Option<Found<'a>> {
    for (name, secret) in question.others {
        let mended = Case { config: case.config.with_secret(secret), ..case.clone() };
        if mended.holds() {
            let text = format!("Another secret signed it: {name}.");
            let fix = "Give the receiver that secret. After a rotation both are valid until the old one expires: receivers should take either.";
            return Some((Finding::new("secret_other", text, fix), Some(mended)));
        }
    }
    None
}

/// The configuration is refused: the secret isn't one. With another reading it may be.
pub(super) fn unusable<'a>(case: &Case<'a>, error: &ConfigError, question: &Question<'_>) -> Found<'a> {
    let secret = case.config.secret().unwrap_or_default();
    if secret.trim().is_empty() && error.field == "secret" {
        let finding = Finding::new(
            "secret_missing",
            "There is no secret to verify with.",
            "Paste the endpoint's secret: it begins with `whsec_`.",
        );
        return other(case, question).map_or((finding.clone(), None), |(_, mended)| (finding, mended));
    }
    if secret.starts_with("whsk_") {
        let text = "The secret is the sender's private key (`whsk_`); a receiver verifies with the public one.";
        return (Finding::new("secret_encoding", text, "Use the public key, which begins with `whpk_`."), None);
    }
    if let Some(found) = repaired(case) {
        return found;
    }
    // The first way to write it that is a secret at all; whether it is the right one is judged in the next round.
    for (text, what, fix) in readings(secret).into_iter().filter(|(_, what, _)| what.starts_with("The secret")) {
        let mended = Case { config: case.config.with_secret(&text), ..case.clone() };
        if mended.judge().is_ok() {
            return (Finding::new("secret_encoding", what, fix), Some(mended));
        }
    }
    let text = format!("The {} can't be used: it {}.", error.field, error.message);
    (Finding::new("secret_encoding", text, "Copy the secret again, whole, as the endpoint's page shows it."), None)
}
