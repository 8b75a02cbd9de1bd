//! A panel that waits for something to arrive and then says what came: *waiting for your first event… received*.
//!
//! A page makes one with [`Waiting::new`], asks [`Waiting::poll`] first (a browser with JavaScript looks again every two
//! seconds), and writes `{{ waiting }}` where the panel stands. Without JavaScript it has a link that loads the page again.
//! **Invariant:** while nothing came the answer to a look is empty (204), so that screen readers hear of it once.

use super::icon;
use crate::call::Visit;
use crate::reply::Reply;
use domain::html::escaped;
use http::StatusCode;
use std::fmt;

/// The parameter that a look has beside those of the page.
const LOOK: &str = "wait";

/// What came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Something came, but not what was hoped for.
    pub is_bad: bool,
    pub title: String,
    /// Each with a tick, or a cross: what is known of it.
    pub facts: Vec<(bool, String)>,
    /// What it means, or what to do next; may be empty.
    pub hint: String,
    /// Where more of it is, and what that is called.
    pub link: Option<(String, String)>,
}

pub(crate) struct Waiting {
    /// Path and query of the page.
    here: String,
    text: String,
    seen: Option<Seen>,
}

impl Waiting {
    /// `text` is what is waited for: "Waiting for your first event…".
    pub fn new(visit: &Visit, text: impl Into<String>, seen: Option<Seen>) -> Self {
        Waiting { here: visit.here().to_owned(), text: text.into(), seen }
    }

    /// The answer to a look, if this is one.
    pub fn poll(&self, visit: &Visit) -> Option<Reply> {
        if !visit.is_fragment() || !visit.query().has(LOOK) {
            return None;
        }
        Some(match &self.seen {
            None => Reply::html(StatusCode::NO_CONTENT, String::new()),
            Some(seen) if seen.is_bad && visit.query().get(LOOK) == key(seen) => {
                Reply::html(StatusCode::NO_CONTENT, String::new())
            }
            Some(seen) => Reply::html(StatusCode::OK, self.panel(seen, &page_of(&self.here))),
        })
    }

    fn panel(&self, seen: &Seen, here: &str) -> String {
        let (class, name) = if seen.is_bad { ("waiting wrong", "alert") } else { ("waiting done", "check") };
        // What isn't what was hoped for may be followed by what is.
        let again = if seen.is_bad { polling(here, &key(seen)) } else { String::new() };
        let fact = |(good, text): &(bool, String)| {
            format!("<li>{}<span>{}</span></li>", icon(if *good { "check" } else { "cross" }), escaped(text))
        };
        let facts: String = seen.facts.iter().map(fact).collect();
        let facts = if facts.is_empty() { facts } else { format!("<ul class=\"ticks\">{facts}</ul>") };
        let link = seen.link.as_ref().map_or_else(String::new, |(href, text)| {
            format!("<a class=\"end\" href=\"{}\">{}</a>", escaped(href), escaped(text))
        });
        let hint = match &*seen.hint {
            "" => String::new(),
            hint => format!("<p class=\"hint\">{}</p>", escaped(hint)),
        };
        let title = escaped(&seen.title);
        format!("<div class=\"{class}\"{again}>{}<div><b>{title}</b>{facts}{hint}</div>{link}</div>", icon(name))
    }
}

/// The attributes that make a browser look again.
fn polling(here: &str, key: &str) -> String {
    let join = if here.contains('?') { '&' } else { '?' };
    let here = escaped(here);
    format!(" hx-get=\"{here}{join}{LOOK}={key}\" hx-trigger=\"every 2s\" hx-target=\"this\" hx-swap=\"outerHTML\"")
}

/// The page's path and query, of a look's.
fn page_of(here: &str) -> String {
    let end = here.rfind(LOOK).filter(|at| here.as_bytes().get(at.wrapping_sub(1)).is_some_and(|b| b"?&".contains(b)));
    here.get(..end.map_or(here.len(), |at| at.saturating_sub(1))).unwrap_or(here).to_owned()
}

/// Says whether what is shown is what there is: 64 bits of FNV-1a in hexadecimal.
fn key(seen: &Seen) -> String {
    let text = format!("{}{:?}", seen.title, seen.facts);
    let hash =
        text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:x}")
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let here = escaped(&self.here);
        match &self.seen {
            Some(seen) => write!(f, "<div role=\"status\">{}</div>", self.panel(seen, &self.here)),
            None => write!(
                f,
                "<div role=\"status\"><div class=\"waiting\"{}><span class=\"pulse\"></span><span>{}</span>\
                 <a class=\"end no-js\" href=\"{here}\">Look again</a></div></div>",
                polling(&self.here, "1"),
                escaped(&self.text)
            ),
        }
    }
}

impl askama::filters::HtmlSafe for Waiting {}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(seen: Option<Seen>) -> Waiting {
        Waiting { here: "/x?a=1".to_owned(), text: "Waiting…".to_owned(), seen }
    }

    #[test]
    fn it_looks_again_until_what_was_hoped_for_came() {
        let looks = "hx-get=\"/x?a=1&wait=";
        assert!(waiting(None).to_string().contains(looks));
        let bad = Seen { is_bad: true, title: "Rejected".to_owned(), ..Seen::default() };
        assert!(waiting(Some(bad.clone())).to_string().contains(looks));
        let good = Seen { facts: vec![(true, "<script>".to_owned())], ..Seen { is_bad: false, ..bad } };
        let html = waiting(Some(good)).to_string();
        assert!(!html.contains("hx-get") && !html.contains("<script>"), "{html}");
    }

    #[test]
    fn a_look_knows_its_page() {
        assert_eq!(page_of("/x?a=1&wait=1"), "/x?a=1");
        assert_eq!(page_of("/x?wait=abc"), "/x");
        assert_eq!(page_of("/waiting?a=1"), "/waiting?a=1");
    }
}
