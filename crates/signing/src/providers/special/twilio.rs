//! Twilio: HMAC-SHA1 over the URL and the sorted form, or over a URL that carries the body's hash.
//!
//! `X-Twilio-Signature` is the base64 of HMAC-SHA1 with the auth token over the URL followed by each form field, sorted
//! by name: name and value, values of one name sorted and each once. Other bodies: the URL alone, whose parameter
//! `bodySHA256` must be the body's hash in hexadecimal. The URL counts with and without its port, for Twilio is not
//! consistent about it. `X-Twilio-Webhooks-Signature-Settings: key=…,algorithm=HMAC_SHA256` selects HMAC-SHA256 with a
//! shared key instead; no other algorithm is known. No time is signed.
//!
//! **Invariant:** the whole body is covered: one that is neither form nor hashed in the URL is refused, and so is a
//! body that was taken away from a URL with a hash.
//!
//! Source: twilio-python 9.13.0 `request_validator.py`, <https://www.twilio.com/docs/usage/webhooks/webhooks-security>.

use super::super::config::Config;
use super::super::{ConfigError, Inbound, Materials, Refusal};
use super::mac::{self, Keys, Kind};
use super::{Judge, form};
use subtle::{Choice, ConstantTimeEq};

pub(super) struct Twilio {
    keys: Keys,
}

impl Twilio {
    pub(super) fn new(config: Config<'_>) -> Result<Self, ConfigError> {
        Ok(Self { keys: Keys::of(config)? })
    }
}

impl Judge for Twilio {
    fn judge(&self, request: &Inbound<'_>, _materials: &dyn Materials) -> Result<(), Refusal> {
        let kind = kind(request)?;
        let claims = mac::well_formed(kind, &[request.header("x-twilio-signature")?])?;
        let fields = signed_fields(request)?;
        let found = url_spellings(request.url).iter().fold(Choice::from(0), |found, url| {
            let mut signed = vec![url.as_bytes()];
            signed.extend(fields.iter().flat_map(|(name, value)| [name.as_slice(), value.as_slice()]));
            found | self.keys.made_one_of(kind, &signed, &claims)
        });
        mac::matched(found)
    }
}

/// The algorithm that the request's settings name.
fn kind(request: &Inbound<'_>) -> Result<Kind, Refusal> {
    let settings = match request.header("x-twilio-webhooks-signature-settings") {
        Ok(settings) => settings,
        Err(Refusal::Missing(_)) => return Ok(Kind::Sha1Base64),
        Err(doubled) => return Err(doubled),
    };
    let mut algorithms =
        settings.split(|b| *b == b',').filter_map(|setting| setting.trim_ascii().strip_prefix(b"algorithm="));
    match (algorithms.next(), algorithms.next()) {
        (Some(b"HMAC_SHA256"), None) => Ok(Kind::Sha256Base64),
        _ => Err(Refusal::Malformed("the signature's settings name no algorithm that is known".into())),
    }
}

/// The fields that follow the URL, sorted, each once. Refuses a body that the signature would not cover.
fn signed_fields(request: &Inbound<'_>) -> Result<Vec<form::Field>, Refusal> {
    // Raw: a hash needs no escapes, and the URL's other parameters are the receiver's own.
    let query = request.query().unwrap_or_default().split('&');
    let hashes: Vec<&str> = query.filter_map(|pair| pair.strip_prefix("bodySHA256=")).collect();
    let is_form = form::is_urlencoded(request)?;
    if is_form && !request.body.is_empty() {
        let mut fields = form::read(request.body)?;
        fields.sort();
        fields.dedup();
        Ok(fields)
    } else if let Some(claimed) = hashes.first() {
        let matches = mac::sha256_hex(request.body).as_bytes().ct_eq(claimed.as_bytes());
        mac::matched(matches & Choice::from(u8::from(hashes.len() == 1))).map(|()| Vec::new())
    } else if request.body.is_empty() {
        Ok(Vec::new())
    } else {
        Err(Refusal::Malformed("the body is no form, and the URL has no `bodySHA256`: it is not signed".into()))
    }
}

/// The URL as it is, and with its port taken away or the scheme's own added.
fn url_spellings(url: &str) -> Vec<String> {
    let mut spellings = vec![url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://") else { return spellings };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let Some((authority, tail)) = rest.split_at_checked(end) else { return spellings };
    let host_at = authority.rfind('@').map_or(0, |at| at + 1);
    let Some((user, host)) = authority.split_at_checked(host_at) else { return spellings };
    let port = host.rsplit_once(':').filter(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    spellings.push(match port {
        Some((bare, _)) => format!("{scheme}://{user}{bare}{tail}"),
        None => format!("{scheme}://{user}{host}:{}{tail}", if scheme == "https" { 443 } else { 80 }),
    });
    spellings
}
