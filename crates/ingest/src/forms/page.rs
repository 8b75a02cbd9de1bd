//! The pages that a browser sees: thanks, and what was wrong.
//!
//! **Invariant:** self-contained, without scripts, and nothing of a sender's or an owner's is markup.

use super::entry::Refusal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::html;
use http::HeaderValue;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const STYLE: &str = ":root{color-scheme:light dark;--ink:#1d2733;--paper:#f5f6f8;--card:#fff;--edge:#d5dae1;--link:#0b57a4}\
@media (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--paper:#12161c;--card:#1b212a;--edge:#38424f;--link:#8ab8f5}}\
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--paper);color:var(--ink);\
font:1.0625rem/1.55 system-ui,sans-serif}\
main{box-sizing:border-box;width:min(36rem,100% - 2rem);margin:1rem;padding:2rem;background:var(--card);\
border:1px solid var(--edge);border-radius:.75rem;overflow-wrap:anywhere}\
h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.25}p,ul{margin:.75rem 0 0}li{margin:.25rem 0}a{color:var(--link)}";

/// What the page may do: have this style.
pub(super) fn policy() -> HeaderValue {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
        let hash = STANDARD.encode(Sha256::digest(STYLE));
        let text = format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'");
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
    });
    POLICY.clone()
}

/// The thanks: an owner's text, whose first line is the heading, or ours. `back` is a URL.
pub(super) fn thanks(text: Option<&str>, back: Option<&str>) -> String {
    let mut own = text.unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty());
    let (language, heading, lines) = match own.next() {
        // Nobody knows which language the owner's text is in.
        Some(heading) => ("", heading, own.collect()),
        None => (" lang=\"en\"", "Thank you", vec!["Your message has been received."]),
    };
    let mut body = paragraphs(&lines);
    if let Some(back) = back {
        body.push_str(&format!("<p lang=\"en\"><a href=\"{}\">Back</a></p>\n", html::escaped(back)));
    }
    page(language, heading, &body)
}

/// What was wrong, and what to do.
pub(super) fn refused(refusal: &Refusal) -> String {
    let problem = &refusal.problem;
    let (heading, advice) = match problem.status {
        404 => ("There is no such form", ""),
        403 => ("This form can't be sent", ""),
        405 => ("This address takes forms", "A form on a web page is sent here. There is nothing to see."),
        413 | 422 => {
            ("Please check your entries", "Go back with your browser's Back button; what you typed is still there.")
        }
        408 | 429 | 500..=599 => {
            ("Please try again", "Nothing was stored. Go back, wait a moment, and send the form again.")
        }
        _ => ("This form can't be read", ""),
    };
    let detail = format!("{}.", problem.detail);
    let mut body = paragraphs(&[&detail]);
    if !refusal.wrongs.is_empty() {
        body.push_str("<ul>\n");
        for wrong in &refusal.wrongs {
            body.push_str(&format!(
                "<li><strong>{}</strong> {}</li>\n",
                html::escaped(&wrong.field),
                html::escaped(&wrong.problem)
            ));
        }
        body.push_str("</ul>\n");
    }
    body.push_str(&paragraphs(&[advice]));
    page(" lang=\"en\"", heading, &body)
}

fn paragraphs(lines: &[&str]) -> String {
    let lines = lines.iter().filter(|line| !line.is_empty());
    lines.map(|line| format!("<p dir=\"auto\">{}</p>\n", html::escaped(line))).collect()
}

fn page(language: &str, heading: &str, body: &str) -> String {
    let heading = html::escaped(heading);
    format!(
        "<!doctype html>\n<html{language}>\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{heading}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<main>\n<h1 dir=\"auto\">{heading}</h1>\n{body}</main>\n</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::super::entry::Wrong;
    use super::*;

    #[test]
    fn nothing_of_others_is_markup() {
        let attack = "\"><script>alert('1')</script>&";
        let wrong = Refusal::validation("x").wrong(vec![Wrong::new(attack, attack)]);
        for page in [thanks(Some(attack), Some(attack)), refused(&wrong)] {
            assert!(!page.contains("<script") && !page.contains("\"><s"), "{page}");
            assert!(page.contains("&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;"), "{page}");
        }
    }

    #[test]
    fn a_page_has_a_title_a_heading_and_a_language_if_it_is_ours() {
        let page = thanks(None, None);
        for part in
            ["<!doctype html>", "<html lang=\"en\">", "<title>Thank you</title>", "<h1 dir=\"auto\">Thank you</h1>"]
        {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("<a "));
        let own = thanks(Some("Merci !\r\n\r\nÀ bientôt\r\n"), Some("https://x.test/"));
        for part in
            ["<html>", "<title>Merci !</title>", "<p dir=\"auto\">À bientôt</p>", "<a href=\"https://x.test/\">"]
        {
            assert!(own.contains(part), "{part} {own}");
        }
    }

    #[test]
    fn the_policy_allows_the_style_and_nothing_else() {
        let policy = policy();
        let text = policy.to_str().unwrap();
        assert!(text.starts_with("default-src 'none'; style-src 'sha256-"), "{text}");
        assert!(text.contains(&STANDARD.encode(Sha256::digest(STYLE))));
    }
}
