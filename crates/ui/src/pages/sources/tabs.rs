//! What the tabs of a source show of its configuration.
//!
//! **Invariant:** only what the API shows: public keys and switches, never secrets.

use crate::answer::Members;
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Events,
    Rejected,
    Routes,
    Verification,
    Response,
    Code,
    Danger,
}

impl Tab {
    pub const ALL: [Tab; 7] =
        [Tab::Events, Tab::Rejected, Tab::Routes, Tab::Verification, Tab::Response, Tab::Code, Tab::Danger];

    pub fn parse(name: &str) -> Tab {
        Tab::ALL.into_iter().find(|tab| tab.name() == name).unwrap_or(Tab::Events)
    }
    /// In the URL.
    pub fn name(self) -> &'static str {
        match self {
            Tab::Events => "events",
            Tab::Rejected => "rejected",
            Tab::Routes => "routes",
            Tab::Verification => "verification",
            Tab::Response => "response",
            Tab::Code => "code",
            Tab::Danger => "danger",
        }
    }
    pub fn text(self) -> &'static str {
        match self {
            Tab::Events => "Events",
            Tab::Rejected => "Rejected",
            Tab::Routes => "Routes",
            Tab::Verification => "Verification",
            Tab::Response => "Response",
            Tab::Code => "Code",
            Tab::Danger => "Danger",
        }
    }
}

pub(super) struct Verification {
    pub scheme: String,
    /// What may be shown of the configuration, as JSON; empty if nothing may.
    pub config: String,
    pub allow_ips: String,
    pub verify_url: String,
}

impl Verification {
    pub fn of(source: &Value) -> Self {
        let config = source.member("config");
        let is_empty = config.as_object().is_none_or(serde_json::Map::is_empty);
        let ips = if config.get("allowIps").is_some() { "allowIps" } else { "allow" };
        Verification {
            scheme: source.text("verification.scheme"),
            config: if is_empty { String::new() } else { config.to_string() },
            allow_ips: config.texts(ips).join("\n"),
            verify_url: source.text("options.verifyUrl"),
        }
    }
}

/// What senders are answered, and what counts as a duplicate.
pub(super) struct Answer {
    /// 0: what the provider expects.
    pub status: u64,
    pub body: String,
    pub delay_ms: u64,
    pub by: String,
    pub window_hours: u64,
    pub is_message: bool,
}

impl Answer {
    pub fn of(source: &Value) -> Self {
        let options = source.member("options");
        Answer {
            status: options.number("response.status"),
            body: options.text("response.body"),
            delay_ms: options.number("delayMs"),
            by: options.some("dedup.by").unwrap_or_else(|| "provider".to_owned()),
            window_hours: options.number("dedup.windowSeconds") / 3600,
            is_message: options.text("delivery") == "message",
        }
    }
}
