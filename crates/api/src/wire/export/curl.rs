//! cURL commands that send the requests again.
//!
//! **Invariant:** everything of a stranger stands between single quotes, where a POSIX shell reads nothing but the next
//! quote (XCU 2.2.2); no byte that acts on a terminal is written as it is; and curl is never made to read a file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use store::CapturedRequest;

/// Headers that belong to the connection, or that curl works out.
const LEFT_OUT: [&str; 9] =
    ["connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];
/// Linux takes arguments of 128 KiB at most; a longer body goes through a pipe.
const ARGUMENT_MAX: usize = 100 * 1024;

pub(super) fn row(r: &CapturedRequest, url: &str, out: &mut Vec<u8>) {
    let url = format!("{url}{}", r.head.target());
    let headers = r.head.headers().filter(|(name, _)| !LEFT_OUT.contains(name));
    out.extend_from_slice(command(r.head.method(), &url, headers, r.body.as_deref().unwrap_or_default()).as_bytes());
}

/// The command that sends this request, and a line break. Names of headers are in lower case.
pub(crate) fn command<'a>(
    method: &str,
    url: &str,
    headers: impl Iterator<Item = (&'a str, &'a [u8])>,
    body: &[u8],
) -> String {
    let plain = std::str::from_utf8(body).ok().filter(|text| is_plain(text) && text.len() <= ARGUMENT_MAX);
    let mut command = String::new();
    if plain.is_none() {
        command.push_str("printf %s ");
        quote(&STANDARD.encode(body), &mut command);
        command.push_str(" | base64 -d | ");
    }
    command.push_str("curl -sS --globoff --path-as-is ");
    match method {
        // curl would wait for a body that never comes.
        "HEAD" => command.push_str("--head"),
        method => {
            command.push_str("-X ");
            quote(method, &mut command);
        }
    }
    command.push(' ');
    quote(url, &mut command);
    let mut has_type = false;
    for (name, value) in headers {
        has_type |= name == "content-type";
        let value = String::from_utf8_lossy(value);
        command.push_str(" -H ");
        // curl drops a header without a value, unless it ends in a semicolon.
        let header = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        quote(&header.replace(char::is_control, " "), &mut command);
    }
    if !body.is_empty() {
        if !has_type {
            command.push_str(" -H 'content-type:'");
        }
        match plain {
            // `--data-raw` gives `@` no meaning.
            Some(text) => {
                command.push_str(" --data-raw ");
                quote(text, &mut command);
            }
            None => command.push_str(" --data-binary @-"),
        }
    }
    command.push('\n');
    command
}

/// Whether a terminal shows `text` and does nothing else.
fn is_plain(text: &str) -> bool {
    text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t'))
}

fn quote(text: &str, out: &mut String) {
    out.push('\'');
    out.push_str(&text.replace('\'', r"'\''"));
    out.push('\'');
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::tests::{captured, export};
    use store::CapturedRequest;

    const URL: &str = "https://hooks.example.com/in/tok";

    /// What a shell makes of the command: the arguments that a `curl` there would get, and its input.
    fn run(request: CapturedRequest) -> (Vec<String>, Vec<u8>) {
        let dir = tempfile::tempdir().unwrap();
        let (args, input) = (dir.path().join("args"), dir.path().join("input"));
        let script = format!(
            "curl() {{ printf '%s\\0' \"$@\" > '{}'; case \" $* \" in *' @-'*) cat > '{}';; esac; }}\n{}",
            args.display(),
            input.display(),
            export(Format::Curl, &[request]),
        );
        let file = dir.path().join("script.sh");
        std::fs::write(&file, script).unwrap();
        let status = std::process::Command::new("sh").arg(&file).current_dir(dir.path()).status().unwrap();
        assert!(status.success());
        let text = std::fs::read_to_string(&args).unwrap();
        let list = text.split_terminator('\0').map(str::to_owned).collect();
        (list, std::fs::read(&input).unwrap_or_default())
    }

    #[test]
    fn a_shell_reads_back_exactly_what_came() {
        let evil = "it's $(touch x) `touch y` \"z\" \\ !! \n# & ; | @file";
        let headers: [(&str, &[u8]); 4] =
            [("host", b"h"), ("x-a", b"'; touch z; '"), ("x-empty", b""), ("content-type", b"text/plain")];
        let (args, input) = run(captured("POST", "/a'b?$(x)=[1-2]", &headers, evil.as_bytes()));
        let want = [
            "-sS",
            "--globoff",
            "--path-as-is",
            "-X",
            "POST",
            &format!("{URL}/a'b?$(x)=[1-2]"),
            "-H",
            "x-a: '; touch z; '",
            "-H",
            "x-empty;",
            "-H",
            "content-type: text/plain",
            "--data-raw",
            evil,
        ];
        assert_eq!(args, want);
        assert!(input.is_empty());
    }

    #[test]
    fn a_body_that_is_not_plain_text_or_is_long_goes_through_a_pipe() {
        for body in [&b"\xff\x00"[..], b"a\x1b[2Jb", b"a\rb", &[b'x'; 200 * 1024]] {
            let (args, input) = run(captured("PUT", "", &[], body));
            assert_eq!(
                args,
                ["-sS", "--globoff", "--path-as-is", "-X", "PUT", URL, "-H", "content-type:", "--data-binary", "@-"]
            );
            assert!(input == body);
        }
    }

    #[test]
    fn a_head_request_is_one() {
        let (args, _) = run(captured("HEAD", "", &[], b""));
        assert_eq!(args, ["-sS", "--globoff", "--path-as-is", "--head", URL]);
    }
}
