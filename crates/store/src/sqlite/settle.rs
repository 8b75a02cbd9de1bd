//! Settling: what an attempt means for its delivery, its endpoint, and who is told.
//!
//! **Invariant:** only the holder of a lease moves its delivery; a lost lease leaves its attempt as evidence and nothing
//! else.

use super::core::Core;
use super::deliveries::{self, Found};
use super::{apps, endpoints, status};
use crate::error::StoreError;
use crate::figures::batch::End;
use crate::operations::ReportState;
use crate::types::{NewAttempt, NewMessage, Next, Ref, Settlement};
use bytes::Bytes;
use domain::{AttemptId, Cause, DeadReason, EndpointId, EndpointRoute, Timestamp};
use rusqlite::params;
use serde_json::json;
use std::sync::Arc;

type Result<T> = std::result::Result<T, StoreError>;

/// Failed attempts of one delivery after which `message.attempt.failing` is sent (as Svix has it).
const FAILING_ATTEMPTS: u32 = 4;

impl Core {
    pub fn settle(&mut self, s: &Settlement, now: Timestamp) -> Result<()> {
        let attempt_id = match &s.attempt {
            Some(attempt) => Some(self.insert_attempt(s, attempt, now)?),
            None => None,
        };
        if !deliveries::delete_lease(&self.conn, s.key, self.epoch)? {
            self.tx.counts.lost += 1;
            return Ok(());
        }
        self.tx.gives.push((s.key.endpoint, s.payload_bytes as usize));
        if let Some(update) = s.lane {
            self.tx.lane_updates.push((s.key.endpoint, update));
        }
        let attempts = s.attempts + u32::from(s.attempt.is_some());
        let delivery = Found { key: s.key, attempts, cause: s.cause };
        let mut counts = (0, 0, 0);
        let next = self.unless_deleted(s, now)?;
        match next {
            Next::Delivered => counts.0 = 1,
            Next::RetryAt(at) | Next::Released(at) => self.defer(&delivery, at)?,
            Next::Dead(reason) => {
                deliveries::insert_dead(&self.conn, &delivery, reason)?;
                self.tx.lane_deltas.entry(s.key.endpoint).or_default().1 += 1;
                counts.1 = 1;
            }
            Next::Canceled => counts.2 = 1,
        }
        if s.cause == Cause::Recover {
            self.tell_task(s, next, now)?;
        }
        if counts != (0, 0, 0) {
            let sum = self.tx.stats.entry((s.key.endpoint, status::hour_of(now))).or_default();
            *sum = (sum.0 + counts.0, sum.1 + counts.1, sum.2 + counts.2);
        }
        let end = match next {
            Next::Delivered => End::Delivered,
            Next::RetryAt(_) => End::Retried,
            Next::Dead(_) => End::Dead,
            Next::Released(_) | Next::Canceled => End::Other,
        };
        let us = s.attempt.as_ref().map(|a| a.duration_us);
        self.note_settled(s.endpoint.app, s.key.endpoint, us, end, now)?;
        match s.attempt.as_ref().zip(attempt_id) {
            Some((attempt, id)) => {
                self.note_attempt(s, attempt, id, now)?;
                self.health(s, attempt, now)?;
                self.tail_attempted(s, (id, attempt), next, now)?;
                self.announce_attempt(s, next, (id, attempt), attempts, now)
            }
            None => Ok(()),
        }
    }

    /// Only tasks make deliveries that recover.
    fn tell_task(&mut self, s: &Settlement, next: Next, now: Timestamp) -> Result<()> {
        let state = match next {
            Next::Delivered => ReportState::Delivered,
            Next::Dead(_) => ReportState::Failed,
            Next::Canceled => ReportState::Canceled,
            Next::RetryAt(_) => ReportState::Waiting,
            Next::Released(_) => return Ok(()),
        };
        self.note_for_task(s.key, state, s.attempt.as_ref().map(|a| a.status_code), now)
    }

    /// What goes on is canceled when the endpoint was deleted meanwhile; and nothing is when it was not: whoever
    /// canceled may have failed to look it up.
    fn unless_deleted(&self, s: &Settlement, now: Timestamp) -> Result<Next> {
        if s.next == Next::Delivered {
            return Ok(s.next);
        }
        let route = self.route(s.endpoint.app, now)?;
        let lives = route.is_some_and(|r| r.endpoints.iter().any(|e| e.endpoint == s.key.endpoint));
        Ok(match s.next {
            _ if !lives => Next::Canceled,
            Next::Canceled => Next::Released(now),
            next => next,
        })
    }

