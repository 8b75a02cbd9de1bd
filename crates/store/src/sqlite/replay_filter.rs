//! Which messages a replay takes: by what they are, and by what their endpoint got of them.
//!
//! Asked by estimates and by tasks alike. **Invariant:** reads only.

use super::rows;
use crate::error::StoreError;
use crate::operations::{ReplayFilter, Which};
use domain::{EndpointId, MessageId, Subscription, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

type Result<T> = std::result::Result<T, StoreError>;

/// A message that a replay looks at.
pub(super) struct Candidate {
    pub id: MessageId,
    pub event_type: String,
    channels: Vec<String>,
    tags: Vec<String>,
    has_payload: bool,
    pub deliver_at: Option<Timestamp>,
}

/// A name, or a pattern that ends in `*`.
fn names(pattern: &str, event_type: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => event_type.starts_with(start),
        None => pattern == event_type,
    }
}

/// Whether it takes every message, as far as the message goes.
pub(super) fn takes_all(f: &ReplayFilter) -> bool {
    f.event_types.is_empty() && f.channel.is_none() && f.tag.is_none() && f.status_code_class.is_none()
}

impl Candidate {
    pub fn from_row(row: &Row<'_>) -> rusqlite::Result<Candidate> {
        Ok(Candidate {
            id: MessageId(row.get("id")?),
            event_type: row.get("event_type")?,
            channels: rows::list(row, "channels")?,
            tags: rows::list(row, "tags")?,
            has_payload: row.get("has_payload")?,
            deliver_at: rows::optional_time(row, "deliver_at")?,
        })
    }

    fn matches(&self, f: &ReplayFilter) -> bool {
        (f.event_types.is_empty() || f.event_types.iter().any(|p| names(p, &self.event_type)))
            && f.channel.as_ref().is_none_or(|c| self.channels.contains(c))
            && f.tag.as_ref().is_none_or(|t| self.tags.contains(t))
    }

    /// Whether the endpoint takes it, the filter does, and there is something to send.
    pub fn is_taken(&self, subscription: &Subscription, f: &ReplayFilter) -> bool {
        self.has_payload && subscription.takes(&self.event_type, &self.channels) && self.matches(f)
    }
}

/// What an endpoint got of a message. The default: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct History {
    /// Leased, or due.
    under_way: bool,
    dead: bool,
    pub delivered: bool,
    /// Of the last attempt.
    status_code: Option<u16>,
}

impl History {
    pub fn of(conn: &Connection, message: MessageId, endpoint: EndpointId) -> Result<History> {
        // The plus keeps it from walking all attempts of the endpoint.
        let found = conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM lease WHERE message = ?1 AND endpoint = ?2),
                    EXISTS (SELECT 1 FROM delivery WHERE message = ?1 AND +endpoint = ?2 AND due_at IS NOT NULL),
                    EXISTS (SELECT 1 FROM delivery WHERE message = ?1 AND +endpoint = ?2 AND dead IS NOT NULL),
                    EXISTS (SELECT 1 FROM attempt WHERE message = ?1 AND +endpoint = ?2 AND success = 1),
                    (SELECT status_code FROM attempt WHERE message = ?1 AND +endpoint = ?2 ORDER BY id DESC LIMIT 1)",
            )?
            .query_row(params![message.0, endpoint.0], |r| {
                let (leased, due): (bool, bool) = (r.get(0)?, r.get(1)?);
                let (dead, delivered, status_code) = (r.get(2)?, r.get(3)?, r.get(4)?);
                Ok(History { under_way: leased || due, dead, delivered, status_code })
            })?;
        Ok(found)
    }

    fn is_of_class(&self, f: &ReplayFilter) -> bool {
        f.status_code_class.is_none_or(|class| self.status_code.is_some_and(|code| code / 100 * 100 == class))
    }

    /// Whether a message-by-message replay makes a delivery.
    pub fn wants(&self, f: &ReplayFilter) -> bool {
        let by_history = match f.which {
            Which::Failed => self.dead,
            Which::Missing => !self.under_way && !self.dead && self.status_code.is_none(),
            Which::Delivered => self.delivered && !self.under_way,
            Which::Everything => !self.under_way,
        };
        by_history && self.is_of_class(f)
    }
}

/// Whether a dead delivery of this message is taken.
pub(super) fn takes_dead(
    conn: &Connection,
    f: &ReplayFilter,
    message: MessageId,
    endpoint: EndpointId,
) -> Result<bool> {
    let found = conn
        .prepare_cached(
            "SELECT id, event_type, channels, tags, payload IS NOT NULL AS has_payload, deliver_at FROM message
             WHERE id = ?",
        )?
        .query_row([message.0], Candidate::from_row)
        .optional()?;
    if !found.is_some_and(|m| m.matches(f)) {
        return Ok(false);
    }
    Ok(f.status_code_class.is_none() || History::of(conn, message, endpoint)?.is_of_class(f))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_ends_in_a_star() {
        for (pattern, event_type, want) in [
            ("a.b", "a.b", true),
            ("a.b", "a.bc", false),
            ("a.*", "a.b.c", true),
            ("a.*", "ab.c", false),
            ("*", "x", true),
        ] {
            assert_eq!(names(pattern, event_type), want, "{pattern} {event_type}");
        }
    }

    #[test]
    fn each_kind_of_replay_wants_its_own_histories() {
        let nothing = History::default();
        let dead = History { dead: true, status_code: Some(500), ..nothing };
        let waiting = History { under_way: true, status_code: Some(500), ..nothing };
        let done = History { delivered: true, status_code: Some(200), ..nothing };
        let again = History { under_way: true, ..done };
        let all = [nothing, dead, waiting, done, again];
        for (which, want) in [
            (Which::Failed, [false, true, false, false, false]),
            (Which::Missing, [true, false, false, false, false]),
            (Which::Delivered, [false, false, false, true, false]),
            (Which::Everything, [true, true, false, true, false]),
        ] {
            let f = ReplayFilter { which, ..ReplayFilter::default() };
            assert_eq!(all.map(|h| h.wants(&f)), want, "{which:?}");
        }
        let f = ReplayFilter { which: Which::Everything, status_code_class: Some(500), ..ReplayFilter::default() };
        assert_eq!(all.map(|h| h.wants(&f)), [false, true, false, false, false]);
    }
}
