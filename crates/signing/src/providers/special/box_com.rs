//! Box: HMAC-SHA256 over body and time, with two keys that have a header each.
//!
//! `box-signature-primary` and `box-signature-secondary` are the base64 of HMAC-SHA256 with the primary and secondary
//! key over the body followed by `box-delivery-timestamp` (RFC 3339), which is at most 600 s old. Required:
//! `box-signature-version: 1`, `box-signature-algorithm: HmacSHA256`. The configuration has `secret`, or `secrets` with
//! the primary key and then the secondary; either may be empty, not both. Box's SDKs also accept a signature over a
//! re-escaped body; that is not the received bytes, so it is refused here.
//!
//! **Invariant:** positional: a key is never compared with the other key's header.
//!
//! Source: box-sdk-gen 1.17.0 `webhooks.py`, <https://developer.box.com/guides/webhooks/v2/signatures-v2/>.

use super::super::config::{Config, Secret};
use super::super::{ConfigError, Inbound, Materials, Refusal};
use super::mac::{self, Keys, Kind};
use super::{Judge, time};
use serde_json::Value;
use subtle::Choice;
use zeroize::Zeroizing;

const AGE_S_MAX: i64 = 600;
/// How far Box's clock may be ahead of ours.
const AHEAD_S_MAX: i64 = 60;
const KEYS_MAX: usize = 2;
const HEADERS: [&str; KEYS_MAX] = ["box-signature-primary", "box-signature-secondary"];

pub(super) struct BoxCom {
    /// The primary key, then the secondary.
    keys: [Option<Keys>; KEYS_MAX],
}

impl BoxCom {
    pub(super) fn new(config: Config<'_>) -> Result<Self, ConfigError> {
        let mut texts = positional(config)?.into_iter();
        let mut key = || texts.next().filter(|text| !text.is_empty()).map(|text| Keys::from_texts(&[text]));
        let keys = [key(), key()];
        if keys.iter().all(Option::is_none) {
            return Err(ConfigError::required("secret"));
        }
        Ok(Self { keys })
    }
}

impl Judge for BoxCom {
    fn judge(&self, request: &Inbound<'_>, _materials: &dyn Materials) -> Result<(), Refusal> {
        if request.header("box-signature-version")? != b"1" {
            return Err(Refusal::Malformed("the signature's version is not 1".into()));
        }
        if request.header("box-signature-algorithm")? != b"HmacSHA256" {
            return Err(Refusal::Malformed("the signature's algorithm is not HmacSHA256".into()));
        }
        let timestamp = request.header("box-delivery-timestamp")?;
        time::check(timestamp_ms(timestamp)?, request.now_ms, AGE_S_MAX, AHEAD_S_MAX)?;
        let mut found = Choice::from(0);
        let mut refusal = None;
        for (keys, name) in self.keys.iter().zip(HEADERS).filter_map(|(keys, name)| Some((keys.as_ref()?, name))) {
            let claims = request.header(name).and_then(|claim| mac::well_formed(Kind::Sha256Base64, &[claim]));
            match claims {
                Ok(claims) => found |= keys.made_one_of(Kind::Sha256Base64, &[request.body, timestamp], &claims),
                // The other header may still do, but a doubled one never does.
                Err(doubled @ Refusal::Doubled(_)) => return Err(doubled),
                Err(other) => refusal = refusal.or(Some(other)),
            }
        }
        mac::matched(found).map_err(|mismatch| refusal.unwrap_or(mismatch))
    }
}

/// The keys by position: `secrets` where there is one, else `secret`. A `secret` beside a list of one other is the primary.
fn positional(config: Config<'_>) -> Result<Vec<Secret>, ConfigError> {
    let wrong = || ConfigError::new("secrets", "must be a list of two texts: the primary key and the secondary");
    let one = config.value("secret").and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut texts = match config.value("secrets") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) if items.len() <= KEYS_MAX => {
            items.iter().map(Value::as_str).collect::<Option<Vec<_>>>().ok_or_else(wrong)?
        }
        Some(_) => return Err(wrong()),
    };
    match (one, texts.as_slice()) {
        (Some(one), []) => texts.push(one),
        (Some(one), [other]) if *other != one => texts.insert(0, one),
        _ => {}
    }
    Ok(texts.into_iter().map(|text| Zeroizing::new(text.to_owned())).collect())
}

fn timestamp_ms(text: &[u8]) -> Result<i64, Refusal> {
    let parsed = std::str::from_utf8(text).ok().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let parsed = parsed.ok_or_else(|| Refusal::Malformed("the timestamp is not a date and time (RFC 3339)".into()))?;
    Ok(parsed.as_millisecond())
}
