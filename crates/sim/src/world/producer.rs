//! Producers: they send messages, and send those with a key again until they hear that it was accepted.
//!
//! **Invariant:** a producer knows what it was told, nothing more.

use super::{Checked, World};
use crate::model::{Fate, Item};
use crate::process::Answer;
use bytes::Bytes;
use domain::{AppRoute, Clock, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use store::{Accepted, IdempotencyKey, NewMessage, StoreError};

const EVENT_TYPES: [&str; 3] = ["invoice.paid", "invoice.late", "user.created"];
/// SDK-made keys are rebuilt after a restart as far as 300 s back; with a margin.
const AUTOMATIC_FOR: Duration = Duration::from_secs(290);
/// Chosen keys are kept for 24 h; with a margin.
const CHOSEN_FOR: Duration = Duration::from_secs(86_000);

impl World {
    /// A producer sends something new, or again what it has no answer for.
    pub(super) fn produce(&mut self) -> Checked {
        let unsent: Vec<usize> = self.unsent();
        if !unsent.is_empty() && self.dice.percent(60) {
            let n = self.dice.pick(&unsent).copied().unwrap_or_default();
            self.send(vec![n]);
            return Ok(());
        }
        let batch = if self.dice.percent(10) { self.dice.range(2, 8) } else { 1 };
        let Some(app) = self.dice.pick(&self.model.apps).copied() else { return Ok(()) };
        let comes_in = batch == 1 && self.dice.percent(30);
        let items = (0..batch).map(|_| self.make_item(app, comes_in)).collect();
        self.send(items);
        Ok(())
    }

    pub(super) fn unsent(&self) -> Vec<usize> {
        let unsent = |(n, item): (usize, &Item)| (item.fate == Fate::Unsent).then_some(n);
        self.model.items.iter().enumerate().filter_map(unsent).collect()
    }

    fn make_item(&mut self, app: domain::AppId, comes_in: bool) -> usize {
        let n = self.model.items.len();
        let mut size = self.dice.below(40);
        if self.dice.percent(5) {
            size = self.dice.below(6000);
        }
        let body = Bytes::from(format!(r#"{{"n":{n},"pad":"{}"}}"#, "x".repeat(size)));
        let mut hash = [0; 16];
        hash.iter_mut().for_each(|b| *b = self.dice.next() as u8);
        let key = match comes_in {
            true => Some(IdempotencyKey { hash, automatic: false }),
            false => self.dice.percent(70).then(|| IdempotencyKey { hash, automatic: self.dice.percent(60) }),
        };
        let now = self.clock.now();
        let later = self.dice.percent(5).then(|| now.plus(Duration::from_secs(self.dice.range(1, 120))));
        self.model.items.push(Item {
            app,
            event_type: self.dice.pick(&EVENT_TYPES).copied().unwrap_or_default(),
            body,
            key,
            event_id: (!comes_in && self.dice.percent(10)).then(|| format!("event-{n}").into()),
            deliver_at: later.filter(|_| !comes_in),
            source: self.model.sources.get(&app).filter(|_| comes_in).cloned(),
            fate: Fate::Unsent,
            ids: BTreeSet::new(),
            matched: None,
            first_at: now,
            sent: 0,
            key_expired: false,
            content_deleted: false,
            seen: false,
        });
        n
    }

    /// Sends items of one application, as one request.
    pub(super) fn send(&mut self, items: Vec<usize>) {
        let now = self.clock.now();
        let Some(process) = &mut self.process else { return };
        let app = items.first().and_then(|n| self.model.items.get(*n)).map(|i| i.app);
        let Some(app) = app else { return };
        // What the API's cache or a reading connection says.
        let (found, store) = (process.writer.core.route(app, now), process.store.clone());
        let route = match found {
            Ok(Some(route)) => route,
            Ok(None) => {
                items.iter().for_each(|n| self.abandon(*n));
                return;
            }
            Err(_) => return,
        };
        if let [n] = *items
            && let Some(source) = self.model.items.get(n).and_then(|i| i.source.clone())
        {
            self.send_request(n, source, &route, now);
            return;
        }
        let messages: Vec<NewMessage> = items.iter().filter_map(|n| self.message(*n, &route, now)).collect();
        let Some(process) = &mut self.process else { return };
        let told = process.ask(async move {
            let results = match messages.len() {
                1 => match messages.into_iter().next() {
                    Some(m) => vec![store.accept(m).await],
                    None => Vec::new(),
                },
                _ => store.accept_many(messages).await,
            };
            Answer::Accepted(items.into_iter().zip(results).collect())
        });
        self.hear(told.into_iter().collect());
    }

    fn abandon(&mut self, n: usize) {
        if let Some(item) = self.model.items.get_mut(n) {
            item.fate = Fate::Unknown;
        }
    }

    /// An item is on its way, by this route.
    pub(super) fn note_sending(&mut self, n: usize, route: &AppRoute, now: Timestamp) -> Option<&Item> {
        let chosen_for = self.chosen_for();
        let item = self.model.items.get_mut(n)?;
        let matched: BTreeSet<_> = route.matching::<Box<str>>(item.event_type, &[]).map(|e| e.endpoint).collect();
        item.matched = Some(match &item.matched {
            None => matched,
            Some(before) => before.intersection(&matched).copied().collect(),
        });
        if item.sent == 0 {
            item.first_at = now;
        }
        item.sent += 1;
        item.fate = Fate::Asked;
        if item.first_at > now || now.since(item.first_at) > chosen_for {
            item.key_expired = true;
        }
        Some(item)
    }

    fn message(&mut self, n: usize, route: &Arc<AppRoute>, now: Timestamp) -> Option<NewMessage> {
        let item = self.note_sending(n, route, now)?;
        Some(NewMessage {
            route: route.clone(),
            event_type: item.event_type.into(),
            event_id: item.event_id.clone(),
            channels: Vec::new(),
            tags: Vec::new(),
            payload: item.body.clone(),
            payload_retention_days: None,
            deliver_at: item.deliver_at,
            key: item.key,
            only: None,
        })
    }

    /// How long a key surely brings its message back: as long as both are kept.
    fn chosen_for(&self) -> Duration {
        self.model.kept_for.map_or(CHOSEN_FOR, |d| d.min(CHOSEN_FOR))
    }

    /// Keys are forgotten when they are old by the wall clock; after a restart, SDK-made ones sooner.
    pub(super) fn forget_keys(&mut self, restarted: bool) {
        let (now, chosen_for) = (self.clock.now(), self.chosen_for());
        for item in self.model.items.iter_mut().filter(|i| i.sent > 0) {
            let automatic = restarted && item.key.is_some_and(|k| k.automatic);
            let age = if automatic { AUTOMATIC_FOR.min(chosen_for) } else { chosen_for };
            item.key_expired |= now.since(item.first_at) > age;
        }
    }

    pub(super) fn hear_accepted(&mut self, results: Vec<(usize, Result<Accepted, StoreError>)>) {
        let lost = !self.draining && self.dice.percent(self.settings.lost_answers);
        for (n, result) in results {
            self.tell(match &result {
                Ok(Accepted::New(id)) => {
                    format!("item {n} is accepted as {}{}", id.0, if lost { ", unheard" } else { "" })
                }
                Ok(Accepted::Repeated(m)) => format!("item {n} was known as {}", m.id.0),
                Err(e) => format!("item {n} is refused: {e}"),
            });
            let Some(item) = self.model.items.get_mut(n) else { continue };
            let again = if item.key.is_some() { Fate::Unsent } else { Fate::Unknown };
            item.fate = match result {
                _ if lost => again,
                Ok(Accepted::New(id)) => {
                    item.ids.insert(id);
                    Fate::Acknowledged
                }
                Ok(Accepted::Repeated(m)) => {
                    item.ids.insert(m.id);
                    self.report.repeats += 1;
                    Fate::Acknowledged
                }
                // Sure to have written nothing, so even one without a key may go again.
                Err(StoreError::Full { .. }) => Fate::Unsent,
                Err(StoreError::Busy { .. } | StoreError::Failed(_)) => again,
                // Its event id is there already: an earlier sending got through.
                Err(StoreError::Conflict(_) | StoreError::NotFound(_)) => Fate::Unknown,
            };
            self.report.acknowledged += u64::from(item.fate == Fate::Acknowledged);
        }
    }

    /// Whoever waits for an answer gets none.
    pub(super) fn hear_nothing(&mut self) {
        for item in self.model.items.iter_mut().filter(|i| i.fate == Fate::Asked) {
            item.fate = if item.key.is_some() { Fate::Unsent } else { Fate::Unknown };
        }
    }
}
