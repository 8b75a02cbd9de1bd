//! What the table, or a user, says about a scheme: plain data, checked when a verifier is made of it.
//!
//! **Invariant:** an unknown word in the table is an error at once, never a default.

use super::ConfigError;
use super::config::Config;
use super::encoding::Encoding;
use super::mac::Algorithm;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IntoDeserializer, value::StrDeserializer};

/// What is done with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// HMAC of the template under each secret.
    Hmac,
    /// A plain hash of a template that has the secret in it.
    Hash,
    Ed25519,
    /// ECDSA on P-256 with SHA-256; the signature is DER, the key base64 SPKI.
    EcdsaP256,
    /// RSA PKCS#1 v1.5 with SHA-256; the key is PEM.
    RsaSha256,
    /// A header, or query parameter, equals a secret.
    Token,
    /// HTTP Basic (RFC 7617).
    Basic,
    /// Standard Webhooks 1.0.0, `v1` and `v1a`.
    Standard,
    /// Code in `jwt` or `special`.
    Special,
    /// Verifies nothing.
    Open,
    /// Accepts nothing: there are no requests, or nobody knows how they are signed.
    Closed,
}

/// Where in the request several signatures, or a version of them, are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Format {
    /// The whole value, after the mandatory prefix.
    Plain,
    /// `key=value` items.
    Kv,
    /// `version,signature` items, separated by one space.
    List,
    /// Items separated by commas, each with or without the prefix.
    CsvOptionalPrefix,
    /// Headers with the numbers 1 to 16 at the end of their names, a signature in each.
    Numbered,
}

/// How the text of a secret becomes a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum KeyEncoding {
    Utf8,
    Hex,
    Base64,
    /// Standard Webhooks: base64 after `whsec_`; without the prefix the bytes of the text (OpenAI).
    WhsecOrUtf8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Unit {
    #[serde(rename = "s")]
    Seconds,
    #[serde(rename = "ms")]
    Milliseconds,
    #[serde(rename = "iso8601")]
    Iso8601,
}

/// Where a request says when it was made, and how old it may be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TimeSpec {
    /// `header:x-time`, `sig` (an item of the signature) or `json:/time` (a field of the signed body).
    pub from: String,
    #[serde(default = "seconds")]
    pub unit: Unit,
    /// Seconds; without it any time will do.
    pub tolerance: Option<u32>,
    /// Whether one in the future, beyond the tolerance, is refused.
    #[serde(default = "yes")]
    pub future: bool,
    /// In JSON, only a number will do.
    #[serde(default)]
    pub number: bool,
    /// The configuration's `timestampGraceSeconds` sets the tolerance too (Svix's name for it at Tailscale).
    #[serde(default)]
    pub grace: bool,
}

/// The field of a configuration with a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Field {
    #[serde(rename = "secret")]
    Secret,
    #[serde(rename = "clientId")]
    ClientId,
}

/// A scheme.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Spec {
    pub kind: Kind,
    /// Of several schemes, this one judges requests that have the header (`x-sig`), or have it with a value (`x-v=v2`).
    pub when: Option<String>,
    /// Of several schemes, this one takes the secrets that begin so.
    pub secrets_with: Option<String>,
    /// Of several schemes, this one takes the secrets that don't begin so.
    pub secrets_without: Option<String>,
    pub algorithm: Algorithm,
    /// The header with the signature or credential; of Standard Webhooks, the family that is sent: `webhook` or `svix`.
    pub header: String,
    /// The query parameter with the signature or credential, instead of a header.
    pub query: Option<String>,
    pub format: Format,
    pub separator: String,
    /// Space around items is ignored.
    pub trim: bool,
    /// The key, or version, of items that are signatures.
    pub item: String,
    /// The key of the item that is the time.
    pub time_item: Option<String>,
    pub prefix: String,
    pub encoding: Encoding,
    /// Upper-case hexadecimal digits are digits too.
    pub any_case: bool,
    pub key: KeyEncoding,
    /// Taken off the secret, where it is there.
    pub key_prefix: String,
    /// The secret is normalised (Unicode NFKD) first.
    pub nfkd: bool,
    pub template: String,
    /// Headers that must be there, besides those in the template.
    pub require: Vec<String>,
    pub time: Option<TimeSpec>,
    pub reject_empty_body: bool,
    /// The URL is also tried with a few characters percent-decoded (HubSpot).
    pub url_decoded: bool,
    /// The field of the configuration with the credential.
    pub field: Field,
    /// The user's configuration may change it: the generic types.
    pub configurable: bool,
}

