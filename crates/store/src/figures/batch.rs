//! What is counted since figures were last written.
//!
//! **Invariant:** pure counting; merging two batches is counting what both did, in their order.

use super::{Histogram, HourFigures, Minute, SourceHour};
use domain::{AppId, AttemptId, EndpointId, IssueKind, MessageId, OrgId, SourceId, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

pub(crate) fn minute_of(t: Timestamp) -> i64 {
    t.0.div_euclid(MINUTE_MS)
}
pub(crate) fn hour_of(t: Timestamp) -> i64 {
    t.0.div_euclid(HOUR_MS)
}
/// When an hour begins.
pub(crate) fn begin_of(hour: i64) -> Timestamp {
    Timestamp(hour.saturating_mul(HOUR_MS))
}

/// One thing that a transaction did.
pub(crate) enum Note {
    Accepted {
        org: OrgId,
        app: AppId,
        event_type: Arc<str>,
        at: Timestamp,
    },
    Received {
        org: OrgId,
        source: SourceId,
        at: Timestamp,
        end: Arrival,
    },
    Settled {
        org: OrgId,
        app: AppId,
        endpoint: EndpointId,
        at: Timestamp,
        us: Option<u64>,
        end: End,
    },
    Failed(Box<Failure>),
    /// An endpoint that may have open issues works.
    Worked {
        endpoint: EndpointId,
    },
}

/// What an attempt meant for its delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Delivered,
    Retried,
    Dead,
    /// Nothing that is counted.
    Other,
}

/// What became of an inbound request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    Stored,
    /// Stored with the reason.
    Refused,
    /// All its events were known: counted, and not stored.
    Duplicate,
}

/// A failed attempt.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub org: OrgId,
    pub app: AppId,
    pub endpoint: EndpointId,
    pub kind: IssueKind,
    pub at: Timestamp,
    pub message: MessageId,
    pub attempt: AttemptId,
    pub status_code: u16,
    pub detail: String,
}

/// Failed attempts of one kind at one endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Failures {
    pub first_at: Timestamp,
    pub count: u64,
    pub last: Failure,
    /// Orders it among what happened to its endpoint.
    pub order: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct AppCount {
    pub figures: HourFigures,
    pub last_at: Timestamp,
}
#[derive(Clone, Debug)]
pub(crate) struct TypeCount {
    pub messages: u64,
    pub last_at: Timestamp,
}
#[derive(Clone, Debug)]
pub(crate) struct SourceCount {
    pub figures: SourceHour,
    pub last_at: Timestamp,
}
#[derive(Clone, Debug, Default)]
pub(crate) struct EndpointCount {
    pub figures: HourFigures,
    pub latency: Histogram,
}

/// Everything counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batch {
    /// By organisation and minute.
    pub minutes: HashMap<(OrgId, i64), Minute>,
    /// By hour.
    pub apps: HashMap<(i64, OrgId, AppId), AppCount>,
    pub endpoints: HashMap<(i64, EndpointId), EndpointCount>,
    pub types: HashMap<(i64, OrgId, Arc<str>), TypeCount>,
    pub sources: HashMap<(i64, SourceId), SourceCount>,
    pub failures: HashMap<(EndpointId, IssueKind), Failures>,
    /// When an endpoint last worked, in the same order as failures.
    pub worked: HashMap<EndpointId, u64>,
    order: u64,
}

impl Batch {
    /// Rows that it is about to become.
    pub fn entries(&self) -> usize {
        let rolled = self.minutes.len() + self.apps.len() + self.endpoints.len() + self.types.len();
        rolled + self.sources.len() + self.failures.len() + self.worked.len()
    }