    fn insert_attempt(&mut self, s: &Settlement, a: &NewAttempt, now: Timestamp) -> Result<AttemptId> {
        let id = loop {
            let id = self.next_attempt_id(now);
            let n = self
                .conn
                .prepare_cached("INSERT OR IGNORE INTO attempt VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?
                .execute(params![
                    s.key.message.0,
                    id.0,
                    s.key.endpoint.0,
                    s.key.ordinal,
                    s.attempts + 1,
                    a.success,
                    a.status_code,
                    a.duration_us as i64,
                    s.cause.is_manual(),
                    s.endpoint.url_version,
                    &a.response[..],
                    (!a.detail.is_empty()).then_some(&a.detail[..]),
                ])?;
            // Taken only if the clock went back over a restart: the next number will do.
            if n == 1 {
                break id;
            }
        };
        let counts = &mut self.tx.counts;
        *(if a.success { &mut counts.succeeded } else { &mut counts.failed }) += 1;
        Ok(id)
    }

    /// Keeps since when the endpoint fails; disables it when it is gone or has failed for too long. A hook that is gone
    /// is deleted.
    fn health(&mut self, s: &Settlement, a: &NewAttempt, now: Timestamp) -> Result<()> {
        let endpoint = s.key.endpoint;
        let known = self.tx.failing.iter().rev().find(|(e, _)| *e == endpoint).map(|(_, since)| *since);
        let since = match known {
            Some(since) => since,
            None => self.lanes.get_mut(endpoint).and_then(|l| l.failing_since),
        };
        let present = self.present(s, now)?;
        // What its old URL said is nothing against its new one.
        let gone = a.gone && present.as_ref().is_some_and(|e| e.url_version == s.endpoint.url_version);
        if gone && s.endpoint.hook {
            return self.unsubscribe(s, now);
        }
        if a.success {
            if since.is_some() {
                endpoints::set_failing_since(&self.conn, endpoint, None)?;
                self.tx.failing.push((endpoint, None));
            }
            return Ok(());
        }
        if since.is_none() {
            endpoints::set_failing_since(&self.conn, endpoint, Some(now))?;
            self.tx.failing.push((endpoint, Some(now)));
        }
        let limit = self.config.endpoint_disable_after;
        // What was under way when it was paused ends later: that time doesn't count.
        let until = present.and_then(|e| e.paused_at).map_or(now, |at| at.min(now));
        let too_long = !limit.is_zero() && until.since(since.unwrap_or(now)) >= limit;
        if (gone || too_long) && endpoints::disable(&self.conn, endpoint, now)? {
            tracing::info!(endpoint = endpoint.0, gone, "endpoint disabled");
            self.touch_app(s.endpoint.app);
            let fail_since = since.unwrap_or(now).to_string();
            let trigger = if gone { "gone" } else { "failing" };
            self.announce(&s.endpoint, "endpoint.disabled", json!({"failSince": fail_since, "trigger": trigger}), now)?;
        }
        Ok(())
    }

    /// The endpoint as it is configured now; `None` when it was deleted.
    fn present(&self, s: &Settlement, now: Timestamp) -> Result<Option<Arc<EndpointRoute>>> {
        let route = self.route(s.endpoint.app, now)?;
        Ok(route.and_then(|r| r.endpoints.iter().find(|e| e.endpoint == s.key.endpoint).cloned()))
    }

    /// Deletes the endpoint of a hook whose target says that it is gone: nobody else will.
    fn unsubscribe(&mut self, s: &Settlement, now: Timestamp) -> Result<()> {
        match self.delete_endpoint(s.endpoint.app, &Ref::Id(s.key.endpoint), now) {
            Ok(()) => tracing::info!(endpoint = s.key.endpoint.0, "hook deleted: its target is gone"),
            Err(StoreError::NotFound(_)) => {}
            Err(e) => return Err(e),
        }
        Ok(())
    }

    /// Gone at once; its rows are deleted in the background. Tells who wants to know.
    pub(crate) fn delete_endpoint(
        &mut self,
        app: domain::AppId,
        endpoint: &crate::types::EndpointRef,
        now: Timestamp,
    ) -> Result<()> {
        let gone = endpoints::delete(&self.conn, app, endpoint)?;
        self.touch_app(app);
        self.announce_endpoint(&gone, "endpoint.deleted", now)?;
        self.sweep_now();
        Ok(())
    }

    fn announce_attempt(
        &mut self,
        s: &Settlement,
        next: Next,
        (id, a): (AttemptId, &NewAttempt),
        attempts: u32,
        now: Timestamp,
    ) -> Result<()> {
        let event = match next {
            Next::RetryAt(_) if attempts == FAILING_ATTEMPTS => "message.attempt.failing",
            Next::Dead(DeadReason::Exhausted) if s.cause != Cause::Example => "message.attempt.exhausted",
            Next::Delivered if s.cause == Cause::Recover || attempts > FAILING_ATTEMPTS => "message.attempt.recovered",
            _ => return Ok(()),
        };
        let message = super::messages::find(&self.conn, s.endpoint.app, &Ref::Id(s.key.message), false);
        let codec = &self.config.codec;
        let data = json!({
            "msgId": codec.text(s.key.message),
            "msgEventId": message.ok().and_then(|m| m.event_id),
            "attemptCount": attempts,
            "lastAttempt": {
                "id": codec.text(id), "responseStatusCode": a.status_code, "timestamp": id.created_at().to_string(),
            },
        });
        self.announce(&s.endpoint, event, data, now)
    }

    /// Sends an operational webhook, if the organisation has an endpoint for them. Its own failures announce nothing.
    pub(crate) fn announce(
        &mut self,
        endpoint: &EndpointRoute,
        event_type: &str,
        mut data: serde_json::Value,
        now: Timestamp,
    ) -> Result<()> {
        let Some(route) = self.route(endpoint.app, now)? else { return Ok(()) };
        let Some(operational) = self.operational_app(route.org)? else { return Ok(()) };
        if operational == endpoint.app {
            return Ok(());
        }
        if let Some(o) = data.as_object_mut() {
            o.insert("appId".into(), json!(self.config.codec.text(endpoint.app)));
            o.insert("appUid".into(), json!(route.uid));
            o.insert("endpointId".into(), json!(self.config.codec.text(endpoint.endpoint)));
        }
        self.announce_to(operational, event_type, &data, now)
    }

    /// Announces a change of an endpoint.
    pub(crate) fn announce_endpoint(
        &mut self,
        endpoint: &crate::types::Endpoint,
        event_type: &str,
        now: Timestamp,
    ) -> Result<()> {
        let app = apps::get(&self.conn, endpoint.app)?;
        let Some(operational) = self.operational_app(app.org)? else { return Ok(()) };
        if operational == endpoint.app {
            return Ok(());
        }
        let data = json!({
            "appId": self.config.codec.text(endpoint.app),
            "appUid": app.uid,
            "endpointId": self.config.codec.text(endpoint.id),
            "endpointUid": endpoint.uid,
        });
        self.announce_to(operational, event_type, &data, now)
    }

    pub(super) fn announce_to(
        &mut self,
        operational: domain::AppId,
        event_type: &str,
        data: &serde_json::Value,
        now: Timestamp,
    ) -> Result<()> {
        let Some(route) = self.route(operational, now)? else { return Ok(()) };
        let payload = json!({"type": event_type, "timestamp": now.to_string(), "data": data}).to_string();
        self.accept(
            &NewMessage {
                route,
                event_type: event_type.into(),
                event_id: None,
                channels: Vec::new(),
                tags: Vec::new(),
                payload: Bytes::from(payload),
                payload_retention_days: None,
                deliver_at: None,
                key: None,
                only: None,
            },
            now,
        )?;
        Ok(())
    }

    /// Replaces an endpoint's fields, and tells who wants to know.
    pub(crate) fn write_endpoint(
        &mut self,
        old: &crate::types::Endpoint,
        fields: &crate::types::EndpointFields,
        now: Timestamp,
    ) -> Result<crate::types::Endpoint> {
        let new = endpoints::write(&self.conn, old, fields, now)?;
        self.touch_app(new.app);
        self.announce_endpoint(&new, "endpoint.updated", now)?;
        if old.disabled && !new.disabled {
            self.announce_endpoint(&new, "endpoint.enabled", now)?;
        }
        if old.failing_since != new.failing_since && !old.disabled {
            self.tx.failing.push((new.id, new.failing_since));
        }
        Ok(new)
    }

    /// Creates a delivery by hand: one attempt at once, beside any scheduled ones.
    pub(crate) fn resend(
        &mut self,
        app: domain::AppId,
        message: &crate::types::MessageRef,
        endpoint: EndpointId,
        cause: Cause,
        now: Timestamp,
    ) -> Result<()> {
        let found = super::messages::find(&self.conn, app, message, false)?;
        let (payload, request) = super::messages::payload(&self.conn, found.id)?
            .ok_or(StoreError::Conflict("the payload has expired or was deleted"))?;
        let route = self.route(app, now)?.ok_or(StoreError::NotFound("application"))?;
        let target = route.endpoints.iter().find(|e| e.endpoint == endpoint);
        let target = target.ok_or(StoreError::NotFound("endpoint"))?.clone();
        let ordinal = deliveries::next_ordinal(&self.conn, found.id, endpoint)?;
        let key = domain::DeliveryKey { message: found.id, endpoint, ordinal };
        let passage = self.passage(request)?;
        self.lease_or_defer(&Found { key, attempts: 0, cause }, &target, (&payload, passage.as_ref()), now)
    }
}
