//! The snippets take what we sign and nothing else: run, where their interpreters are at hand.

use super::*;
use signing::{EndpointSecret, SigningKeys};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD+/vb8Pn9QQ==";
const BODY: &str = "{\"a\": \"é'\\n\"}\n";

/// Compiled as it is shown.
#[allow(dead_code, unused_imports, clippy::all, reason = "it is what people copy")]
mod rust {
    include!("../../assets/snippets/rust.txt");
}

fn has(program: &str, argument: &str) -> bool {
    let found = Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

/// The snippets check the time by the system's clock, so that this is asked for it.
fn now_s() -> i64 {
    let out = Command::new("date").arg("+%s").output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().parse().unwrap()
}

/// Id, timestamp, signature and body; and whether they hold.
fn cases() -> Vec<([String; 4], bool)> {
    let now = now_s();
    let sign = |secret: &str, id: &str, at: i64| {
        let mut out = String::new();
        SigningKeys::new([&EndpointSecret::parse(secret).unwrap()]).sign_into(id, at, BODY.as_bytes(), &mut out);
        out
    };
    let other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwQ0VGRlJDTUs=";
    let right = sign(SECRET, "msg_1", now);
    let case = |id: &str, at: i64, signature: &str, body: &str, holds| {
        ([id.to_owned(), at.to_string(), signature.to_owned(), body.to_owned()], holds)
    };
    vec![
        case("msg_1", now, &right, BODY, true),
        case("msg_1", now, &format!("v1a,AAAA {} {right}", sign(other, "msg_1", now)), BODY, true),
        case("msg_1", now, &right, BODY.trim(), false),
        case("msg_2", now, &right, BODY, false),
        case("msg_1", now - 1, &right, BODY, false),
        case("msg_1", now, &right.replace("v1,", "v2,"), BODY, false),
        case("msg_1", now, &sign(other, "msg_1", now), BODY, false),
        case("msg_1", now - 900, &sign(SECRET, "msg_1", now - 900), BODY, false),
        case("msg_1", now, "v1,", BODY, false),
    ]
}

/// Writes the snippet as `file` and runs `command` there for each case: arguments are id, timestamp and signature, the body is
/// the input; success means that it holds.
fn run(name: &str, file: &str, more: &str, command: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let snippet = Snippet::find(name).unwrap().with_secret(SECRET);
    std::fs::write(dir.path().join(file), format!("{snippet}\n{more}")).unwrap();
    for (parts, holds) in cases() {
        let [id, at, signature, body] = parts;
        assert_eq!(
            succeeds(dir.path(), command, &[&id, &at, &signature], &body),
            holds,
            "{name}: {id} {at} {signature} {body:?}"
        );
    }
}

fn succeeds(dir: &Path, command: &[&str], arguments: &[&str], input: &str) -> bool {
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // One that ends before it read all refused it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait().unwrap().success()
}

#[test]
fn the_shell_one_takes_what_we_sign_and_nothing_else() {
    if has("openssl", "version") {
        run("shell", "verify.sh", "", &["sh", "verify.sh"]);
    }
}

#[test]
fn the_python_one_takes_what_we_sign_and_nothing_else() {
    let more = "import sys\nverify(dict(zip(['webhook-id', 'webhook-timestamp', 'webhook-signature'], sys.argv[1:])), sys.stdin.buffer.read())\n";
    if has("python3", "--version") {
        run("python", "verify.py", more, &["python3", "verify.py"]);
    }
}

#[test]
fn the_javascript_one_takes_what_we_sign_and_nothing_else() {
    let more = "import { readFileSync } from 'node:fs';\nconst [id, at, sig] = process.argv.slice(2);\n\
                verify({ 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': sig }, readFileSync(0));\n";
    if has("node", "--version") {
        run("javascript", "verify.mjs", more, &["node", "verify.mjs"]);
    }
}

#[test]
fn the_typescript_one_takes_what_we_sign_and_nothing_else() {
    let more = "import { readFileSync } from 'node:fs';\nconst [id, at, sig] = process.argv.slice(2);\n\
                const headers = { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': sig };\n\
                await verify(new Request('http://a.test', { method: 'POST', headers, body: readFileSync(0) }));\n";
    // Node strips types by itself from 22.18; before, its few annotations are taken away here.
    if has("node", "--version") {
        let snippet = Snippet::find("typescript").unwrap().with_secret(SECRET);
        let plain =
            snippet.replace(": Request", "").replace("secret: string", "secret").replace("text: string", "text");
        let plain = plain.replace(": Promise<unknown>", "");
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("verify.mjs"), format!("{plain}\n{more}")).unwrap();
        for (parts, holds) in cases() {
            let [id, at, signature, body] = parts;
            let did = succeeds(dir.path(), &["node", "verify.mjs"], &[&id, &at, &signature], &body);
            assert_eq!(did, holds, "{id} {at} {signature} {body:?}");
        }
    }
}

