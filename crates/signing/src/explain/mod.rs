//! Why a signature fails: what `judge` refuses is tried again with one thing mended after the other, until it holds.
//!
//! The command line and the pages ask; [`Provider`]'s own judge answers each try, so that an explanation can't disagree with it.
//! **Invariant:** pure; no text repeats a secret; what is tried is bounded. Nothing here makes an invalid request valid: it
//! says what would have to be different.

mod bodies;
mod headers;
mod json;
mod secrets;
mod standard;
#[cfg(test)]
mod tests;

use crate::providers::{ConfigError, Inbound, NoMaterials, Provider, Refusal};
use secrets::Wiped;
use serde_json::Value;

/// Problems that are mended one after the other before it gives up.
const ROUNDS_MAX: usize = 5;
/// Candidates for the body are tried with so many other secrets.
const OTHERS_WITH_BODIES_MAX: usize = 4;

/// A request, and what is known of how it was signed.
pub struct Question<'a> {
    pub provider: &'static Provider,
    /// As of a source: `secret` and so on.
    pub config: &'a Value,
    pub request: Inbound<'a>,
    /// Other secrets that may have signed it, and what to call them: `the secret before the rotation`.
    pub others: &'a [(&'a str, &'a str)],
    /// The body as it was sent, if it is known.
    pub original: Option<&'a [u8]>,
}

/// What [`explain`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The request holds as it came.
    pub is_valid: bool,
    /// With all that was found mended it would hold: the findings are the whole reason.
    pub is_complete: bool,
    pub findings: Vec<Finding>,
}

/// Something that is wrong, or worth knowing of a valid request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A stable word: `clock_skew`, `body_altered`, `secret_other`...
    pub code: &'static str,
    pub text: String,
    /// What to do; empty when there is nothing to do.
    pub fix: String,
}

impl Finding {
    fn new(code: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Finding { code, text: text.into(), fix: fix.into() }
    }
}

/// A request and a configuration as they are at some point of mending.
#[derive(Clone)]
struct Case<'a> {
    provider: &'static Provider,
    config: Wiped,
    method: &'a str,
    url: &'a str,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    now_ms: i64,
}

impl Case<'_> {
    fn judge(&self) -> Result<Result<(), Refusal>, ConfigError> {
        self.judge_body(&self.body)
    }
    fn judge_body(&self, body: &[u8]) -> Result<Result<(), Refusal>, ConfigError> {
        let headers: Vec<(&str, &[u8])> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        let request = Inbound { method: self.method, url: self.url, headers: &headers, body, now_ms: self.now_ms };
        Ok(self.provider.verifier_lenient(self.config.get())?.judge(&request, &NoMaterials))
    }
    fn holds(&self) -> bool {
        matches!(self.judge(), Ok(Ok(())))
    }
    /// It holds, or fails for another reason than before: what was mended was wrong.
    fn gets_further(&self, before: &Refusal) -> bool {
        match self.judge() {
            Ok(Ok(())) => true,
            Ok(Err(refusal)) => refusal.code() != before.code(),
            Err(_) => false,
        }
    }
    /// The values of a header, by its lower-case name.
    fn values<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s [u8]> {
        self.headers.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_slice())
    }
    fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(n, _)| n == name)?;
        std::str::from_utf8(value).ok().filter(|text| !text.is_empty())
    }
    /// Its only value becomes this.
    fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.headers.retain(|(n, _)| n != name);
        self.headers.push((name.to_owned(), value.into()));
    }
}

/// Says whether the request holds and, if not, why.
pub fn explain(question: &Question<'_>) -> Explanation {
    let Inbound { method, url, headers, body, now_ms } = question.request;
    let mut case = Case {
        provider: question.provider,
        config: Wiped::of(question.config),
        method,
        url,
        headers: headers.iter().map(|(n, v)| (n.to_ascii_lowercase(), v.to_vec())).collect(),
        body: body.to_vec(),
        now_ms,
    };
    let mut findings = Vec::new();
    for round in 0..ROUNDS_MAX {
        let refusal = match case.judge() {
            Ok(Ok(())) if round == 0 => {
                findings.extend(standard::notes(&case));
                return Explanation { is_valid: true, is_complete: true, findings };
            }
            Ok(Ok(())) => return Explanation { is_valid: false, is_complete: true, findings },
            Ok(Err(refusal)) => refusal,
            Err(error) => match secrets::unusable(&case, &error, question) {
                (finding, Some(mended)) => {
                    findings.push(finding);
                    case = mended;
                    continue;
                }
                (finding, None) => {
                    findings.push(finding);
                    break;
                }
            },
        };
        let (finding, mended) = look(&case, &refusal, question);
        findings.push(finding);
        match mended {
            Some(mended) => case = mended,
            None => break,
        }
    }
    let is_complete = case.holds();
    Explanation { is_valid: false, is_complete, findings }
}

type Found<'a> = (Finding, Option<Case<'a>>);

