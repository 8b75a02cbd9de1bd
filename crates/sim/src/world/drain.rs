//! The end of the story: faults cease, receivers mend, and all that was promised must arrive.
//!
//! **Invariant:** nothing here helps the server along but time.

use super::{Checked, World};
use crate::check;
use crate::model::Behaviour;
use domain::Clock;
use std::time::Duration;

/// Rounds in which a quiet world must come to rest.
const ROUNDS: usize = 4000;

impl World {
    pub(super) fn drain(&mut self) -> Checked {
        self.draining = true;
        self.disk.set_faults(self.quiet_faults());
        self.tell("peace".to_owned());
        for r in self.model.receivers.values_mut() {
            if r.behaviour != Behaviour::Broken && r.behaviour != Behaviour::Gone {
                r.behaviour = Behaviour::Healthy;
            }
        }
        for _ in 0..ROUNDS {
            self.start()?;
            if self.round()? {
                continue;
            }
            if self.is_at_rest()? {
                return self.last_judgement();
            }
            self.sleep()?;
        }
        self.check(true)?;
        Err(format!("the world doesn't come to rest: {}", self.unrest()))
    }

    /// Everything that can happen without time going by; whether anything did.
    fn round(&mut self) -> Result<bool, String> {
        let before = self.report.digest;
        let n = self.unsent();
        for item in n.into_iter().take(20) {
            self.send(vec![item]);
        }
        self.turn()?;
        let mut busy = false;
        while self.process.as_ref().is_some_and(|p| !p.unanswered.is_empty()) {
            self.answer()?;
        }
        while self.process.as_ref().is_some_and(|p| !p.batches.is_empty()) {
            busy = true;
            self.feed()?;
        }
        self.pump()?;
        while self.process.as_ref().is_some_and(|p| !p.attempts.is_empty()) {
            busy = true;
            self.deliver()?;
            self.finish()?;
        }
        Ok(busy || self.report.digest != before)
    }

    /// Until somebody wants to be woken, or the next delivery is due: days away, if the clock was set back.
    fn sleep(&mut self) -> Checked {
        let wake = self.next_wake().unwrap_or(Duration::from_secs(1));
        let due = match &self.process {
            Some(p) => check::next_due(&p.writer.core)?.map(|t| t.since(self.clock.now())),
            None => None,
        };
        self.clock.advance(due.filter(|d| *d > Duration::from_secs(30)).unwrap_or(wake));
        Ok(())
    }

    fn is_at_rest(&mut self) -> Result<bool, String> {
        let Some(p) = &self.process else { return Ok(false) };
        let idle = p.calls.is_empty() && p.attempts.is_empty() && p.dispatcher.queued() == 0;
        Ok(idle && self.unsent().is_empty() && check::nothing_due(&p.writer.core)?)
    }

    fn unrest(&self) -> String {
        let Some(p) = &self.process else { return "the server is down".to_owned() };
        format!(
            "{} calls, {} attempts, {} queued in the engine, {} unsent, {:?} (leases, due, tasks), next wake in {:?}",
            p.calls.len(),
            p.attempts.len(),
            p.dispatcher.queued(),
            self.unsent().len(),
            check::left(&p.writer.core),
            p.writer.wait(),
        )
    }

    fn last_judgement(&mut self) -> Checked {
        // What was deleted goes in the background.
        for _ in 0..200 {
            self.clock.advance(Duration::from_secs(1));
            self.turn()?;
            self.answer()?;
        }
        self.check(true)?;
        let Some(process) = &self.process else { return Err("the server went down in peace".to_owned()) };
        check::at_rest(process, &self.model)?;
        self.report.dead = check::conservation(&process.writer.core, &self.model, &self.settings)?;
        // And all of it survives one more power cut.
        self.kill(true);
        self.start()?;
        let Some(process) = &self.process else { return Err("the server doesn't start again".to_owned()) };
        check::conservation(&process.writer.core, &self.model, &self.settings)?;
        let at = self.clock.now();
        self.tell(format!("the end, {at}"));
        Ok(())
    }
}
