//! The network between the engine and its receivers.
//!
//! **Invariant:** a receiver logs a request when it arrives, whatever becomes of the answer.

use super::{Checked, World};
use crate::model::Behaviour;
use bytes::Bytes;
use domain::{AttemptReport, Cause, Outcome, RetryAfter, Stage, Unreachable};
use std::time::Duration;

impl World {
    pub(super) fn feed(&mut self) -> Checked {
        let now = self.clock.both();
        if let Some(process) = &mut self.process {
            process.feed(now);
        }
        self.pump()
    }

    /// The dispatcher starts what it may; each start is judged.
    pub(super) fn pump(&mut self) -> Checked {
        let now = self.clock.both();
        let blind = !self.draining && self.dice.percent(self.settings.blind_lookups);
        let Some(process) = &mut self.process else { return Ok(()) };
        let first = process.pump(now, blind);
        if process.stopping && process.attempts.len() > first {
            return Err("an attempt began while the server was stopping".to_owned());
        }
        self.judge_load()?;
        self.judge_starts(first)
    }

    /// No more is under way than the limits allow.
    fn judge_load(&self) -> Checked {
        let Some(process) = &self.process else { return Ok(()) };
        let limits = &self.settings.limits;
        let all = process.attempts.len();
        if all > limits.global as usize || all != process.dispatcher.in_flight() as usize {
            return Err(format!("{all} attempts under way, the dispatcher says {}", process.dispatcher.in_flight()));
        }
        for a in &process.attempts {
            let same = |b: &&crate::process::Attempt| b.job.route.endpoint == a.job.route.endpoint;
            let n = process.attempts.iter().filter(same).count();
            if n > limits.per_endpoint as usize {
                return Err(format!("{n} attempts under way to {:?}", a.job.route.endpoint));
            }
            let host = host_of(&a.job.route.url);
            let n = process.attempts.iter().filter(|b| host_of(&b.job.route.url) == host).count();
            if n > limits.per_host as usize {
                return Err(format!("{n} attempts under way to {host}"));
            }
        }
        Ok(())
    }

    /// No attempt begins before its time, or to an endpoint that is known to be disabled.
    fn judge_starts(&mut self, first: usize) -> Checked {
        let Some(process) = &self.process else { return Ok(()) };
        let delays = [5u64, 60, 600];
        let mut lines = Vec::new();
        for a in process.attempts.iter().skip(first) {
            let (lease, now) = (&a.job.lease, self.clock.both());
            lines.push(format!("attempt {} of {}", lease.attempts + 1, show(lease.key)));
            if a.job.route.disabled && lease.cause != Cause::Resend {
                return Err(format!("{} is attempted, but its endpoint is disabled", show(lease.key)));
            }
            let paused = a.job.route.paused_at.is_some();
            if paused && (lease.cause != Cause::Resend || lease.endpoint.paused_at.is_none()) {
                return Err(format!("{} is attempted, but its endpoint is paused", show(lease.key)));
            }
            let before = self.model.failures.get(&(lease.key, lease.attempts)).copied();
            let wait = (lease.attempts as usize).checked_sub(1).and_then(|i| delays.get(i));
            if let (Some((failed_us, jumps)), Some(wait)) = (before, wait) {
                let early = now.monotonic_us < failed_us + (wait * 1_000_000).saturating_sub(1000);
                if early && jumps == self.jumps {
                    return Err(format!("{} is tried again before its time", show(lease.key)));
                }
            }
            let item = self.model.carried.get(&lease.key.message).and_then(|n| self.model.items.get(*n));
            let early = item.and_then(|i| i.deliver_at).is_some_and(|at| at > now.wall);
            if early && self.jumps == 0 && lease.key.ordinal == 0 {
                return Err(format!("{} is attempted before its deliverAt", show(lease.key)));
            }
        }
        lines.into_iter().for_each(|l| self.tell(l));
        Ok(())
    }

    /// A request travels, and an answer perhaps.
    pub(super) fn deliver(&mut self) -> Checked {
        let Some(process) = &mut self.process else { return Ok(()) };
        let waiting: Vec<usize> =
            process.attempts.iter().enumerate().filter(|(_, a)| a.report.is_none()).map(|(i, _)| i).collect();
        let Some(i) = self.dice.pick(&waiting).copied() else { return Ok(()) };
        let Some(attempt) = process.attempts.get_mut(i) else { return Ok(()) };
        let lease = &attempt.job.lease;
        let endpoint = lease.key.endpoint;
        let behaviour = self.model.receivers.get(&endpoint).map_or(Behaviour::Dead, |r| r.behaviour);
        let outcome = if behaviour == Behaviour::Dead {
            Outcome::Unreachable { why: Unreachable::Connect }
        } else {
            self.model.receive(endpoint, lease.key.message, &lease.payload)?;
            self.model.judge_passage(lease.key.message, lease.passage.is_some())?;
            let status = status(behaviour, &mut self.dice);
            if status == 410 {
                self.model.gone.insert(endpoint);
            }
            if status == 200 {
                self.model.accept();
            }
            let lost = !self.draining && self.dice.percent(self.settings.lost_responses);
            let late = behaviour == Behaviour::Slow && self.dice.percent(50);
            let retry_after = (status == 429).then(|| RetryAfter::Delay(Duration::from_secs(self.dice.range(0, 90))));
            if lost || late {
                Outcome::TimedOut { stage: Stage::Response }
            } else {
                Outcome::Responded { status, retry_after }
            }
        };
        self.report.received += 1;
        let line = format!("{} -> {outcome:?}", show(lease.key));
        attempt.report = Some(AttemptReport {
            duration_us: 1000,
            response: Bytes::from_static(b"ok"),
            ..AttemptReport::unattempted(outcome)
        });
        self.tell(line);
        Ok(())
    }

    /// The engine learns an attempt's outcome.
    pub(super) fn finish(&mut self) -> Checked {
        let now = self.clock.both();
        let jitter = self.dice.next() as u32;
        let Some(process) = &mut self.process else { return Ok(()) };
        let ended: Vec<usize> =
            process.attempts.iter().enumerate().filter(|(_, a)| a.report.is_some()).map(|(i, _)| i).collect();
        let Some(i) = self.dice.pick(&ended).copied() else { return Ok(()) };
        let attempt = process.attempts.swap_remove(i);
        let Some(report) = attempt.report else { return Ok(()) };
        if !report.outcome.is_success() {
            let lease = &attempt.job.lease;
            self.model.failures.insert((lease.key, lease.attempts + 1), (now.monotonic_us, self.jumps));
        }
        for s in process.dispatcher.finished(attempt.job, &report, now, jitter) {
            process.store.settle(s);
        }
        self.pump()
    }
}

fn status(behaviour: Behaviour, dice: &mut crate::chance::Dice) -> u16 {
    match behaviour {
        Behaviour::Healthy | Behaviour::Slow | Behaviour::Dead => 200,
        Behaviour::Flaky(failing) if dice.percent(failing) => 503,
        Behaviour::Flaky(_) => 200,
        Behaviour::Broken => 500,
        Behaviour::Gone => 410,
        Behaviour::Overloaded if dice.percent(70) => 429,
        Behaviour::Overloaded => 200,
    }
}

/// The part of a simulated URL that names its host.
fn host_of(url: &str) -> &str {
    url.rsplit_once('/').map_or(url, |(host, _)| host)
}

/// A delivery, short.
pub(crate) fn show(key: domain::DeliveryKey) -> String {
    format!("{}->{}#{}", key.message.0, key.endpoint.0, key.ordinal)
}