    pub fn count(&mut self, note: Note) {
        match note {
            Note::Accepted { org, app, event_type, at } => {
                self.minute(org, at).accepted += 1;
                let of_app = self.app(org, app, at);
                of_app.figures.messages += 1;
                of_app.last_at = of_app.last_at.max(at);
                let new = TypeCount { messages: 0, last_at: at };
                let of_type = self.types.entry((hour_of(at), org, event_type)).or_insert(new);
                of_type.messages += 1;
                of_type.last_at = of_type.last_at.max(at);
            }
            Note::Received { org, source, at, end } => {
                match end {
                    Arrival::Stored => self.minute(org, at).received += 1,
                    Arrival::Refused => self.minute(org, at).refused += 1,
                    Arrival::Duplicate => {}
                }
                let of_source = self.source(hour_of(at), source);
                of_source.figures.received += 1;
                of_source.figures.refused += u64::from(end == Arrival::Refused);
                of_source.figures.duplicates += u64::from(end == Arrival::Duplicate);
                of_source.last_at = of_source.last_at.max(at);
            }
            Note::Settled { org, app, endpoint, at, us, end } => {
                let minute = self.minute(org, at);
                if let Some(us) = us {
                    minute.latency.record(us);
                }
                match end {
                    End::Delivered => minute.delivered += 1,
                    End::Retried => minute.retried += 1,
                    End::Dead => minute.failed += 1,
                    End::Other => {}
                }
                count_end(&mut self.app(org, app, at).figures, end);
                let of_endpoint = self.endpoints.entry((hour_of(at), endpoint)).or_default();
                count_end(&mut of_endpoint.figures, end);
                if let Some(us) = us {
                    of_endpoint.latency.record(us);
                }
            }
            Note::Failed(failure) => self.fail(Failures { first_at: failure.at, count: 1, last: *failure, order: 0 }),
            Note::Worked { endpoint } => {
                self.order += 1;
                self.worked.insert(endpoint, self.order);
            }
        }
    }

    fn minute(&mut self, org: OrgId, at: Timestamp) -> &mut Minute {
        let minute = minute_of(at);
        let new = || Minute { at: Timestamp(minute.saturating_mul(MINUTE_MS)), ..Minute::default() };
        self.minutes.entry((org, minute)).or_insert_with(new)
    }
    fn app(&mut self, org: OrgId, app: AppId, at: Timestamp) -> &mut AppCount {
        let new = || AppCount { figures: HourFigures::default(), last_at: Timestamp(0) };
        self.apps.entry((hour_of(at), org, app)).or_insert_with(new)
    }
    fn source(&mut self, hour: i64, source: SourceId) -> &mut SourceCount {
        let new = || SourceCount { figures: SourceHour::default(), last_at: Timestamp(0) };
        self.sources.entry((hour, source)).or_insert_with(new)
    }
    fn fail(&mut self, mut new: Failures) {
        self.order += 1;
        new.order = self.order;
        let key = (new.last.endpoint, new.last.kind);
        if let Some(old) = self.failures.get(&key) {
            new.first_at = new.first_at.min(old.first_at);
            new.count += old.count;
        }
        self.failures.insert(key, new);
    }

    /// What happened to endpoints, in order: a failure, or `Err` of one that works.
    pub fn outcomes(&self) -> Vec<Result<&Failures, EndpointId>> {
        let failures = self.failures.values().map(|f| (f.order, Ok(f)));
        let worked = self.worked.iter().map(|(endpoint, order)| (*order, Err(*endpoint)));
        let mut all: Vec<_> = failures.chain(worked).collect();
        all.sort_unstable_by_key(|(order, _)| *order);
        all.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// Adds what a later batch counted.
    pub fn merge(&mut self, later: &Batch) {
        for (key, minute) in &later.minutes {
            let new = || Minute { at: minute.at, ..Minute::default() };
            self.minutes.entry(*key).or_insert_with(new).add(minute);
        }
        for (key, app) in &later.apps {
            let new = || AppCount { figures: HourFigures::default(), last_at: Timestamp(0) };
            let sum = self.apps.entry(*key).or_insert_with(new);
            sum.figures.add(&app.figures);
            sum.last_at = sum.last_at.max(app.last_at);
        }
        for (key, endpoint) in &later.endpoints {
            let sum = self.endpoints.entry(*key).or_default();
            sum.figures.add(&endpoint.figures);
            sum.latency.merge(&endpoint.latency);
        }
        for (key, of_type) in &later.types {
            let new = TypeCount { messages: 0, last_at: of_type.last_at };
            let sum = self.types.entry(key.clone()).or_insert(new);
            sum.messages += of_type.messages;
            sum.last_at = sum.last_at.max(of_type.last_at);
        }
        for ((hour, source), count) in &later.sources {
            let sum = self.source(*hour, *source);
            sum.figures.add(&count.figures);
            sum.last_at = sum.last_at.max(count.last_at);
        }
        for outcome in later.outcomes() {
            match outcome {
                Ok(failures) => self.fail(failures.clone()),
                Err(endpoint) => {
                    self.order += 1;
                    self.worked.insert(endpoint, self.order);
                }
            }
        }
    }
}

fn count_end(figures: &mut HourFigures, end: End) {
    match end {
        End::Delivered => figures.delivered += 1,
        End::Retried => figures.retried += 1,
        End::Dead => figures.failed += 1,
        End::Other => {}
    }
}
