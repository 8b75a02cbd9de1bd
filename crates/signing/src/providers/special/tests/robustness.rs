//! Whatever comes, there is a verdict: nothing panics, and nothing made up verifies.

use super::{Case, Outcome, valid_cases};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngSeed};
use std::sync::LazyLock;

/// Small ones, one or more of each scheme.
static CASES: LazyLock<Vec<Case>> =
    LazyLock::new(|| valid_cases().into_iter().filter(|case| case.body.len() < 8192).collect());

fn config() -> Config {
    Config { cases: 512, rng_seed: RngSeed::Fixed(1_614_265_330), failure_persistence: None, ..Config::default() }
}

/// Bytes that look like what the readers read.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..64),
        "[a-zA-Z0-9%&=+{}\":,/?#\\[\\]\r\n;. -]{0,64}".prop_map(String::into_bytes),
        vec(
            prop_oneof![
                Just("%"),
                Just("%4"),
                Just("&"),
                Just("\r\n--"),
                Just("{\"a\":"),
                Just("["),
                Just("\""),
                Just("=")
            ],
            0..12
        )
        .prop_map(|parts| parts.concat().into_bytes()),
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn random_headers_and_bodies_never_verify(which: Index, values in vec(noise(), 24), body in noise()) {
        let mut case = which.get(&CASES).clone();
        let keep_type = values[0].len() % 2 == 0;
        for ((name, value), noise) in case.headers.iter_mut().zip(values) {
            if !(keep_type && name == "content-type") {
                *value = noise;
            }
        }
        case.body = body;
        prop_assert!(matches!(case.judge(), Outcome::Refused(_)));
    }

    #[test]
    fn damaged_requests_get_a_verdict(which: Index, at: Index, len in 0usize..40, with in noise(), in_header: bool) {
        let mut case = which.get(&CASES).clone();
        let target = if in_header && !case.headers.is_empty() {
            &mut at.get_mut(&mut case.headers).1
        } else {
            &mut case.body
        };
        let from = at.index(target.len() + 1);
        let until = (from + len).min(target.len());
        target.splice(from..until, with);
        prop_assert!(!matches!(case.judge(), Outcome::Unsound(_)));
    }

    #[test]
    fn damaged_urls_get_a_verdict(which: Index, url in "[a-z:/?#@&=%.\\[\\]é0-9]{0,40}") {
        let case = which.get(&CASES).with_url(&url);
        prop_assert!(!matches!(case.judge(), Outcome::Unsound(_)));
    }

    #[test]
    fn damaged_certificates_get_a_verdict(pick: Index, at: Index, len in 0usize..40, with in noise()) {
        let cases: Vec<&Case> = CASES.iter().filter(|case| !case.materials.0.is_empty()).collect();
        let mut case = (*pick.get(&cases)).clone();
        for document in case.materials.0.values_mut() {
            let from = at.index(document.len() + 1);
            let until = (from + len).min(document.len());
            document.splice(from..until, with.iter().copied());
        }
        prop_assert!(!matches!(case.judge(), Outcome::Unsound(_)));
    }
}
