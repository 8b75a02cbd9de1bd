//! Whether a user agent is a program's: a crawler, a preview for a chat, a monitor, a library.
//!
//! **Invariant:** judged by how programs introduce themselves, not by a list of who exists: they don't look like a browser, or
//! say what they do, or say whom to complain to. A browser that is unknown here is a browser.

use super::products::Parts;
use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// Parts of words, in lower case, that say what a program does. Chosen for what they mean; each was tried on real browsers.
const DEEDS: &[&str] = &[
    "crawl",
    "spider",
    "scrap",
    "slurp",
    "headless",
    "phantomjs",
    "puppeteer",
    "playwright",
    "selenium",
    "webdriver",
    "cypress",
    "lighthouse",
    "pagespeed",
    "monitor",
    "uptime",
    "pingdom",
    "synthetic",
    "preview",
    "unfurl",
    "linkexpand",
    "externalhit",
    "fetch",
    "favicon",
    "proxy",
    "scan",
    "check",
    "verif",
    "valid",
    "audit",
    "inspect",
    "probe",
    "survey",
    "archiv",
    "harvest",
    "collect",
    "extract",
    "analy",
    "research",
    "discovery",
    "sitemap",
    "seo",
    "feed",
    "rss",
    "aggregat",
    "subscriber",
    "library",
    "httpclient",
    "http_client",
    "http-client",
    "httrack",
    "curl",
    "wget",
    "python",
    "java/",
    "perl",
    "okhttp",
    "axios",
    "guzzle",
    "httpunit",
    "nikto",
    "openvas",
    "nessus",
    "security",
    "read-aloud",
    "mediapartners",
    "adsbot",
    "safety",
    "screenshot",
    "capture",
    "render",
    "translat",
    "transcod",
    "optimiz",
    "generator",
    "resolver",
    "watch",
    "agent",
    "metauri",
    "whatsapp",
    "skypeuripreview",
    "adbeat",
    "gpt",
    "genai",
    "llm",
    "test",
    "hosted",
    "google-",
    "imageproxy",
    "splash",
    "evasions",
    "ptst",
    "nutch",
    "insight",
    "diagnos",
    "grader",
];

/// Looks for all of them at once. There is none only if the library would not take the words, which a test sees.
static DEEDS_FINDER: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(DEEDS).ok());

/// Ends of the names of websites. Browsers name none.
const SITES: &[&str] = &[
    "com", "net", "org", "io", "co", "ai", "de", "fr", "ru", "uk", "eu", "cz", "nl", "jp", "gov", "edu", "info", "dev",
];

/// Products that make pages visible: without any of them it is no browser.
const ENGINES: &[&str] = &["AppleWebKit", "Gecko", "Presto", "Goanna", "KHTML", "Servo", "Safari", "Chrome", "Firefox"];

/// What phones without a system worth the name say of themselves, in place of `Mozilla`.
const SMALL_BROWSERS: &[&str] = &["Opera Mini/", "UCBrowser/", "Profile/MIDP"];

/// What browsers for Linux end in.
const LAST_ON_LINUX: &[&str] = &[
    "Safari",
    "Firefox",
    "Chrome",
    "Chromium",
    "Edg",
    "OPR",
    "Vivaldi",
    "YaBrowser",
    "Brave",
    "Epiphany",
    "Falkon",
    "Konqueror",
    "konqueror",
    "Whale",
    "SeaMonkey",
    "PaleMoon",
    "Waterfox",
    "LibreWolf",
    "Iceweasel",
    "Gecko",
    "Version",
];

/// What browsers say of their engine, and nothing beside it.
const ENGINE_REMARK: &str = "KHTML, like Gecko";

/// `text` is a user agent of at most 512 bytes, and `parts` what it is made of.
pub(super) fn is_bot(text: &str, parts: &Parts<'_>) -> bool {
    is_no_browser(text, parts)
        || is_merely_compatible(parts)
        || remarks_on_its_engine(parts)
        || is_on_a_server(parts)
        || is_telling(text, parts)
}

