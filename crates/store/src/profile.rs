//! What an organisation says of itself: its name, its public URL, its brand on the portal.
//!
//! **Invariant:** a profile that was stored passed [`Profile::check`]; nothing in it is markup or fetched from anywhere.

use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Characters of the text of a logo at most.
pub const LOGO_MAX: usize = 32 * 1024;
/// Origins that may show the portal in a frame, at most.
pub const PORTAL_ORIGINS_MAX: usize = 20;
const NAME_MAX: usize = 100;
const GOAL_MAX: usize = 32;
const FONT_MAX: usize = 64;

/// What an organisation said of itself. All is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// Empty until the first owner named it.
    pub name: String,
    /// `https://hooks.example.com`, without a slash at the end. Used where the setting `public-url` is not given.
    pub public_url: Option<String>,
    /// What the first owner chose to do: `send`, `connect`, `receive` or `look`.
    pub goal: Option<String>,
    /// Whether the steps to get started are put away.
    pub steps_hidden: bool,
    pub brand: Brand,
    /// Origins whose pages may show the portal in a frame.
    pub portal_origins: Vec<String>,
}

/// How the portal looks to the customers of an organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Brand {
    /// Instead of the organisation's name.
    pub name: Option<String>,
    /// A `data:` URL of a PNG, JPEG or WebP, at most [`LOGO_MAX`] characters.
    pub logo: Option<String>,
    /// `#rrggbb`.
    pub accent: Option<String>,
    /// The name of a font that the visitor's system has.
    pub font: Option<String>,
    /// `None`: as the visitor's system says.
    pub dark: Option<bool>,
    /// Leaves out the line that says what the portal is made with.
    pub unbranded: bool,
}

/// Why a profile is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct ProfileError {
    /// `name`, `publicUrl`, `goal`, `brandName`, `logo`, `accent`, `font` or `portalOrigins`.
    pub field: &'static str,
    pub text: &'static str,
}

impl Profile {
    /// The first mistake, if there is one.
    pub fn check(&self) -> Result<(), ProfileError> {
        let Brand { name, logo, accent, font, .. } = &self.brand;
        let rules: [(bool, &'static str, &'static str); 9] = [
            (is_line(&self.name, NAME_MAX), "name", "A name has at most 100 characters, on one line"),
            (
                self.public_url.as_deref().is_none_or(is_origin),
                "publicUrl",
                "Write it like https://hooks.example.com: http or https, a host, no path",
            ),
            (self.goal.as_deref().is_none_or(is_goal), "goal", "Choose one of the goals"),
            (
                name.as_deref().is_none_or(|n| is_line(n, NAME_MAX)),
                "brandName",
                "A name has at most 100 characters, on one line",
            ),
            (
                logo.as_deref().is_none_or(|l| l.len() <= LOGO_MAX),
                "logo",
                "The logo is too large: 24 KB at most. Make it smaller, 200 pixels wide are plenty",
            ),
            (logo.as_deref().is_none_or(is_logo), "logo", "A logo is a PNG, JPEG or WebP image"),
            (accent.as_deref().is_none_or(is_colour), "accent", "Write a colour as # and six hex digits, like #2457d6"),
            (font.as_deref().is_none_or(is_font), "font", "A font's name has letters, digits, spaces and -"),
            (
                self.portal_origins.len() <= PORTAL_ORIGINS_MAX && self.portal_origins.iter().all(|o| is_origin(o)),
                "portalOrigins",
                "Write one origin a line, like https://app.example.com: http or https, a host, no path; 20 at most",
            ),
        ];
        match rules.into_iter().find(|(holds, ..)| !holds) {
            Some((_, field, text)) => Err(ProfileError { field, text }),
            None => Ok(()),
        }
    }
}

/// Text on one line.
fn is_line(text: &str, max: usize) -> bool {
    text.chars().count() <= max && !text.chars().any(char::is_control)
}
fn is_goal(text: &str) -> bool {
    (1..=GOAL_MAX).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_lowercase() || c == b'-')
}
fn is_colour(text: &str) -> bool {
    text.len() == 7 && text.strip_prefix('#').is_some_and(|hex| hex.bytes().all(|c| c.is_ascii_hexdigit()))
}
fn is_font(text: &str) -> bool {
    (1..=FONT_MAX).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b' ' | b'-'))
}

