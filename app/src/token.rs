//! Makes API tokens: JWTs signed with the installation's secret (HS256, HS384, HS512).
//!
//! The claims are the Svix API's: `sub` = `org_...` for an organisation; `sub` = `app_...`, `org` = `org_...` for one
//! application.
//!
//! **Invariant:** needs no server and no database; time is an argument.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::{Sha256, Sha384, Sha512};

use crate::secret::JwtSecret;
use crate::settings::JwtAlgorithm;

/// How long a token holds if nobody says: ten years.
pub const EXPIRES_DEFAULT: Duration = Duration::from_secs(10 * 365 * 86_400);

const ISSUER: &str = "postrider";

/// Signs a text with a key; the signature is in base64url.
type Sign = fn(&[u8], &[u8]) -> String;

/// Whom a token lets in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Subject {
    Organisation(String),
    Application { app: String, org: String },
}

#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error(
        "jwt-algorithm is an asymmetric one: postrider holds only the public key, so tokens are made where the private key is"
    )]
    Asymmetric,
}

/// A token from `now_s` (seconds since 1970) until `expires` later.
pub fn create(
    subject: &Subject,
    now_s: u64,
    expires: Duration,
    algorithm: JwtAlgorithm,
    secret: &JwtSecret,
) -> Result<String, TokenError> {
    let (alg, sign): (&str, Sign) = match algorithm {
        JwtAlgorithm::Hs256 => ("HS256", mac::<Hmac<Sha256>>),
        JwtAlgorithm::Hs384 => ("HS384", mac::<Hmac<Sha384>>),
        JwtAlgorithm::Hs512 => ("HS512", mac::<Hmac<Sha512>>),
        JwtAlgorithm::Rs256 | JwtAlgorithm::EdDsa => return Err(TokenError::Asymmetric),
    };
    let header = json!({ "alg": alg, "typ": "JWT" });
    let exp = now_s.saturating_add(expires.as_secs());
    let claims = match subject {
        Subject::Organisation(org) => {
            json!({ "iss": ISSUER, "iat": now_s, "nbf": now_s, "exp": exp, "sub": org })
        }
        Subject::Application { app, org } => {
            json!({ "iss": ISSUER, "iat": now_s, "nbf": now_s, "exp": exp, "sub": app, "org": org })
        }
    };
    let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = sign(secret.expose().as_bytes(), signed.as_bytes());
    Ok(format!("{signed}.{signature}"))
}

fn mac<M: Mac + KeyInit>(key: &[u8], text: &[u8]) -> String {
    // HMAC takes a key of any length, so this never fails; an empty signature would be refused anyway.
    match <M as KeyInit>::new_from_slice(key) {
        Ok(mac) => URL_SAFE_NO_PAD.encode(mac.chain_update(text).finalize().into_bytes()),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: u64 = 1_700_000_000;

    fn made(subject: &Subject, algorithm: JwtAlgorithm) -> String {
        let secret = JwtSecret::parse("a-secret-of-more-than-16-bytes").unwrap_or_else(|e| panic!("{e}"));
        create(subject, NOW_S, Duration::from_secs(3600), algorithm, &secret).unwrap()
    }

    fn decoded(part: &str) -> serde_json::Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn an_organisation_token_decodes_to_its_claims() {
        let token = made(&Subject::Organisation("org_1".to_owned()), JwtAlgorithm::Hs256);
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(decoded(parts[0]), json!({ "alg": "HS256", "typ": "JWT" }));
        let claims = json!({ "iss": "postrider", "iat": NOW_S, "nbf": NOW_S, "exp": NOW_S + 3600, "sub": "org_1" });
        assert_eq!(decoded(parts[1]), claims);
    }

    #[test]
    fn an_application_token_names_its_organisation_too() {
        let subject = Subject::Application { app: "app_1".to_owned(), org: "org_1".to_owned() };
        let claims = decoded(made(&subject, JwtAlgorithm::Hs512).split('.').nth(1).unwrap());
        assert_eq!((&claims["sub"], &claims["org"]), (&json!("app_1"), &json!("org_1")));
    }

    #[test]
    fn the_signature_is_the_one_that_another_jwt_library_makes() {
        // RFC 7515, appendix A.1: its key and its signed text.
        let key = URL_SAFE_NO_PAD
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .unwrap();
        let text = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        assert_eq!(mac::<Hmac<Sha256>>(&key, text.as_bytes()), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    }

    #[test]
    fn no_token_is_made_for_a_public_key() {
        let secret = JwtSecret::parse("a-secret-of-more-than-16-bytes").unwrap_or_else(|e| panic!("{e}"));
        let subject = Subject::Organisation("org_1".to_owned());
        for algorithm in [JwtAlgorithm::Rs256, JwtAlgorithm::EdDsa] {
            assert!(create(&subject, NOW_S, EXPIRES_DEFAULT, algorithm, &secret).is_err());
        }
    }
}