/// What a refusal means, and the case without it, if that can be made.
fn look<'a>(case: &Case<'a>, refusal: &Refusal, question: &Question<'_>) -> Found<'a> {
    match refusal {
        Refusal::Missing(name) => headers::missing(case, name, refusal),
        Refusal::Doubled(name) => headers::doubled(case, name),
        Refusal::Stale { age_s, tolerance_s } => clock(case, *age_s, *tolerance_s),
        Refusal::Future { ahead_s, tolerance_s } => clock(case, -ahead_s, *tolerance_s),
        Refusal::Malformed(why) => headers::malformed(case, refusal, why),
        Refusal::Mismatch => mismatch(case, question),
        Refusal::Credential => match secrets::repaired(case) {
            Some(found) => found,
            None => secrets::other(case, question).unwrap_or_else(|| {
                let fix = "Compare it with what is set at the provider: both sides must have the very same text.";
                (Finding::new("secret_wrong", "The credential that came is not the one given.", fix), None)
            }),
        },
        Refusal::Untrusted(why) => {
            let fix =
                "The key or certificate has to come from the provider itself: compare it with the provider's page.";
            (Finding::new("key_untrusted", why.to_string(), fix), None)
        }
        Refusal::Needs(url) => {
            let text =
                format!("The provider signs with a key that has to be fetched from {url}; nothing is fetched here.");
            (Finding::new("key_unavailable", text, "A source of this kind fetches it by itself."), None)
        }
    }
}

/// `age_s` is negative for a time that is yet to come.
fn clock<'a>(case: &Case<'a>, age_s: i64, tolerance_s: i64) -> Found<'a> {
    let mended = Case { now_ms: case.now_ms.saturating_sub(age_s.saturating_mul(1000)), ..case.clone() };
    let span = age_s.unsigned_abs();
    let long = if span >= 120 { format!(" ({})", words(span)) } else { String::new() };
    let finding = if age_s >= 0 {
        Finding::new(
            "clock_skew",
            format!("The timestamp is {span} s{long} older than this moment; up to {tolerance_s} s are allowed."),
            "If the request is an old one, that is all: each new attempt is signed anew. If it came just now, the receiver's clock is fast or \
             the sender's is slow: set both by NTP. A queue in front of the receiver delays requests, too: verify before queueing.",
        )
    } else {
        Finding::new(
            "clock_skew",
            format!("The timestamp is {span} s{long} ahead of this moment; up to {tolerance_s} s are allowed."),
            "The receiver's clock is slow, or the sender's is fast: set both by NTP.",
        )
    };
    (finding, Some(mended))
}

fn words(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// The signature is one, and isn't of this: the secret, the body, or what else is signed.
fn mismatch<'a>(case: &Case<'a>, question: &Question<'_>) -> Found<'a> {
    let found = secrets::repaired(case)
        .or_else(|| secrets::other(case, question))
        .or_else(|| headers::swapped(case))
        .or_else(|| body(case, question))
        .or_else(|| standard::deviation(case));
    found.unwrap_or_else(|| (unexplained(case, question), None))
}

fn body<'a>(case: &Case<'a>, question: &Question<'_>) -> Option<Found<'a>> {
    let mut keys = vec![(None, case.clone())];
    for (name, secret) in question.others.iter().take(OTHERS_WITH_BODIES_MAX) {
        keys.push((Some(*name), Case { config: case.config.with_secret(secret), ..case.clone() }));
    }
    let fits = |body: &[u8]| keys.iter().find(|(_, case)| matches!(case.judge_body(body), Ok(Ok(()))));
    if let Some(original) = question.original.filter(|original| *original != case.body)
        && let Some((name, keyed)) = fits(original)
    {
        let text = format!("The body was altered on its way: {}", difference(original, &case.body));
        return Some(altered(text, *name, keyed, original.to_vec()));
    }
    for candidate in bodies::candidates(&case.body) {
        if let Some((name, keyed)) = fits(&candidate.body) {
            let reencoded = if candidate.is_reencoded { " Something read the JSON and wrote it again." } else { "" };
            let text = format!("The body was altered: the signature fits it {}.{reencoded}", candidate.how);
            return Some(altered(text, *name, keyed, candidate.body));
        }
    }
    None
}

fn altered<'a>(text: String, other: Option<&str>, keyed: &Case<'a>, body: Vec<u8>) -> Found<'a> {
    let other = other.map(|name| format!(" Besides, it is signed with {name}.")).unwrap_or_default();
    let fix = "Verify the bytes as they came, before anything parses them: `express.raw({type: \"application/json\"})`, `await request.text()`, \
               `request.get_data()`, `php://input`. A proxy that rewrites bodies must let this path through.";
    (Finding::new("body_altered", text + &other, fix), Some(Case { body, ..keyed.clone() }))
}

/// In words, how the body that came differs from the one that was sent.
fn difference(sent: &[u8], came: &[u8]) -> String {
    let same = serde_json::from_slice::<Value>(sent)
        .ok()
        .is_some_and(|a| serde_json::from_slice(came).is_ok_and(|b: Value| a == b));
    let at = sent.iter().zip(came).take_while(|(a, b)| a == b).count();
    let sizes = format!("{} bytes were sent and {} came; the first difference is at byte {at}", sent.len(), came.len());
    match same {
        true => format!("it is the same JSON, written differently ({sizes})."),
        false => format!("its content differs ({sizes})."),
    }
}

fn unexplained(case: &Case<'_>, question: &Question<'_>) -> Finding {
    let intact = question.original.is_some_and(|original| original == case.body);
    let text = match intact {
        true => {
            "The body is exactly what was sent, so the secret, the id or the timestamp is another one than was signed."
        }
        false => {
            "No usual mistake explains it: the body fits in none of the ways in which software rewrites it, and the secret is not just written \
             differently. Most likely it is another secret."
        }
    };
    let fix = "Copy the secret again from the endpoint's page (each endpoint has its own, and a rotation makes a new one), and compare id, timestamp \
               and body with the attempt's.";
    Finding::new("signature_mismatch", text, fix)
}
