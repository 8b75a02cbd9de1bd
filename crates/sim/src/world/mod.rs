//! One simulated world: producers, receivers, an operator, a clock, a disk and the server, all on one thread.
//!
//! At each step the dice choose what happens next. **Invariant:** what a world does follows from its seed and its
//! sabotage alone; whatever happens in it, the promises of `check` hold.

mod drain;
mod network;
mod operator;
mod producer;
mod provider;

pub(crate) use network::show;

use crate::chance::Dice;
use crate::check;
use crate::clock::SimClock;
use crate::disk::{Disk, Faults};
use crate::model::Model;
use crate::process::{Answer, Process};
use crate::settings::{Sabotage, Settings};
use crate::vfs::Vfs;
use domain::Clock;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

pub type Checked = Result<(), String>;

/// Lines of a story that are kept.
const STORY_LINES: usize = 80;

/// A broken promise, and what led to it.
#[derive(Debug)]
pub struct Failure {
    pub seed: u64,
    pub what: String,
    pub story: Vec<String>,
    pub settings: Settings,
}

/// What a world went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub acknowledged: u64,
    pub received: u64,
    pub kills: u64,
    pub power_cuts: u64,
    pub broken_disks: u64,
    pub full_disks: u64,
    pub repeats: u64,
    /// Copies of inbound requests.
    pub duplicates: u64,
    pub dead: u64,
    /// A digest of the whole story.
    pub digest: u64,
}

impl Report {
    pub fn add(&mut self, other: &Report) {
        self.acknowledged += other.acknowledged;
        self.received += other.received;
        self.kills += other.kills;
        self.power_cuts += other.power_cuts;
        self.broken_disks += other.broken_disks;
        self.full_disks += other.full_disks;
        self.repeats += other.repeats;
        self.duplicates += other.duplicates;
        self.dead += other.dead;
        self.digest ^= other.digest;
    }
}

pub struct World {
    pub(crate) settings: Settings,
    pub(crate) dice: Dice,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) disk: Arc<Disk>,
    pub(crate) model: Model,
    pub(crate) report: Report,
    /// The server; `None` while it is down.
    pub(crate) process: Option<Process>,
    vfs: Vfs,
    seed: u64,
    lives: u64,
    /// How often the wall clock was set; waits that span a jump can't be judged.
    pub(crate) jumps: u32,
    /// Faults are over; what is left is to be delivered.
    pub(crate) draining: bool,
    story: VecDeque<String>,
    story_lines: usize,
}

/// An empty database, as a first start leaves it.
pub type Image = Vec<(String, Vec<u8>)>;

impl World {
    pub fn new(seed: u64, sabotage: Sabotage, image: &Image) -> World {
        let mut dice = Dice::new(seed);
        let settings = Settings::draw(&mut dice, sabotage);
        let disk = Arc::new(Disk::new(seed));
        if dice.percent(90) {
            disk.install(image);
        }
        disk.set_faults(Faults { lying: sabotage == Sabotage::LyingDisk, ..Faults::default() });
        World {
            vfs: Vfs::register(disk.clone()),
            model: Model { kept_for: settings.retention.map(|r| r / 2), ..Model::default() },
            settings,
            dice,
            clock: Arc::new(SimClock::default()),
            disk,
            report: Report::default(),
            process: None,
            seed,
            lives: 0,
            jumps: 0,
            draining: false,
            story: VecDeque::new(),
            story_lines: STORY_LINES,
        }
    }

    /// Keeps the story from its beginning.
    pub fn at_length(mut self) -> World {
        self.story_lines = usize::MAX;
        self
    }

    /// The whole story: life with faults, then peace until everything is delivered.
    pub fn run(mut self) -> Result<Report, Box<Failure>> {
        match self.live() {
            Ok(()) => Ok(self.report),
            Err(what) => Err(Box::new(Failure {
                seed: self.seed,
                what,
                story: self.story.into_iter().collect(),
                settings: self.settings,
            })),
        }
    }

    fn live(&mut self) -> Checked {
        self.start()?;
        self.set_up()?;
        for _ in 0..self.settings.steps {
            self.step()?;
        }
        self.drain()
    }

