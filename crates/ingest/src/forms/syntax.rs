//! What a field's value must look like, and how it stands in the event.
//!
//! **Invariant:** pure, and pragmatic: it keeps mistakes and attacks out, and lets all through that a person may have typed.

use domain::{FieldType, FormField, Timestamp};
use serde_json::{Number, Value};
use url::Url;

/// RFC 5321 section 4.5.3.1.
const EMAIL_LEN_MAX: usize = 254;
const LOCAL_LEN_MAX: usize = 64;
const LABEL_LEN_MAX: usize = 63;
const URL_LEN_MAX: usize = 2_048;
const TEL_LEN: std::ops::RangeInclusive<usize> = 3..=40;

/// The value of a field that was filled. The text says what is wrong with it.
pub(super) fn read(rule: &FormField, text: &str) -> Result<Value, &'static str> {
    let trimmed = text.trim();
    let kept = |fits: bool, problem| if fits { Ok(Value::String(trimmed.to_owned())) } else { Err(problem) };
    match rule.kind {
        FieldType::Text => Ok(Value::String(text.to_owned())),
        FieldType::Email => kept(is_email(trimmed), "is no e-mail address"),
        FieldType::Url => kept(is_url(trimmed), "is no http or https URL"),
        FieldType::Tel => kept(is_tel(trimmed), "is no telephone number"),
        FieldType::Number => number(trimmed).map(Value::Number).ok_or("is no number"),
        FieldType::Integer => {
            let whole = trimmed.parse::<i64>().ok().filter(|_| !trimmed.starts_with('+'));
            whole.map(Value::from).ok_or("is no whole number")
        }
        FieldType::Date => kept(is_date(trimmed), "is no date like 2026-11-21"),
        FieldType::Checkbox => checkbox(trimmed).map(Value::Bool).ok_or("is neither on nor off"),
        FieldType::Choice => {
            let chosen = rule.options.iter().find(|option| *option == text);
            chosen.map(|option| Value::String(option.clone())).ok_or("is none of the choices")
        }
        FieldType::File => Err("is no file: the form must be sent as multipart/form-data"),
    }
}

/// Characters as a browser counts them: a line end is one.
pub(super) fn is_longer(text: &str, chars_max: u32) -> bool {
    let chars = text.chars().count() - text.matches("\r\n").count();
    chars > chars_max as usize
}

/// As browsers check it (<https://html.spec.whatwg.org/#valid-e-mail-address>), letters of all scripts, and a dot in the
/// domain.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_local = |c: char| c.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
    let is_label = |label: &str| {
        (1..=LABEL_LEN_MAX).contains(&label.len())
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= EMAIL_LEN_MAX
        && (1..=LOCAL_LEN_MAX).contains(&local.len())
        && local.chars().all(is_local)
        && domain.contains('.')
        && domain.split('.').all(is_label)
}

fn is_url(text: &str) -> bool {
    let is_plain = text.len() <= URL_LEN_MAX && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    is_plain && Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn is_tel(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_digit() || " +-().,/#*;extEXT".contains(c);
    TEL_LEN.contains(&text.len())
        && text.chars().all(allowed)
        && text.chars().filter(char::is_ascii_digit).count() >= *TEL_LEN.start()
}

/// As it stands in JSON, but that a digit before the point may be missing.
fn number(text: &str) -> Option<Number> {
    let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E');
    if text.starts_with('+') || !text.bytes().all(plain) {
        return None;
    }
    match text.parse::<i64>() {
        Ok(whole) => Some(whole.into()),
        // Not finite is no number of JSON.
        Err(_) => Number::from_f64(text.parse().ok()?),
    }
}

fn is_date(text: &str) -> bool {
    let shape = |(at, b): (usize, u8)| if matches!(at, 4 | 7) { b == b'-' } else { b.is_ascii_digit() };
    text.len() == 10
        && text.bytes().enumerate().all(shape)
        && Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")).is_some()
}

fn checkbox(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "1" | "yes" => Some(true),
        "off" | "false" | "0" | "no" | "" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(kind: FieldType, good: &[(&str, Value)], bad: &[&str]) {
        let rule = FormField { kind, options: vec!["a".into(), "b c".into()], ..FormField::default() };
        for (text, value) in good {
            assert_eq!(read(&rule, text).as_ref(), Ok(value), "{kind:?} {text}");
        }
        for text in bad {
            assert!(read(&rule, text).is_err(), "{kind:?} {text}");
        }
    }
    fn same(texts: &[&'static str]) -> Vec<(&'static str, Value)> {
        texts.iter().map(|text| (*text, json!(text))).collect()
    }

    #[test]
    fn numbers_and_switches_are_values_of_their_type() {
        let numbers = [("1.5", json!(1.5)), (" -7 ", json!(-7)), ("1e3", json!(1000.0)), (".5", json!(0.5))];
        check(FieldType::Number, &numbers, &["", "abc", "inf", "NaN", "1e999", "0x10", "+1", "1,5", "1 2"]);
        let whole = [("42", json!(42)), (" 0", json!(0)), ("-9223372036854775808", json!(i64::MIN))];
        check(FieldType::Integer, &whole, &["", "1.0", "1e3", "+1", "9223372036854775808", "４"]);
        let switches = [("on", true), ("TRUE", true), ("1", true), ("yes", true), ("0", false), ("", false)];
        check(FieldType::Checkbox, &switches.map(|(text, value)| (text, json!(value))), &["maybe", "2"]);
    }

    #[test]
    fn texts_of_a_kind_are_kept_as_typed() {
        let emails = ["a@b.co", "first.last+tag@sub.example.com", "o'neil@x-y.org", "grüße@bücher.example"];
        let no_emails =
            ["", "a", "a@", "@b.co", "a@b", "a b@c.de", "a@b..c", "a@-b.co", "a@b.co\nBcc: x@y.z", "<a@b.co>"];
        check(FieldType::Email, &same(&emails), &no_emails);
        check(FieldType::Email, &[(" a@b.co ", json!("a@b.co"))], &[&format!("{}@b.co", "x".repeat(65))]);
        let urls = ["https://example.com", "http://127.0.0.1:8080/a?b#c"];
        check(
            FieldType::Url,
            &same(&urls),
            &["example.com", "javascript:alert(1)", "ftp://x.y", "https://", "http://a b"],
        );
        check(
            FieldType::Tel,
            &same(&["+49 (0)30 1234-5", "110", "555 1234 ext. 5"]),
            &["", "12", "call me", "+++", "1\n23"],
        );
        check(
            FieldType::Date,
            &same(&["2026-11-21", "2024-02-29"]),
            &["2026-02-29", "21.11.2026", "2026-1-1", "2026-13-01", "é26-11-2"],
        );
        check(FieldType::Choice, &same(&["a", "b c"]), &["A", "", "b c ", "d"]);
        check(FieldType::Text, &same(&[" any\r\nthing <b> "]), &[]);
        check(FieldType::File, &[], &["name.txt"]);
    }

    #[test]
    fn a_line_end_counts_as_one_character() {
        assert!(!is_longer("é\r\né", 3));
        assert!(is_longer("é\r\né", 2));
    }
}
