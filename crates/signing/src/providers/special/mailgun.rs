//! Mailgun: HMAC-SHA256 over a timestamp and a token, all three inside the body.
//!
//! JSON: `signature.{timestamp,token,signature}`; forms (older webhooks, routes): the fields `timestamp`, `token` and
//! `signature`. The signature is hexadecimal HMAC-SHA256 with the signing key over timestamp and token, no separator.
//! **The event itself is not signed**, and no age is prescribed: the token, which is the event's id here, stops replays.
//!
//! **Invariant:** the timestamp has ten digits, so that the same signature can't be split into another token.
//!
//! Source: <https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks>.

use super::super::config::Config;
use super::super::{ConfigError, Inbound, Materials, Refusal};
use super::mac::{Keys, Kind};
use super::{Judge, form, json, multipart};

/// Digits of Unix seconds until the year 2286.
const TIMESTAMP_LEN: usize = 10;

pub(super) struct Mailgun {
    keys: Keys,
}

impl Mailgun {
    pub(super) fn new(config: Config<'_>) -> Result<Self, ConfigError> {
        Ok(Self { keys: Keys::of(config)? })
    }

    fn check(&self, timestamp: &[u8], token: &[u8], signature: &[u8]) -> Result<(), Refusal> {
        if timestamp.len() != TIMESTAMP_LEN || !timestamp.iter().all(u8::is_ascii_digit) {
            return Err(Refusal::Malformed("the timestamp is not 10 digits".into()));
        }
        self.keys.check(Kind::Sha256Hex, &[timestamp, token], signature)
    }
}

impl Judge for Mailgun {
    fn judge(&self, request: &Inbound<'_>, _materials: &dyn Materials) -> Result<(), Refusal> {
        match form::media_type(request)?.as_str() {
            "application/x-www-form-urlencoded" => {
                let fields = form::read(request.body)?;
                let field = |name| form::only(&fields, name);
                self.check(field("timestamp")?, field("token")?, field("signature")?)
            }
            "multipart/form-data" => {
                let parts = multipart::read(request)?;
                let field = |name| multipart::only(&parts, name);
                self.check(field("timestamp")?, field("token")?, field("signature")?)
            }
            _ => {
                let body = json::read(request.body)?;
                let field = |pointer| json::text(&body, pointer).map(str::as_bytes);
                self.check(field("/signature/timestamp")?, field("/signature/token")?, field("/signature/signature")?)
            }
        }
    }
}