    pub(crate) fn tell(&mut self, line: String) {
        for b in line.bytes() {
            self.report.digest = (self.report.digest ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3);
        }
        if self.story.len() >= self.story_lines {
            self.story.pop_front();
        }
        let at = self.clock.monotonic_us();
        self.story.push_back(format!("{:>10}.{:03} s  {line}", at / 1_000_000, at / 1000 % 1000));
    }

    // ---- the server's life ----

    /// Starts the server, if the disk lets it.
    pub(crate) fn start(&mut self) -> Checked {
        if self.process.is_some() {
            return Ok(());
        }
        self.lives += 1;
        let config = self.settings.store_config(self.vfs.name());
        match Process::start(&self.settings, config, &self.disk, self.clock.clone(), self.seed ^ self.lives) {
            Ok(process) => {
                self.process = Some(process);
                self.tell(format!("the server starts (life {})", self.lives));
                self.forget_keys(true);
                self.check(true)
            }
            Err(e) if self.disk.is_powerless() => {
                self.tell(format!("the power goes during the start: {e}"));
                self.disk.cut_power();
                self.report.power_cuts += 1;
                Ok(())
            }
            Err(e) if self.disk.faults() != self.quiet_faults() => {
                self.tell(format!("the server can't start: {e}"));
                self.disk.kill();
                let chance = self.dice.percent(30);
                if chance || self.draining {
                    self.disk.set_faults(self.quiet_faults());
                }
                Ok(())
            }
            // One fault may have been used up by the start that it prevented.
            Err(e) if self.lives > 1 && !self.draining => {
                self.tell(format!("the server can't start: {e}"));
                self.disk.kill();
                self.draining = self.lives > 5000;
                Ok(())
            }
            Err(e) => Err(format!("the server doesn't start again: {e}")),
        }
    }

    pub(crate) fn quiet_faults(&self) -> Faults {
        Faults { lying: self.disk.faults().lying, ..Faults::default() }
    }

    /// The process dies at once; its callers hear nothing.
    pub(crate) fn kill(&mut self, power: bool) {
        self.disk.kill();
        if let Some(process) = self.process.take() {
            // Requests on the wire arrive all the same.
            for attempt in process.attempts {
                if attempt.report.is_none() && self.dice.percent(30) {
                    let lease = &attempt.job.lease;
                    let _ = self.model.receive(lease.key.endpoint, lease.key.message, &lease.payload);
                }
            }
        }
        self.hear_nothing();
        if power {
            self.disk.cut_power();
            self.report.power_cuts += 1;
        } else {
            self.report.kills += 1;
        }
    }

    /// The writer stopped by itself: the disk failed to sync.
    fn end_broken(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        self.report.broken_disks += 1;
        self.tell("the disk failed to sync; the server ends".to_owned());
        if self.dice.percent(50) {
            while !process.unanswered.is_empty() {
                let told = process.answer();
                self.hear(told);
            }
        }
        drop(process.calls);
        process.writer.end();
        self.disk.kill();
        self.hear_nothing();
    }

    /// One turn of the writer, and what becomes of it.
    pub(crate) fn turn(&mut self) -> Checked {
        self.model.latest = self.model.latest.max(self.clock.now());
        let Some(process) = &mut self.process else { return Ok(()) };
        let over = process.turn();
        if self.disk.is_powerless() {
            self.tell("the power goes in the middle of it".to_owned());
            self.kill(true);
            return Ok(());
        }
        if over && !process.stopping {
            self.end_broken();
            return Ok(());
        }
        if over {
            return self.end_stopped();
        }
        let often = if self.draining { 3 } else { 20 };
        if self.dice.percent(often) { self.check(false) } else { Ok(()) }
    }

    fn end_stopped(&mut self) -> Checked {
        self.check(false)?;
        let Some(mut process) = self.process.take() else { return Ok(()) };
        let mut told = Vec::new();
        while !process.unanswered.is_empty() {
            told.append(&mut process.answer());
        }
        self.hear(told);
        process.writer.end();
        drop(process.calls);
        self.disk.kill();
        self.hear_nothing();
        self.tell("the server has stopped".to_owned());
        Ok(())
    }

    pub(crate) fn check(&mut self, thorough: bool) -> Checked {
        let Some(process) = &self.process else { return Ok(()) };
        let faults = self.disk.faults();
        self.disk.set_faults(self.quiet_faults());
        let checked = check::all(process, &mut self.model, &self.settings, thorough);
        self.disk.set_faults(faults);
        checked
    }

