//! Every given vector gets its strict verdict.

use crate::providers::vectors::{Invalid, Vector, judge_body};
use crate::providers::{Draft, Provider, sign};
use serde_json::json;
use std::path::{Path, PathBuf};

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

/// What we sign is what the providers' own libraries signed. Only signatures without a time or an id of the request's own.
#[test]
fn valid_vectors_are_signed_again_to_the_letter() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/made");
    let mut compared = 0;
    // Twilio signs these with another port than the URL's, or with a newer algorithm.
    let variants = ["twilio_py#0016", "twilio_py#0017", "twilio_py#0039"];
    for vector in files(&folder).iter().flat_map(|file| read(file)) {
        if variants.contains(&vector.id.as_str()) {
            continue;
        }
        let provider = Provider::find(&vector.scheme).unwrap();
        let template = &provider.schemes[0].template;
        let is_alone =
            vector.secrets.is_none() && vector.body_file.is_none() && vector.expected.as_deref() == Some("valid");
        if !is_alone
            || vector.should_pass() == Some(false)
            || template.contains("{header:")
            || template.contains("{ts}")
        {
            continue;
        }
        let given = vector.headers.as_object().unwrap();
        let given = |name: &str| {
            given.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str().unwrap())
        };
        let draft = Draft {
            method: &vector.method,
            url: &vector.url,
            content_type: given("content-type").unwrap_or("application/json"),
            body: &vector.body(&folder).unwrap(),
            now_ms: vector.now as i64 * 1000,
            event_type: "",
            event_id: "",
        };
        let Ok(headers) = sign(provider, &json!({ "secret": vector.secret }), &draft) else { continue };
        // A header may hold more than one signature.
        let name = provider.schemes[0].header.as_str();
        let name = if provider.name == "twilio" { "x-twilio-signature" } else { name };
        let Some((made, expected)) = headers.iter().find(|(known, _)| known == name).zip(given(name)) else { continue };
        let is_one = !expected.contains(',') && !expected.contains(' ');
        if is_one {
            assert_eq!(made.1, expected, "{} ({})", vector.id, vector.scheme);
            compared += 1;
        }
    }
    assert!(compared > 150, "{compared}");
}
