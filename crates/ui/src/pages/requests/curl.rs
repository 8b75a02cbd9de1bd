//! A request as a command line that sends it again.
//!
//! **Invariant:** quoted for a POSIX shell, whatever a stranger wrote.

use std::fmt::Write as _;

/// Headers that a client makes itself.
const OWN: [&str; 8] =
    ["host", "content-length", "connection", "accept-encoding", "transfer-encoding", "expect", "te", "upgrade"];

/// `body` is `None` where it isn't text: then it is read from a file, which the request's page offers for download.
pub(super) fn command(method: &str, url: &str, headers: &[(String, String)], body: Option<&str>) -> String {
    let mut out = format!("curl -X {} {}", quoted(method), quoted(url));
    for (name, value) in headers.iter().filter(|(name, _)| !OWN.contains(&name.as_str())) {
        let _ = write!(out, " \\\n  -H {}", quoted(&format!("{name}: {value}")));
    }
    match body {
        Some("") => {}
        Some(text) => {
            let _ = write!(out, " \\\n  --data-raw {}", quoted(text));
        }
        None => out.push_str(" \\\n  --data-binary @body.bin"),
    }
    out
}

fn quoted(text: &str) -> String {
    let is_plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:@%+=".contains(&b));
    if is_plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_holds_whatever_was_sent() {
        let headers = [("host".into(), "x".into()), ("x-a".into(), "it's $(rm)".into())];
        let text = command("POST", "http://a.test/in/t?x=1&y=2", &headers, Some("{\"a\":'b'}"));
        let want = "curl -X POST 'http://a.test/in/t?x=1&y=2' \\\n  -H 'x-a: it'\\''s $(rm)' \\\n  --data-raw '{\"a\":'\\''b'\\''}'";
        assert_eq!(text, want);
        assert!(command("PUT", "http://a.test/", &[], None).ends_with("--data-binary @body.bin"));
    }
}
