//! The snippets take what we sign and nothing else.
//!
//! Those that need another language's interpreter are ignored unless they are asked for: `cargo xtask test` installs what Debian
//! has of these and asks for them; there they fail where it is missing.

use super::*;
use signing::{EndpointSecret, SigningKeys};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

const SHARED: [&str; 2] =
    ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD+/vb8Pn9QQ==", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwQ0VGRlJDTUs="];
/// Seeds, of which the receiver only has the public keys.
const PAIRS: [&str; 2] =
    ["whsk_C2FVsBQIhrscChlQIMV+b5sSYspob7oD+/vb8Pn9QQA=", "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwQ0VGRlJDTUs="];
const BODY: &str = "{\"a\": \"é'\\n\"}\n";

/// Compiled as they are shown.
#[allow(dead_code, unused_imports, clippy::all, reason = "it is what people copy")]
mod rust {
    include!("../../assets/snippets/rust.txt");
}
#[allow(dead_code, unused_imports, clippy::all, reason = "it is what people copy")]
mod rust_ed25519 {
    include!("../../assets/snippets/rust-ed25519.txt");
}

/// The snippets check the time by the system's clock, so that this is asked for it.
fn now_s() -> i64 {
    let out = Command::new("date").arg("+%s").output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().parse().unwrap()
}

/// What is shown to a receiver.
fn shown(secret: &str) -> String {
    EndpointSecret::parse(secret).unwrap().shown().to_string()
}

/// Id, timestamp, signature and body; and whether they hold.
type Case = ([String; 4], bool);

fn cases([secret, other]: [&str; 2]) -> Vec<Case> {
    let now = now_s();
    let sign = |secret: &str, id: &str, at: i64| {
        let mut out = String::new();
        SigningKeys::new([&EndpointSecret::parse(secret).unwrap()]).sign_into(id, at, BODY.as_bytes(), &mut out);
        out
    };
    let right = sign(secret, "msg_1", now);
    let (version, bare) = right.split_once(',').unwrap();
    let case = |id: &str, at: i64, signature: &str, body: &str, holds| {
        ([id.to_owned(), at.to_string(), signature.to_owned(), body.to_owned()], holds)
    };
    vec![
        case("msg_1", now, &right, BODY, true),
        case("msg_1", now, &format!("v1a,AAAA v1,AAAA {} {right}", sign(other, "msg_1", now)), BODY, true),
        case("msg_1", now, &right, BODY.trim(), false),
        case("msg_2", now, &right, BODY, false),
        case("msg_1", now - 1, &right, BODY, false),
        case("msg_1", now, &format!("v2,{bare}"), BODY, false),
        case("msg_1", now, bare, BODY, false),
        case("msg_1", now, &sign(other, "msg_1", now), BODY, false),
        case("msg_1", now - 900, &sign(secret, "msg_1", now - 900), BODY, false),
        case("msg_1", now + 900, &sign(secret, "msg_1", now + 900), BODY, false),
        case("msg_1", now, &format!("{version},"), BODY, false),
        case("msg_1", now, &format!("{version},not base64 {version},%%%"), BODY, false),
        case("msg_1", now, "", BODY, false),
    ]
}

/// Of a file, from the snippet.
type Text = fn(&str) -> String;

/// One language: how a program around its snippet is written and started.
struct Language<'a> {
    name: &'a str,
    /// Text of each file from the snippet.
    files: &'a [(&'a str, Text)],
    /// Run first in that folder; must succeed.
    build: &'a [&'a [&'a str]],
    /// Takes id, timestamp and signature as arguments and the body as input; success means that it holds.
    run: &'a [&'a str],
}

impl Language<'_> {
    fn check_shared(&self) {
        self.check(SHARED);
    }

    fn check_both(&self) {
        self.check(SHARED);
        self.check(PAIRS);
    }

    fn check(&self, secrets: [&str; 2]) {
        let dir = tempfile::tempdir().unwrap();
        let snippet = Snippet::find(self.name).unwrap().with_secret(&shown(secrets[0]));
        for (file, text) in self.files {
            std::fs::write(dir.path().join(file), text(&snippet)).unwrap();
        }
        for command in self.build {
            let built = start(dir.path(), command, &[], "");
            assert!(built.status.success(), "{command:?}: {}", String::from_utf8_lossy(&built.stderr));
        }
        for (parts, holds) in cases(secrets) {
            let [id, at, signature, body] = parts;
            let ended = start(dir.path(), self.run, &[&id, &at, &signature], &body);
            let said = String::from_utf8_lossy(&ended.stderr);
            assert_eq!(ended.status.success(), holds, "{}: {id} {at} {signature:?} {body:?}: {said}", self.name);
        }
    }
}