#[test]
fn the_java_one_takes_what_we_sign_and_nothing_else() {
    if !has("javac", "-version") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let snippet = Snippet::find("java").unwrap().with_secret(SECRET);
    let main = "public class Main { public static void main(String[] a) throws Exception {\n\
                WebhookVerifier.verify(WebhookVerifier.SECRET, a[0], a[1], a[2], System.in.readAllBytes()); } }\n";
    std::fs::write(dir.path().join("WebhookVerifier.java"), snippet).unwrap();
    std::fs::write(dir.path().join("Main.java"), main).unwrap();
    assert!(succeeds(dir.path(), &["javac", "Main.java"], &[], ""), "it doesn't compile");
    // A virtual machine takes its time to start: the case that holds, and two that don't.
    for (parts, holds) in cases().into_iter().take(4).step_by(1) {
        let [id, at, signature, body] = parts;
        let did = succeeds(dir.path(), &["java", "-Xshare:auto", "Main"], &[&id, &at, &signature], &body);
        assert_eq!(did, holds, "{id} {at} {signature} {body:?}");
    }
}

#[test]
fn the_ruby_and_php_ones_take_what_we_sign_and_nothing_else() {
    if has("ruby", "--version") {
        let more = "verify(%w[webhook-id webhook-timestamp webhook-signature].zip(ARGV).to_h, STDIN.binmode.read)\n";
        run("ruby", "verify.rb", more, &["ruby", "verify.rb"]);
    }
    if has("php", "--version") {
        let more = "verify(array_combine(['webhook-id', 'webhook-timestamp', 'webhook-signature'], array_slice($argv, 1)), stream_get_contents(STDIN));\n";
        run("php", "verify.php", more, &["php", "verify.php"]);
    }
}

#[test]
fn the_rust_one_takes_what_we_sign_and_nothing_else() {
    let now = now_s();
    for ([id, at, signature, body], holds) in cases() {
        let did = rust::verify(SECRET, &id, &at, &signature, body.as_bytes(), now).is_ok();
        assert_eq!(did, holds, "{id} {at} {signature}");
    }
}

#[test]
fn every_snippet_has_one_place_for_the_secret_and_balanced_brackets() {
    assert!(SNIPPETS.len() >= 10);
    for snippet in SNIPPETS {
        assert_eq!(snippet.text.matches("{{secret}}").count(), 1, "{}", snippet.name);
        assert!(snippet.with_secret(SECRET).contains(SECRET) && !snippet.with_secret(SECRET).contains("{{"));
        for (open, close) in [('(', ')'), ('{', '}'), ('[', ']')] {
            let count = |c| snippet.with_secret(SECRET).matches(c).count();
            // A `case` of a shell closes what nothing opened.
            assert!(count(open) == count(close) || snippet.name == "shell", "{} {open}", snippet.name);
        }
    }
}
