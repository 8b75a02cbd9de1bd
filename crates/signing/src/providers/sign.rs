//! Signs samples as a provider would: for `postrider trigger`, and for tests that need real requests.
//!
//! **Invariant:** what is signed here verifies under the provider's own library, not only under ours.

use super::config::{Config, Secret};
use super::encoding::Encoding;
use super::mac::{Algorithm, Keyed};
use super::scheme::resolve;
use super::signed::Signed;
use super::spec::{Format, Kind, Spec, Unit};
use super::standard::shared_key;
use super::template::Atom;
use super::time::{self, Source};
use super::{ConfigError, Inbound, Provider};
use serde_json::Value;

/// A request that a provider is about to send.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    pub method: &'a str,
    pub url: &'a str,
    pub content_type: &'a str,
    pub body: &'a [u8],
    /// Unix milliseconds.
    pub now_ms: i64,
    /// Where the provider puts them into headers.
    pub event_type: &'a str,
    pub event_id: &'a str,
}

type Headers = Vec<(String, String)>;

/// The headers, in lower case, that the provider would send with it, besides `content-type`: signature, time, event type
/// and id. `config` is a source's configuration. Refuses providers that sign with a private key which isn't in it, that
/// sign the query, or whose rule is code (but for Twilio). A time that belongs into the body (Linear) is the caller's to
/// put there.
pub fn sign(provider: &Provider, config: &Value, draft: &Draft<'_>) -> Result<Headers, ConfigError> {
    let config = Config::lenient(config)?;
    // A template may name it.
    let mut headers = vec![("content-type".to_owned(), draft.content_type.to_owned())];
    add_headers(provider, config, draft, &mut headers)?;
    headers.retain(|(name, _)| name != "content-type");
    Ok(headers)
}

fn add_headers(
    provider: &Provider,
    config: Config<'_>,
    draft: &Draft<'_>,
    headers: &mut Headers,
) -> Result<(), ConfigError> {
    for (rules, value) in
        [(provider.event_id.as_slice(), draft.event_id), (std::slice::from_ref(&provider.event_type), draft.event_type)]
    {
        let names = rules.iter().filter_map(|rule| rule.strip_prefix("header:"));
        names.for_each(|name| put(headers, name, value));
    }
    if provider.name == "twilio" {
        let secrets = config.secrets(1)?;
        put(headers, "x-twilio-signature", &twilio(draft, secrets.first())?);
        return Ok(());
    }
    if provider.secret_optional && !config.has("secret") && !config.has("secrets") {
        return Ok(());
    }
    let schemes = resolve(provider, config)?;
    let Some((spec, secrets)) = schemes.first() else { return Err(unable("has no secret to sign with")) };
    if let Some((name, value)) = spec.when.as_ref().and_then(|when| when.split_once('=')) {
        put(headers, name, value);
    }
    match spec.kind {
        Kind::Hmac | Kind::Hash => sign_template(spec, config, secrets, draft, headers)?,
        Kind::Standard => sign_standard(spec, secrets, draft, headers)?,
        Kind::Token | Kind::Basic => present(spec, config, secrets, headers)?,
        Kind::Open => {}
        Kind::Ed25519 | Kind::EcdsaP256 | Kind::RsaSha256 => return Err(unable("signs with a private key of its own")),
        Kind::Special | Kind::Closed => return Err(unable("can't be imitated")),
    }
    Ok(())
}

fn unable(why: &str) -> ConfigError {
    ConfigError::new("type", why)
}

/// Sets a header that isn't there yet.
fn put(headers: &mut Headers, name: &str, value: &str) {
    if headers.iter().all(|(known, _)| known != name) {
        headers.push((name.to_owned(), value.to_owned()));
    }
}

fn sign_template(
    spec: &Spec,
    config: Config<'_>,
    secrets: &[Secret],
    draft: &Draft<'_>,
    headers: &mut Headers,
) -> Result<(), ConfigError> {
    if spec.query.is_some() {
        return Err(unable("signs the URL's query"));
    }
    let signed = Signed::new(spec, config, secrets)?;
    let time = time::format(draft.now_ms, signed.time.as_ref().map_or(Unit::Seconds, |rule| rule.unit));
    if let Some(Source::Header(name)) = signed.time.as_ref().map(|rule| &rule.source) {
        put(headers, name, &time);
    }
    let in_template = signed.template.atoms().iter().filter_map(|atom| match atom {
        Atom::Header(name) => Some(name),
        _ => None,
    });
    for name in in_template.chain(&spec.require) {
        let seconds = draft.now_ms.div_euclid(1000).to_string();
        put(headers, name, if name.contains("timestamp") { &seconds } else { draft.event_id });
    }
    let known: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let (method, url, body, now_ms) = (draft.method, draft.url, draft.body, draft.now_ms);
    let request = Inbound { method, url, headers: &known, body, now_ms };
    let message =
        signed.template.fill(&request, Some(time.as_bytes())).map_err(|refusal| unable(&refusal.to_string()))?;
    let signatures = signed.sign(&message, draft.url).ok_or_else(|| unable("signs with a private key of its own"))?;
    drop(message);
    write(spec, &signatures, &time, headers);
    Ok(())
}