fn start(dir: &Path, command: &[&str], arguments: &[&str], input: &str) -> std::process::Output {
    let child = Command::new(command[0])
        .args(&command[1..])
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.unwrap_or_else(|why| panic!("{} can't be started: {why}", command[0]));
    // One that ends before it read all refused it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
#[ignore = "needs openssl"]
fn shell_takes_what_we_sign_and_nothing_else() {
    let files: &[(&str, Text)] = &[("verify.sh", str::to_owned)];
    Language { name: "shell", files, build: &[], run: &["sh", "verify.sh"] }.check_both();
}

const PYTHON: &str = "
import sys
verify(dict(zip(['webhook-id', 'webhook-timestamp', 'webhook-signature'], sys.argv[1:])), sys.stdin.buffer.read())
";

#[test]
#[ignore = "needs python3, with its package cryptography"]
fn python_takes_what_we_sign_and_nothing_else() {
    let files: &[(&str, Text)] = &[("verify.py", |snippet| format!("{snippet}{PYTHON}"))];
    Language { name: "python", files, build: &[], run: &["python3", "verify.py"] }.check_both();
}

const JAVASCRIPT: &str = "
import { readFileSync } from 'node:fs';
const [id, at, sig] = process.argv.slice(2);
verify({ 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': sig }, readFileSync(0));
";

#[test]
#[ignore = "needs node"]
fn javascript_takes_what_we_sign_and_nothing_else() {
    let files: &[(&str, Text)] = &[("verify.mjs", |snippet| format!("{snippet}{JAVASCRIPT}"))];
    Language { name: "javascript", files, build: &[], run: &["node", "verify.mjs"] }.check_both();
}

const TYPESCRIPT: &str = "
import { readFileSync } from 'node:fs';
const [id, at, sig] = process.argv.slice(2);
const headers = { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': sig };
await verify(new Request('http://a.test', { method: 'POST', headers, body: readFileSync(0) }));
";

#[test]
#[ignore = "needs node"]
fn typescript_takes_what_we_sign_and_nothing_else() {
    // Node strips types by itself from 22.18; before, its few annotations are taken away here.
    let plain: Text = |snippet| {
        let plain = snippet.replace(": Request", "").replace("text: string", "text").replace(": Promise<unknown>", "");
        plain.replace("secret: string", "secret").replace("publicKey: string", "publicKey") + TYPESCRIPT
    };
    Language { name: "typescript", files: &[("verify.mjs", plain)], build: &[], run: &["node", "verify.mjs"] }
        .check_both();
}

const JAVA: &str = "public class Main {
    public static void main(String[] a) throws Exception {
        WebhookVerifier.verify(WebhookVerifier.KEY, a[0], a[1], a[2], System.in.readAllBytes());
    }
}
";

#[test]
#[ignore = "needs java with its compiler"]
fn java_takes_what_we_sign_and_nothing_else() {
    let main: Text = |snippet| {
        JAVA.replace(
            "KEY",
            if snippet.contains("whpk_") && snippet.contains("PUBLIC_KEY") { "PUBLIC_KEY" } else { "SECRET" },
        )
    };
    let files: &[(&str, Text)] = &[("WebhookVerifier.java", str::to_owned), ("Main.java", main)];
    // The compiler is a module of the virtual machine, also where there is no command for it.
    let build: &[&[&str]] = &[&["java", "-m", "jdk.compiler/com.sun.tools.javac.Main", "Main.java"]];
    Language { name: "java", files, build, run: &["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "Main"] }
        .check_both();
}

const GO: &str = "
func main() {
	r, _ := http.NewRequest(\"POST\", \"http://a.test\", os.Stdin)
	for i, name := range []string{\"id\", \"timestamp\", \"signature\"} {
		r.Header.Set(\"webhook-\"+name, os.Args[i+1])
	}
	if _, err := Verify(r); err != nil {
		println(err.Error())
		os.Exit(1)
	}
}
";

#[test]
#[ignore = "needs gccgo"]
fn go_takes_what_we_sign_and_nothing_else() {
    let main: Text = |snippet| {
        snippet.replace("package hooks", "package main").replace("\"net/http\"", "\"net/http\"\n\t\"os\"") + GO
    };
    let build: &[&[&str]] = &[&["gccgo", "-o", "verify", "main.go"]];
    Language { name: "go", files: &[("main.go", main)], build, run: &["./verify"] }.check_both();
}

/// What .NET has and Mono does not.
const CSHARP: &str = "
namespace System.Security.Cryptography {
    public static class CryptographicOperations {
        public static bool FixedTimeEquals(byte[] a, byte[] b) { return System.Linq.Enumerable.SequenceEqual(a, b); }
    }
}
public static class Program {
    public static int Main(string[] a) {
        var body = new System.IO.MemoryStream();
        System.Console.OpenStandardInput().CopyTo(body);
        try { WebhookVerifier.Verify(a[0], a[1], a[2], body.ToArray()); return 0; }
        catch (System.Security.Cryptography.CryptographicException) { return 1; }
    }
}
";

#[test]
#[ignore = "needs mono with its compiler"]
fn csharp_takes_what_we_sign_and_nothing_else() {
    let build: &[&[&str]] = &[&["mcs", "-r:System.Core", "-out:verify.exe", "verify.cs"]];
    let files: &[(&str, Text)] = &[("verify.cs", |snippet| format!("{snippet}{CSHARP}"))];
    Language { name: "csharp", files, build, run: &["mono", "verify.exe"] }.check_shared();
}

const RUBY: &str = "
verify(%w[webhook-id webhook-timestamp webhook-signature].zip(ARGV).to_h, STDIN.binmode.read)
";

#[test]
#[ignore = "needs ruby"]
fn ruby_takes_what_we_sign_and_nothing_else() {
    let files: &[(&str, Text)] = &[("verify.rb", |snippet| format!("{snippet}{RUBY}"))];
    Language { name: "ruby", files, build: &[], run: &["ruby", "verify.rb"] }.check_both();
}

const PHP: &str = "
$names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
verify(array_combine($names, array_slice($argv, 1)), stream_get_contents(STDIN));
";

#[test]
#[ignore = "needs php with sodium"]
fn php_takes_what_we_sign_and_nothing_else() {
    let files: &[(&str, Text)] = &[("verify.php", |snippet| format!("{snippet}{PHP}"))];
    Language { name: "php", files, build: &[], run: &["php", "verify.php"] }.check_both();
}

#[test]
fn rust_takes_what_we_sign_and_nothing_else() {
    let now = now_s();
    for (secrets, verify) in
        [(SHARED, rust::verify as fn(&str, &str, &str, &str, &[u8], i64) -> _), (PAIRS, rust_ed25519::verify)]
    {
        for ([id, at, signature, body], holds) in cases(secrets) {
            let did: Result<(), &str> = verify(&shown(secrets[0]), &id, &at, &signature, body.as_bytes(), now);
            assert_eq!(did.is_ok(), holds, "{id} {at} {signature}: {did:?}");
        }
    }
}

#[test]
fn every_snippet_has_one_place_for_the_secret_and_balanced_brackets() {
    assert!(SNIPPETS.len() >= 10);
    for snippet in SNIPPETS {
        for (text, secret) in [(snippet.hmac, SHARED[0].to_owned()), (snippet.ed25519, shown(PAIRS[0]))] {
            assert_eq!(text.matches("{{secret}}").count(), 1, "{}", snippet.name);
            let filled = snippet.with_secret(&secret);
            assert_eq!(filled, text.replace("{{secret}}", &secret), "{}", snippet.name);
            for (open, close) in [('(', ')'), ('{', '}'), ('[', ']')] {
                let count = |c| filled.matches(c).count();
                // A `case` of a shell closes what nothing opened.
                assert!(count(open) == count(close) || snippet.name == "shell", "{} {open}", snippet.name);
            }
        }
    }
}

#[test]
fn the_portal_shows_the_same_languages() {
    let script = include_str!("../../assets/portal/verify.js");
    let script = script.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted: Vec<String> = SNIPPETS.iter().map(|s| format!("[\"{}\", \"{}\"]", s.name, s.title)).collect();
    assert!(script.contains(&format!("= [ {}, ];", wanted.join(", "))), "{}", wanted.join(", "));
}
