//! A real payload without what looks personal, to be shown as an example.
//!
//! **Invariant:** types, keys and shapes stay; what looks like a person's, or like a credential, doesn't. Sparing too little is a
//! mistake here, sparing too much is none.

use super::formats;
use serde_json::{Value, json};

/// Parts of a key that say that its value is a person's or a secret.
const PERSONAL: [&str; 26] = [
    "email",
    "mail",
    "name",
    "phone",
    "mobile",
    "address",
    "street",
    "city",
    "zip",
    "postal",
    "birth",
    "dob",
    "ssn",
    "tax",
    "iban",
    "card",
    "account",
    "password",
    "secret",
    "token",
    "auth",
    "key",
    "ip",
    "lat",
    "lon",
    "user_agent",
];

pub(crate) fn scrubbed(value: &Value) -> Value {
    scrub(value, false)
}

fn scrub(value: &Value, is_personal: bool) -> Value {
    match value {
        Value::Object(fields) => {
            let field =
                |(name, inner): (&String, &Value)| (name.clone(), scrub(inner, is_personal || is_about_a_person(name)));
            Value::Object(fields.iter().map(field).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| scrub(item, is_personal)).collect()),
        Value::String(text) => json!(replaced(text, is_personal)),
        Value::Number(_) if is_personal => json!(0),
        other => other.clone(),
    }
}

/// Whole words of the key: `ip_address`, not `description`.
fn is_about_a_person(name: &str) -> bool {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if !c.is_alphanumeric()
            || c.is_uppercase() && words.last().is_some_and(|w| !w.is_empty() && !w.ends_with(char::is_uppercase))
        {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.push(c);
        }
    }
    let words: Vec<String> = words.into_iter().map(|w| w.to_lowercase()).collect();
    let whole = name.to_lowercase().replace(['_', '-'], "");
    PERSONAL.iter().any(|part| words.iter().any(|w| w == part || (part.len() > 4 && w.contains(part))))
        || whole.ends_with("name") && whole != "eventname"
}

fn replaced(text: &str, is_personal: bool) -> String {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let others = text.chars().filter(|c| !c.is_ascii_digit() && !" +-().".contains(*c)).count();
    if formats::is_email(text) || text.contains('@') {
        return "ana@example.com".to_owned();
    }
    if text.parse::<std::net::IpAddr>().is_ok() {
        return "192.0.2.1".to_owned();
    }
    // Dates are digits as well.
    if formats::is("date-time", text) || formats::is("date", text) {
        return if is_personal { "2000-01-01".to_owned() } else { text.to_owned() };
    }
    if is_personal {
        return if formats::is("uri", text) { "https://example.com/".to_owned() } else { "…".to_owned() };
    }
    // Telephone, card and account numbers.
    if digits >= 7 && others == 0 {
        return text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    }
    // Long runs of letters and digits are keys and tokens more often than anything else.
    let is_token = text.len() >= 32 && !text.contains(' ') && digits > 3 && !formats::is("uri", text);
    if is_token { "…".to_owned() } else { text.to_owned() }
}