impl Default for Spec {
    fn default() -> Self {
        Spec {
            kind: Kind::Hmac,
            when: None,
            secrets_with: None,
            secrets_without: None,
            algorithm: Algorithm::Sha256,
            header: String::new(),
            query: None,
            format: Format::Plain,
            separator: ",".to_owned(),
            trim: false,
            item: "v1".to_owned(),
            time_item: None,
            prefix: String::new(),
            encoding: Encoding::Hex,
            any_case: false,
            key: KeyEncoding::Utf8,
            key_prefix: String::new(),
            nfkd: false,
            template: "{body}".to_owned(),
            require: Vec::new(),
            time: None,
            reject_empty_body: false,
            url_decoded: false,
            field: Field::Secret,
            configurable: false,
        }
    }
}

impl Spec {
    /// The scheme with what a user's configuration says, where the type lets them.
    pub fn configured(&self, config: Config<'_>) -> Result<Spec, ConfigError> {
        let mut spec = self.clone();
        if self.configurable {
            spec.read_place(config)?;
            if !matches!(self.kind, Kind::Token | Kind::Basic) {
                spec.read_signature(config)?;
                spec.read_time(config)?;
            }
        }
        if let Some(time) = &mut spec.time {
            let grace = if time.grace { config.seconds("timestampGraceSeconds")? } else { None };
            if let Some(seconds) = config.seconds("tolerance")?.or(grace) {
                time.tolerance = Some(seconds);
            }
        }
        Ok(spec)
    }

    fn read_place(&mut self, config: Config<'_>) -> Result<(), ConfigError> {
        if let Some(query) = config.text("query")? {
            self.query = Some(query.to_owned());
        } else if let Some(header) = config.text("header")? {
            self.header = header_name("header", header)?;
        } else if self.header.is_empty() {
            return Err(ConfigError::required("header"));
        }
        self.prefix = config.text("prefix")?.unwrap_or_default().to_owned();
        Ok(())
    }

    fn read_signature(&mut self, config: Config<'_>) -> Result<(), ConfigError> {
        self.algorithm = word(config, "algorithm", "sha1, sha256 or sha512")?.unwrap_or(self.algorithm);
        self.encoding =
            word(config, "encoding", "hex, base64, base64url or base64url-padded")?.unwrap_or(self.encoding);
        self.key = word(config, "keyEncoding", "utf8, hex or base64")?.unwrap_or(self.key);
        self.format =
            word(config, "format", "plain, kv, list, csv-optional-prefix or numbered")?.unwrap_or(self.format);
        if let Some(separator) = config.text("separator")? {
            self.separator = separator.to_owned();
        }
        if let Some(item) = config.text("signatureKey")? {
            self.item = item.to_owned();
        }
        if let Some(template) = config.text("template")? {
            self.template = template.to_owned();
        }
        Ok(())
    }

    fn read_time(&mut self, config: Config<'_>) -> Result<(), ConfigError> {
        let item = config.text("timestampKey")?;
        let header = config.text("timestampHeader")?;
        let from = match (item, header) {
            (None, None) => return Ok(()),
            (Some(_), Some(_)) => return Err(ConfigError::new("timestampKey", "excludes timestampHeader")),
            (Some(item), None) => {
                self.time_item = Some(item.to_owned());
                "sig".to_owned()
            }
            (None, Some(header)) => format!("header:{}", header_name("timestampHeader", header)?),
        };
        let unit = word(config, "timestampUnit", "s, ms or iso8601")?.unwrap_or(Unit::Seconds);
        self.time = Some(TimeSpec { from, unit, tolerance: Some(300), future: true, number: false, grace: false });
        Ok(())
    }
}

/// A header's name in lower case (RFC 9110 section 5.1).
fn header_name(field: &'static str, name: &str) -> Result<String, ConfigError> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.len() <= 200 && name.bytes().all(is_token) {
        Ok(name.to_ascii_lowercase())
    } else {
        Err(ConfigError::new(field, "must be the name of a header"))
    }
}

/// One of the words that the table uses.
fn word<T: DeserializeOwned>(
    config: Config<'_>,
    field: &'static str,
    words: &'static str,
) -> Result<Option<T>, ConfigError> {
    let Some(text) = config.text(field)? else { return Ok(None) };
    let text: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
    T::deserialize(text).map(Some).map_err(|_| ConfigError::new(field, format!("must be {words}")))
}

fn seconds() -> Unit {
    Unit::Seconds
}

fn yes() -> bool {
    true
}