/// A picture that holds no markup: an SVG does.
fn is_logo(text: &str) -> bool {
    let data = ["data:image/png;base64,", "data:image/jpeg;base64,", "data:image/webp;base64,"]
        .into_iter()
        .find_map(|prefix| text.strip_prefix(prefix));
    data.is_some_and(|d| {
        !d.is_empty() && d.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b'='))
    })
}

/// `http` or `https`, a host, a port or none; as a browser writes it, so that it can stand in a header.
pub fn is_origin(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else { return false };
    if rest.len() > 255 {
        return false;
    }
    if let Some(rest) = rest.strip_prefix('[') {
        let Some((host, port)) = rest.split_once(']') else { return false };
        return host.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    let (host, port) = rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)));
    is_host(host) && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|c| c.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A number at the end makes it an address (https://url.spec.whatwg.org/#ends-in-a-number-checker).
    let numeric = text.rsplit('.').next().is_some_and(|last| last.bytes().all(|c| c.is_ascii_digit()));
    text.split('.').all(is_label) && (!numeric || text.parse::<Ipv4Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_a_host_and_maybe_a_port() {
        for good in [
            "https://hooks.example.com",
            "http://localhost:8071",
            "https://xn--bcher-kva.example",
            "http://127.0.0.1:8071",
            "http://[::1]:8071",
            "https://a_b.example",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "example.com",
            "https://",
            "https://example.com/",
            "https://example.com/path",
            "https://user@example.com",
            "https://example.com:0",
            "https://example.com:99999",
            "https://example.com:",
            "https://*.example.com",
            "https://Example.com",
            "https://example.com; script-src *",
            "https://example.com https://other.example",
            "https://-a.example",
            "https://a..example",
            "https://1.2.3",
            "http://[::1",
            "http://[::1]x",
            "javascript:alert(1)",
            "https://exam\nple.com",
            "ftp://example.com",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }

    #[test]
    fn what_could_be_markup_or_style_is_refused() {
        let check = |f: fn(&mut Profile)| {
            let mut profile = Profile::default();
            f(&mut profile);
            profile.check().err().map(|e| e.field)
        };
        assert_eq!(check(|_| {}), None);
        assert_eq!(check(|p| p.brand.logo = Some("data:image/png;base64,iVBORw0KGgo=".into())), None);
        assert_eq!(check(|p| p.brand.accent = Some("#2457d6".into())), None);
        assert_eq!(check(|p| p.brand.font = Some("Source Sans 3".into())), None);
        assert_eq!(check(|p| p.name = "a\nb".into()), Some("name"));
        assert_eq!(check(|p| p.name = "ä".repeat(101)), Some("name"));
        assert_eq!(check(|p| p.public_url = Some("hooks.example.com".into())), Some("publicUrl"));
        assert_eq!(check(|p| p.brand.logo = Some("data:image/svg+xml;base64,PHN2Zz4=".into())), Some("logo"));
        assert_eq!(check(|p| p.brand.logo = Some("https://example.com/logo.png".into())), Some("logo"));
        assert_eq!(check(|p| p.brand.logo = Some("data:image/png;base64,\"><script>".into())), Some("logo"));
        let large = |p: &mut Profile| p.brand.logo = Some(format!("data:image/png;base64,{}", "A".repeat(LOGO_MAX)));
        assert_eq!(check(large), Some("logo"));
        assert_eq!(check(|p| p.brand.accent = Some("red;}".into())), Some("accent"));
        assert_eq!(check(|p| p.brand.accent = Some("#fff".into())), Some("accent"));
        assert_eq!(check(|p| p.brand.font = Some("Arial\"; src: url(x)".into())), Some("font"));
        assert_eq!(check(|p| p.portal_origins = vec!["https://a.example/x".into()]), Some("portalOrigins"));
        assert_eq!(check(|p| p.portal_origins = vec!["https://a.example".into(); 21]), Some("portalOrigins"));
        assert_eq!(check(|p| p.goal = Some("Send".into())), Some("goal"));
    }
}
