//! Every case of the address corpus, at its layer. Nothing that is to be denied may open a socket.

use super::support::*;
use super::tls::{Authority, tls_server};
use crate::CourierConfig;
use domain::guard::AddressGuard;
use domain::target::{TargetRules, TargetUrl};
use domain::{Outcome, RefusedRule, Unreachable};
use serde::Deserialize;
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

#[derive(Deserialize)]
struct Case {
    id: String,
    url: Option<String>,
    resolved_ip: Option<IpAddr>,
    #[serde(default)]
    dns: Vec<Value>,
    redirect: Option<Redirect>,
    expect: String,
    layer: String,
}

#[derive(Deserialize)]
struct Redirect {
    status: u16,
    location: Option<String>,
    #[serde(rename = "alt-svc")]
    alt_svc: Option<String>,
}

impl Case {
    fn is_allowed(&self) -> bool {
        self.expect == "allow"
    }

    /// The answers of successive look-ups; `None` is a resolver's error.
    fn answers(&self) -> Vec<Option<Vec<IpAddr>>> {
        let ip = |v: &Value| v.as_str().unwrap().parse::<IpAddr>().unwrap();
        if self.dns.iter().any(Value::is_array) {
            return self.dns.iter().map(|list| Some(list.as_array().unwrap().iter().map(ip).collect())).collect();
        }
        match self.dns.first() {
            // The resolver follows aliases; one without an address at its end is an error.
            Some(Value::Object(alias)) => {
                vec![alias.get("a").map(|a| a.as_array().unwrap().iter().map(ip).collect())]
            }
            _ => vec![Some(self.dns.iter().map(ip).collect())],
        }
    }
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../tests/ssrf/targets.json")).unwrap()
}

fn public_rules() -> TargetRules {
    let guard = AddressGuard::new(Vec::new(), vec!["127.0.0.1:8071".parse().unwrap()]);
    TargetRules { https_only: false, guard: Arc::new(guard) }
}

fn public_config() -> CourierConfig {
    CourierConfig { rules: public_rules(), ..CourierConfig::default() }
}

/// Makes one attempt for each answer of the resolver; gives the outcomes and what was dialled.
async fn deliver(url: &str, answers: Vec<Option<Vec<IpAddr>>>) -> (Vec<Outcome>, Vec<SocketAddr>) {
    let (rounds, dialer) = (answers.len(), Arc::new(RecordingDial::default()));
    let bench = Bench::with_network(public_config(), StubResolver::new(answers), dialer.clone());
    let target = bench.target(url);
    let mut outcomes = Vec::new();
    for _ in 0..rounds {
        outcomes.push(bench.attempt(&target).await.outcome);
    }
    let dialled = dialer.dialled.lock().clone();
    (outcomes, dialled)
}

#[test]
fn the_corpus_is_whole() {
    assert_eq!(cases().len(), 278);
}

#[test]
fn urls_pass_or_fail_by_their_text() {
    let mut failed = Vec::new();
    for case in cases().iter().filter(|c| c.layer == "parse" || c.layer == "policy") {
        let verdict = TargetUrl::parse(case.url.as_deref().unwrap(), &public_rules());
        if verdict.is_ok() != case.is_allowed() {
            failed.push((case.id.clone(), verdict));
        }
    }
    assert_eq!(failed, []);
}

#[test]
fn addresses_pass_or_fail_by_the_guard() {
    let wrong = |c: &Case| public_rules().guard.check_ip(c.resolved_ip.unwrap()).is_ok() != c.is_allowed();
    let failed: Vec<_> = cases().into_iter().filter(|c| c.resolved_ip.is_some() && wrong(c)).map(|c| c.id).collect();
    assert_eq!(failed, [""; 0]);
}

#[tokio::test]
async fn no_socket_is_opened_to_a_denied_address_that_a_name_resolves_to() {
    for case in cases().iter().filter(|c| c.resolved_ip.is_some()) {
        let ip = case.resolved_ip.unwrap();
        let (outcomes, dialled) = deliver("https://name.example.com/", vec![Some(vec![ip])]).await;
        if case.is_allowed() {
            assert_eq!(dialled, [SocketAddr::new(ip, 443)], "{}", case.id);
            assert_eq!(outcomes, [Outcome::Unreachable { why: Unreachable::Connect }], "{}", case.id);
        } else {
            assert_eq!(dialled, [], "{}", case.id);
            assert_eq!(outcomes, [Outcome::Refused { rule: RefusedRule::Address }], "{}", case.id);
        }
    }
}

#[tokio::test]
async fn no_socket_is_opened_for_a_denied_name_and_allowed_ones_are_dialled() {
    for case in cases().iter().filter(|c| c.url.is_some() && (c.layer == "dial" || c.is_allowed())) {
        let (outcomes, dialled) = deliver(case.url.as_deref().unwrap(), case.answers()).await;
        let guard = public_rules().guard;
        assert!(dialled.iter().all(|a| guard.check(*a).is_ok()), "{}: {dialled:?}", case.id);
        let last = outcomes.last().unwrap();
        if case.is_allowed() {
            assert!(!dialled.is_empty() && dialled.len() <= 16, "{}: {dialled:?}", case.id);
        } else if case.answers().last().unwrap().as_ref().is_none_or(Vec::is_empty) {
            assert_eq!(*last, Outcome::Unreachable { why: Unreachable::Dns }, "{}", case.id);
        } else {
            assert_eq!(*last, Outcome::Refused { rule: RefusedRule::Address }, "{}", case.id);
            assert_eq!(dialled.len(), outcomes.len() - 1, "{}: only public answers are dialled", case.id);
        }
    }
}

#[tokio::test]
async fn where_a_response_points_is_never_contacted() {
    let authority = Authority::new();
    for case in cases().iter().filter(|c| c.layer == "response") {
        let (url, redirect) = (case.url.as_deref().unwrap(), case.redirect.as_ref().unwrap());
        let mut answer = format!("HTTP/1.1 {} X\r\ncontent-length: 0\r\n", redirect.status);
        for (name, value) in [("location", &redirect.location), ("alt-svc", &redirect.alt_svc)] {
            answer.extend(value.iter().map(|v| format!("{name}: {v}\r\n")));
        }
        answer.push_str("\r\n");
        let host = TargetUrl::parse(url, &public_rules()).unwrap().host().to_string();
        let server = tls_server(authority.server_config(&[&host]), answer).await;
        let dialer = Arc::new(RecordingDial { leads_to: Some(server.address), ..RecordingDial::default() });
        let config =
            CourierConfig { extra_ca_file: Some(authority.file()), idle_per_destination: 0, ..public_config() };
        let bench = Bench::with_network(config, StubResolver::new(case.answers()), dialer.clone());
        let target = bench.target(url);
        for _ in 0..2 {
            assert_eq!(bench.attempt(&target).await.outcome, responded(redirect.status), "{}", case.id);
        }
        let first = SocketAddr::new(case.answers()[0].as_ref().unwrap()[0], 443);
        assert_eq!(*dialer.dialled.lock(), [first, first], "{}", case.id);
    }
}
