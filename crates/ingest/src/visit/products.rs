//! The grammar of a user agent: products, and comments in brackets between them.
//!
//! **Invariant:** any text can be split; nothing is copied, and nobody is judged here.

/// `Chrome/142.0.0.0`: a name, and what follows its first slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Product<'a> {
    pub name: &'a str,
    pub version: Option<&'a str>,
}

/// A user agent in parts, in their order.
#[derive(Debug, Default)]
pub(super) struct Parts<'a> {
    pub products: Vec<Product<'a>>,
    /// What stands in `(…)` or `[…]`, without the outer brackets.
    pub comments: Vec<&'a str>,
    /// A bracket is not closed.
    pub is_torn: bool,
}

impl<'a> Parts<'a> {
    /// Splits by RFC 9110, section 10.1.5, and takes what browsers make of it: square brackets, words without a version.
    pub fn of(text: &'a str) -> Parts<'a> {
        let mut parts = Parts::default();
        let mut rest = text;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',', ';']);
            let Some(first) = rest.chars().next() else { return parts };
            let pair = match first {
                '(' => Some(('(', ')')),
                '[' => Some(('[', ']')),
                _ => None,
            };
            rest = match pair {
                Some(pair) => parts.comment(rest, pair),
                None => parts.word(rest),
            };
        }
    }

    /// A product of one of these names.
    pub fn has(&self, names: &[&str]) -> bool {
        self.products.iter().any(|product| names.contains(&product.name))
    }

    fn word(&mut self, rest: &'a str) -> &'a str {
        // The first character may be any: it is part of the word, so that each turn takes something away.
        let after_first = rest.char_indices().nth(1).map_or(rest.len(), |(at, _)| at);
        let tail = rest.get(after_first..).unwrap_or_default();
        let end = after_first + tail.find([' ', '\t', '(', '[', ';']).unwrap_or(tail.len());
        let (word, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
        self.products.push(match word.split_once('/') {
            Some((name, version)) => Product { name, version: Some(version) },
            None => Product { name: word, version: None },
        });
        rest
    }

    fn comment(&mut self, rest: &'a str, (open, close): (char, char)) -> &'a str {
        let mut depth = 0usize;
        for (at, c) in rest.char_indices() {
            if c == open {
                depth += 1;
            } else if c == close {
                depth -= 1;
            }
            if depth == 0 {
                self.comments.push(rest.get(1..at).unwrap_or_default());
                return rest.get(at + 1..).unwrap_or_default();
            }
        }
        self.is_torn = true;
        self.comments.push(rest.get(1..).unwrap_or_default());
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, products: &[(&str, Option<&str>)], comments: &[&str]) {
        let parts = Parts::of(text);
        let got: Vec<_> = parts.products.iter().map(|p| (p.name, p.version)).collect();
        assert_eq!((got.as_slice(), parts.comments.as_slice()), (products, comments), "{text}");
    }

    #[test]
    fn products_and_comments_are_told_apart() {
        check(
            "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/142.0",
            &[("Mozilla", Some("5.0")), ("Gecko", Some("20100101")), ("Firefox", Some("142.0"))],
            &["X11; Linux x86_64"],
        );
        check("a (b (c) d)(e)[f;g h] i/", &[("a", None), ("i", Some(""))], &["b (c) d", "e", "f;g h"]);
        check(" ; ,", &[], &[]);
        check(")]/é", &[(")]", Some("é"))], &[]);
    }

    #[test]
    fn an_open_bracket_reaches_to_the_end() {
        check("a/1 (b (c) d", &[("a", Some("1"))], &["b (c) d"]);
        assert!(Parts::of("a (b").is_torn && !Parts::of("a (b)").is_torn);
    }
}
