//! Counters of the HTTP side, as Prometheus text.
//!
//! **Invariant:** counters bumped in place; labels are route templates, methods and status classes, never a tenant.

use crate::routes::ROUTES;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Upper bounds of the duration buckets, in microseconds.
const BUCKETS_US: [u64; 12] =
    [500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000, 30_000_000];

#[derive(Default)]
struct RouteCounters {
    /// By hundreds of the status code, 1xx first.
    classes: [AtomicU64; 5],
    /// One more than bounds: the last has the rest. Not cumulative.
    buckets: [AtomicU64; BUCKETS_US.len() + 1],
    sum_us: AtomicU64,
}

pub(crate) struct HttpMetrics {
    /// One for each route, in the table's order, and a last one for requests that matched none.
    routes: Box<[RouteCounters]>,
    pub connections: AtomicU64,
}

impl HttpMetrics {
    pub fn new() -> Self {
        let routes = (0..=ROUTES.len()).map(|_| RouteCounters::default()).collect();
        HttpMetrics { routes, connections: AtomicU64::new(0) }
    }

    /// `route` is an index of the table; beyond it, no route matched.
    pub fn record(&self, route: usize, status: u16, duration_us: u64) {
        let Some(counters) = self.routes.get(route).or(self.routes.last()) else { return };
        let class = usize::from(status / 100).saturating_sub(1).min(4);
        if let Some(counter) = counters.classes.get(class) {
            counter.fetch_add(1, Relaxed);
        }
        let bucket = BUCKETS_US.iter().position(|bound| duration_us <= *bound).unwrap_or(BUCKETS_US.len());
        if let Some(counter) = counters.buckets.get(bucket) {
            counter.fetch_add(1, Relaxed);
        }
        counters.sum_us.fetch_add(duration_us, Relaxed);
    }

    /// In Prometheus' text format. `streams` are open at the moment, long polls among them.
    pub fn text(&self, streams: usize) -> String {
        let mut out = String::with_capacity(4096);
        out.push_str("# HELP postrider_http_requests_total Requests answered.\n");
        out.push_str("# TYPE postrider_http_requests_total counter\n");
        for (labels, counters) in self.used() {
            for (class, n) in counters.classes.iter().enumerate().map(|(i, n)| (i + 1, n.load(Relaxed))) {
                if n > 0 {
                    let _ = writeln!(out, "postrider_http_requests_total{{{labels},status=\"{class}xx\"}} {n}");
                }
            }
        }
        out.push_str("# HELP postrider_http_request_duration_seconds From a request's head to its answer.\n");
        out.push_str("# TYPE postrider_http_request_duration_seconds histogram\n");
        for (labels, counters) in self.used() {
            write_histogram(&mut out, &labels, counters);
        }
        out.push_str("# HELP postrider_http_connections Open connections.\n");
        out.push_str("# TYPE postrider_http_connections gauge\n");
        let _ = writeln!(out, "postrider_http_connections {}", self.connections.load(Relaxed));
        out.push_str("# HELP postrider_http_streams Open streams and waiting long polls.\n");
        out.push_str("# TYPE postrider_http_streams gauge\n");
        let _ = writeln!(out, "postrider_http_streams {streams}");
        out
    }

    fn used(&self) -> impl Iterator<Item = (String, &RouteCounters)> {
        self.routes.iter().enumerate().filter(|(_, c)| c.buckets.iter().any(|b| b.load(Relaxed) > 0)).map(|(i, c)| {
            let (path, method) = ROUTES.get(i).map_or(("unmatched", "any"), |r| (r.path, r.verb.as_str()));
            (format!("route=\"{path}\",method=\"{method}\""), c)
        })
    }
}

fn write_histogram(out: &mut String, labels: &str, counters: &RouteCounters) {
    const NAME: &str = "postrider_http_request_duration_seconds";
    let mut count = 0;
    for (i, bucket) in counters.buckets.iter().enumerate() {
        count += bucket.load(Relaxed);
        let _ = match BUCKETS_US.get(i) {
            Some(us) => writeln!(out, "{NAME}_bucket{{{labels},le=\"{}\"}} {count}", *us as f64 / 1e6),
            None => writeln!(out, "{NAME}_bucket{{{labels},le=\"+Inf\"}} {count}"),
        };
    }
    let _ = writeln!(out, "{NAME}_sum{{{labels}}} {}", counters.sum_us.load(Relaxed) as f64 / 1e6);
    let _ = writeln!(out, "{NAME}_count{{{labels}}} {count}");
}

/// The store's counters.
pub(crate) fn store_text(m: &store::StoreMetrics) -> String {
    let mut out = String::with_capacity(2048);
    let counters = [
        ("messages_accepted", "Messages on disk.", m.messages_accepted.load(Relaxed)),
        ("messages_repeated", "Messages answered from an idempotency key.", m.messages_repeated.load(Relaxed)),
        ("refused_full", "Messages refused because the disk was full.", m.refused_full.load(Relaxed)),
        ("clicks_lost", "Clicks that could not be stored.", m.clicks_lost.load(Relaxed)),
        ("attempts_succeeded", "Attempts that succeeded.", m.attempts_succeeded.load(Relaxed)),
        ("attempts_failed", "Attempts that failed.", m.attempts_failed.load(Relaxed)),
        ("leases_lost", "Settlements of leases no longer held.", m.leases_lost.load(Relaxed)),
        ("commits", "Transactions.", m.commits.load(Relaxed)),
        ("committed_operations", "Operations in those transactions.", m.committed_ops.load(Relaxed)),
    ];
    for (name, help, value) in counters {
        let _ = writeln!(out, "# HELP postrider_store_{name}_total {help}");
        let _ = writeln!(out, "# TYPE postrider_store_{name}_total counter");
        let _ = writeln!(out, "postrider_store_{name}_total {value}");
    }
    let seconds = m.commit_us.load(Relaxed) as f64 / 1e6;
    let _ = writeln!(out, "# HELP postrider_store_commit_seconds_total Time spent in transactions.");
    let _ = writeln!(out, "# TYPE postrider_store_commit_seconds_total counter");
    let _ = writeln!(out, "postrider_store_commit_seconds_total {seconds}");
    let gauges = [
        ("deliveries_waiting", "Deliveries that wait for their time or for room.", m.deliveries_waiting.load(Relaxed)),
        ("deliveries_dead", "Dead-lettered deliveries.", m.deliveries_dead.load(Relaxed)),
        ("deliveries_leased", "Deliveries in memory.", m.deliveries_leased.load(Relaxed)),
        ("in_flight_bytes", "Payload bytes in memory.", m.in_flight_bytes.load(Relaxed)),
    ];
    for (name, help, value) in gauges {
        let _ = writeln!(out, "# HELP postrider_store_{name} {help}");
        let _ = writeln!(out, "# TYPE postrider_store_{name} gauge");
        let _ = writeln!(out, "postrider_store_{name} {value}");
    }
    out
}
