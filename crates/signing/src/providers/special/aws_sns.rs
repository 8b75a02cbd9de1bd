//! AWS SNS: RSA over chosen fields of the body, with a key out of a certificate that AWS publishes.
//!
//! The body is JSON (sent as `text/plain`). Signed are `name \n value \n` of Message, MessageId, Subject (where there is
//! one), Timestamp, TopicArn and Type; of confirmations Message, MessageId, SubscribeURL, Timestamp, Token, TopicArn
//! and Type. `Signature` is the base64 of RSA PKCS #1 v1.5 with SHA-1 (`SignatureVersion` 1) or SHA-256 (2).
//! `SigningCertURL` is `https://sns.<region>.amazonaws.com[.cn]/<name>.pem`. `UnsubscribeURL` is not signed.
//!
//! Any AWS account can send signed messages: `topicArns` in the configuration lists the topics that are wanted.
//!
//! **Invariant:** nothing is fetched from a URL that isn't exactly of that shape; the cheap checks come first, so that
//! what is plainly wrong causes no fetch.
//!
//! Source: aws-php-sns-message-validator `MessageValidator.php`,
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html>; the certificate's names:
//! aws-sdk-java-v2 `sns-message-manager`.

use super::super::config::Config;
use super::super::{ConfigError, Inbound, Materials, Refusal};
use super::rsa::{self, Hash};
use super::{Judge, json, x509::Chain};
use serde_json::Value;

const NOTIFICATION: [&str; 6] = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"];
const CONFIRMATION: [&str; 7] = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];

pub(super) struct AwsSns {
    /// Topics that are wanted; `None` takes any.
    topics: Option<Vec<String>>,
}

impl AwsSns {
    pub(super) fn new(config: Config<'_>) -> Result<Self, ConfigError> {
        let wrong = || ConfigError::new("topicArns", "must be a list of texts, none empty");
        let topics = match config.value("topicArns") {
            None | Some(Value::Null) => None,
            Some(Value::Array(items)) => {
                let text = |item: &Value| item.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
                Some(items.iter().map(text).collect::<Option<Vec<_>>>().ok_or_else(wrong)?)
            }
            Some(_) => return Err(wrong()),
        };
        Ok(Self { topics })
    }
}

impl Judge for AwsSns {
    fn judge(&self, request: &Inbound<'_>, materials: &dyn Materials) -> Result<(), Refusal> {
        let message = json::read(request.body)?;
        let signed = signed(&message)?;
        let hash = match json::text(&message, "/SignatureVersion")? {
            "1" => Hash::Sha1,
            "2" => Hash::Sha256,
            _ => return Err(Refusal::Malformed("the signature's version is neither 1 nor 2".into())),
        };
        let signature = rsa::signature(json::text(&message, "/Signature")?.as_bytes())?;
        let topic = json::text(&message, "/TopicArn")?;
        if self.topics.as_ref().is_some_and(|topics| topics.iter().all(|wanted| wanted != topic)) {
            return Err(Refusal::Credential);
        }
        let url = json::text(&message, "/SigningCertURL")?;
        if !is_certificate_url(url) {
            return Err(Refusal::Untrusted("the certificate's URL is not one of AWS SNS".into()));
        }
        let pem = materials.get(url).ok_or_else(|| Refusal::Needs(url.to_owned()))?;
        let chain = Chain::fetched(pem)?;
        chain.check_name(is_certificate_name)?;
        if chain.key_at(request.now_ms)?.made(hash, signed.as_bytes(), &signature) {
            Ok(())
        } else {
            Err(Refusal::Mismatch)
        }
    }
}

/// The text that is signed.
fn signed(message: &Value) -> Result<String, Refusal> {
    let names = match json::text(message, "/Type")? {
        "Notification" => NOTIFICATION.as_slice(),
        "SubscriptionConfirmation" | "UnsubscribeConfirmation" => CONFIRMATION.as_slice(),
        _ => return Err(Refusal::Malformed("the message's type is not one of AWS SNS".into())),
    };
    let mut signed = String::new();
    for name in names {
        match message.get(name) {
            None | Some(Value::Null) if *name == "Subject" => {}
            Some(Value::String(value)) => {
                for part in [name, "\n", value, "\n"] {
                    signed.push_str(part);
                }
            }
            _ => return Err(Refusal::Malformed(format!("the message has no text `{name}`").into())),
        }
    }
    Ok(signed)
}

/// `^https://sns\.[a-z0-9-]{3,}\.amazonaws\.com(\.cn)?/[A-Za-z0-9._-]+\.pem$`
fn is_certificate_url(url: &str) -> bool {
    let Some((host, name)) = url.strip_prefix("https://").and_then(|rest| rest.split_once('/')) else { return false };
    let region = host.strip_suffix(".cn").unwrap_or(host);
    let region = region.strip_prefix("sns.").and_then(|rest| rest.strip_suffix(".amazonaws.com"));
    let is_region = |r: &str| r.len() >= 3 && r.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    region.is_some_and(is_region) && is_plain && name.strip_suffix(".pem").is_some_and(|stem| !stem.is_empty())
}

/// `sns.amazonaws.com`, `sns-signing.<region>.amazonaws.com`, `sns-cn-north-1.amazonaws.com.cn` and the like.
fn is_certificate_name(name: &str) -> bool {
    let name = name.strip_suffix(".cn").unwrap_or(name);
    (name.starts_with("sns.") || name.starts_with("sns-")) && name.ends_with(".amazonaws.com")
}
