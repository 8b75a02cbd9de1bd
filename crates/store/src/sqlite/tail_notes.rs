//! What the writer notes for those who watch the tail.
//!
//! **Invariant:** costs one atomic load while nobody watches; what a transaction noted is seen only once it committed.

use super::core::Core;
use crate::error::StoreError;
use crate::inbound::{NewRequest, Verdict};
use crate::tail::{AttemptResult, Note, NoteKind, TailEvent, TailId, TailRow};
use crate::types::{NewAttempt, Next, Settlement};
use domain::{AppId, AppRoute, AttemptId, MessageId, OrgId, RequestId, Timestamp};
use rusqlite::OptionalExtension;

type Result<T> = std::result::Result<T, StoreError>;

/// Scheme and path are left away: the path may hold a secret.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

impl Core {
    /// Whether to note a row: `None` when nobody watches the organisation, `false` when it is only counted.
    fn tail_takes(&mut self, org: OrgId, app: AppId, is_failure: bool, now: Timestamp) -> Option<bool> {
        if self.tx.tail.is_none() || !self.tails.watches(org) {
            return None;
        }
        // What Postrider tells of itself would fill it with echoes.
        if self.operational_app(org).ok().flatten() == Some(app) {
            return None;
        }
        Some(self.tail_pace.takes(org, self.config.tail_rows_per_second, is_failure, now))
    }

    fn note(&mut self, org: OrgId, app: AppId, row: std::result::Result<TailRow, NoteKind>) {
        if let Some(notes) = &mut self.tx.tail {
            notes.push(Note { org, app, row });
        }
    }

    pub(super) fn tail_accepted(&mut self, route: &AppRoute, message: MessageId, event_type: &str, now: Timestamp) {
        let Some(takes) = self.tail_takes(route.org, route.app, false, now) else { return };
        let row = takes.then(|| TailRow {
            id: TailId::Message(message),
            app: route.app,
            app_uid: route.uid.clone(),
            event_type: event_type.into(),
            what: TailEvent::Accepted,
        });
        self.note(route.org, route.app, row.ok_or(NoteKind::Accepted));
    }

    pub(super) fn tail_received(&mut self, r: &NewRequest, id: RequestId, message: Option<MessageId>, now: Timestamp) {
        let (org, app) = (r.source.org, r.source.app);
        let reason = match &r.verdict {
            Verdict::Refused(why) => Some(Box::from(&**why)),
            _ => None,
        };
        let Some(takes) = self.tail_takes(org, app, reason.is_some(), now) else { return };
        let row = takes.then(|| TailRow {
            id: TailId::Request(id),
            app,
            app_uid: None,
            event_type: r.event_type.as_deref().unwrap_or_default().into(),
            what: TailEvent::Received {
                source: r.source.source,
                verdict: r.verdict.kind(),
                reason,
                status: r.status,
                message,
            },
        });
        self.note(org, app, row.ok_or(NoteKind::Received));
    }

    pub(super) fn tail_attempted(
        &mut self,
        s: &Settlement,
        (id, attempt): (AttemptId, &NewAttempt),
        next: Next,
        now: Timestamp,
    ) -> Result<()> {
        if self.tx.tail.is_none() {
            return Ok(());
        }
        let Some(route) = self.route(s.endpoint.app, now)? else { return Ok(()) };
        let Some(takes) = self.tail_takes(route.org, route.app, !attempt.success, now) else { return Ok(()) };
        let row = if takes { Some(self.attempt_row(&route, s, (id, attempt), next)?) } else { None };
        self.note(route.org, route.app, row.ok_or(NoteKind::Attempt));
        Ok(())
    }

    fn attempt_row(
        &self,
        route: &AppRoute,
        s: &Settlement,
        (id, attempt): (AttemptId, &NewAttempt),
        next: Next,
    ) -> Result<TailRow> {
        let event_type: Option<String> = self
            .conn
            .prepare_cached("SELECT event_type FROM message WHERE id = ?")?
            .query_row([s.key.message.0], |r| r.get(0))
            .optional()?;
        let result = match next {
            _ if attempt.success => AttemptResult::Delivered,
            Next::RetryAt(_) | Next::Released(_) => AttemptResult::Retrying,
            Next::Delivered | Next::Dead(_) | Next::Canceled => AttemptResult::Failed,
        };
        Ok(TailRow {
            id: TailId::Attempt(id),
            app: route.app,
            app_uid: route.uid.clone(),
            event_type: event_type.unwrap_or_default().into(),
            what: TailEvent::Attempted {
                message: s.key.message,
                endpoint: s.key.endpoint,
                host: host_of(&s.endpoint.url).into(),
                number: s.attempts + 1,
                result,
                status_code: attempt.status_code,
                duration_us: attempt.duration_us,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_url_only_the_host_is_told() {
        for (url, host) in [
            ("https://hooks.example.com/services/T0/SECRET", "hooks.example.com"),
            ("http://u:p@a.example:8080?k=v", "a.example:8080"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(host_of(url), host);
        }
    }
}
