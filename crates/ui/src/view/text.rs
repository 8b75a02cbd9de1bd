//! Ids, statuses, payloads.
//!
//! **Invariant:** everything that is put in is escaped.

use super::{Html, icon};
use domain::html::escaped;

/// How a status feels; the words say what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Warn,
    Busy,
    Idle,
}

/// A status: colour, icon and word.
#[derive(Clone, Debug)]
pub(crate) struct Badge {
    pub tone: Tone,
    pub text: String,
}

impl std::fmt::Display for Badge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&badge(self.tone, &self.text).0)
    }
}
impl askama::filters::HtmlSafe for Badge {}

pub(crate) fn badge(tone: Tone, text: &str) -> Html {
    let (class, name) = match tone {
        Tone::Good => ("good", "check"),
        Tone::Bad => ("bad", "cross"),
        Tone::Warn => ("warn", "alert"),
        Tone::Busy => ("busy", "clock"),
        Tone::Idle => ("idle", "dash"),
    };
    Html(format!("<span class=\"badge {class}\">{}{}</span>", icon(name), escaped(text)))
}

/// A URL whose scheme steps back behind host and path, and that breaks at its slashes where it must.
pub(crate) fn url(text: &str) -> Html {
    let parts = |rest: &str| escaped(rest).replace('/', "/<wbr>");
    match text.split_once("://") {
        Some((scheme @ ("http" | "https"), rest)) => {
            Html(format!("<span class=\"scheme\">{scheme}://</span>{}", parts(rest)))
        }
        _ => Html(parts(text)),
    }
}

/// An id: mono, whole, with a button that copies it.
pub(crate) fn id(text: &str) -> Html {
    Html(format!("<span class=\"id\"><code>{}</code>{}</span>", escaped(text), copy(text, "Copy id")))
}

/// An id in a list: its beginning and end; hovering shows all.
pub(crate) fn short_id(text: &str) -> Html {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= 16 {
        return Html(format!("<code class=\"short\">{}</code>", escaped(text)));
    }
    let (head, tail): (String, String) = (chars.iter().take(9).collect(), chars.iter().skip(chars.len() - 4).collect());
    let short = format!("{}…{}", escaped(&head), escaped(&tail));
    Html(format!("<code class=\"short\" title=\"{}\">{short}</code>", escaped(text)))
}

/// A button that copies `text` (shown where scripts run). Its icon is the stylesheet's: rows have many.
pub(crate) fn copy(text: &str, label: &str) -> Html {
    let (text, label) = (escaped(text), escaped(label));
    Html(format!(
        "<button type=\"button\" class=\"copy\" data-copy=\"{text}\" aria-label=\"{label}\" title=\"{label}\"></button>",
    ))
}

/// Bytes that indenting may make of each byte, and beside that. A stranger's hundred thousand brackets would be gigabytes of blanks.
const INDENT_FACTOR: usize = 8;
const INDENT_SPARE: usize = 64 << 10;

/// Indented JSON, or the text as it is where it is none, or nested so deep that blanks would be most of it. Numbers and the
/// order of keys stay as they came.
pub(crate) fn pretty(text: &str) -> String {
    let is_json = serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok();
    is_json.then(|| indent(text)).flatten().unwrap_or_else(|| text.to_owned())
}

/// A block of JSON that a script may turn into a tree, with a bar that copies what is chosen of it (`js/tree.js`).
pub(crate) fn json(text: &str) -> Html {
    let text = pretty(text);
    let bar = if text.contains('\n') { TREE_BAR } else { "" };
    Html(format!("<pre class=\"json\" data-json tabindex=\"0\"><code>{}</code></pre>{bar}", escaped(&text)))
}

/// In the page from the start, so that nothing moves when the script comes.
const TREE_BAR: &str = "<div class=\"tree-bar needs-js\"><span role=\"status\"><code data-tree hidden></code></span>\
    <button type=\"button\" class=\"quiet\" data-tree hidden>Copy path</button>\
    <button type=\"button\" class=\"quiet\" data-tree hidden>Copy value</button>\
    <button type=\"button\" class=\"quiet end\" data-wrap aria-pressed=\"false\">Wrap lines</button></div>";

/// Indents valid JSON without changing a token of it; `None` where that would take too much room.
fn indent(text: &str) -> Option<String> {
    let bytes_max = text.len().saturating_mul(INDENT_FACTOR).saturating_add(INDENT_SPARE);
    let mut out = String::with_capacity(text.len() * 2);
    let (mut depth, mut in_text, mut escape) = (0_usize, false, false);
    let newline = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    let mut chars = text.chars().filter(|_| true).peekable();
    while let Some(c) = chars.next() {
        if out.len() > bytes_max {
            return None;
        }
        if in_text {
            out.push(c);
            (in_text, escape) = (escape || c != '"', !escape && c == '\\');
            continue;
        }
        match c {
            '"' => {
                in_text = true;
                out.push(c);
            }
            '{' | '[' => {
                while chars.peek().is_some_and(|c| c.is_ascii_whitespace()) {
                    chars.next();
                }
                out.push(c);
                match chars.peek() {
                    Some('}' | ']') => {}
                    _ => {
                        depth += 1;
                        newline(&mut out, depth);
                        continue;
                    }
                }
                if let Some(end) = chars.next() {
                    out.push(end);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                newline(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                newline(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_and_not_a_token_of_it_changed() {
        let text = r#"{"b":1.50,"a":[ ],"c":{"q":"x, \"y\": {\\"},"n":[1e400,true]}"#;
        let want = "{\n  \"b\": 1.50,\n  \"a\": [],\n  \"c\": {\n    \"q\": \"x, \\\"y\\\": {\\\\\"\n  },\n  \"n\": [\n    1e400,\n    true\n  ]\n}";
        assert_eq!(pretty(text), want);
        assert_eq!(pretty("not json {"), "not json {");
    }

    #[test]
    fn json_nested_without_end_stays_as_it_came() {
        let deep = format!("{}1{}", "[".repeat(3_000), "]".repeat(3_000));
        assert_eq!(pretty(&deep), deep);
        let usual = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert!(pretty(&usual).len() > 100 * 100, "a hundred levels are indented");
    }

    #[test]
    fn what_strangers_wrote_stays_text() {
        let evil = "<script>\"'&";
        for html in [id(evil).0, short_id(evil).0, badge(Tone::Bad, evil).0, json(evil).0] {
            assert!(!html.contains("<script>") && !html.contains("\"'&"), "{html}");
        }
    }

    #[test]
    fn a_url_breaks_at_slashes_and_stays_text() {
        let html = url("http://a.test/<b>/c").0;
        assert_eq!(html, "<span class=\"scheme\">http://</span>a.test/<wbr>&lt;b&gt;/<wbr>c");
        assert_eq!(url("javascript://x").0, "javascript:/<wbr>/<wbr>x");
    }
}
