//! The Prometheus text of the engine and of receiving, for `/metrics`; the API writes its own and the store's.
//!
//! **Invariant:** base units (seconds, bytes), and no label that grows with tenants.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use engine::{DURATION_BOUNDS_US, Engine};
use ingest::Ingest;

/// Makes the text anew at each call.
pub fn text(engine: Engine, ingest: Arc<Ingest>) -> Arc<dyn Fn() -> String + Send + Sync> {
    Arc::new(move || {
        let mut out = String::with_capacity(4096);
        write_engine(&engine, &mut out);
        out.push_str(&ingest.metrics().text());
        out
    })
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
