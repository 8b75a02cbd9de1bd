//! `verify` and `trigger`: what a person asks on the command line, answered by the judge that the server has.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::Place;
use super::support::receiver::Receiver;
use super::support::server::Launch;
use super::support::source::{SECRET, Source};

/// The signature that GitHub's documentation gives for this secret and body.
const BODY: &str = "Hello, World!";
const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

fn verify<'a>(header: &'a str, body: &'a str) -> Vec<&'a str> {
    vec!["verify", "--provider", "github", "--secret", SECRET, "--header", header, body]
}

fn header() -> String {
    format!("X-Hub-Signature-256: {SIGNATURE}")
}

#[test]
fn a_signature_that_holds_is_valid_however_the_body_is_given() {
    let place = Place::new();
    let header = header();
    assert_eq!(place.check(0, &verify(&header, BODY), &[]).out, "valid\n");
    fs::write(place.path().join("body.txt"), BODY).unwrap();
    assert_eq!(place.check(0, &verify(&header, "body.txt"), &[]).out, "valid\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
    command.args(verify(&header, "-")).env_clear().current_dir(place.path());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(BODY.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"valid\n"[..]));
    // The old secret beside the new one.
    let both = [&["verify", "--secret", "the one before it"][..], &verify(&header, BODY)[1..]].concat();
    place.check(0, &both, &[]);
}

#[test]
fn one_that_does_not_hold_is_invalid_and_says_why() {
    let place = Place::new();
    let header = header();
    let mut reasons = Vec::new();
    for (header, body) in [
        (header.as_str(), "Hello, World?"),
        ("X-Other: 1", BODY),
        ("X-Hub-Signature-256: sha256=75", BODY),
        ("X-Hub-Signature-256:", BODY),
    ] {
        let run = place.check(1, &verify(header, body), &[]);
        assert!(run.out.starts_with("invalid: ") && run.out.lines().count() > 1, "{}", run.out);
        assert!(!run.out.contains(SECRET) && run.err.is_empty(), "{} {}", run.out, run.err);
        reasons.push(run.out);
    }
    assert_ne!(reasons[0], reasons[1]);
    let twice = [&verify(&header, BODY)[..], &["--header", &header]].concat();
    place.check(1, &twice, &[]);
    // Stripe signs the time.
    let stripe = ["verify", "--provider", "stripe", "--secret", "whsec_test_secret", "--header", STRIPE, STRIPE_BODY];
    let at = |now: &'static str| [&stripe[..], &["--now", now]].concat();
    assert_eq!(place.check(0, &at("1760000000"), &[]).out, "valid\n");
    assert_eq!(place.check(0, &at("2025-10-09T08:53:20Z"), &[]).out, "valid\n");
    place.check(1, &at("1760001000"), &[]);
}

const STRIPE: &str =
    "Stripe-Signature: t=1760000000,v1=46ffa393f6272151ee6716182e4db7d40f378012f85f1baf81108029ee95c006";
const STRIPE_BODY: &str = r#"{"id":"evt_1","type":"invoice.paid","data":{"amount":2000,"currency":"usd"}}"#;

#[test]
fn what_cant_be_judged_is_told_from_what_is_wrong() {
    let place = Place::new();
    for (args, says) in [
        (&["verify", "--provider", "githup", "--secret", "x", "{}"][..], "did you mean github"),
        (&["verify", "--provider", "github", "{}"], "secret"),
        (&["verify", "--provider", "github", "--secret", "x", "--header", "nonsense", "{}"], "Name: value"),
        (&["verify", "--provider", "github", "--secret", "x", "--now", "soon", "{}"], "--now"),
        (&["verify", "--provider", "github", "--secret", "x", "@missing.json"], "missing.json"),
        (&["verify", "--vectors", "missing.json"], "missing.json"),
        (&["trigger", "nobody", "--url", "http://127.0.0.1:1/", "--secret", "x"], "--list"),
    ] {
        let run = super::finished(run(&place, args));
        assert!(run.code >= 1 && run.out.is_empty(), "{args:?} {} {}", run.code, run.out);
        assert!(run.err.contains(says), "{args:?}: {}", run.err);
    }
}

fn run(place: &Place, args: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
    command.args(args).env_clear().current_dir(place.path());
    super::output(command)
}

#[test]
fn a_file_of_vectors_is_judged_line_by_line_as_it_says() {
    let place = Place::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/signing/vectors/made");
    for name in ["made", "bodies"] {
        fs::create_dir(place.path().join(name)).unwrap();
    }
    // The bodies of a mebibyte that vectors name, beside their folder.
    let mut large = large_body();
    fs::write(place.path().join("bodies/json_1mib.json"), &large).unwrap();
    *large.last_mut().unwrap() = b' ';
    fs::write(place.path().join("bodies/json_1mib_tampered.json"), large).unwrap();
    for name in ["stripe", "github", "slack", "twilio", "hubspot", "discord", "standard_webhooks", "aws_sns", "jwt"] {
        let file = place.path().join(format!("made/{name}.json"));
        fs::copy(folder.join(format!("{name}.json")), &file).unwrap();
        let vectors: Vec<Value> = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let run = place.check(0, &["verify", "--vectors", file.to_str().unwrap()], &[]);
        let lines: Vec<Value> = run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), vectors.len());
        for (line, vector) in lines.iter().zip(&vectors) {
            let expected = vector.get("strict_expected").unwrap_or(&vector["expected"]);
            assert_eq!((&line["id"], &line["valid"]), (&vector["id"], &json!(expected == "valid")), "{line} {vector}");
            assert_eq!(line["reason"].is_null(), expected == "valid", "{line}");
            assert_eq!(line.as_object().unwrap().len(), 3);
        }
        assert!(lines.iter().any(|line| line["valid"] == true) && lines.iter().any(|line| line["valid"] == false));
    }
}

