//! JSON Web Tokens (RFC 7519, RFC 7515 compact form): checked and made.
//!
//! **Invariant:** the algorithm comes from the configuration; a token whose header names another is refused, so that
//! nobody can pass a public key off as an HMAC secret. Base64 is strict: a token has one spelling.

use super::claims::{Claims, NewKeyToken, NewToken};
use super::pem;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as B64};
use domain::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use ring::signature::{self, KeyPair, UnparsedPublicKey};
use serde::Deserialize;
use sha2::{Sha256, Sha384, Sha512};
use std::str::FromStr;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// How tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtAlgorithm {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Rs384,
    Rs512,
    EdDsa,
}

impl JwtAlgorithm {
    /// The name in a token's header (RFC 7518, RFC 8037).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl FromStr for JwtAlgorithm {
    type Err = JwtKeyError;
    fn from_str(text: &str) -> Result<Self, JwtKeyError> {
        use JwtAlgorithm::*;
        [Hs256, Hs384, Hs512, Rs256, Rs384, Rs512, EdDsa]
            .into_iter()
            .find(|a| a.as_str().eq_ignore_ascii_case(text))
            .ok_or(JwtKeyError::UnknownAlgorithm)
    }
}

/// Why a key can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtKeyError {
    #[error("a JWT algorithm is one of HS256, HS384, HS512, RS256, RS384, RS512, EdDSA")]
    UnknownAlgorithm,
    #[error("an HMAC secret for tokens needs at least 16 bytes")]
    ShortSecret,
    #[error("HS256, HS384 and HS512 take a secret; RS256, RS384, RS512 and EdDSA take a PEM key")]
    WrongKind,
    #[error("the key is not PEM (-----BEGIN PUBLIC KEY-----)")]
    NotPem,
    #[error("the PEM holds no key for this algorithm: give a PUBLIC KEY, or a PRIVATE KEY in PKCS#8")]
    BadKey,
}

/// Why a token is refused. For the log only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("not header.claims.signature in base64url")]
    Malformed,
    #[error("another algorithm than the configured one")]
    Algorithm,
    #[error("the signature does not match")]
    Signature,
    #[error("the claims are not what a token needs")]
    Claims,
}

const SECRET_LEN_MIN: usize = 16;

/// An HMAC key, as text and as the state after its first blocks.
struct HmacKey {
    text: Zeroizing<Vec<u8>>,
    algorithm: JwtAlgorithm,
    state: HmacState,
}

enum HmacState {
    S256(Hmac<Sha256>),
    S384(Hmac<Sha384>),
    S512(Hmac<Sha512>),
}

struct PublicKey {
    algorithm: JwtAlgorithm,
    key: UnparsedPublicKey<Vec<u8>>,
}

/// The keys of an installation.
pub struct JwtKeys {
    /// Makes tokens; checks them too.
    hmac: HmacKey,
    /// Checks tokens that others made, when the configured algorithm is not HMAC.
    public: Option<PublicKey>,
}

impl JwtKeys {
    /// HS256, HS384 or HS512 with a secret of at least 16 bytes.
    pub fn hmac(algorithm: JwtAlgorithm, secret: &[u8]) -> Result<Self, JwtKeyError> {
        Ok(JwtKeys { hmac: HmacKey::new(algorithm, secret)?, public: None })
    }

    /// RS* or EdDSA: tokens are made elsewhere with the private key. `pem` is the public key, or the private one, of
    /// which only the public half is kept. Portal tokens, which Postrider makes, are HS256 under `own_secret`.
    pub fn public(algorithm: JwtAlgorithm, pem: &str, own_secret: &[u8]) -> Result<Self, JwtKeyError> {
        let hmac = HmacKey::new(JwtAlgorithm::Hs256, own_secret)?;
        Ok(JwtKeys { hmac, public: Some(PublicKey::parse(algorithm, pem)?) })
    }

    /// Whether `token` is the signing secret itself, a mistake that deserves a hint.
    pub(crate) fn is_secret(&self, token: &str) -> bool {
        self.hmac.text.ct_eq(token.as_bytes()).into()
    }

