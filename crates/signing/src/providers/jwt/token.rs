//! The compact form of a JSON Web Signature: `header.payload.signature` (RFC 7515 §7.1).
//!
//! **Invariant:** one token has one text: base64url without padding, without stray bits, three parts and no more.

use super::algorithm::Algorithm;
use crate::providers::Refusal;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// No provider's token is longer, in bytes.
const LEN_MAX: usize = 16 * 1024;
/// Nor its `kid`.
const KID_LEN_MAX: usize = 256;

/// A token whose signature is yet to be verified: all that it says is hearsay.
pub(super) struct Token<'a> {
    header_text: &'a str,
    /// The header and the payload as they came, with the dot: what is signed.
    pub(super) signed: &'a [u8],
    header: Map<String, Value>,
    /// Decoded; empty when it is detached.
    pub(super) payload: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

impl<'a> Token<'a> {
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, Refusal> {
        if text.len() > LEN_MAX {
            return Err(Refusal::Malformed("the token is longer than 16 KiB".into()));
        }
        let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii());
        let text = text.ok_or(Refusal::Malformed("the token is not ASCII".into()))?;
        let parts = Refusal::Malformed("the token is not three parts with dots between".into());
        let (signed, signature) = text.rsplit_once('.').ok_or(parts.clone())?;
        let (header_text, payload) = signed.split_once('.').ok_or(parts.clone())?;
        if payload.contains('.') {
            return Err(parts);
        }
        let header = serde_json::from_slice(&decoded(header_text, "header")?);
        let header: Map<String, Value> =
            header.map_err(|_| Refusal::Malformed("the token's header is not a JSON object".into()))?;
        // RFC 7515 §4.1.11: who doesn't understand an extension must refuse it.
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err(Refusal::Malformed("the token's header asks for an extension".into()));
        }
        let (payload, signature) = (decoded(payload, "payload")?, decoded(signature, "signature")?);
        Ok(Token { header_text, signed: signed.as_bytes(), header, payload, signature })
    }

    /// The token's algorithm, if it is one of `allowed`.
    pub(super) fn algorithm(&self, allowed: &[Algorithm]) -> Result<Algorithm, Refusal> {
        let named = self.text("alg").and_then(Algorithm::find);
        named
            .filter(|algorithm| allowed.contains(algorithm))
            .ok_or(Refusal::Malformed("the token's algorithm is not one that was agreed".into()))
    }

    /// A text of the header.
    pub(super) fn text(&self, field: &str) -> Option<&str> {
        self.header.get(field).and_then(Value::as_str)
    }

    /// The name of its key.
    pub(super) fn kid(&self) -> Result<Option<&str>, Refusal> {
        match self.header.get("kid") {
            None => Ok(None),
            Some(Value::String(kid)) if !kid.is_empty() && kid.len() <= KID_LEN_MAX => Ok(Some(kid)),
            Some(_) => Err(Refusal::Malformed("the token's `kid` is not a text of at most 256 bytes".into())),
        }
    }

    pub(super) fn claims(&self) -> Result<Map<String, Value>, Refusal> {
        let claims = serde_json::from_slice(&self.payload);
        claims.map_err(|_| Refusal::Malformed("the token's payload is not a JSON object".into()))
    }

    /// What is signed when the payload is detached (RFC 7515 appendix F).
    pub(super) fn signed_with(&self, payload: &[u8]) -> Vec<u8> {
        format!("{}.{}", self.header_text, BASE64_URL_SAFE_NO_PAD.encode(payload)).into_bytes()
    }
}

fn decoded(part: &str, what: &str) -> Result<Vec<u8>, Refusal> {
    let malformed = |_| Refusal::Malformed(format!("the token's {what} is not base64url without padding").into());
    BASE64_URL_SAFE_NO_PAD.decode(part).map_err(malformed)
}
