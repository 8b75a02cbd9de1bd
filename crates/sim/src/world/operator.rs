//! The operator: sets applications and endpoints up, changes them, resends, recovers, stops the server.
//!
//! **Invariant:** uses the store's handle, as the API does.

use super::{Checked, World};
use crate::model::{Behaviour, Fate, Receiver};
use crate::process::Answer;
use domain::{AppId, Clock, EndpointId, MessageId, OrgId, TaskId, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};
use store::{AppFields, EndpointFields, EndpointPatch, Ref, ReplayFilter, Store, StoreError, TaskKind, Which};

const ORG: OrgId = OrgId(1);

impl World {
    /// Applications and endpoints, before anything goes wrong.
    pub(super) fn set_up(&mut self) -> Checked {
        let Some(process) = &self.process else { return Err("the first start failed".to_owned()) };
        let insert = "INSERT OR IGNORE INTO org (id, text) VALUES (1, 'org_sim')";
        process.writer.core.connection().execute(insert, []).map_err(|e| e.to_string())?;
        if self.settings.operational {
            let app = self.wait_for(async move |store: Store| store.operational_app(ORG).await)?;
            self.add_endpoint(app, true)?;
        }
        for n in 0..self.settings.apps {
            let throttle_rate = self.dice.percent(15).then(|| self.dice.range(1, 20) as u32);
            let fields = AppFields { name: format!("app {n}"), throttle_rate, ..AppFields::default() };
            let app = self.wait_for(async move |store: Store| Ok(store.create_app(ORG, fields, false).await?.0.id))?;
            self.model.apps.push(app);
            self.add_source(app)?;
            for _ in 0..self.dice.range(1, 4) {
                self.add_endpoint(app, false)?;
            }
        }
        Ok(())
    }

    fn add_endpoint(&mut self, app: AppId, operational: bool) -> Checked {
        let host = self.dice.below(3);
        let fields = EndpointFields {
            url: format!("https://host{host}.example.com/{}", self.model.receivers.len()),
            throttle_rate: self.dice.percent(15).then(|| self.dice.range(1, 20) as u32),
            event_types: self.dice.percent(30).then(|| vec!["invoice.paid".to_owned()]),
            ..EndpointFields::default()
        };
        let id = self.wait_for(async move |store: Store| {
            let made = store.create_endpoint(app, fields, Box::new(|_| vec![1; 32]), None).await?;
            Ok(made.id)
        })?;
        let behaviour = self.draw_behaviour();
        self.model.receivers.insert(id, Receiver { app, behaviour, deleted: false, operational });
        self.tell(format!("endpoint {} at host {host}: {behaviour:?}", id.0));
        Ok(())
    }

    fn draw_behaviour(&mut self) -> Behaviour {
        match self.dice.below(20) {
            0..9 => Behaviour::Healthy,
            9..12 => Behaviour::Flaky(self.dice.range(10, 90) as u32),
            12..14 => Behaviour::Dead,
            14 => Behaviour::Broken,
            15 => Behaviour::Gone,
            16..18 => Behaviour::Overloaded,
            _ => Behaviour::Slow,
        }
    }

    /// Asks and turns the writer until there is an answer; for times without faults.
    fn wait_for<T: 'static, F>(&mut self, verb: impl FnOnce(Store) -> F) -> Result<T, String>
    where
        F: Future<Output = Result<T, StoreError>> + 'static,
    {
        let Some(process) = &mut self.process else { return Err("no server".to_owned()) };
        let slot = Arc::new(Mutex::new(None));
        let (future, fill) = (verb(process.store.clone()), slot.clone());
        process.ask(async move {
            *fill.lock().unwrap_or_else(PoisonError::into_inner) = Some(future.await);
            Answer::Changed("set up", Ok(()))
        });
        process.turn();
        process.answer();
        let result = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        result.ok_or("no answer")?.map_err(|e| e.to_string())
    }