    /// The claims of a token whose signature is right. Times are for the caller to compare.
    pub(crate) fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| TokenError::Malformed)?;
        if header.crit.is_some() {
            return Err(TokenError::Algorithm);
        }
        let signature = decode(signature)?;
        if header.alg == self.hmac.algorithm.as_str() {
            self.hmac.verify(signed.as_bytes(), &signature)?;
        } else {
            let public = self.public.as_ref().filter(|p| p.algorithm.as_str() == header.alg);
            let public = public.ok_or(TokenError::Algorithm)?;
            public.key.verify(signed.as_bytes(), &signature).map_err(|_| TokenError::Signature)?;
        }
        serde_json::from_slice(&decode(claims)?).map_err(|_| TokenError::Claims)
    }

    /// Makes a token.
    pub fn mint(&self, token: &NewToken<'_>, now: Timestamp) -> String {
        self.signed(&token.claims(now))
    }

    /// Makes the token of an API key.
    pub(crate) fn mint_key(&self, token: &NewKeyToken<'_>, now: Timestamp) -> String {
        self.signed(&token.claims(now))
    }

    fn signed(&self, claims: &serde_json::Value) -> String {
        let header = format!(r#"{{"alg":"{}","typ":"JWT"}}"#, self.hmac.algorithm.as_str());
        let mut text = B64.encode(header);
        text.push('.');
        B64.encode_string(claims.to_string(), &mut text);
        let signature = self.hmac.sign(text.as_bytes());
        text.push('.');
        B64.encode_string(signature, &mut text);
        text
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Extensions that must be understood (RFC 7515, 4.1.11): none are.
    crit: Option<serde::de::IgnoredAny>,
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    B64.decode(part).map_err(|_| TokenError::Malformed)
}

impl HmacKey {
    fn new(algorithm: JwtAlgorithm, secret: &[u8]) -> Result<Self, JwtKeyError> {
        if secret.len() < SECRET_LEN_MIN {
            return Err(JwtKeyError::ShortSecret);
        }
        let state = match algorithm {
            JwtAlgorithm::Hs256 => Hmac::new_from_slice(secret).map(HmacState::S256),
            JwtAlgorithm::Hs384 => Hmac::new_from_slice(secret).map(HmacState::S384),
            JwtAlgorithm::Hs512 => Hmac::new_from_slice(secret).map(HmacState::S512),
            _ => return Err(JwtKeyError::WrongKind),
        };
        let state = state.map_err(|_| JwtKeyError::BadKey)?;
        Ok(HmacKey { text: Zeroizing::new(secret.to_vec()), algorithm, state })
    }

    fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<(), TokenError> {
        match &self.state {
            HmacState::S256(mac) => mac.clone().chain_update(signed).verify_slice(signature),
            HmacState::S384(mac) => mac.clone().chain_update(signed).verify_slice(signature),
            HmacState::S512(mac) => mac.clone().chain_update(signed).verify_slice(signature),
        }
        .map_err(|_| TokenError::Signature)
    }

    fn sign(&self, signed: &[u8]) -> Vec<u8> {
        match &self.state {
            HmacState::S256(mac) => mac.clone().chain_update(signed).finalize().into_bytes().to_vec(),
            HmacState::S384(mac) => mac.clone().chain_update(signed).finalize().into_bytes().to_vec(),
            HmacState::S512(mac) => mac.clone().chain_update(signed).finalize().into_bytes().to_vec(),
        }
    }
}

impl PublicKey {
    fn parse(algorithm: JwtAlgorithm, text: &str) -> Result<Self, JwtKeyError> {
        let scheme: &'static dyn signature::VerificationAlgorithm = match algorithm {
            JwtAlgorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            JwtAlgorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            JwtAlgorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            JwtAlgorithm::EdDsa => &signature::ED25519,
            _ => return Err(JwtKeyError::WrongKind),
        };
        let is_rsa = algorithm != JwtAlgorithm::EdDsa;
        let (label, der) = pem::decode(text)?;
        let der = Zeroizing::new(der);
        let key = match (label, is_rsa) {
            ("PUBLIC KEY", _) => pem::public_key_of_spki(&der).ok_or(JwtKeyError::BadKey)?.to_vec(),
            ("RSA PUBLIC KEY", true) => der.to_vec(),
            ("PRIVATE KEY", true) => {
                let pair = signature::RsaKeyPair::from_pkcs8(&der).map_err(|_| JwtKeyError::BadKey)?;
                pair.public_key().as_ref().to_vec()
            }
            ("PRIVATE KEY", false) => {
                let pair = signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der);
                pair.map_err(|_| JwtKeyError::BadKey)?.public_key().as_ref().to_vec()
            }
            _ => return Err(JwtKeyError::BadKey),
        };
        if !is_rsa && key.len() != 32 {
            return Err(JwtKeyError::BadKey);
        }
        Ok(PublicKey { algorithm, key: UnparsedPublicKey::new(scheme, key) })
    }
}
