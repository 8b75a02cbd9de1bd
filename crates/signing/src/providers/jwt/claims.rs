//! What a token's claims must say about the request that carries it (RFC 7519 §4.1).
//!
//! **Invariant:** a claim that a rule needs and that is missing, or of another type, is refused.

use crate::providers::{Inbound, Refusal};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

pub(super) type Claims = Map<String, Value>;

/// How a claim writes a SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Lower case.
    Hex,
    /// Padded or not: both are seen of one provider.
    Base64,
    /// Padded or not.
    Base64Url,
}

/// When the claim with the body's hash is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Always,
    /// With a body; without one it may be missing.
    WithBody,
    /// With a body, and never without.
    OnlyWithBody,
}

#[derive(Clone, Debug)]
pub(super) struct BodyHash {
    pub(super) claim: String,
    pub(super) encoding: Encoding,
    pub(super) presence: Presence,
}

/// The rules of a scheme. Times are seconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub(super) issuer: Option<String>,
    pub(super) audience: Option<String>,
    /// `sub` is the URL that was called.
    pub(super) subject_is_url: bool,
    /// The claim with the URL's hash, in hexadecimal.
    pub(super) url_hash: Option<&'static str>,
    pub(super) body_hash: Option<BodyHash>,
    pub(super) needs_expiry: bool,
    /// `nbf` has to be there.
    pub(super) needs_start: bool,
    /// The oldest `iat`, which is then required.
    pub(super) age_max_s: Option<i64>,
    /// Grace after `exp`.
    pub(super) leeway_s: i64,
    /// How far `nbf` and `iat` may be ahead of our clock.
    pub(super) ahead_s: i64,
}

impl Rules {
    pub(super) fn check(&self, claims: &Claims, request: &Inbound<'_>) -> Result<(), Refusal> {
        self.check_times(claims, request.now_ms)?;
        if self.issuer.as_deref().is_some_and(|issuer| text(claims, "iss") != Some(issuer)) {
            return Err(Refusal::Untrusted("the token's issuer (`iss`) is not the one that was agreed".into()));
        }
        if self.audience.as_deref().is_some_and(|audience| !is_for(claims, audience)) {
            return Err(Refusal::Untrusted("the token is for another audience (`aud`)".into()));
        }
        if self.subject_is_url && present(claims, "sub")? != request.url {
            return Err(Refusal::Mismatch);
        }
        if let Some(claim) = self.url_hash
            && present(claims, claim)? != Encoding::Hex.of(request.url.as_bytes())
        {
            return Err(Refusal::Mismatch);
        }
        self.body_hash.as_ref().map_or(Ok(()), |rule| rule.check(claims, request.body))
    }

    fn check_times(&self, claims: &Claims, now_ms: i64) -> Result<(), Refusal> {
        let expires = time_ms(claims, "exp")?;
        if self.needs_expiry && expires.is_none() {
            return Err(missing("exp"));
        }
        if let Some(expires) = expires
            && expires <= now_ms.saturating_sub(self.leeway_s.saturating_mul(1000))
        {
            return Err(Refusal::Stale { age_s: now_ms.saturating_sub(expires) / 1000, tolerance_s: self.leeway_s });
        }
        let (starts, issued) = (time_ms(claims, "nbf")?, time_ms(claims, "iat")?);
        if self.needs_start && starts.is_none() {
            return Err(missing("nbf"));
        }
        for begins in [starts, issued].into_iter().flatten() {
            let ahead = begins.saturating_sub(now_ms);
            if ahead > self.ahead_s.saturating_mul(1000) {
                return Err(Refusal::Future { ahead_s: ahead / 1000, tolerance_s: self.ahead_s });
            }
        }
        let Some(tolerance_s) = self.age_max_s else { return Ok(()) };
        let age = now_ms.saturating_sub(issued.ok_or_else(|| missing("iat"))?);
        if age > tolerance_s.saturating_mul(1000) {
            return Err(Refusal::Stale { age_s: age / 1000, tolerance_s });
        }
        Ok(())
    }
}

impl BodyHash {
    fn check(&self, claims: &Claims, body: &[u8]) -> Result<(), Refusal> {
        let is_there = claims.contains_key(&self.claim);
        match self.presence {
            Presence::WithBody | Presence::OnlyWithBody if body.is_empty() && !is_there => return Ok(()),
            Presence::OnlyWithBody if body.is_empty() => return Err(Refusal::Mismatch),
            _ => {}
        }
        let claimed = present(claims, &self.claim)?;
        let (claimed, made) = (claimed.trim_end_matches('='), self.encoding.of(body));
        if claimed == made.trim_end_matches('=') { Ok(()) } else { Err(Refusal::Mismatch) }
    }
}

impl Encoding {
    /// The SHA-256 of some bytes.
    pub(super) fn of(self, bytes: &[u8]) -> String {
        let hash = Sha256::digest(bytes);
        match self {
            Encoding::Hex => hash.iter().map(|byte| format!("{byte:02x}")).collect(),
            Encoding::Base64 => BASE64_STANDARD.encode(hash),
            Encoding::Base64Url => BASE64_URL_SAFE_NO_PAD.encode(hash),
        }
    }

    pub(super) fn find(name: &str) -> Option<Self> {
        match name {
            "hex" => Some(Encoding::Hex),
            "base64" => Some(Encoding::Base64),
            "base64url" => Some(Encoding::Base64Url),
            _ => None,
        }
    }
}

fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

fn present<'a>(claims: &'a Claims, name: &str) -> Result<&'a str, Refusal> {
    text(claims, name).filter(|text| !text.is_empty()).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> Refusal {
    Refusal::Malformed(format!("the token does not claim `{name}`, or not as it must").into())
}

/// `aud` is a text or a list of texts.
fn is_for(claims: &Claims, audience: &str) -> bool {
    match claims.get("aud") {
        Some(Value::String(only)) => only == audience,
        Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(audience)),
        _ => false,
    }
}

/// A NumericDate, in milliseconds: an integer, or a fraction of one.
fn time_ms(claims: &Claims, name: &str) -> Result<Option<i64>, Refusal> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let whole = value.as_i64().map(|seconds| seconds.saturating_mul(1000));
    // Beyond the year 10000 it is no time; below, the cast is exact enough.
    #[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds fits")]
    let broken = || value.as_f64().filter(|seconds| seconds.abs() < 2.6e11).map(|seconds| (seconds * 1000.0) as i64);
    match whole.or_else(broken) {
        Some(ms) => Ok(Some(ms)),
        None => Err(missing(name)),
    }
}
