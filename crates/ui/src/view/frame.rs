//! What surrounds every page: title, menu, search, who is signed in, the notice of what was just done.
//!
//! **Invariant:** a page's template has a field `frame`, and extends `layout.html` (the admin's) or `plain.html` (nobody's).

use crate::session::SignedIn;
use askama::Template;

/// Which entry of the menu is lit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    None,
    Home,
    Live,
    Messages,
    Applications,
    EventTypes,
    Sources,
    Inspector,
    Links,
    Forms,
    Connect,
    Issues,
    Tasks,
    Settings,
    Audit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the system says.
    Auto,
    Light,
    Dark,
}

impl Theme {
    pub fn of(cookie: Option<&str>) -> Self {
        match cookie {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::Auto,
        }
    }
    pub fn name(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }
    /// What its button chooses.
    pub fn next(self) -> &'static str {
        match self {
            Theme::Auto => "light",
            Theme::Light => "dark",
            Theme::Dark => "auto",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub title: String,
    pub section: Section,
    pub me: Option<SignedIn>,
    /// For the hidden field `csrf` of every form.
    pub csrf: String,
    pub theme: Theme,
    pub notice: Option<String>,
    /// The form that takes back what the notice says.
    pub undo: Option<Undo>,
    /// What the search box shows.
    pub query: String,
    /// Path and query of this page.
    pub here: String,
    pub version: &'static str,
    /// Open issues, for the menu; 0 shows none.
    pub issues: u64,
}

/// The form of ours that takes back what was just done: nothing, or one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Undo {
    pub path: String,
    pub name: String,
    pub value: String,
}

/// Beginnings and ends of the paths that may be undone to. A cookie can be planted by a neighbour: it may lead to what can be
/// taken back again, and to nothing else.
const UNDONE: [(&str, &str); 8] = [
    ("/apps/", "/switch"),
    ("/event-types/", "/change"),
    ("/forms/", "/state"),
    ("/issues/", "/open"),
    ("/issues/", "/pause-endpoint"),
    ("/issues/", "/resume-endpoint"),
    ("/links/", "/state"),
    ("/sources/", "/state"),
];

impl Undo {
    /// In a cookie.
    pub fn text(&self) -> String {
        format!("{}|{}|{}", self.path, self.name, self.value)
    }
    pub fn read(text: &str) -> Option<Undo> {
        let mut parts = text.split('|').map(str::to_owned);
        let (Some(path), Some(name), Some(value), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_.-%".contains(&b));
        let may = UNDONE.iter().any(|(start, end)| path.starts_with(start) && path.ends_with(end));
        let is_known = matches!(&*name, "" | "state" | "do" | "archived");
        (may && is_known && is_plain(&path) && !path.contains("..") && is_plain(&value)).then_some(Undo {
            path,
            name,
            value,
        })
    }
}

impl Frame {
    /// `class` and `aria-current` of a menu entry.
    pub fn current(&self, section: Section) -> super::Html {
        super::Html(if self.section == section { " aria-current=\"page\"".to_owned() } else { String::new() })
    }
    /// The hidden field of a form.
    pub fn token(&self) -> super::Html {
        super::Html(format!("<input type=\"hidden\" name=\"csrf\" value=\"{}\">", domain::html::escaped(&self.csrf)))
    }
    pub fn shortcuts(&self) -> &'static str {
        if self.me.as_ref().is_none_or(|me| me.shortcuts) { "on" } else { "off" }
    }
    pub fn may_resend(&self) -> bool {
        self.me.as_ref().is_some_and(SignedIn::may_resend)
    }
    pub fn may_write(&self) -> bool {
        self.me.as_ref().is_some_and(SignedIn::may_write)
    }
    pub fn may_own(&self) -> bool {
        self.me.as_ref().is_some_and(SignedIn::may_own)
    }
}

/// Something that can't be shown or done, and what to do about it.
#[derive(Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage {
    pub frame: Frame,
    pub detail: String,
}

use crate::view as v;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_taken_back_again_is_an_undo() {
        let good = Undo { path: "/apps/app_1/endpoints/ep_2/switch".into(), name: "do".into(), value: "resume".into() };
        assert_eq!(Undo::read(&good.text()), Some(good));
        assert!(Undo::read("/issues/iss_1/open||").is_some());
        for bad in [
            "",
            "/apps/app_1/delete|name|x",
            "/apps/../settings/keys/k/switch|do|x",
            "//evil.test/apps/switch|do|x",
            "/apps/a/switch|csrf|x",
            "/apps/a/switch|do|\"><script>",
            "/apps/a\"b/switch|do|x",
            "/apps/a/switch|do|x|y",
            "/apps/a/switch",
        ] {
            assert_eq!(Undo::read(bad), None, "{bad}");
        }
    }
}
