//! A payload as people read it: as a tree, raw, or byte by byte.
//!
//! **Invariant:** what is shown is cut at a bound and says so; the download is whole and is never rendered by a browser.

use super::found;
use crate::call::Call;
use crate::fault::Fault;
use crate::reply::Reply;
use crate::view::{Html, bytes, json};
use axum::body::Body;
use bytes::Bytes;
use domain::html::escaped;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, Response};
use std::fmt::Write as _;

/// Bytes shown as text, and byte by byte.
const TEXT_MAX: usize = 256 * 1024;
const HEX_MAX: usize = 8 * 1024;
/// Bytes of a line of the hexadecimal view.
const LINE: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    Tree,
    Raw,
    Hex,
}

impl View {
    pub const ALL: [View; 3] = [View::Tree, View::Raw, View::Hex];

    pub fn of(text: &str) -> View {
        View::ALL.into_iter().find(|view| view.name() == text).unwrap_or(View::Tree)
    }
    /// In the URL.
    pub fn name(self) -> &'static str {
        match self {
            View::Tree => "tree",
            View::Raw => "raw",
            View::Hex => "hex",
        }
    }
    pub fn title(self) -> &'static str {
        match self {
            View::Tree => "Tree",
            View::Raw => "Raw",
            View::Hex => "Hex",
        }
    }
}

pub(super) struct Payload {
    /// `None` once it expired or was deleted.
    pub shown: Option<Html>,
    /// `448 B`
    pub size: String,
    /// How much is shown, if not all.
    pub cut: Option<String>,
    /// For the button that copies; empty where it is cut or no text.
    pub text: String,
}

impl Payload {
    pub fn of(payload: Option<&[u8]>, view: View) -> Payload {
        let Some(payload) = payload else {
            return Payload { shown: None, size: String::new(), cut: None, text: String::new() };
        };
        let max = if view == View::Hex { HEX_MAX } else { TEXT_MAX };
        let part = payload.get(..max).unwrap_or(payload);
        let text = String::from_utf8_lossy(part);
        let shown = match view {
            View::Tree if part.len() == payload.len() => json(&text),
            View::Tree | View::Raw => {
                Html(format!("<pre class=\"wrap\" tabindex=\"0\"><code>{}</code></pre>", escaped(&text)))
            }
            View::Hex => Html(format!("<pre class=\"hex\" tabindex=\"0\"><code>{}</code></pre>", hex(part))),
        };
        let is_cut = part.len() < payload.len();
        Payload {
            shown: Some(shown),
            size: bytes(payload.len() as u64),
            cut: is_cut.then(|| format!("The first {} are shown.", bytes(part.len() as u64))),
            text: match std::str::from_utf8(payload) {
                Ok(text) if payload.len() <= TEXT_MAX => text.to_owned(),
                _ => String::new(),
            },
        }
    }
}

/// Offset, bytes, and the characters that can be printed.
fn hex(all: &[u8]) -> String {
    let mut out = String::with_capacity(all.len() * 5);
    for (i, line) in all.chunks(LINE).enumerate() {
        let _ = write!(out, "{:06x}  ", i * LINE);
        for n in 0..LINE {
            match line.get(n) {
                Some(byte) => {
                    let _ = write!(out, "{byte:02x} ");
                }
                None => out.push_str("   "),
            }
            if n == LINE / 2 - 1 {
                out.push(' ');
            }
        }
        let shown = line.iter().map(|b| if b.is_ascii_graphic() || *b == b' ' { char::from(*b) } else { '·' });
        let _ = writeln!(out, " {}", escaped(&shown.collect::<String>()));
    }
    out
}

/// The payload as a file.
pub(crate) async fn download(call: Call) -> Result<Reply, Fault> {
    let message = found(&call).await?;
    let payload: Bytes = message.payload.ok_or_else(|| Fault::not_found("content: it expired or was deleted"))?;
    let name = format!("attachment; filename=\"{}.json\"", call.codec().text(message.id));
    let mut response = Response::new(Body::from(payload));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(CONTENT_DISPOSITION, name);
    }
    Ok(Reply::passed(response))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_with_their_place_and_what_can_be_printed() {
        assert_eq!(
            hex(b"<a>\x00bcdefghijklmnop"),
            "000000  3c 61 3e 00 62 63 64 65  66 67 68 69 6a 6b 6c 6d  &lt;a&gt;·bcdefghijklm\n\
             000010  6e 6f 70                                          nop\n"
        );
    }

    #[test]
    fn what_is_gone_or_cut_is_said() {
        assert!(Payload::of(None, View::Tree).shown.is_none());
        let long = vec![b'x'; TEXT_MAX + 1];
        let cut = Payload::of(Some(&long), View::Raw);
        assert_eq!(cut.cut.unwrap(), "The first 262.1 kB are shown.");
        assert!(cut.text.is_empty());
        assert!(Payload::of(Some(b"{}"), View::Tree).cut.is_none());
    }
}
