//! Small charts drawn on the server, as SVG that takes its colours from the stylesheet.
//!
//! **Invariant:** each has a text that says the same.

use super::Html;
use domain::html::escaped;
use std::fmt::Write as _;

/// Bars, one for each value: `▁▂▇▇▅`. Two shapes however many there are: lists have one in each row.
pub(crate) fn spark(values: &[u64], label: &str) -> Html {
    let max = values.iter().copied().max().unwrap_or(0).max(1) as f64;
    let (mut bars, mut none) = (String::new(), String::new());
    for (i, value) in values.iter().enumerate() {
        let x = i * 4;
        // What isn't zero is seen.
        let _ = match *value {
            0 => write!(none, "M{x} 19.4h3v.6h-3z"),
            value => {
                let height = (value as f64 / max * 20.0).max(1.5);
                write!(bars, "M{x} 20v-{height:.1}h3v{height:.1}z")
            }
        };
    }
    let width = values.len().max(1) * 4;
    Html(format!(
        "<svg class=\"spark\" viewBox=\"0 0 {width} 20\" width=\"{width}\" height=\"20\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\"><path d=\"{bars}\"/><path class=\"none\" d=\"{none}\"/></svg>",
        escaped(label)
    ))
}

/// One bar of shares: `███▓▓░`. Pairs of a class (`good`, `warn`, `bad`, `busy`, `idle`) and a value.
pub(crate) fn stack(parts: &[(&str, u64)], label: &str) -> Html {
    let whole: u64 = parts.iter().map(|(_, value)| value).sum();
    let (mut bars, mut x) = (String::new(), 0.0);
    for (class, value) in parts.iter().filter(|(_, value)| *value > 0) {
        let width = *value as f64 / whole as f64 * 200.0;
        let _ = write!(bars, "<rect class=\"{class}\" x=\"{x:.2}\" width=\"{:.2}\" height=\"8\"/>", width.max(1.0));
        x += width;
    }
    Html(format!(
        "<svg class=\"stack\" viewBox=\"0 0 200 8\" width=\"200\" height=\"8\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">{bars}</svg>",
        escaped(label)
    ))
}
