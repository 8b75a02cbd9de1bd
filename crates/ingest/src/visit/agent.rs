//! What a user agent says of who came.
//!
//! **Invariant:** the same bytes always mean the same; nothing of the text itself is kept.

use super::products::Parts;
use super::{bots, browsers};

/// Bytes of a user agent that are looked at. Browsers stay below it; a longer one is a program's.
pub(super) const USER_AGENT_MAX: usize = 512;

/// A user agent, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Agent {
    pub bot: bool,
    pub device: Option<&'static str>,
    pub os: Option<&'static str>,
    pub browser: Option<&'static str>,
}

impl Agent {
    /// Whoever sends no user agent, or one that is no text.
    pub const NOBODY: Agent = Agent { bot: true, device: None, os: None, browser: None };

    pub fn of(bytes: &[u8]) -> Agent {
        let Ok(text) = str::from_utf8(bytes) else { return Agent::NOBODY };
        let text = text.trim();
        if text.is_empty() || text.contains(char::is_control) {
            return Agent::NOBODY;
        }
        let parts = Parts::of(text);
        Agent {
            bot: bytes.len() >= USER_AGENT_MAX || bots::is_bot(text, &parts),
            device: Some(browsers::device(text, &parts)),
            os: browsers::system(text),
            browser: browsers::browser(text),
        }
    }
}
