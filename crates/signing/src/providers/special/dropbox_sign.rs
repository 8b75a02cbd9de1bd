//! Dropbox Sign (HelloSign): HMAC-SHA256 over the event's time and type, inside a multipart body.
//!
//! The multipart field `json` has `event.event_hash`: hexadecimal HMAC-SHA256 with the API key over `event_time` and
//! `event_type`, no separator. **Nothing else of the body is signed**, and no age is prescribed.
//!
//! **Invariant:** the time is digits and the type begins with none, so that the same hash can't be split differently.
//!
//! Source: dropbox-sign-python 2.0.0 `event_callback_helper.py`, <https://developers.hellosign.com/docs/events/walkthrough>.

use super::super::config::Config;
use super::super::{ConfigError, Inbound, Materials, Refusal};
use super::mac::{Keys, Kind};
use super::{Judge, json, multipart, time};

pub(super) struct DropboxSign {
    keys: Keys,
}

impl DropboxSign {
    pub(super) fn new(config: Config<'_>) -> Result<Self, ConfigError> {
        Ok(Self { keys: Keys::of(config)? })
    }
}

impl Judge for DropboxSign {
    fn judge(&self, request: &Inbound<'_>, _materials: &dyn Materials) -> Result<(), Refusal> {
        let parts = multipart::read(request)?;
        let body = json::read(multipart::only(&parts, "json")?)?;
        let at = json::text(&body, "/event/event_time")?.as_bytes();
        let kind = json::text(&body, "/event/event_type")?.as_bytes();
        if time::digits(at).is_none() || kind.first().is_some_and(u8::is_ascii_digit) {
            return Err(Refusal::Malformed("the event's time is not digits, or its type begins with one".into()));
        }
        let claim = json::text(&body, "/event/event_hash")?.as_bytes();
        self.keys.check(Kind::Sha256Hex, &[at, kind], claim)
    }
}
