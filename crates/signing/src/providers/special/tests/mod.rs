//! Behaviour of the special schemes, through [`build`](super::build) and `judge` alone. [`Case`] is the one door.

mod forgery;
mod readers;
mod robustness;
mod rules;
mod vectors;

use super::super::config::Config;
use super::super::{ConfigError, Inbound, Materials, Refusal};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The schemes, and their files of vectors.
const FILES: [(&str, &str); 14] = [
    ("adyen", "adyen"),
    ("aws_sns", "aws_sns"),
    ("box", "box"),
    ("braintree", "braintree"),
    ("contentful", "contentful"),
    ("dropbox_sign", "dropbox_sign"),
    ("kudosity", "kudosity"),
    ("mailgun", "mailgun"),
    ("mandrill", "mandrill"),
    ("microsoft_graph", "microsoft_graph"),
    ("paypal", "paypal"),
    ("plivo_v3", "plivo"),
    ("pusher", "pusher"),
    ("twilio", "twilio"),
];

/// A request and the configuration that judges it. Public parts, so that tests can break them anywhere.
#[derive(Clone)]
struct Case {
    id: String,
    scheme: String,
    config: Value,
    method: String,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    now_ms: i64,
    materials: Documents,
    is_valid: bool,
}

#[derive(Clone, Default)]
struct Documents(BTreeMap<String, Vec<u8>>);

impl Materials for Documents {
    fn get(&self, url: &str) -> Option<&[u8]> {
        self.0.get(url).map(Vec::as_slice)
    }
}

/// What came of a case.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Valid,
    Refused(Refusal),
    Unsound(ConfigError),
}

impl Case {
    fn judge(&self) -> Outcome {
        let judge = match Config::new(&self.config).and_then(|config| super::build(&self.scheme, config)) {
            Ok(judge) => judge,
            Err(error) => return Outcome::Unsound(error),
        };
        let headers: Vec<(&str, &[u8])> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        let request =
            Inbound { method: &self.method, url: &self.url, headers: &headers, body: &self.body, now_ms: self.now_ms };
        match judge.judge(&request, &self.materials) {
            Ok(()) => Outcome::Valid,
            Err(refusal) => Outcome::Refused(refusal),
        }
    }

    /// The refusal; anything else fails the test.
    fn refusal(&self) -> Refusal {
        match self.judge() {
            Outcome::Refused(refusal) => refusal,
            other => panic!("{} was expected to be refused: {other:?}", self.id),
        }
    }

    fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_slice())
    }

    fn with_header(&self, name: &str, value: impl AsRef<[u8]>) -> Case {
        let mut case = self.clone();
        case.headers.retain(|(n, _)| n != name);
        case.headers.push((name.into(), value.as_ref().to_vec()));
        case
    }

    fn without_header(&self, name: &str) -> Case {
        let mut case = self.clone();
        case.headers.retain(|(n, _)| n != name);
        case
    }

    fn with_body(&self, body: impl AsRef<[u8]>) -> Case {
        Case { body: body.as_ref().to_vec(), ..self.clone() }
    }

    fn with_url(&self, url: &str) -> Case {
        Case { url: url.into(), ..self.clone() }
    }

    fn with_config(&self, field: &str, value: Value) -> Case {
        let mut case = self.clone();
        case.config.as_object_mut().unwrap().insert(field.into(), value);
        case
    }

    /// Out of a vector. `None` when its body is in a file that isn't there.
    fn read(vector: &Value) -> Option<Case> {
        let text = |field: &str| vector[field].as_str().unwrap_or_default().to_owned();
        let headers = vector["headers"].as_object().unwrap();
        let headers: Vec<_> =
            headers.iter().map(|(n, v)| (n.to_ascii_lowercase(), v.as_str().unwrap().into())).collect();
        let body = match vector["body_file"].as_str() {
            Some(file) => std::fs::read(shared().join(file)).ok()?,
            None => base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text("body")).unwrap(),
        };
        let expected = vector["strict_expected"].as_str().unwrap_or_else(|| vector["expected"].as_str().unwrap());
        let mut case = Case {
            id: text("id"),
            scheme: text("scheme"),
            config: vector["config"].clone(),
            method: text("method"),
            url: text("url"),
            headers,
            body,
            now_ms: vector["now"].as_i64().unwrap() * 1000,
            materials: Documents::default(),
            is_valid: expected == "valid",
        };
        for (url, document) in vector["materials"].as_object().into_iter().flatten() {
            case.materials.0.insert(url.clone(), document.as_str().unwrap().into());
        }
        if case.config.is_null() {
            case.configure(vector);
        }
        Some(case)
    }

    /// The configuration, and what was fetched, of a vector that only has `secret`, `secrets` and `extra`.
    fn configure(&mut self, vector: &Value) {
        let extra = &vector["extra"];
        let pem = |value: &Value| value.as_str().unwrap().as_bytes().to_vec();
        self.config = match self.scheme.as_str() {
            "aws_sns" => {
                self.materials.0.insert(extra["cert_url"].as_str().unwrap().into(), pem(&vector["secret"]));
                json!({})
            }
            "paypal" => {
                let url = String::from_utf8(self.header("paypal-cert-url").unwrap().to_vec()).unwrap();
                self.materials.0.insert(url, pem(&extra["cert_pem"]));
                // The vectors' certificate is nobody's: it counts because it is pinned.
                json!({ "secret": vector["secret"], "certificate": extra["cert_pem"] })
            }
            "braintree" => json!({ "secret": vector["secret"], "publicKey": extra["public_key"] }),
            "pusher" => json!({ "secret": vector["secret"], "key": extra["key"] }),
            _ => json!({ "secret": vector["secret"], "secrets": vector["secrets"] }),
        };
    }
}

fn cases(file: &Path) -> Vec<Case> {
    let vectors: Vec<Value> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    vectors.iter().filter_map(Case::read).filter(|case| case.scheme != "plivo_v2").collect()
}

/// The vectors that are part of the project: made with the providers' own libraries, and `special.json` with openssl
/// and Python's hmac.
fn own_cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let made = FILES.iter().map(|(_, file)| folder.join("made").join(file).with_extension("json"));
    made.chain([folder.join("special.json")]).flat_map(|file| cases(&file)).collect()
}

/// Those that must verify: the vectors, and one for the scheme that has no such vector.
fn valid_cases() -> Vec<Case> {
    let mut all: Vec<Case> = own_cases().into_iter().filter(|case| case.is_valid).collect();
    let like = |scheme: &str| own_cases().into_iter().find(|case| case.scheme == scheme).unwrap();
    let graph = like("microsoft_graph")
        .with_body(r#"{"value":[{"clientState":"secretClientValue"},{"clientState":"secretClientValue"}]}"#);
    all.push(Case { id: "graph_two_items".into(), is_valid: true, ..graph });
    all
}

/// The first valid case of a scheme.
fn valid(scheme: &str) -> Case {
    valid_cases().into_iter().find(|case| case.scheme == scheme).unwrap()
}

/// Vectors that are under others' licences: beside the project, where they are there at all.
fn shared() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors")
}
