//! Text in HTML.
//!
//! **Invariant:** what is escaped is text wherever it stands between tags or in a quoted attribute, and nothing else.

/// The text as it stands in HTML, between tags or in an attribute in quotes of either kind
/// (<https://html.spec.whatwg.org/multipage/syntax.html#character-references>).
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_opens_and_closes_nothing() {
        assert_eq!(escaped("<a b='c' d=\"e\">&amp;é"), "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;amp;é");
    }
}
