//! The schemes: which header, which keys, which claims. Sources stand at each.
//!
//! **Invariant:** where a provider's own library is laxer than its documentation, the documentation holds.

use super::algorithm::{Algorithm, SHARED};
use super::claims::{BodyHash, Encoding, Presence, Rules};
use super::keys::{self, Keys};
use super::{Bearer, Config, ConfigError};
use crate::providers::SECRET_LEN_MIN;
use serde_json::Value;

/// The largest `leeway`, in seconds.
const LEEWAY_S_MAX: u64 = 600;
/// The largest `maxAge`, in seconds: a week.
const AGE_S_MAX: u64 = 604_800;
/// Clocks differ: how far ahead a time may be where the provider doesn't say.
const AHEAD_S: i64 = 30;
/// The oldest `iat` that Plaid allows.
const PLAID_AGE_S: i64 = 300;
/// <https://plaid.com/docs/api/webhooks/webhook-verification/>
const PLAID_KEYS: &str = "https://production.plaid.com/webhook_verification_key/get";
const PLAID_SANDBOX_KEYS: &str = "https://sandbox.plaid.com/webhook_verification_key/get";

/// Plaid: ES256, a key for each `kid`, `iat` at most 300 s old, `request_body_sha256` in hexadecimal. Source:
/// <https://plaid.com/docs/api/webhooks/webhook-verification/>.
///
/// Keys are `jwks` (or a JSON Web Key as `publicKey` or `secret`), else they are fetched: then `clientId` and `secret` are
/// the API's, for whoever fetches, and `environment` is `production` or `sandbox`.
pub(super) fn plaid(config: Config<'_>) -> Result<Bearer, ConfigError> {
    let keys = match keys::pinned(config)? {
        Some(keys) => Keys::Public(keys),
        None if config.text("secret")?.is_some_and(|text| text.trim_start().starts_with('{')) => {
            Keys::Public(keys::parsed("secret", &config.secrets(SECRET_LEN_MIN)?)?)
        }
        None => {
            config.secrets(SECRET_LEN_MIN)?;
            config.required("clientId")?;
            Keys::EachAt(match config.text("environment")? {
                None | Some("production") => PLAID_KEYS,
                Some("sandbox") => PLAID_SANDBOX_KEYS,
                Some(_) => return Err(ConfigError::new("environment", "must be `production` or `sandbox`")),
            })
        }
    };
    let rules = Rules {
        body_hash: Some(body_hash("request_body_sha256", Encoding::Hex, Presence::Always)),
        age_max_s: Some(PLAID_AGE_S),
        ahead_s: AHEAD_S,
        ..Rules::default()
    };
    bearer(config, "plaid-verification", &[Algorithm::Es256], keys, rules)
}

/// MessageBird (Bird): HMAC, issuer, `exp` and `nbf` within a second, hashes of the URL and of the body. Source:
/// <https://developers.messagebird.com/api/#verifying-http-requests>, and the vectors of its libraries.
pub(super) fn messagebird(config: Config<'_>) -> Result<Bearer, ConfigError> {
    let rules = Rules {
        issuer: Some("MessageBird".to_owned()),
        url_hash: Some("url_hash"),
        body_hash: Some(body_hash("payload_hash", Encoding::Hex, Presence::OnlyWithBody)),
        needs_expiry: true,
        needs_start: true,
        leeway_s: 1,
        ahead_s: 1,
        ..Rules::default()
    };
    bearer(config, "messagebird-signature-jwt", SHARED, shared(config)?, rules)
}

/// Vonage: HS256 in `Authorization`, `payload_hash` in hexadecimal. Source:
/// <https://developer.vonage.com/en/getting-started/concepts/webhooks#decoding-signed-webhooks>.
///
/// It sets no `exp`, and prescribes no age: `maxAge` sets one.
pub(super) fn vonage(config: Config<'_>) -> Result<Bearer, ConfigError> {
    let rules = Rules {
        body_hash: Some(body_hash("payload_hash", Encoding::Hex, Presence::WithBody)),
        ahead_s: AHEAD_S,
        ..Rules::default()
    };
    bearer(config, "authorization", &[Algorithm::Hs256], shared(config)?, rules)
}

/// Upstash QStash: HS256 under the current or the next key, issuer, `sub` is the URL, `body` in base64url. Source:
/// <https://upstash.com/docs/qstash/howto/signature>.
pub(super) fn qstash(config: Config<'_>) -> Result<Bearer, ConfigError> {
    let rules = Rules {
        issuer: Some("Upstash".to_owned()),
        subject_is_url: true,
        body_hash: Some(body_hash("body", Encoding::Base64Url, Presence::Always)),
        needs_expiry: true,
        // As strict as its own library after `exp`; our clock may be a little behind theirs.
        ahead_s: 5,
        ..Rules::default()
    };
    bearer(config, "upstash-signature", &[Algorithm::Hs256], shared(config)?, rules)
}

