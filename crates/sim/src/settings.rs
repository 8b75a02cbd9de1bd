//! What differs from world to world: limits, faults and how often each happens, all drawn from the seed.
//!
//! **Invariant:** drawn before the world begins, so that a failing world's settings can be printed.

use crate::chance::Dice;
use domain::{IdCodec, RetrySchedule};
use engine::Limits;
use std::path::PathBuf;
use std::time::Duration;
use store::StoreConfig;

/// What may be wrong with durability; the negative controls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sabotage {
    #[default]
    None,
    /// `PRAGMA synchronous=OFF`: commits don't wait for the disk.
    Unsynced,
    /// `PRAGMA synchronous=NORMAL`: only checkpoints do.
    Normal,
    /// The disk says that it synced, and didn't.
    LyingDisk,
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub limits: Limits,
    pub steps: usize,
    pub apps: usize,
    pub memory_in_flight: u64,
    pub endpoint_disable_after: Duration,
    /// Old messages go after this long, and what belongs to them sooner; `None` keeps all.
    pub retention: Option<Duration>,
    pub checkpoint_pages: u32,
    pub synchronous: &'static str,
    /// Chances in a thousand, at each step.
    pub kills: u32,
    pub power_cuts: u32,
    pub disk_faults: u32,
    pub clock_jumps: u32,
    pub changes: u32,
    pub stops: u32,
    /// Chances in a hundred.
    pub lost_answers: u32,
    pub lost_responses: u32,
    pub blind_lookups: u32,
    pub operational: bool,
}

impl Settings {
    pub fn draw(dice: &mut Dice, sabotage: Sabotage) -> Settings {
        let often = |dice: &mut Dice, most: u32| if dice.percent(40) { 0 } else { dice.range(1, most.into()) as u32 };
        let schedule = RetrySchedule::new([5, 60, 600].map(Duration::from_secs).to_vec(), 10);
        let limits = Limits {
            global: dice.range(2, 24) as u32,
            per_endpoint: dice.range(1, 6) as u32,
            per_host: dice.range(1, 8) as u32,
            lane_capacity: dice.range(1, 24) as u32,
            schedule,
        };
        Settings {
            limits,
            steps: dice.range(150, 500) as usize,
            apps: dice.range(1, 3) as usize,
            memory_in_flight: if dice.percent(30) { dice.range(1000, 6000) } else { 1 << 20 },
            endpoint_disable_after: if dice.percent(30) { Duration::from_secs(300) } else { Duration::ZERO },
            retention: dice.percent(25).then_some(Duration::from_secs(7200)),
            checkpoint_pages: if dice.percent(60) { dice.range(4, 60) as u32 } else { 4000 },
            synchronous: match sabotage {
                Sabotage::None | Sabotage::LyingDisk => "FULL",
                Sabotage::Normal => "NORMAL",
                Sabotage::Unsynced => "OFF",
            },
            kills: often(dice, 15),
            power_cuts: often(dice, 15),
            disk_faults: often(dice, 20),
            clock_jumps: often(dice, 15),
            changes: often(dice, 60),
            stops: often(dice, 8),
            lost_answers: often(dice, 30),
            lost_responses: often(dice, 20),
            blind_lookups: often(dice, 5),
            operational: dice.percent(40),
        }
    }

    pub fn store_config(&self, vfs: &str) -> StoreConfig {
        const DAY: Duration = Duration::from_secs(86_400);
        StoreConfig {
            path: PathBuf::from("sim.db"),
            codec: IdCodec::new([7; 16]),
            lane_capacity: self.limits.lane_capacity,
            memory_in_flight: self.memory_in_flight,
            idempotency_window: 10_000,
            idempotency_retention: DAY,
            payload_retention: self.retention.map_or(DAY * 3650, |r| r / 2),
            message_retention: self.retention.unwrap_or(DAY * 3650),
            attempt_retention: self.retention.map_or(DAY * 3650, |r| r / 2),
            request_retention: self.retention.unwrap_or(DAY * 3650),
            first_seen_retention: self.retention.unwrap_or(DAY * 3650),
            dedup_window_keys: 8,
            visitors_remembered: 8,
            link_cache: 8,
            stat_minute_retention: self.retention.unwrap_or(DAY * 3650),
            session_lifetime: Duration::from_secs(14 * 86_400),
            audit_retention: Duration::from_secs(400 * 86_400),
            endpoint_disable_after: self.endpoint_disable_after,
            tail_rows_per_second: 1000,
            disk_reserve: 0,
            vfs: Some(vfs.to_owned()),
        }
    }
}
