//! Campaign parameters.
//!
//! **Invariant:** a value is at most 255 legible characters.

use url::form_urlencoded;

const VALUE_CHARS_MAX: usize = 255;

/// Campaign parameters: each of the request's query, else of the target's.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Utm {
    pub source: Option<String>,
    pub medium: Option<String>,
    pub campaign: Option<String>,
    pub term: Option<String>,
    pub content: Option<String>,
}

impl Utm {
    pub(super) fn of(query: Option<&str>, target: Option<&str>) -> Utm {
        let mut utm = Utm::default();
        utm.fill(query.unwrap_or_default());
        utm.fill(target.and_then(query_of).unwrap_or_default());
        utm
    }

    /// Takes what is not known yet; of the same parameter twice the first.
    fn fill(&mut self, query: &str) {
        // Nearly all queries have none; an encoded name (`%75tm_`) is nobody's but a tester's.
        if !query.contains("utm_") {
            return;
        }
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let place = match &*name {
                "utm_source" => &mut self.source,
                "utm_medium" => &mut self.medium,
                "utm_campaign" => &mut self.campaign,
                "utm_term" => &mut self.term,
                "utm_content" => &mut self.content,
                _ => continue,
            };
            if place.is_none() {
                *place = legible(&value);
            }
        }
    }
}

/// The query of a URL as it was written.
fn query_of(url: &str) -> Option<&str> {
    let before_fragment = url.split('#').next()?;
    before_fragment.split_once('?').map(|(_, query)| query)
}

/// Without what can't be seen; `None` if nothing is left.
fn legible(value: &str) -> Option<String> {
    let text: String = value.chars().filter(|c| !is_invisible(*c)).take(VALUE_CHARS_MAX).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Control characters, and those that turn the direction of a text or break its line.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(query: &str) -> Option<String> {
        Utm::of(Some(query), None).source
    }

    #[test]
    fn a_parameter_of_the_request_goes_before_that_of_the_target() {
        let target = "https://a.example/?utm_source=mail&utm_medium=email&x=1#?utm_term=no";
        let utm = Utm::of(Some("utm_source=poster&utm_content=qr"), Some(target));
        let want = Utm {
            source: Some("poster".into()),
            medium: Some("email".into()),
            content: Some("qr".into()),
            ..Utm::default()
        };
        assert_eq!(utm, want);
        assert_eq!(Utm::of(None, Some("https://a.example/#?utm_source=x")), Utm::default());
    }

    #[test]
    fn values_are_decoded_short_and_legible() {
        assert_eq!(source("utm_source=caf%C3%A9+%26%20bar").as_deref(), Some("café & bar"));
        assert_eq!(source("utm_source=a%00%0d%0ab%E2%80%AEc").as_deref(), Some("abc"));
        assert_eq!(source("utm_source=%ff").as_deref(), Some("\u{fffd}"));
        assert_eq!(source("utm_source=&utm_source=+&utm_source=b&utm_source=c").as_deref(), Some("b"));
        assert_eq!(source(&format!("utm_source={}", "é".repeat(300))), Some("é".repeat(255)));
        assert_eq!(source("xutm_source=1&UTM_SOURCE=2"), None);
    }
}
