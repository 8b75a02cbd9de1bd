//! Files of requests that others signed, with the verdict each should get, and how one of them is judged.
//!
//! **Invariant:** a vector is judged by the same verifier as a source's requests; only the length of its secrets is free.

use super::{ConfigError, Inbound, Materials, Provider, Refusal};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::path::Path;

/// A request, its secret, and the verdict it should get. Unknown fields are ignored.
#[derive(Clone, Debug, Deserialize)]
pub struct Vector {
    pub id: String,
    /// The name of a provider, or an alias.
    pub scheme: String,
    #[serde(default)]
    pub secret: Option<String>,
    /// Taken instead of `secret`, where it is there.
    #[serde(default)]
    pub secrets: Option<Vec<String>>,
    #[serde(default = "post")]
    pub method: String,
    #[serde(default)]
    pub url: String,
    /// An object of texts or lists of texts, or a list of pairs.
    #[serde(default)]
    pub headers: Value,
    /// Base64.
    #[serde(default)]
    pub body: Option<String>,
    /// A file, relative to the folder above the vectors' own.
    #[serde(default)]
    pub body_file: Option<String>,
    /// Unix seconds at which it is judged.
    pub now: f64,
    /// `valid` or `invalid`.
    #[serde(default)]
    pub expected: Option<String>,
    /// What a strict verifier should say, where `expected` is what a lenient library says.
    #[serde(default)]
    pub strict_expected: Option<String>,
    /// More fields of the configuration, and documents.
    #[serde(default)]
    pub extra: Option<Map<String, Value>>,
}

/// Why a vector isn't valid, or can't be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the configuration is unusable: {0}")]
    Config(#[from] ConfigError),
    /// The vector itself is broken: the text says where.
    #[error("{0}")]
    Unreadable(String),
}

fn post() -> String {
    "POST".to_owned()
}

/// Judges a vector; `base_dir` is what its `body_file` is relative to.
pub fn judge(vector: &Vector, base_dir: &Path) -> Result<(), Invalid> {
    judge_body(vector, &vector.body(base_dir)?)
}

/// Judges a vector whose body was read elsewhere.
pub fn judge_body(vector: &Vector, body: &[u8]) -> Result<(), Invalid> {
    let unknown = || Invalid::Unreadable(format!("there is no provider {}", vector.scheme));
    let provider = Provider::find(&vector.scheme).ok_or_else(unknown)?;
    let verifier = provider.verifier_lenient(&vector.config())?;
    let headers = vector.headers()?;
    let borrowed: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    // Whole seconds in every file; far below where a float loses one.
    #[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds fits")]
    let now_ms = (vector.now * 1000.0).round() as i64;
    let request = Inbound { method: &vector.method, url: &vector.url, headers: &borrowed, body, now_ms };
    Ok(verifier.judge(&request, &vector.documents(&headers))?)
}

impl Vector {
    /// Whether it should be accepted; `None` when it doesn't say.
    pub fn should_pass(&self) -> Option<bool> {
        self.strict_expected.as_ref().or(self.expected.as_ref()).map(|verdict| verdict == "valid")
    }

    /// The bytes of the body, which may stand in a file.
    pub fn body(&self, base_dir: &Path) -> Result<Vec<u8>, Invalid> {
        match (&self.body, &self.body_file) {
            (Some(encoded), _) => BASE64_STANDARD
                .decode(encoded)
                .map_err(|error| Invalid::Unreadable(format!("the body is not base64: {error}"))),
            (None, Some(file)) => std::fs::read(base_dir.join(file))
                .map_err(|error| Invalid::Unreadable(format!("the body's file {file}: {error}"))),
            (None, None) => Ok(Vec::new()),
        }
    }

    /// The source's configuration: the extra fields, and the secrets. Fields have a source's names: `public_key` becomes
    /// `publicKey` beside itself.
    fn config(&self) -> Value {
        let mut config = self.extra.clone().unwrap_or_default();
        if let Some(key) = config.get("public_key").cloned() {
            config.insert("publicKey".to_owned(), key);
        }
        if let Some(url) = config.get("cert_url").cloned() {
            config.insert("certUrl".to_owned(), url);
        }
        match (&self.secrets, &self.secret) {
            (Some(secrets), _) => config.insert("secrets".to_owned(), json!(secrets)),
            (None, Some(secret)) => config.insert("secret".to_owned(), json!(secret)),
            (None, None) => None,
        };
        Value::Object(config)
    }

    /// Names in lower case.
    fn headers(&self) -> Result<Vec<(String, String)>, Invalid> {
        let unreadable = || Invalid::Unreadable("the headers are neither an object nor a list of pairs".to_owned());
        let mut headers = Vec::new();
        let mut push = |name: &str, value: &Value| -> Option<()> {
            headers.push((name.to_ascii_lowercase(), value.as_str()?.to_owned()));
            Some(())
        };
        match &self.headers {
            Value::Null => {}
            Value::Object(fields) => {
                for (name, value) in fields {
                    let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                    values.iter().try_for_each(|value| push(name, value)).ok_or_else(unreadable)?;
                }
            }
            Value::Array(pairs) => {
                for pair in pairs {
                    let parts = pair.as_array().map(Vec::as_slice);
                    let Some([Value::String(name), value]) = parts else { return Err(unreadable()) };
                    push(name, value).ok_or_else(unreadable)?;
                }
            }
            _ => return Err(unreadable()),
        }
        Ok(headers)
    }

    /// What a server would have fetched: a certificate stands at the URL that the vector, or the request, names.
    fn documents(&self, headers: &[(String, String)]) -> Documents {
        let field = |name: &str| self.extra.as_ref().and_then(|extra| extra.get(name)).and_then(Value::as_str);
        let mut documents = Vec::new();
        if let (Some(url), Some(pem)) = (field("cert_url"), field("cert_pem").or(self.secret.as_deref())) {
            documents.push((url.to_owned(), pem.as_bytes().to_vec()));
        }
        let paypal = headers.iter().find(|(name, _)| name == "paypal-cert-url");
        if let (Some((_, url)), Some(pem)) = (paypal, field("cert_pem")) {
            documents.push((url.clone(), pem.as_bytes().to_vec()));
        }
        Documents(documents)
    }
}

struct Documents(Vec<(String, Vec<u8>)>);

impl Materials for Documents {
    fn get(&self, url: &str) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| known == url).map(|(_, document)| document.as_slice())
    }
}
