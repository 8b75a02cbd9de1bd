//! Pusher Channels: HMAC-SHA256 over the body, and the application's key.
//!
//! `X-Pusher-Key` is the application's key, `X-Pusher-Signature` is hexadecimal HMAC-SHA256 with its secret over the
//! body, whose `time_ms` is at most 300 s away. The configuration has `key` and `secret`.
//!
//! **Invariant:** the time is read out of the body only after the body was verified.
//!
//! Source: pusher-http-python 3.3.4 `client.py`, <https://pusher.com/docs/channels/server_api/webhooks/>.

use super::super::config::Config;
use super::super::{ConfigError, Inbound, Materials, Refusal};
use super::mac::{Keys, Kind};
use super::{Judge, json, time};
use serde_json::Value;

const TOLERANCE_S: i64 = 300;

pub(super) struct Pusher {
    key: String,
    keys: Keys,
}

impl Pusher {
    pub(super) fn new(config: Config<'_>) -> Result<Self, ConfigError> {
        Ok(Self { key: config.required("key")?.to_owned(), keys: Keys::of(config)? })
    }
}

impl Judge for Pusher {
    fn judge(&self, request: &Inbound<'_>, _materials: &dyn Materials) -> Result<(), Refusal> {
        if request.header("x-pusher-key")? != self.key.as_bytes() {
            return Err(Refusal::Credential);
        }
        self.keys.check(Kind::Sha256Hex, &[request.body], request.header("x-pusher-signature")?)?;
        let at_ms = json::read(request.body)?.get("time_ms").and_then(Value::as_i64);
        let at_ms = at_ms.ok_or_else(|| Refusal::Malformed("the body has no integer at `/time_ms`".into()))?;
        time::check(at_ms, request.now_ms, TOLERANCE_S, TOLERANCE_S)
    }
}
