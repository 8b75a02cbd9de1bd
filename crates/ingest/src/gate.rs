//! Judges a request: the addresses that may send it, the handshakes, the signature.
//!
//! **Invariant:** nothing is accepted that was not verified; a document is fetched only because a verifier asked for it.

use crate::answer::Answer;
use crate::documents::{Documents, Handed};
use crate::plaid;
use crate::prepared::{Gate, Guard, Prepared};
use crate::problem::Problem;
use domain::source_config_aad;
use serde_json::Value;
use signing::SecretBox;
use signing::providers::handshake::{self, Handshake, Reply};
use signing::providers::{Inbound, Refusal, SecretConfig};
use std::net::IpAddr;
use store::{Store, StoreError};
use zeroize::Zeroizing;

/// Documents that one request may make us fetch.
const ROUNDS_MAX: usize = 3;

/// What a request is.
pub(crate) enum Ruling {
    Verified,
    /// A handshake, and what it is answered with.
    Handshake(Answer),
    /// The reason is for the source's owner, the answer for the sender.
    Refused {
        reason: String,
        answer: Answer,
    },
}

impl Ruling {
    fn refused(reason: impl Into<String>, problem: &Problem) -> Ruling {
        Ruling::Refused { reason: reason.into(), answer: Answer::from(problem) }
    }
}

/// What judging needs besides the request.
pub(crate) struct Judge<'a> {
    pub store: &'a Store,
    pub documents: &'a Documents,
    pub secret_box: &'a SecretBox,
}

impl Judge<'_> {
    pub async fn judge(&self, prepared: &Prepared, request: &Inbound<'_>, remote: IpAddr) -> Ruling {
        let guard = match &prepared.gate {
            Gate::Open => return Ruling::Verified,
            Gate::Broken(why) => return Ruling::refused(why.as_str(), &Problem::UNVERIFIABLE),
            Gate::Guarded(guard) => guard,
        };
        if !guard.allow_ips.is_empty() && !domain::client::is_in(&guard.allow_ips, remote) {
            return unsigned(guard, format!("{remote} is not among the addresses that are allowed"));
        }
        if let Some(handshake) = guard.context().and_then(|context| handshake::before(context, request)) {
            return self.shake(prepared, guard, handshake).await;
        }
        let handed = match self.verify(guard, request).await {
            Ok(()) => guard.context().and_then(|context| handshake::after(context, request)),
            Err(ruling) => return ruling,
        };
        match handed {
            Some(handshake) => self.shake(prepared, guard, handshake).await,
            None => Ruling::Verified,
        }
    }

    async fn verify(&self, guard: &Guard, request: &Inbound<'_>) -> Result<(), Ruling> {
        let verifier = guard.verifier.as_ref().map_err(|why| Ruling::refused(why.as_str(), &Problem::UNVERIFIABLE))?;
        let mut handed = Handed::default();
        loop {
            let url = match verifier.judge(request, &handed) {
                Ok(()) => return Ok(()),
                Err(Refusal::Needs(url)) => url,
                Err(refusal) => return Err(unsigned(guard, refusal.to_string())),
            };
            if handed.0.len() == ROUNDS_MAX {
                return Err(unsigned(guard, "it takes too many documents to verify".to_owned()));
            }
            let question =
                (guard.provider.name == "plaid").then(|| plaid::question(guard.config.value(), &url)).flatten();
            let document = match question {
                Some((url, json)) => Box::pin(self.documents.post(url, json)).await,
                None => Box::pin(self.documents.get(&url)).await,
            };
            match document {
                Ok(document) => handed.0.push((url, document)),
                Err(why) => {
                    let reason = format!("{}: {why}", Refusal::Needs(url));
                    return Err(Ruling::refused(reason, &Problem::UNVERIFIABLE));
                }
            }
        }
    }

    async fn shake(&self, prepared: &Prepared, guard: &Guard, handshake: Handshake) -> Ruling {
        match handshake {
            Handshake::Answer(reply) if reply.status >= 400 => {
                Ruling::Refused { reason: "the handshake's token is not the source's".to_owned(), answer: reply.into() }
            }
            Handshake::Answer(reply) => Ruling::Handshake(reply.into()),
            Handshake::Confirm { url } => match Box::pin(self.documents.confirm(&url)).await {
                Ok(()) => Ruling::Handshake(Answer::empty(200)),
                Err(why) => {
                    let reason = format!("the subscription could not be confirmed: {why}");
                    Ruling::refused(reason, &Problem::UNCONFIRMED)
                }
            },
            Handshake::Learn { secret, reply } => self.learn(prepared, guard, secret, reply).await,
        }
    }

    /// Takes a secret that a handshake brings, if the source has none.
    async fn learn(&self, prepared: &Prepared, guard: &Guard, secret: String, reply: Reply) -> Ruling {
        let secret = Zeroizing::new(secret);
        let Some(plain) = with_secret(guard.config.value(), &secret) else {
            return unsigned(guard, "the source has a secret already; a handshake can't replace it".to_owned());
        };
        let route = &prepared.route;
        let rng = self.store.rng();
        let sealed = self.secret_box.seal(&plain, &source_config_aad(route.source), &mut |bytes| rng.fill(bytes));
        match self.store.set_source_config(route.source, route.config_sealed.to_vec(), sealed).await {
            Ok(()) => Ruling::Handshake(reply.into()),
            Err(StoreError::Conflict(_)) => {
                let reason = "the source was changed while the handshake came";
                Ruling::refused(reason, &Problem::UNVERIFIABLE)
            }
            Err(e) => Ruling::refused(format!("the secret could not be kept: {e}"), &Problem::UNVERIFIABLE),
        }
    }
}

/// The configuration with a secret, if it has none.
fn with_secret(config: &Value, secret: &str) -> Option<Zeroizing<Vec<u8>>> {
    let is_set = |field: &str| match config.get(field) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(list)) => !list.is_empty(),
        Some(_) => true,
    };
    if is_set("secret") || is_set("secrets") {
        return None;
    }
    let mut fields = config.as_object()?.clone();
    fields.insert("secret".to_owned(), Value::String(secret.to_owned()));
    Some(SecretConfig::new(Value::Object(fields)).text())
}

/// Refused for what it is. Some providers look at how: GoCardless reads 498 as a bad signature, Xero wants an empty 401.
fn unsigned(guard: &Guard, reason: String) -> Ruling {
    let answer = match guard.provider.name.as_str() {
        "gocardless" => Answer::from(&Problem { status: 498, ..Problem::SIGNATURE }),
        "xero" => Answer::empty(401),
        _ => Answer::from(&Problem::SIGNATURE),
    };
    Ruling::Refused { reason, answer }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_secret_is_learnt_only_where_there_is_none() {
        let learnt = with_secret(&json!({"allowIps": []}), "s3cret").unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&learnt).unwrap(), json!({"allowIps": [], "secret": "s3cret"}));
        assert!(with_secret(&json!({"secret": null, "secrets": []}), "x").is_some());
        for taken in [json!({"secret": "a"}), json!({"secrets": ["a"]}), json!({"secret": 7})] {
            assert!(with_secret(&taken, "x").is_none(), "{taken}");
        }
    }
}