/// One event of a mebibyte.
fn large_body() -> Vec<u8> {
    const LEN: usize = 1 << 20;
    const UNIT: &[u8] = b"385cfdbc00ec32031699460779c15099b2bba3cad0e440fffb08e10df0acb9e1";
    let (head, tail) = (br#"{"id":"evt_big","type":"blob.created","data":{"blob":""#, br#""}}"#);
    let blob = UNIT.iter().cycle().take(LEN - head.len() - tail.len());
    head.iter().chain(blob).chain(tail).copied().collect()
}

#[test]
fn a_broken_vector_does_not_hold_up_the_others() {
    let place = Place::new();
    let good = json!({"id": "good", "scheme": "github", "secret": SECRET, "now": 0, "body": "SGVsbG8sIFdvcmxkIQ==",
        "headers": {"X-Hub-Signature-256": SIGNATURE}});
    let nobody = json!({"id": "nobody", "scheme": "nobody", "now": 0});
    let broken = json!({"id": 7, "scheme": 8});
    fs::write(place.path().join("v.ndjson"), format!("{broken}\n{nobody}\n{good}\n")).unwrap();
    let run = place.check(0, &["verify", "--vectors", "v.ndjson"], &[]);
    let lines: Vec<Value> = run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let verdicts: Vec<_> = lines.iter().map(|line| (line["id"].clone(), line["valid"].clone())).collect();
    assert_eq!(verdicts, [(json!(7), json!(false)), (json!("nobody"), json!(false)), (json!("good"), json!(true))]);
}

#[test]
fn every_sample_reaches_a_source_of_its_provider_and_what_is_behind_it() {
    let receiver = Receiver::good();
    let launch = Launch::new(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    let list = launch.place.check(0, &["trigger", "--list"], &[]).out;
    let samples: Vec<(&str, &str)> =
        list.lines().map(|line| line.split_once(' ').unwrap()).map(|(p, e)| (p, e.trim())).collect();
    let mut sources: HashMap<&str, Source> = HashMap::new();
    // Standard Webhooks secrets are base64, which any other provider's may look like too.
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let mut handshakes = 0;
    for (provider, event) in &samples {
        let source = sources.entry(provider).or_insert_with(|| {
            let source = Source::new(&api, provider, json!({"secret": secret}));
            source.forward(&api, &receiver.url(&format!("/{provider}")));
            source
        });
        let url = format!("http://{}{}", server.address, source.path);
        let run = launch.place.check(0, &["trigger", provider, event, "--url", &url, "--secret", secret], &[]);
        assert!(run.out.starts_with("200"), "{provider} {event}: {}", run.out);
        handshakes += usize::from(source.requests(&api).last().unwrap()["verdict"] == "handshake");
    }
    assert!(sources.len() >= 10, "{list}");
    assert_eq!(handshakes, 1, "Slack's");
    let events = samples.len() - handshakes;
    receiver.wait("each event", |seen| (seen.len() >= events).then_some(()));
    for (provider, source) in &sources {
        let requests = source.requests(&api);
        let accepted = requests.iter().filter(|r| r["verdict"] == "accepted").count();
        assert_eq!(source.messages(&api).len(), accepted, "{provider}");
        assert!(requests.iter().all(|r| r["verdict"] != "refused" && r["duplicates"] == 0), "{provider}");
    }
}

#[test]
fn the_same_id_twice_is_one_event_and_a_wrong_secret_fails() {
    let receiver = Receiver::good();
    let launch = Launch::new(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    let source = Source::github(&api);
    source.forward(&api, &receiver.url("/hooks"));
    let url = format!("http://{}{}", server.address, source.path);
    let trigger = |code: i32, secret: &str, more: &[&str]| {
        let args = [&["trigger", "github", "push", "--url", &url, "--secret", secret][..], more].concat();
        launch.place.check(code, &args, &[])
    };
    trigger(0, SECRET, &["--id", "the-one"]);
    trigger(0, SECRET, &["--id", "the-one"]);
    assert_eq!(source.messages(&api).len(), 1);
    assert_eq!(source.requests(&api)[0]["duplicates"], 1);
    trigger(0, SECRET, &["--id", "another", "--body", "{\"own\":true}"]);
    trigger(0, SECRET, &[]);
    trigger(0, SECRET, &[]);
    assert_eq!(source.messages(&api).len(), 4);
    let seen = receiver.wait_for("/hooks", 4);
    assert!(seen.iter().any(|s| s.body == b"{\"own\":true}" && s.header("x-github-event") == "push"));
    assert!(trigger(1, "of somebody else", &[]).out.starts_with("401"));
    assert!(launch.place.check(1, &["trigger", "github", "--url", &url], &[]).err.contains("--secret"));
    assert_eq!(source.messages(&api).len(), 4);
}
