//! What the store is told at the start, and the figures that it publishes.
//!
//! **Invariant:** plain values; each limit is a setting that `app` reads.

use domain::IdCodec;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::time::Duration;

/// How the store is set up. Each limit is a setting.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The database file.
    pub path: PathBuf,
    pub codec: IdCodec,
    /// Deliveries of one endpoint kept in memory.
    pub lane_capacity: u32,
    /// Payload bytes of leased deliveries kept in memory.
    pub memory_in_flight: u64,
    /// SDK-made idempotency keys remembered in memory.
    pub idempotency_window: usize,
    /// How long other idempotency keys are kept.
    pub idempotency_retention: Duration,
    pub payload_retention: Duration,
    pub message_retention: Duration,
    pub attempt_retention: Duration,
    /// How long captured requests are kept, and the keys of their events.
    pub request_retention: Duration,
    /// How long an endpoint with `first_per` remembers a value, from its first message on.
    pub first_seen_retention: Duration,
    /// Keys of received events remembered in memory, about; older ones are on disk.
    pub dedup_window_keys: usize,
    /// Visitors of the day remembered in memory, so that each counts once.
    pub visitors_remembered: usize,
    /// Links remembered in memory, about; the others are on disk.
    pub link_cache: usize,
    /// How long figures of links and forms are kept by the minute; those by the day stay with their link or form.
    pub stat_minute_retention: Duration,
    /// How long a session lasts that nobody uses.
    pub session_lifetime: Duration,
    pub audit_retention: Duration,
    /// Disable an endpoint that only failed for so long; zero never does.
    pub endpoint_disable_after: Duration,
    /// Rows of one organisation's live tail that are noted in a second; the others are counted.
    pub tail_rows_per_second: u32,
    /// Free bytes of disk below which messages are refused.
    pub disk_reserve: u64,
    /// Name of a registered SQLite file system; `None` is the operating system's. The simulation has its own.
    pub vfs: Option<String>,
}

/// Counters and gauges, read by `/metrics`.
#[derive(Debug, Default)]
pub struct StoreMetrics {
    pub messages_accepted: AtomicU64,
    /// Answered from an idempotency key.
    pub messages_repeated: AtomicU64,
    /// Messages and requests refused because the disk is below its reserve.
    pub refused_full: AtomicU64,
    /// Whether it was at the last look.
    pub disk_full: AtomicBool,
    /// Clicks that came to nothing: too many waited, or their transaction was undone, or the disk was below its reserve.
    pub clicks_lost: AtomicU64,
    pub attempts_succeeded: AtomicU64,
    pub attempts_failed: AtomicU64,
    /// Settlements of leases that were no longer held.
    pub leases_lost: AtomicU64,
    pub commits: AtomicU64,
    /// Microseconds spent in transactions.
    pub commit_us: AtomicU64,
    /// Operations that those transactions carried.
    pub committed_ops: AtomicU64,
    /// Deliveries on disk that wait for their time or for room.
    pub deliveries_waiting: AtomicI64,
    pub deliveries_dead: AtomicI64,
    /// Deliveries in memory.
    pub deliveries_leased: AtomicI64,
    pub in_flight_bytes: AtomicI64,
}