/// Browsers begin with `Mozilla/5.0 (system)`, and have an engine.
fn is_no_browser(text: &str, parts: &Parts<'_>) -> bool {
    let Some(first) = parts.products.first() else { return true };
    let is_small = || SMALL_BROWSERS.iter().any(|token| text.contains(token));
    match first.name {
        "Mozilla" => match parts.comments.first() {
            Some(system) => system.trim().is_empty() || !(parts.has(ENGINES) || is_old(system)),
            None => true,
        },
        "Opera" => parts.comments.is_empty(),
        _ => !is_small(),
    }
}

/// Older than the engines that are named: `MSIE 6.0`.
fn is_old(comment: &str) -> bool {
    let explorer = comment.split_once("MSIE ").and_then(|(_, version)| version.chars().next());
    explorer.is_some_and(|c| c.is_ascii_digit()) || comment.contains("Konqueror")
}

/// `(compatible; …)`, which only the oldest browsers still say.
fn is_merely_compatible(parts: &Parts<'_>) -> bool {
    parts.comments.iter().any(|comment| comment.contains("compatible") && !is_old(comment))
}

/// `(KHTML, like Gecko; something)`.
fn remarks_on_its_engine(parts: &Parts<'_>) -> bool {
    parts.comments.iter().any(|comment| comment.strip_prefix(ENGINE_REMARK).is_some_and(|more| !more.is_empty()))
}

/// A Linux desktop, and after the browser's products one more. Programs run on servers, which have a plain Chrome.
fn is_on_a_server(parts: &Parts<'_>) -> bool {
    parts.comments.first().is_some_and(|system| system.starts_with("X11; Linux"))
        && parts.products.last().is_some_and(|product| !LAST_ON_LINUX.contains(&product.name))
}

/// Names a page, an address or what a program does.
fn is_telling(text: &str, parts: &Parts<'_>) -> bool {
    let does = |part: &str| DEEDS_FINDER.as_ref().is_some_and(|finder| finder.is_match(part));
    if !parts.comments.iter().any(|comment| is_about_a_phone(comment)) {
        return does(text) || names_a_bot(text) || names_a_site(text);
    }
    let words = || parts.products.iter().flat_map(|product| [product.name, product.version.unwrap_or_default()]);
    let remarks = || parts.comments.iter().copied().filter(|comment| !comment.starts_with("FB"));
    words().any(|word| does(word) || names_a_bot(word) || names_a_site(word))
        || remarks().any(|comment| names_a_bot(comment) || names_a_site(comment))
        || remarks().any(|comment| !is_about_a_phone(comment) && does(comment))
}

/// Models of phones have names of every kind, and so have phone companies (`FBCR/Vodafone.de`).
fn is_about_a_phone(comment: &str) -> bool {
    comment.contains("Android") || comment.starts_with("FB")
}

/// `bot` at the end of a word. Cubot makes phones.
fn names_a_bot(part: &str) -> bool {
    let bytes = part.as_bytes();
    let ends_a_word = |at: usize| !bytes.get(at).is_some_and(|b| b.is_ascii_lowercase() && *b != b's');
    let is_bot = |(at, word): (usize, &[u8])| {
        let before = at.checked_sub(2).and_then(|at| bytes.get(at..at + 2));
        word.eq_ignore_ascii_case(b"bot")
            && ends_a_word(at + 3)
            && !before.is_some_and(|b| b.eq_ignore_ascii_case(b"cu"))
    };
    bytes.windows(3).enumerate().any(is_bot)
}

/// A page, or a domain to complain to, perhaps as a part of an address for mail.
fn names_a_site(part: &str) -> bool {
    if part.contains("://") || part.contains("www.") {
        return true;
    }
    let is_label = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    part.split(|c| !is_label(c)).any(|word| match word.rsplit_once('.') {
        // The other way round it is an app's identifier: com.example.app.
        Some((name, end)) => {
            !name.is_empty() && !name.starts_with("com.") && SITES.iter().any(|site| end.eq_ignore_ascii_case(site))
        }
        None => false,
    })
}
