//! Providers: their events come in as requests, several copies at once, and again until one was answered.
//!
//! **Invariant:** as producers, they know what they were told; a copy differs from its event in nothing.

use super::{Checked, World};
use crate::model::Fate;
use crate::process::Answer;
use domain::{
    AppId, AppRoute, MessageId, OrgId, RequestHead, SourceId, SourceOptions, SourceRoute, SourceState, Timestamp,
};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use store::{InboundEvent, NewRequest, Received, StoreError, Verdict};

/// As long as producers' keys are remembered.
const DEDUP_WINDOW: Duration = Duration::from_secs(86_400);

impl World {
    /// A source for an application.
    pub(super) fn add_source(&mut self, app: AppId) -> Checked {
        let Some(process) = &self.process else { return Err("no server".to_owned()) };
        let source = SourceId(app.0);
        let insert =
            "INSERT INTO source VALUES (?1, 1, ?1, NULL, '', 'sim', x'', '{}', '{}', 0, 0, 1, NULL, NULL, 0, 0, NULL)";
        process.writer.core.connection().execute(insert, [source.0]).map_err(|e| e.to_string())?;
        let route = SourceRoute {
            org: OrgId(1),
            source,
            app,
            kind: "sim".into(),
            state: SourceState::Live,
            is_bin: false,
            forwards: true,
            config_sealed: Box::default(),
            options: SourceOptions::default(),
            expires_at: None,
        };
        self.model.sources.insert(app, Arc::new(route));
        Ok(())
    }

    /// Sends copies of an item's request.
    pub(super) fn send_request(&mut self, n: usize, source: Arc<SourceRoute>, route: &Arc<AppRoute>, now: Timestamp) {
        let copies = if self.dice.percent(40) { self.dice.range(2, 4) } else { 1 };
        for _ in 0..copies {
            let Some(request) = self.request(n, source.clone(), route, now) else { return };
            let Some(process) = &mut self.process else { return };
            let store = process.store.clone();
            let told = process.ask(async move { Answer::Received(n, store.receive(request).await) });
            self.hear(told.into_iter().collect());
        }
    }

    fn request(
        &mut self,
        n: usize,
        source: Arc<SourceRoute>,
        route: &Arc<AppRoute>,
        now: Timestamp,
    ) -> Option<NewRequest> {
        let item = self.note_sending(n, route, now)?;
        let event = InboundEvent {
            keys: item.key.iter().map(|k| k.hash).collect(),
            event_type: item.event_type.into(),
            payload: item.body.clone(),
            body_at: Some(0..item.body.len() as u32),
        };
        let remote = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Some(NewRequest {
            source,
            route: Some(route.clone()),
            head: RequestHead::new("POST", "/", remote, true, std::iter::empty()).ok()?,
            body: item.body.clone(),
            verdict: Verdict::Accepted,
            status: 200,
            event_type: Some(item.event_type.into()),
            events: vec![event],
            dedup_window: DEDUP_WINDOW,
        })
    }

    pub(super) fn hear_received(&mut self, n: usize, result: Result<Received, StoreError>) {
        let lost = !self.draining && self.dice.percent(self.settings.lost_answers);
        let unheard = if lost { ", unheard" } else { "" };
        self.tell(match &result {
            Ok(Received::Stored(id)) => format!("item {n} came in as {}{unheard}", id.0),
            Ok(Received::Duplicate { first, .. }) => format!("item {n} had come in as {}", first.0),
            Err(e) => format!("item {n} is refused: {e}"),
        });
        self.report.duplicates += u64::from(matches!(result, Ok(Received::Duplicate { .. })));
        let Some(item) = self.model.items.get_mut(n) else { return };
        match result {
            Ok(Received::Stored(request) | Received::Duplicate { first: request, .. }) if !lost => {
                // One sequence of numbers: the message comes right after its request.
                item.ids.insert(MessageId(request.0 + 1));
                self.report.acknowledged += u64::from(item.fate != Fate::Acknowledged);
                item.fate = Fate::Acknowledged;
            }
            _ if item.fate == Fate::Acknowledged => {}
            // Its source went with its application.
            Err(StoreError::NotFound(_)) => item.fate = Fate::Unknown,
            _ => item.fate = Fate::Unsent,
        }
    }
}