    // ---- what happens next ----

    fn step(&mut self) -> Checked {
        if self.process.is_none() {
            self.clock.advance(Duration::from_millis(self.dice.range(1, 3000)));
            return self.start();
        }
        if self.happens(self.settings.kills) {
            self.tell("kill -9".to_owned());
            self.kill(false);
            return Ok(());
        }
        if self.happens(self.settings.power_cuts) {
            return self.cut_power();
        }
        if self.happens(self.settings.disk_faults) {
            self.break_disk();
        }
        if self.happens(self.settings.clock_jumps) {
            self.jump_clock();
        }
        if self.happens(self.settings.changes) {
            self.change()?;
        }
        if self.happens(self.settings.stops) {
            self.stop()?;
        }
        match self.dice.below(100) {
            0..18 => self.produce(),
            18..38 => self.turn(),
            38..52 => self.answer(),
            52..64 => self.feed(),
            64..78 => self.deliver(),
            78..90 => self.finish(),
            _ => {
                self.tick();
                self.pump()
            }
        }
    }

    fn happens(&mut self, per_mille: u32) -> bool {
        self.dice.below(1000) < per_mille as usize
    }

    fn cut_power(&mut self) -> Checked {
        if self.dice.percent(50) {
            self.tell("the power goes".to_owned());
            self.kill(true);
        } else {
            let n = self.dice.range(1, 40) as u32;
            self.tell(format!("the power will go at write {n} from now"));
            self.disk.set_faults(Faults { power_cut_in: Some(n), ..self.disk.faults() });
        }
        Ok(())
    }

    fn break_disk(&mut self) {
        let mut faults = self.disk.faults();
        match self.dice.below(8) {
            0..3 => {
                faults.full = !faults.full;
                self.report.full_disks += u64::from(faults.full);
            }
            3 => faults.failing_writes = self.dice.range(1, 4) as u32,
            4 => faults.failing_syncs = 1,
            5 => faults.failing_reads = self.dice.range(1, 3) as u32,
            _ => faults = self.quiet_faults(),
        }
        self.tell(format!("the disk: {faults:?}"));
        self.disk.set_faults(faults);
    }

    fn jump_clock(&mut self) {
        let by = [-86_400_000, -3_600_000, -7_000, -1_000, 1_000, 30_000, 3_600_000, 86_400_000];
        let Some(by) = self.dice.pick(&by).copied() else { return };
        self.jumps += 1;
        self.clock.jump(by);
        self.forget_keys(false);
        self.tell(format!("the clock is set by {by} ms"));
    }

    /// Time goes by: a little, or until somebody wants to be woken.
    fn tick(&mut self) {
        let by = match self.dice.below(10) {
            0..4 => Duration::from_micros(self.dice.range(10, 60_000)),
            4 => Duration::from_millis(self.dice.range(100, 20_000)),
            5 if self.dice.percent(30) => Duration::from_secs(self.dice.range(20, 1200)),
            _ => self.next_wake().unwrap_or(Duration::from_millis(500)),
        };
        self.clock.advance(by);
    }

    /// When somebody wants to be woken.
    pub(crate) fn next_wake(&self) -> Option<Duration> {
        let process = self.process.as_ref()?;
        let engine = process.dispatcher.next_wake_us();
        let engine = engine.map(|at| Duration::from_micros(at.saturating_sub(self.clock.monotonic_us())));
        Some(engine.map_or(process.writer.wait(), |e| e.min(process.writer.wait())) + Duration::from_millis(1))
    }

    pub(crate) fn answer(&mut self) -> Checked {
        let Some(process) = &mut self.process else { return Ok(()) };
        let told = process.answer();
        self.hear(told);
        Ok(())
    }

    /// Callers are told; some answers are lost on the way.
    pub(crate) fn hear(&mut self, told: Vec<Answer>) {
        for answer in told {
            match answer {
                Answer::Accepted(results) => self.hear_accepted(results),
                Answer::Received(n, result) => self.hear_received(n, result),
                Answer::Changed(what, result) => self.tell(format!("{what}: {result:?}")),
                Answer::Closed => {}
            }
        }
    }
}
