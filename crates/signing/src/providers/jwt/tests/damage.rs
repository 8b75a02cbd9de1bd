//! What is right is refused once anything of it is damaged.

use super::{Vector, valid};
use crate::providers::Refusal;

/// The header with the signature.
fn signature(vector: &mut Vector) -> &mut Vec<u8> {
    let found = vector.headers.iter_mut().find(|(name, _)| name != "x-tl-webhook-timestamp" && !name.contains("time"));
    &mut found.unwrap().1
}

fn each_refused(damage: impl Fn(&mut Vector), refused: impl Fn(&Refusal) -> bool) {
    let vectors = valid();
    assert!(vectors.len() > 40);
    for mut vector in vectors {
        damage(&mut vector);
        let verdict = vector.judge();
        assert!(verdict.as_ref().is_err_and(&refused), "{}: {verdict:?}", vector.id);
    }
}

#[test]
fn a_tampered_body_is_refused() {
    for mut vector in valid() {
        let covers_body = vector.scheme != "jwt" || vector.config.get("bodyHashClaim").is_some();
        vector.body.push(b' ');
        assert_eq!(vector.judge().is_err(), covers_body, "{}", vector.id);
    }
}

#[test]
fn a_wrong_secret_is_a_mismatch() {
    for mut vector in valid().into_iter().filter(|v| v.config["secret"].as_str().is_some_and(|s| !s.contains("ES256")))
    {
        if vector.scheme == "truelayer" {
            continue;
        }
        vector.config["secret"] = "another secret, wrong but long enough".into();
        vector.config.as_object_mut().unwrap().remove("secrets");
        assert_eq!(vector.judge(), Err(Refusal::Mismatch), "{}", vector.id);
    }
}

#[test]
fn a_missing_or_empty_signature_is_said_to_be_missing() {
    each_refused(|vector| vector.headers.clear(), |refusal| matches!(refusal, Refusal::Missing(_)));
    each_refused(|vector| signature(vector).clear(), |refusal| matches!(refusal, Refusal::Missing(_)));
}

#[test]
fn a_doubled_signature_is_refused_even_when_both_are_right() {
    each_refused(
        |vector| {
            let again = vector.headers.clone();
            vector.headers.extend(again);
        },
        |refusal| matches!(refusal, Refusal::Doubled(_)),
    );
}

#[test]
fn a_truncated_signature_is_refused_wherever_it_is_cut() {
    let mut seen = std::collections::HashSet::new();
    for vector in valid() {
        let whole = signature(&mut vector.clone()).clone();
        // P-521 takes its time in a debug build, so one vector of each scheme is cut everywhere.
        let step = if seen.insert(vector.scheme.clone()) { 7 } else { whole.len() / 2 };
        for at in (0..whole.len()).step_by(step).chain([whole.len() - 1]) {
            let mut cut = vector.clone();
            signature(&mut cut).truncate(at);
            assert!(cut.judge().is_err(), "{} cut at {at}", vector.id);
        }
    }
}

#[test]
fn a_signature_with_something_behind_it_is_malformed() {
    for tail in ["=", " ", "A", ".", ",", "\0", "é"] {
        each_refused(
            |vector| signature(vector).extend_from_slice(tail.as_bytes()),
            |refusal| matches!(refusal, Refusal::Malformed(_) | Refusal::Mismatch),
        );
    }
}

#[test]
fn a_token_whose_time_has_passed_is_stale() {
    for mut vector in valid() {
        let has_time = ["plaid", "messagebird", "messagebird_legacy", "qstash"].contains(&&*vector.scheme)
            || (vector.scheme == "jwt" && vector.config.get("requireExpiry").is_none());
        vector.now_ms += 86_400_000;
        let verdict = vector.judge();
        assert_eq!(matches!(verdict, Err(Refusal::Stale { .. })), has_time, "{}: {verdict:?}", vector.id);
    }
}

#[test]
fn another_url_is_a_mismatch_where_the_url_is_signed() {
    for mut vector in valid() {
        let covers_url = ["messagebird", "qstash", "truelayer"].contains(&&*vector.scheme);
        vector.url = vector.url.replace("example.com/", "example.com/x");
        assert_eq!(vector.judge() == Err(Refusal::Mismatch), covers_url, "{}", vector.id);
    }
}

#[test]
fn another_signature_of_the_right_length_is_a_mismatch() {
    for mut vector in valid() {
        let text = signature(&mut vector);
        let at = text.len() - 10;
        text[at] = if text[at] == b'A' { b'B' } else { b'A' };
        assert_eq!(vector.judge(), Err(Refusal::Mismatch), "{}", vector.id);
    }
}
