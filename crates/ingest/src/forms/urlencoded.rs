//! `application/x-www-form-urlencoded` bodies.
//!
//! **Invariant:** no more fields are decoded than there may be, and nothing is replaced: what is not UTF-8 is refused.
//!
//! Source: <https://url.spec.whatwg.org/#urlencoded-parsing>.

use super::entry::{Entry, Given, Refusal, check_name, text, too_many};

pub(super) fn read(body: &[u8], fields_max: usize) -> Result<Vec<Entry>, Refusal> {
    let mut entries = Vec::new();
    for pair in body.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
        if entries.len() == fields_max {
            return Err(too_many(fields_max));
        }
        let mut halves = pair.splitn(2, |b| *b == b'=');
        let (name, value) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
        let name = text(decode(name), "(a name)")?;
        check_name(&name)?;
        let value = text(decode(value), &name)?;
        entries.push(Entry { name, value: Given::Text(value) });
    }
    Ok(entries)
}

/// `+` is a space; a `%` without two digits is itself.
fn decode(encoded: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'+', _) => out.push(b' '),
            (b'%', [high, low, tail @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    out.push((high << 4) | low);
                    rest = tail;
                }
                _ => out.push(b'%'),
            },
            (other, _) => out.push(*other),
        }
    }
    out
}

/// As in URLs: `%41`.
pub(super) fn percent_decoded(encoded: &str) -> Option<String> {
    String::from_utf8(decode(encoded.replace('+', "%2B").as_bytes())).ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|n| u8::try_from(n).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use url::form_urlencoded;

    fn pairs(body: &str) -> Vec<(String, String)> {
        let pair = |entry: Entry| match entry.value {
            Given::Text(value) => (entry.name, value),
            other => panic!("{other:?}"),
        };
        read(body.as_bytes(), 100).unwrap().into_iter().map(pair).collect()
    }

    #[test]
    fn fields_are_decoded_in_order_and_line_ends_stay() {
        let want = [("a", "1 2"), ("b", ""), ("c", "x\r\ny"), ("a", "é"), ("d", "%zz%"), ("e", "=")];
        let want: Vec<_> = want.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_eq!(pairs("a=1+2&b&c=x%0D%0Ay&&a=%C3%A9&d=%zz%&e=="), want);
        assert_eq!(pairs(""), []);
    }

    #[test]
    fn what_is_no_text_is_refused_and_named() {
        for (body, field) in [("a=%ff", "a"), ("%ff=a", "(a name)"), ("a=%00", "a"), ("%0a=1", "\u{fffd}"), ("=1", "")]
        {
            let refusal = read(body.as_bytes(), 10).unwrap_err();
            assert_eq!((refusal.problem.status, refusal.wrongs[0].field.as_str()), (422, field), "{body}");
        }
    }

    #[test]
    fn ten_thousand_fields_are_too_many() {
        assert_eq!(read("a=1&".repeat(10_000).as_bytes(), 200), Err(too_many(200)));
        assert_eq!(read("a=1&".repeat(200).as_bytes(), 200).unwrap().len(), 200);
    }

    proptest! {
        #[test]
        fn the_reader_agrees_with_the_standard_one(body in "[a-c=&+%0-9C3A9]{0,40}") {
            let standard: Vec<_> = form_urlencoded::parse(body.as_bytes()).map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
            let spoilt = standard.iter().any(|(n, v)| n.is_empty() || check_name(n).is_err() || v.contains('\0') || n.contains('\u{fffd}') || v.contains('\u{fffd}'));
            match read(body.as_bytes(), 100) {
                Ok(_) => prop_assert!(!spoilt && pairs(&body) == standard),
                Err(_) => prop_assert!(spoilt),
            }
        }
    }
}