    fn change_later<F>(&mut self, what: &'static str, verb: impl FnOnce(Store) -> F)
    where
        F: Future<Output = Result<(), StoreError>> + 'static,
    {
        self.tell(format!("asks: {what}"));
        let Some(process) = &mut self.process else { return };
        let future = verb(process.store.clone());
        process.ask(async move { Answer::Changed(what, future.await) });
    }

    /// One change of configuration, a resend, or a recovery.
    pub(super) fn change(&mut self) -> Checked {
        let endpoints: Vec<(EndpointId, AppId)> =
            self.model.receivers.iter().filter(|(_, r)| !r.operational).map(|(e, r)| (*e, r.app)).collect();
        let Some((endpoint, app)) = self.dice.pick(&endpoints).copied() else { return Ok(()) };
        let by_id = Ref::Id(endpoint);
        match self.dice.below(130) {
            0..20 => self.patch(app, endpoint, "disable", EndpointPatch { disabled: Some(true), ..Default::default() }),
            20..45 => {
                self.patch(app, endpoint, "enable", EndpointPatch { disabled: Some(false), ..Default::default() });
            }
            45..52 => {
                let rate = self.dice.percent(50).then(|| self.dice.range(1, 30) as u32);
                let patch = EndpointPatch { throttle_rate: Some(rate), ..Default::default() };
                self.patch(app, endpoint, "throttle", patch);
            }
            52..56 => {
                let host = self.dice.below(3);
                let patch =
                    EndpointPatch { url: Some(format!("https://host{host}.example.com/new")), ..Default::default() };
                self.patch(app, endpoint, "move", patch);
            }
            56..62 => {
                self.forget(endpoint);
                self.change_later("delete an endpoint", async move |s: Store| s.delete_endpoint(app, &by_id).await);
            }
            62..64 if self.model.apps.len() > 1 => {
                self.model.apps_deleted.insert(app);
                self.change_later("delete an app", async move |s: Store| s.delete_app(ORG, &Ref::Id(app)).await);
            }
            64..76 => {
                let forced = self.dice.percent(20);
                if let Some((message, _)) = self.some_message(app) {
                    self.change_later("resend", async move |s: Store| {
                        s.resend(app, &Ref::Id(message), &by_id, forced).await
                    });
                }
            }
            76..84 => self.start_task(app, endpoint, "recover", TaskKind::Recover),
            84..90 => self.start_task(app, endpoint, "replay", TaskKind::ReplayMissing),
            90..94 => {
                if let Some((message, n)) = self.some_message(app) {
                    if let Some(item) = self.model.items.get_mut(n) {
                        item.content_deleted = true;
                    }
                    self.change_later("delete content", async move |s: Store| {
                        s.delete_message_content(app, &Ref::Id(message)).await
                    });
                }
            }
            100..108 => self.patch(app, endpoint, "pause", EndpointPatch { paused: Some(true), ..Default::default() }),
            108..118 => {
                self.patch(app, endpoint, "resume", EndpointPatch { paused: Some(false), ..Default::default() })
            }
            118..124 => self.start_replay(app, endpoint),
            124..130 => self.change_task()?,
            _ => {
                let behaviour = self.draw_behaviour();
                if let Some(r) = self.model.receivers.get_mut(&endpoint) {
                    r.behaviour = behaviour;
                }
                self.tell(format!("endpoint {} becomes {behaviour:?}", endpoint.0));
            }
        }
        Ok(())
    }

    fn patch(&mut self, app: AppId, endpoint: EndpointId, what: &'static str, patch: EndpointPatch) {
        self.tell(format!("endpoint {}:", endpoint.0));
        self.change_later(what, async move |s: Store| {
            s.patch_endpoint(app, &Ref::Id(endpoint), patch).await.map(|_| ())
        });
    }

    fn start_task(&mut self, app: AppId, endpoint: EndpointId, what: &'static str, kind: TaskKind) {
        let since = Timestamp(self.clock.now().0 - 200_000_000);
        self.change_later(what, async move |s: Store| {
            s.start_task(app, &Ref::Id(endpoint), kind, since, None).await.map(|_| ())
        });
    }

    fn start_replay(&mut self, app: AppId, endpoint: EndpointId) {
        let all = [Which::Failed, Which::Missing, Which::Delivered, Which::Everything];
        let which = self.dice.pick(&all).copied().unwrap_or_default();
        let event_types = if self.dice.percent(30) { vec!["invoice.*".to_owned()] } else { Vec::new() };
        let since = Timestamp(self.clock.now().0 - 200_000_000);
        let filter = ReplayFilter { which, event_types, since, ..ReplayFilter::default() };
        let speed = self.dice.percent(50).then(|| self.dice.range(1, 40) as u32);
        self.tell(format!("{which:?} at {speed:?}/s:"));
        self.change_later("bulk replay", async move |s: Store| {
            s.start_replay_with(app, &Ref::Id(endpoint), filter, speed, None).await.map(|_| ())
        });
    }

    /// Pauses, resumes or cancels a task; one that has ended says so.
    fn change_task(&mut self) -> Checked {
        let tasks: Vec<TaskId> = match &self.process {
            Some(p) => crate::check::tasks(&p.writer.core)?,
            None => Vec::new(),
        };
        let Some(task) = self.dice.pick(&tasks).copied() else { return Ok(()) };
        let what = self.dice.pick(&["pause a task", "resume a task", "cancel a task"]).copied().unwrap_or_default();
        self.change_later(what, async move |s: Store| match what {
            "pause a task" => s.pause_task(ORG, task).await.map(|_| ()),
            "resume a task" => s.resume_task(ORG, task).await.map(|_| ()),
            _ => s.cancel_task(ORG, task).await.map(|_| ()),
        });
        Ok(())
    }

    /// From now on the endpoint may be gone.
    fn forget(&mut self, endpoint: EndpointId) {
        if let Some(r) = self.model.receivers.get_mut(&endpoint) {
            r.deleted = true;
        }
        self.tell(format!("endpoint {} is to be deleted", endpoint.0));
    }

    fn some_message(&mut self, app: AppId) -> Option<(MessageId, usize)> {
        let known: Vec<(MessageId, usize)> = (self.model.items.iter().enumerate())
            .filter(|(_, i)| i.app == app && i.fate == Fate::Acknowledged)
            .filter_map(|(n, i)| i.ids.first().map(|id| (*id, n)))
            .collect();
        self.dice.pick(&known).copied()
    }

    /// A graceful stop, as SIGTERM asks for it.
    pub(super) fn stop(&mut self) -> Checked {
        let now = self.clock.both();
        let Some(process) = &mut self.process else { return Ok(()) };
        if process.stopping {
            return Ok(());
        }
        process.stopping = true;
        for s in process.dispatcher.stop(now) {
            process.store.settle(s);
        }
        let (attempts, batches) = (process.attempts.len(), process.batches.len());
        self.tell(format!("SIGTERM: {attempts} attempts under way, {batches} batches of leases not yet taken"));
        // Some attempts end in time, some leases come too late.
        for _ in 0..self.dice.below(10) {
            self.deliver()?;
            self.finish()?;
            self.feed()?;
        }
        if let Some(process) = &mut self.process {
            let store = process.store.clone();
            process.ask(async move {
                store.close().await;
                Answer::Closed
            });
        }
        Ok(())
    }
}
