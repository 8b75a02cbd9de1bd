//! Plivo, version 3: HMAC-SHA256 over the URL with a sorted query, the sorted form and a nonce.
//!
//! `X-Plivo-Signature-V3` has the base64 of HMAC-SHA256 with the auth token, or several of them between commas, over
//! `base[?query][.form].nonce`: the URL without its query; the query's decoded fields sorted, `name=value` between `&`;
//! the form's decoded fields sorted, name and value without separators. With a form but no query the `?` stays and the
//! dot goes: `base?form.nonce`. No time is signed.
//!
//! **Invariant:** the whole body is covered: one that is no form, or that comes with a `GET`, is refused.
//!
//! Source: plivo-python 4.63.0 `utils/signature_v3.py`.

use super::super::config::Config;
use super::super::{ConfigError, Inbound, Materials, Refusal};
use super::mac::{self, Keys, Kind};
use super::{Judge, form};

pub(super) struct PlivoV3 {
    keys: Keys,
}

impl PlivoV3 {
    pub(super) fn new(config: Config<'_>) -> Result<Self, ConfigError> {
        Ok(Self { keys: Keys::of(config)? })
    }
}

impl Judge for PlivoV3 {
    fn judge(&self, request: &Inbound<'_>, _materials: &dyn Materials) -> Result<(), Refusal> {
        let nonce = request.header("x-plivo-signature-v3-nonce")?;
        let header = request.header("x-plivo-signature-v3")?;
        let claims: Vec<_> = header.split(|b| *b == b',').map(<[u8]>::trim_ascii).collect();
        let claims = mac::well_formed(Kind::Sha256Base64, &claims)?;
        let url = signed_url(request)?;
        mac::matched(self.keys.made_one_of(Kind::Sha256Base64, &[url.as_slice(), b".", nonce], &claims))
    }
}

fn signed_url(request: &Inbound<'_>) -> Result<Vec<u8>, Refusal> {
    let url = request.url.split_once('#').map_or(request.url, |(url, _)| url);
    let base = url.split_once('?').map_or(url, |(base, _)| base);
    let mut query = form::read(request.query().unwrap_or_default().as_bytes())?;
    query.sort();
    let mut form = body_fields(request)?;
    form.sort();
    let mut signed = base.as_bytes().to_vec();
    if !query.is_empty() || !form.is_empty() {
        signed.push(b'?');
    }
    for (position, (name, value)) in query.iter().enumerate() {
        if position > 0 {
            signed.push(b'&');
        }
        signed.extend_from_slice(name);
        signed.push(b'=');
        signed.extend_from_slice(value);
    }
    if !query.is_empty() && !form.is_empty() {
        signed.push(b'.');
    }
    for (name, value) in &form {
        signed.extend_from_slice(name);
        signed.extend_from_slice(value);
    }
    Ok(signed)
}

fn body_fields(request: &Inbound<'_>) -> Result<Vec<form::Field>, Refusal> {
    if request.body.is_empty() {
        Ok(Vec::new())
    } else if request.method == "GET" {
        Err(Refusal::Malformed("a GET with a body: the body is not signed".into()))
    } else {
        form::of_body(request)
    }
}
