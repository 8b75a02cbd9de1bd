//! JSON whose keys keep their order and whose numbers keep their digits: written again in the ways that software writes it.
//!
//! **Invariant:** nesting is bounded; what isn't JSON is `None`.

const DEPTH_MAX: usize = 128;

/// A value; texts and numbers as they stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node<'a> {
    /// A number, `true`, `false` or `null`.
    Plain(&'a str),
    /// With its quotes.
    Text(&'a str),
    List(Vec<Node<'a>>),
    Object(Vec<(&'a str, Node<'a>)>),
}

/// Where the white space is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Compact,
    /// `{"a": 1, "b": 2}`, as Python writes it.
    Spaced,
    /// So many spaces each level.
    Indented(usize),
    Tabs,
}

/// How characters of texts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    /// As they came.
    Kept,
    /// Only what must be.
    Fewest,
    /// Everything beyond ASCII as `\u....`: Python, Ruby on Rails with settings.
    Ascii,
    /// The same, and `\/`: PHP.
    AsciiAndSlash,
    /// `<`, `>` and `&` as `\u....`: Go, Rails.
    Html,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub layout: Layout,
    pub escapes: Escapes,
    pub sorted: bool,
    /// `1.0` as `1`, `1e3` as `1000`: JavaScript.
    pub whole_numbers: bool,
}

pub(super) fn parse(text: &str) -> Option<Node<'_>> {
    // The checks of a real parser first, so that the walk below only meets valid JSON.
    serde_json::from_str::<&serde_json::value::RawValue>(text).ok()?;
    let mut rest = text;
    value(&mut rest, 0)
}

fn skip(rest: &mut &str) {
    *rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
}

fn take<'a>(rest: &mut &'a str, len: usize) -> Option<&'a str> {
    let (head, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    Some(head)
}

fn value<'a>(rest: &mut &'a str, depth: usize) -> Option<Node<'a>> {
    if depth > DEPTH_MAX {
        return None;
    }
    skip(rest);
    match rest.chars().next()? {
        '"' => text(rest).map(Node::Text),
        '[' => {
            take(rest, 1)?;
            let mut list = Vec::new();
            while !ends(rest, ']')? {
                list.push(value(rest, depth + 1)?);
            }
            Some(Node::List(list))
        }
        '{' => {
            take(rest, 1)?;
            let mut object = Vec::new();
            while !ends(rest, '}')? {
                let key = text(rest)?;
                skip(rest);
                take(rest, 1)?;
                object.push((key, value(rest, depth + 1)?));
            }
            Some(Node::Object(object))
        }
        _ => {
            let len = rest.find([',', ']', '}', ' ', '\t', '\r', '\n']).unwrap_or(rest.len());
            take(rest, len).map(Node::Plain)
        }
    }
}

/// Steps over a comma, or over the end: then it is true.
fn ends(rest: &mut &str, end: char) -> Option<bool> {
    skip(rest);
    let next = rest.chars().next()?;
    if next == end || next == ',' {
        take(rest, 1)?;
        skip(rest);
    }
    Some(next == end)
}

fn text<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '"' if !escaped => return take(rest, at + 1),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

pub(super) fn write(node: &Node<'_>, style: Style) -> String {
    let mut out = String::new();
    put(node, style, 0, &mut out);
    out
}