/// The header, or headers, with the signatures.
fn write(spec: &Spec, signatures: &[String], time: &str, headers: &mut Headers) {
    let first = signatures.first().map(String::as_str).unwrap_or_default();
    let value = match spec.format {
        Format::Plain | Format::CsvOptionalPrefix => format!("{}{first}", spec.prefix),
        Format::List => {
            let items: Vec<String> = signatures.iter().map(|signature| format!("{},{signature}", spec.item)).collect();
            items.join(" ")
        }
        Format::Kv => {
            let separator = if spec.trim { format!("{} ", spec.separator) } else { spec.separator.clone() };
            let time = spec.time_item.iter().map(|key| format!("{key}={time}"));
            let items = time.chain(signatures.iter().map(|signature| format!("{}={signature}", spec.item)));
            items.collect::<Vec<_>>().join(&separator)
        }
        Format::Numbered => {
            for (position, signature) in signatures.iter().enumerate() {
                put(headers, &format!("{}{}", spec.header, position + 1), &format!("{}{signature}", spec.prefix));
            }
            return;
        }
    };
    put(headers, &spec.header, &value);
}

fn sign_standard(spec: &Spec, secrets: &[Secret], draft: &Draft<'_>, headers: &mut Headers) -> Result<(), ConfigError> {
    if secrets.is_empty() || secrets.iter().any(|secret| secret.starts_with("whpk_")) {
        return Err(unable("signs with a private key of its own"));
    }
    let time = time::format(draft.now_ms, Unit::Seconds);
    let message = [draft.event_id.as_bytes(), b".", time.as_bytes(), b".", draft.body];
    let mut items = Vec::new();
    for secret in secrets {
        let key = Keyed::new(Algorithm::Sha256, &shared_key(spec.key, secret)?);
        items.push(format!("v1,{}", Encoding::Base64.encode(&key.mac(message.into_iter()))));
    }
    let family = if spec.header.is_empty() { "webhook" } else { &spec.header };
    put(headers, &format!("{family}-id"), draft.event_id);
    put(headers, &format!("{family}-timestamp"), &time);
    put(headers, &format!("{family}-signature"), &items.join(" "));
    Ok(())
}

/// The credential itself.
fn present(spec: &Spec, config: Config<'_>, secrets: &[Secret], headers: &mut Headers) -> Result<(), ConfigError> {
    if spec.query.is_some() {
        return Err(unable("sends its credential in the query"));
    }
    if spec.kind == Kind::Basic {
        let basic = super::credential::Basic::new(config)?;
        let pair = basic.pairs.first().map(|pair| Encoding::Base64.encode(pair.as_bytes())).unwrap_or_default();
        put(headers, "authorization", &format!("Basic {pair}"));
    } else if let Some(secret) = secrets.first() {
        put(headers, &spec.header, &format!("{}{}", spec.prefix, secret.as_str()));
    }
    Ok(())
}

/// HMAC-SHA1 of the URL and, for a form, its sorted parameters (twilio.com/docs/usage/security). For other bodies the URL
/// must already carry `bodySHA256`.
fn twilio(draft: &Draft<'_>, secret: Option<&Secret>) -> Result<String, ConfigError> {
    let secret = secret.ok_or_else(|| ConfigError::required("secret"))?;
    let mut message = draft.url.as_bytes().to_vec();
    if draft.content_type.starts_with("application/x-www-form-urlencoded") {
        let body = std::str::from_utf8(draft.body).unwrap_or_default();
        let pairs =
            body.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let decode = super::encoding::form_decode;
        let mut pairs: Vec<_> = pairs.map(|(name, value)| (decode(name), decode(value))).collect();
        pairs.sort();
        pairs.dedup();
        pairs.into_iter().for_each(|(name, value)| message.extend(name.into_iter().chain(value)));
    }
    let key = Keyed::new(Algorithm::Sha1, secret.as_bytes());
    Ok(Encoding::Base64.encode(&key.mac(std::iter::once(message.as_slice()))))
}
