//! MessageBird's signatures before its tokens: base64 of HMAC-SHA256 over the timestamp, the sorted query and the raw
//! SHA-256 of the body, with line feeds between. Source: `signed_request.py` of messagebird/python-rest-api.
//!
//! **Invariant:** the query is compared as its library writes it: decoded, sorted by name, encoded again.

use crate::providers::special::Judge;
use crate::providers::{Config, ConfigError, Inbound, Materials, Refusal, SECRET_LEN_MIN, Secret, query};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

use super::algorithm::Algorithm;

/// The library asks for 10 s where a caller wants recent requests; this leaves room for a queue on the way.
const TOLERANCE_S: i64 = 300;

pub(super) struct MessageBird {
    secrets: Vec<Secret>,
}

impl MessageBird {
    pub(super) fn new(config: Config<'_>) -> Result<Self, ConfigError> {
        Ok(MessageBird { secrets: config.secrets(SECRET_LEN_MIN)? })
    }
}

impl Judge for MessageBird {
    fn judge(&self, request: &Inbound<'_>, _materials: &dyn Materials) -> Result<(), Refusal> {
        let claimed = request.header("messagebird-signature")?;
        let claimed = BASE64_STANDARD.decode(claimed).ok().filter(|mac| mac.len() == 32);
        let claimed = claimed.ok_or(Refusal::Malformed("the signature is not base64 of 32 bytes".into()))?;
        let timestamp = request.header("messagebird-request-timestamp")?;
        check_recent(timestamp, request.now_ms)?;
        let sorted = sorted(request.query().unwrap_or_default())
            .ok_or(Refusal::Malformed("the query is not percent-encoded UTF-8".into()))?;
        let hash = Sha256::digest(request.body);
        let message = [timestamp, b"\n", sorted.as_bytes(), b"\n", hash.as_slice()].concat();
        let matches = |secret: &&Secret| Algorithm::Hs256.mac_matches(secret.as_bytes(), &message, &claimed);
        if self.secrets.iter().filter(matches).count() > 0 { Ok(()) } else { Err(Refusal::Mismatch) }
    }
}

fn check_recent(timestamp: &[u8], now_ms: i64) -> Result<(), Refusal> {
    let digits = std::str::from_utf8(timestamp).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    let signed_s: i64 = digits
        .and_then(|digits| digits.parse().ok())
        .ok_or(Refusal::Malformed("the timestamp is not a number of seconds".into()))?;
    let age_s = (now_ms / 1000).saturating_sub(signed_s);
    if age_s > TOLERANCE_S {
        Err(Refusal::Stale { age_s, tolerance_s: TOLERANCE_S })
    } else if age_s < -TOLERANCE_S {
        Err(Refusal::Future { ahead_s: age_s.saturating_neg(), tolerance_s: TOLERANCE_S })
    } else {
        Ok(())
    }
}

/// Parameters of one name stay in their order.
fn sorted(query: &str) -> Option<String> {
    let mut pairs = query::pairs(query).collect::<Option<Vec<_>>>()?;
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut out = String::with_capacity(query.len());
    for (name, value) in &pairs {
        if !out.is_empty() {
            out.push('&');
        }
        query::encode_into(name, &mut out);
        out.push('=');
        query::encode_into(value, &mut out);
    }
    Some(out)
}
