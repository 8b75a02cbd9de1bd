//! Every given vector gets its strict verdict.

use crate::providers::Provider;
use crate::providers::vectors::{Invalid, Vector, judge_body};
use std::path::{Path, PathBuf};

/// Schemes that have no code yet.
const MISSING: &[&str] = &[
    "adyen",
    "aws_sns",
    "box",
    "braintree",
    "contentful",
    "dropbox_sign",
    "kudosity",
    "mailgun",
    "mandrill",
    "messagebird",
    "messagebird_legacy",
    "microsoft_graph",
    "paypal",
    "plaid",
    "plivo_v3",
    "pusher",
    "qstash",
    "truelayer",
    "twilio",
    "vonage",
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

fn read(file: &Path) -> Vec<Vector> {
    let text = std::fs::read_to_string(file).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The two bodies of a mebibyte, which aren't worth their room here: one unit repeated, and the last byte changed.
fn mebibyte(file: &str) -> Vec<u8> {
    const LEN: usize = 1 << 20;
    const UNIT: &[u8] = b"385cfdbc00ec32031699460779c15099b2bba3cad0e440fffb08e10df0acb9e1";
    let head = br#"{"id":"evt_big","type":"blob.created","data":{"blob":""#;
    let tail = br#""}}"#;
    let blob = UNIT.iter().cycle().take(LEN - head.len() - tail.len());
    let mut body: Vec<u8> = head.iter().chain(blob).chain(tail).copied().collect();
    if file.contains("tampered") {
        body[LEN - 1] = b' ';
    }
    body
}

/// Judges all vectors of a folder; says how many there were.
fn judge_all(folder: &Path) -> usize {
    let mut failures = Vec::new();
    let mut judged = 0;
    for file in files(folder) {
        for vector in read(&file) {
            if MISSING.contains(&vector.scheme.as_str()) {
                continue;
            }
            let body = match &vector.body_file {
                Some(file) => mebibyte(file),
                None => vector.body(folder).unwrap(),
            };
            let verdict = judge_body(&vector, &body);
            let should_pass = vector.should_pass().unwrap();
            if verdict.is_ok() != should_pass || matches!(verdict, Err(Invalid::Unreadable(_))) {
                failures.push(format!("{} ({}): {verdict:?}, expected {should_pass}", vector.id, vector.scheme));
            }
            judged += 1;
        }
    }
    assert!(failures.is_empty(), "{} of {judged} differ:\n{}", failures.len(), failures.join("\n"));
    judged
}

#[test]
fn made_vectors_get_their_strict_verdict() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/made");
    assert!(judge_all(&folder) > 700);
}

/// These stand under licences of their own, beside the project.
#[test]
fn harvested_vectors_get_their_strict_verdict() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/harvested");
    if folder.is_dir() {
        assert!(judge_all(&folder) > 100);
    } else {
        println!("skipped: {} is absent", folder.display());
    }
}

/// A scheme that has code must not be left out above.
#[test]
fn schemes_that_are_left_out_have_no_code() {
    for name in MISSING {
        let config = serde_json::json!({ "secret": "a-secret-of-no-use", "publicKey": "none", "key": "none" });
        let verifier = Provider::find(name).unwrap().verifier_lenient(&config);
        assert!(verifier.is_err_and(|error| error.message.contains("there is no scheme")), "{name} has code by now");
    }
}