fn put(node: &Node<'_>, style: Style, depth: usize, out: &mut String) {
    match node {
        Node::Plain(plain) => out.push_str(&number(plain, style)),
        Node::Text(raw) => put_text(raw, style.escapes, out),
        Node::List(list) if list.is_empty() => out.push_str("[]"),
        Node::Object(object) if object.is_empty() => out.push_str("{}"),
        Node::List(list) => {
            out.push('[');
            for (at, item) in list.iter().enumerate() {
                separate(at, style.layout, depth + 1, out);
                put(item, style, depth + 1, out);
            }
            close(']', style.layout, depth, out);
        }
        Node::Object(object) => {
            let mut fields: Vec<&(&str, Node<'_>)> = object.iter().collect();
            if style.sorted {
                fields.sort_by_key(|(key, _)| decoded(key));
            }
            out.push('{');
            for (at, (key, item)) in fields.into_iter().enumerate() {
                separate(at, style.layout, depth + 1, out);
                put_text(key, style.escapes, out);
                out.push_str(if style.layout == Layout::Compact { ":" } else { ": " });
                put(item, style, depth + 1, out);
            }
            close('}', style.layout, depth, out);
        }
    }
}

fn separate(at: usize, layout: Layout, depth: usize, out: &mut String) {
    if at > 0 {
        out.push(',');
    }
    match layout {
        Layout::Spaced if at > 0 => out.push(' '),
        Layout::Compact | Layout::Spaced => {}
        Layout::Indented(_) | Layout::Tabs => line(layout, depth, out),
    }
}

fn close(end: char, layout: Layout, depth: usize, out: &mut String) {
    line(layout, depth, out);
    out.push(end);
}

fn line(layout: Layout, depth: usize, out: &mut String) {
    match layout {
        Layout::Compact | Layout::Spaced => {}
        Layout::Indented(spaces) => {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', spaces * depth));
        }
        Layout::Tabs => {
            out.push('\n');
            out.extend(std::iter::repeat_n('\t', depth));
        }
    }
}

fn number(plain: &str, style: Style) -> String {
    let is_fraction = style.whole_numbers && plain.contains(['.', 'e', 'E']);
    match plain.parse::<f64>() {
        // JavaScript writes whole numbers in digits up to there.
        Ok(n) if is_fraction && n.fract() == 0.0 && n.abs() < 1e21 => format!("{n:.0}"),
        Ok(n) if is_fraction && n.is_finite() && (1e-6..1e21).contains(&n.abs()) => format!("{n}"),
        _ => plain.to_owned(),
    }
}

fn decoded(raw: &str) -> String {
    serde_json::from_str(raw).unwrap_or_else(|_| raw.to_owned())
}

fn put_text(raw: &str, escapes: Escapes, out: &mut String) {
    // A lone surrogate can't be written anew.
    let Ok(text) = serde_json::from_str::<String>(raw) else { return out.push_str(raw) };
    if escapes == Escapes::Kept {
        return out.push_str(raw);
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '/' if escapes == Escapes::AsciiAndSlash => out.push_str("\\/"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' if escapes == Escapes::Html => unicode(c, out),
            c if c < ' ' => unicode(c, out),
            c if !c.is_ascii() && matches!(escapes, Escapes::Ascii | Escapes::AsciiAndSlash) => unicode(c, out),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn unicode(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        out.push_str(&format!("\\u{unit:04x}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { layout: Layout::Compact, escapes: Escapes::Kept, sorted: false, whole_numbers: false };

    fn check(style: Style, want: &str) {
        let text = " { \"b\" : 1.50 , \"a\" : [ ] , \"t\" : [ \"é/<\\\"\" , 1.0e1 , null , { } ] } ";
        assert_eq!(write(&parse(text).unwrap(), style), want);
    }

    #[test]
    fn json_is_written_as_other_software_writes_it() {
        check(PLAIN, r#"{"b":1.50,"a":[],"t":["é/<\"",1.0e1,null,{}]}"#);
        check(Style { layout: Layout::Spaced, ..PLAIN }, r#"{"b": 1.50, "a": [], "t": ["é/<\"", 1.0e1, null, {}]}"#);
        check(Style { sorted: true, whole_numbers: true, ..PLAIN }, r#"{"a":[],"b":1.5,"t":["é/<\"",10,null,{}]}"#);
        check(
            Style { escapes: Escapes::AsciiAndSlash, ..PLAIN },
            r#"{"b":1.50,"a":[],"t":["\u00e9\/<\"",1.0e1,null,{}]}"#,
        );
        check(Style { escapes: Escapes::Html, ..PLAIN }, r#"{"b":1.50,"a":[],"t":["é/\u003c\"",1.0e1,null,{}]}"#);
        let tabs =
            "{\n\t\"b\": 1.50,\n\t\"a\": [],\n\t\"t\": [\n\t\t\"é/<\\\"\",\n\t\t1.0e1,\n\t\tnull,\n\t\t{}\n\t]\n}";
        check(Style { layout: Layout::Tabs, ..PLAIN }, tabs);
    }

    #[test]
    fn what_is_not_json_or_too_deep_is_none() {
        for text in ["", "{", "{\"a\":}", "a=b", "{} {}", "[1,]"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&format!("{}{}", "[".repeat(5000), "]".repeat(5000))), None);
    }

    proptest::proptest! {
        #[test]
        fn written_again_it_is_the_same_value(n in proptest::num::i64::ANY, t in ".*", k in ".*", sorted: bool) {
            let value = serde_json::json!({"z": [n, t, null], k: {"x": true}});
            let text = value.to_string();
            for layout in [Layout::Compact, Layout::Spaced, Layout::Indented(2), Layout::Tabs] {
                for escapes in [Escapes::Kept, Escapes::Fewest, Escapes::Ascii, Escapes::AsciiAndSlash, Escapes::Html] {
                    let style = Style { layout, escapes, sorted, whole_numbers: true };
                    let again: serde_json::Value = serde_json::from_str(&write(&parse(&text).unwrap(), style)).unwrap();
                    proptest::prop_assert_eq!(&again, &value);
                }
            }
        }
    }
}