/// FusionAuth: a shared secret or a key pair, `request_body_sha256` in base64. Source:
/// <https://fusionauth.io/docs/extend/events-and-webhooks/signing>.
pub(super) fn fusionauth(config: Config<'_>) -> Result<Bearer, ConfigError> {
    let keys = Keys::read(config)?;
    let algorithms = match algorithm(config)? {
        Some(only) => one_for(only, &keys)?,
        None => keys.algorithms().to_vec(),
    };
    let rules = Rules {
        body_hash: Some(body_hash("request_body_sha256", Encoding::Base64, Presence::Always)),
        leeway_s: AHEAD_S,
        ahead_s: AHEAD_S,
        ..Rules::default()
    };
    bearer(config, "x-fusionauth-signature-jwt", &algorithms, keys, rules)
}

/// Any token. `algorithm` is required; `exp` too, unless `maxAge` is set (then `iat`) or `requireExpiry` is false.
pub(super) fn generic(config: Config<'_>) -> Result<Bearer, ConfigError> {
    let keys = Keys::read(config)?;
    let only = algorithm(config)?.ok_or_else(|| ConfigError::required("algorithm"))?;
    let encoding = match config.text("bodyHashEncoding")? {
        None => Encoding::Hex,
        Some(name) => Encoding::find(name)
            .ok_or_else(|| ConfigError::new("bodyHashEncoding", "must be `hex`, `base64` or `base64url`"))?,
    };
    let claim = config.text("bodyHashClaim")?;
    let rules = Rules {
        issuer: config.text("issuer")?.map(str::to_owned),
        audience: config.text("audience")?.map(str::to_owned),
        body_hash: claim.map(|claim| body_hash(claim, encoding, Presence::Always)),
        needs_expiry: config.value("requireExpiry") != Some(&Value::Bool(false))
            && seconds(config, "maxAge")?.is_none(),
        leeway_s: AHEAD_S,
        ahead_s: AHEAD_S,
        ..Rules::default()
    };
    let header = config.text("header")?.unwrap_or("authorization").to_ascii_lowercase();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !header.bytes().all(is_name) {
        return Err(ConfigError::new("header", "must be the name of a header"));
    }
    let algorithms = one_for(only, &keys)?;
    bearer(config, &header, &algorithms, keys, rules)
}

/// `leeway` and `maxAge`, in seconds, are understood of all schemes. Plaid's age can only become shorter.
fn bearer(
    config: Config<'_>,
    header: &str,
    algorithms: &[Algorithm],
    keys: Keys,
    mut rules: Rules,
) -> Result<Bearer, ConfigError> {
    if let Some(leeway_s) = seconds(config, "leeway")? {
        (rules.leeway_s, rules.ahead_s) = (leeway_s, leeway_s);
    }
    if let Some(age_s) = seconds(config, "maxAge")? {
        rules.age_max_s = Some(rules.age_max_s.map_or(age_s, |most| most.min(age_s)));
    }
    let needs_prefix = header == "authorization";
    Ok(Bearer { header: header.to_owned(), needs_prefix, algorithms: algorithms.to_vec(), keys, rules })
}

fn seconds(config: Config<'_>, field: &'static str) -> Result<Option<i64>, ConfigError> {
    let most = if field == "leeway" { LEEWAY_S_MAX } else { AGE_S_MAX };
    match config.value(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_u64()
            .filter(|seconds| *seconds <= most)
            .and_then(|seconds| i64::try_from(seconds).ok())
            .map(Some)
            .ok_or_else(|| ConfigError::new(field, format!("must be a number of seconds, at most {most}"))),
    }
}

fn shared(config: Config<'_>) -> Result<Keys, ConfigError> {
    config.secrets(SECRET_LEN_MIN).map(Keys::Shared)
}

fn body_hash(claim: &str, encoding: Encoding, presence: Presence) -> BodyHash {
    BodyHash { claim: claim.to_owned(), encoding, presence }
}

fn algorithm(config: Config<'_>) -> Result<Option<Algorithm>, ConfigError> {
    let unknown = || {
        let known =
            "must be HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA";
        ConfigError::new("algorithm", known)
    };
    config.text("algorithm")?.map(|name| Algorithm::find(name).ok_or_else(unknown)).transpose()
}

/// The algorithm, if these keys can serve it.
fn one_for(algorithm: Algorithm, keys: &Keys) -> Result<Vec<Algorithm>, ConfigError> {
    let expected = match keys {
        Keys::Shared(_) if !algorithm.is_shared() => "needs publicKey, jwks or jwksUrl instead of a secret",
        Keys::Public(_) | Keys::SetAt(_) | Keys::EachAt(_) if algorithm.is_shared() => {
            "needs a secret instead of a public key"
        }
        Keys::Public(keys) if keys.iter().all(|key| !key.serves(algorithm)) => "does not go with the public key",
        _ => return Ok(vec![algorithm]),
    };
    Err(ConfigError::new("algorithm", expected))
}
