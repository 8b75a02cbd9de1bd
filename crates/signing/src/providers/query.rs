//! Parameters of a query or form (`application/x-www-form-urlencoded`, WHATWG URL §5).
//!
//! **Invariant:** what isn't sound percent-encoding of UTF-8 is no parameter; nothing is guessed.

/// The parameters, decoded, in the order in which they came. One that can't be decoded is `None`.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = Option<(String, String)>> {
    query.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        Some((decoded(name)?, decoded(value)?))
    })
}

/// The only value of a parameter; `None` when it is missing, empty or there twice.
pub(crate) fn value(query: &str, name: &str) -> Option<String> {
    let mut values = pairs(query).flatten().filter(|(n, _)| n == name).map(|(_, value)| value);
    let first = values.next().filter(|value| !value.is_empty());
    if values.next().is_some() { None } else { first }
}

/// As Python's `quote_plus` and PHP's `urlencode` write it, but for `~`, which PHP escapes.
pub(crate) fn encode_into(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => {
                out.push('%');
                for digit in [byte >> 4, byte & 15] {
                    out.extend(char::from_digit(u32::from(digit), 16).map(|d| d.to_ascii_uppercase()));
                }
            }
        }
    }
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => digit(rest.next()?)? << 4 | digit(rest.next()?)?,
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_to_the_same(text: String) {
            let mut encoded = String::new();
            encode_into(&text, &mut encoded);
            prop_assert_eq!(decoded(&encoded), Some(text));
        }
    }

    #[test]
    fn a_doubled_or_broken_parameter_has_no_value() {
        assert_eq!(value("a=1&b=%2B+%20c&%61a=3", "b").as_deref(), Some("+  c"));
        assert_eq!(value("a=1&b=2&a=1", "a"), None, "doubled");
        assert_eq!(value("a=1&%61=1", "a"), None, "doubled, once encoded");
        for broken in ["a=%", "a=%4", "a=%zz", "a=%ff", "a=", "a", ""] {
            assert_eq!(value(broken, "a"), None, "{broken}");
        }
    }
}
