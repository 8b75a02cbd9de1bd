//! What a body may have been before something on the way changed it.
//!
//! **Invariant:** candidates are bounded in number and in bytes; each says in words how it differs from what came.

use super::json::{self, Escapes, Layout, Style};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// Bytes of candidates that are tried in all: each costs a pass of writing and one of hashing for each secret.
const BYTES_MAX: usize = 12 << 20;

/// A body that may have been signed.
pub(super) struct Candidate {
    pub body: Vec<u8>,
    /// "with its line break at the end taken away".
    pub how: String,
    /// It came to be by reading JSON and writing it again.
    pub is_reencoded: bool,
}

/// Candidates, likelier ones first, without repeats and without the body itself.
pub(super) fn candidates(body: &[u8]) -> Vec<Candidate> {
    let mut all = Vec::new();
    let mut bytes = 0_usize;
    let mut add = |candidate: Vec<u8>, how: &str, is_reencoded: bool| {
        if candidate != body && bytes < BYTES_MAX && all.iter().all(|c: &Candidate| c.body != candidate) {
            bytes += candidate.len();
            all.push(Candidate { body: candidate, how: how.to_owned(), is_reencoded });
        }
        bytes < BYTES_MAX
    };
    around(body, &mut add);
    if let Ok(text) = std::str::from_utf8(body) {
        reencoded(text, &mut add);
        wrapped(text, &mut add);
    }
    add(Vec::new(), "empty: the body had been read already when it was hashed", false);
    add(b"{}".to_vec(), "`{}`: the body had not been read yet, or had been read already, when it was hashed", false);
    add(b"[object Object]".to_vec(), "`[object Object]`: a parsed object was hashed, not the text that came", false);
    all
}

/// Takes a candidate; `false` once there is no room for more.
trait Add: FnMut(Vec<u8>, &str, bool) -> bool {}
impl<F: FnMut(Vec<u8>, &str, bool) -> bool> Add for F {}

/// White space and byte order marks at the ends, and line breaks.
fn around(body: &[u8], add: &mut impl Add) {
    let stripped = body.strip_suffix(b"\n").map(|rest| rest.strip_suffix(b"\r").unwrap_or(rest));
    if let Some(stripped) = stripped {
        add(stripped.to_vec(), "without the line break at its end", false);
    }
    add([body, b"\n"].concat(), "with a line break at its end", false);
    add([body, b"\r\n"].concat(), "with a line break (CR LF) at its end", false);
    add(body.trim_ascii().to_vec(), "without the white space at its ends", false);
    if let Some(rest) = body.strip_prefix(b"\xef\xbb\xbf") {
        add(rest.to_vec(), "without the byte order mark at its beginning", false);
    }
    if let Ok(text) = std::str::from_utf8(body) {
        add(text.replace("\r\n", "\n").into_bytes(), "with LF line breaks in place of CR LF", false);
        add(
            text.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes(),
            "with CR LF line breaks in place of LF",
            false,
        );
    }
}

fn reencoded(text: &str, add: &mut impl Add) {
    let Some(node) = json::parse(text.trim_start_matches('\u{feff}')) else { return };
    let layouts = [
        (Layout::Compact, "without spaces"),
        (Layout::Spaced, "with a space after each comma and colon (as Python writes it)"),
        (Layout::Indented(2), "indented by 2 spaces"),
        (Layout::Indented(4), "indented by 4 spaces"),
        (Layout::Tabs, "indented by tabs"),
    ];
    let escapes = [
        (Escapes::Kept, ""),
        (Escapes::Fewest, ", characters written plainly"),
        (Escapes::Ascii, ", other characters than ASCII as \\u escapes"),
        (Escapes::AsciiAndSlash, ", other characters than ASCII as \\u escapes and slashes as \\/ (as PHP writes it)"),
        (Escapes::Html, ", < > and & as \\u escapes (as Go writes it)"),
    ];
    for sorted in [false, true] {
        for whole_numbers in [false, true] {
            for (layout, spaces) in layouts {
                for (escapes, characters) in escapes {
                    let again = json::write(&node, Style { layout, escapes, sorted, whole_numbers });
                    let keys = if sorted { ", keys sorted" } else { "" };
                    let numbers = if whole_numbers { ", numbers as JavaScript writes them" } else { "" };
                    let how = format!("as the same JSON {spaces}{characters}{keys}{numbers}");
                    let with_line = format!("{how}, with a line break at its end");
                    add(format!("{again}\n").into_bytes(), &with_line, true);
                    if !add(again.into_bytes(), &how, true) {
                        return;
                    }
                }
            }
        }
    }
}

/// Coded once too often, or once too little.
fn wrapped(text: &str, add: &mut impl Add) {
    if let Ok(inner) = serde_json::from_str::<String>(text) {
        add(inner.into_bytes(), "as the text inside: what came is a JSON text around it", false);
    }
    if let Ok(outer) = serde_json::to_string(text) {
        add(outer.into_bytes(), "as a JSON text around what came", false);
    }
    if let Ok(bytes) = BASE64_STANDARD.decode(text.trim()) {
        add(bytes, "decoded from the base64 that came", false);
    }
    add(BASE64_STANDARD.encode(text).into_bytes(), "as base64 of what came", false);
    // UTF-8 that was taken for Latin-1 on the way.
    let latin: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    if let Some(latin) = latin {
        add(latin, "in UTF-8, before it was taken for Latin-1", false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_distinct_and_bounded() {
        let body = br#"{"b":"\u00e9/<","a":1.0}"#;
        let all = candidates(body);
        assert!(all.len() > 50, "{}", all.len());
        assert!(all.iter().all(|c| c.body != body));
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20));
        let bytes: usize = candidates(large.as_bytes()).iter().map(|c| c.body.len()).sum();
        assert!(bytes < 20 << 20, "{bytes}");
    }
}
