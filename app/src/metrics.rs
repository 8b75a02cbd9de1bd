//! The Prometheus text of store and engine, for `/metrics`.
//!
//! **Invariant:** base units (seconds, bytes), and no label that grows with tenants.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use engine::{DURATION_BOUNDS_US, Engine};
use store::Store;

/// Makes the text anew at each call.
pub fn text(store: Store, engine: Engine) -> Arc<dyn Fn() -> String + Send + Sync> {
    Arc::new(move || {
        let mut out = String::with_capacity(4096);
        write_store(&store, &mut out);
        write_engine(&engine, &mut out);
        out
    })
}

fn write_store(store: &Store, out: &mut String) {
    let m = store.metrics();
    counter(out, "postrider_messages_accepted_total", "Messages stored", &m.messages_accepted);
    counter(
        out,
        "postrider_messages_repeated_total",
        "Messages answered from an idempotency key",
        &m.messages_repeated,
    );
    counter(out, "postrider_messages_refused_disk_full_total", "Messages refused for want of disk", &m.refused_full);
    counter(out, "postrider_leases_lost_total", "Settlements of leases that were no longer held", &m.leases_lost);
    counter(out, "postrider_store_commits_total", "Transactions", &m.commits);
    counter(out, "postrider_store_committed_operations_total", "Operations in those transactions", &m.committed_ops);
    head(out, "postrider_store_commit_seconds_total", "Time spent in transactions", "counter");
    let seconds = m.commit_us.load(Relaxed) as f64 / 1e6;
    let _ = writeln!(out, "postrider_store_commit_seconds_total {seconds}");
    gauge(out, "postrider_deliveries_waiting", "Deliveries on disk, waiting for their time", &m.deliveries_waiting);
    gauge(out, "postrider_deliveries_dead", "Dead-lettered deliveries", &m.deliveries_dead);
    gauge(out, "postrider_deliveries_leased", "Deliveries in memory", &m.deliveries_leased);
    gauge(out, "postrider_in_flight_bytes", "Memory that leased deliveries take", &m.in_flight_bytes);
}

fn write_engine(engine: &Engine, out: &mut String) {
    let m = engine.metrics();
    head(out, "postrider_attempts_total", "Attempts by outcome", "counter");
    for (outcome, n) in [
        ("succeeded", &m.succeeded),
        ("rejected", &m.rejected),
        ("timed_out", &m.timed_out),
        ("unreachable", &m.unreachable),
        ("refused", &m.refused),
    ] {
        let _ = writeln!(out, "postrider_attempts_total{{outcome=\"{outcome}\"}} {}", n.load(Relaxed));
    }
    head(out, "postrider_attempt_seconds", "Duration of attempts", "histogram");
    let mut sum = 0;
    for (i, n) in m.durations.iter().enumerate() {
        sum += n.load(Relaxed);
        let bound = DURATION_BOUNDS_US.get(i).map_or("+Inf".to_owned(), |us| (*us as f64 / 1e6).to_string());
        let _ = writeln!(out, "postrider_attempt_seconds_bucket{{le=\"{bound}\"}} {sum}");
    }
    let _ = writeln!(out, "postrider_attempt_seconds_sum {}", m.attempt_us.load(Relaxed) as f64 / 1e6);
    let _ = writeln!(out, "postrider_attempt_seconds_count {sum}");
    let (in_flight, queued) = engine.load();
    head(out, "postrider_attempts_in_flight", "Attempts under way", "gauge");
    let _ = writeln!(out, "postrider_attempts_in_flight {in_flight}");
    head(out, "postrider_deliveries_queued", "Deliveries in memory that wait for their turn", "gauge");
    let _ = writeln!(out, "postrider_deliveries_queued {queued}");
}

fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}
fn counter(out: &mut String, name: &str, help: &str, value: &AtomicU64) {
    head(out, name, help, "counter");
    let _ = writeln!(out, "{name} {}", value.load(Relaxed));
}
fn gauge(out: &mut String, name: &str, help: &str, value: &AtomicI64) {
    head(out, name, help, "gauge");
    let _ = writeln!(out, "{name} {}", value.load(Relaxed));
}
