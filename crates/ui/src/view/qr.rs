//! A QR code (ISO/IEC 18004) drawn into a page, for what a phone should open.
//!
//! **Invariant:** black on white with a margin, whatever the theme: what scanners expect.

use super::Html;
use domain::html::escaped;
use qrcodegen::{QrCode, QrCodeEcc};
use std::fmt::Write as _;

/// Modules of white on each side.
const MARGIN: i32 = 4;
/// Bytes beyond which a code is drawn larger.
const LONG: usize = 200;

/// Nothing where the text is too long for a code (about 2,900 bytes).
pub(crate) fn qr(text: &str, label: &str) -> Html {
    // A long text has many small modules: fewer of them, and larger, are what a camera can read from a screen.
    let (correction, pixels) = if text.len() > LONG { (QrCodeEcc::Low, 300) } else { (QrCodeEcc::Medium, 176) };
    let Ok(code) = QrCode::encode_text(text, correction) else { return Html::default() };
    let side = code.size() + 2 * MARGIN;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            let _ = write!(path, "M{},{}h1v1h-1z", x + MARGIN, y + MARGIN);
        }
    }
    Html(format!(
        "<svg class=\"qr\" viewBox=\"0 0 {side} {side}\" width=\"{pixels}\" height=\"{pixels}\" role=\"img\" aria-label=\"{}\" \
         shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path fill=\"#000\" d=\"{path}\"/></svg>",
        escaped(label)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_and_its_label_escaped() {
        let html = qr("https://go.example.com/l/spring", "\"><script>").0;
        assert!(html.starts_with("<svg") && html.contains("h1v1h-1z") && !html.contains("<script>"), "{html}");
        assert!(html.contains("width=\"176\"") && qr(&"x".repeat(500), "").0.contains("width=\"300\""));
        assert_eq!(qr(&"x".repeat(5000), "").0, "");
    }
}
