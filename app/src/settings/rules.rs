//! What must hold of the settings beyond the form of each.
//!
//! **Invariant:** only what somebody set is refused. A default that is too large beside a smaller limit that was set is
//! lowered to it, and `config show` says so.

use std::time::Duration;

use super::error::Problem;
use super::layers::Origin;
use super::table::{SETTINGS, Setting};
use super::{Loaded, Settings};
use crate::size::ByteSize;

/// `name` must ... for the settings to be usable.
struct Bound {
    name: &'static str,
    must: &'static str,
    holds: fn(&Settings) -> bool,
}

/// `low` must not be above `high`.
struct Pair {
    low: &'static str,
    high: &'static str,
    holds: fn(&Settings) -> bool,
    /// Sets `low` to `high`.
    lower: fn(&mut Settings),
}

const DELAY_MAX: Duration = Duration::from_secs(30 * 86_400);
const RETRIES_MAX: usize = 64;

static BOUNDS: &[Bound] = &[
    Bound {
        name: "retry-schedule",
        must: "hold at most 64 delays, each from 1ms to 30d",
        holds: |s| {
            let fits = |delay: &Duration| !delay.is_zero() && *delay <= DELAY_MAX;
            s.retry_schedule.len() <= RETRIES_MAX && s.retry_schedule.iter().all(fits)
        },
    },
    Bound { name: "retry-jitter-percent", must: "be at most 100", holds: |s| s.retry_jitter_percent <= 100 },
    above_zero("request-timeout", |s| !s.request_timeout.is_zero()),
    above_zero("connect-timeout", |s| !s.connect_timeout.is_zero()),
    above_zero("dns-timeout", |s| !s.dns_timeout.is_zero()),
    above_zero("header-read-timeout", |s| !s.header_read_timeout.is_zero()),
    above_zero("payload-limit", |s| s.payload_limit > ByteSize::default()),
    above_zero("response-read-limit", |s| s.response_read_limit > ByteSize::default()),
    above_zero("endpoint-concurrency", |s| s.endpoint_concurrency > 0),
    above_zero("host-concurrency", |s| s.host_concurrency > 0),
    above_zero("global-concurrency", |s| s.global_concurrency > 0),
    above_zero("lane-capacity", |s| s.lane_capacity > 0),
    above_zero("max-connections", |s| s.max_connections > 0),
    above_zero("idempotency-window", |s| s.idempotency_window > 0),
    above_zero("idempotency-retention", |s| !s.idempotency_retention.is_zero()),
    above_zero("payload-retention", |s| !s.payload_retention.is_zero()),
    above_zero("message-retention", |s| !s.message_retention.is_zero()),
    above_zero("attempt-retention", |s| !s.attempt_retention.is_zero()),
    above_zero("request-retention", |s| !s.request_retention.is_zero()),
    above_zero("first-per-retention", |s| !s.first_per_retention.is_zero()),
    above_zero("dedup-window-keys", |s| s.dedup_window_keys > 0),
    above_zero("visitors-remembered", |s| s.visitors_remembered > 0),
    above_zero("link-cache", |s| s.link_cache > 0),
    above_zero("stat-retention", |s| !s.stat_retention.is_zero()),
    Bound {
        name: "session-lifetime",
        must: "be from 1m to 400d",
        holds: |s| (Duration::from_secs(60)..=Duration::from_secs(400 * 86_400)).contains(&s.session_lifetime),
    },
    above_zero("audit-retention", |s| !s.audit_retention.is_zero()),
    above_zero("inbound-body-limit", |s| s.inbound_body_limit > ByteSize::default()),
    above_zero("inbound-headers-limit", |s| s.inbound_headers_limit > 0),
    above_zero("inbound-header-bytes-limit", |s| s.inbound_header_bytes_limit > ByteSize::default()),
    above_zero("click-queue", |s| s.click_queue > 0),
    above_zero("form-body-limit", |s| s.form_body_limit > ByteSize::default()),
    above_zero("form-file-limit", |s| s.form_file_limit > ByteSize::default()),
    above_zero("form-fields-limit", |s| s.form_fields_limit > 0),
    above_zero("max-streams", |s| s.max_streams > 0),
    above_zero("live-rows-per-second", |s| s.live_rows_per_second > 0),
    Bound {
        name: "response-headers-store-limit",
        must: "be at most 64KiB",
        holds: |s| s.response_headers_store_limit.bytes() <= 64 * 1024,
    },
    Bound { name: "runtime-threads", must: "be at most 1024", holds: |s| s.runtime_threads <= 1024 },
    Bound {
        name: "jwt-public-key",
        must: "be set when jwt-algorithm is RS256 or EdDSA, and only then",
        holds: |s| s.jwt_algorithm.is_asymmetric() == s.jwt_public_key.is_some(),
    },
];

static PAIRS: &[Pair] = &[
    Pair {
        low: "connect-timeout",
        high: "request-timeout",
        holds: |s| s.connect_timeout <= s.request_timeout,
        lower: |s| s.connect_timeout = s.request_timeout,
    },
    Pair {
        low: "dns-timeout",
        high: "request-timeout",
        holds: |s| s.dns_timeout <= s.request_timeout,
        lower: |s| s.dns_timeout = s.request_timeout,
    },
    Pair {
        low: "response-store-limit",
        high: "response-read-limit",
        holds: |s| s.response_store_limit <= s.response_read_limit,
        lower: |s| s.response_store_limit = s.response_read_limit,
    },
    Pair {
        low: "payload-limit",
        high: "request-body-limit",
        holds: |s| s.payload_limit <= s.request_body_limit,
        lower: |s| s.payload_limit = s.request_body_limit,
    },
    Pair {
        low: "inbound-body-limit",
        high: "inbound-memory",
        holds: |s| s.inbound_body_limit <= s.inbound_memory,
        lower: |s| s.inbound_body_limit = s.inbound_memory,
    },
    Pair {
        low: "inbound-body-limit",
        high: "memory-in-flight",
        holds: |s| s.inbound_body_limit <= s.memory_in_flight,
        lower: |s| s.inbound_body_limit = s.memory_in_flight,
    },
    Pair {
        low: "form-body-limit",
        high: "inbound-memory",
        holds: |s| s.form_body_limit <= s.inbound_memory,
        lower: |s| s.form_body_limit = s.inbound_memory,
    },
    Pair {
        low: "form-body-limit",
        high: "memory-in-flight",
        holds: |s| s.form_body_limit <= s.memory_in_flight,
        lower: |s| s.form_body_limit = s.memory_in_flight,
    },
    Pair {
        low: "form-file-limit",
        high: "form-body-limit",
        holds: |s| s.form_file_limit <= s.form_body_limit,
        lower: |s| s.form_file_limit = s.form_body_limit,
    },
    Pair {
        low: "payload-limit",
        high: "memory-in-flight",
        holds: |s| s.payload_limit <= s.memory_in_flight,
        lower: |s| s.payload_limit = s.memory_in_flight,
    },
];

const fn above_zero(name: &'static str, holds: fn(&Settings) -> bool) -> Bound {
    Bound { name, must: "be more than 0", holds }
}

/// Lowers the defaults that have to give way and reports every rule that is broken.
pub fn check(loaded: &mut Loaded, problems: &mut Vec<Problem>) {
    for pair in PAIRS.iter().filter(|pair| !(pair.holds)(&loaded.settings)).collect::<Vec<_>>() {
        if matches!(loaded.origin(pair.low), Origin::Default | Origin::Capped(_)) {
            (pair.lower)(&mut loaded.settings);
            lowered(loaded, pair);
        } else {
            let (low, high) = (written(loaded, pair.low), written(loaded, pair.high));
            problems.push(Problem::Rule(format!("{low} must not be above {high}")));
        }
    }
    for bound in BOUNDS.iter().filter(|bound| !(bound.holds)(&loaded.settings)).collect::<Vec<_>>() {
        problems.push(Problem::Rule(format!("{} must {}", written(loaded, bound.name), bound.must)));
    }
}

fn lowered(loaded: &mut Loaded, pair: &Pair) {
    if let Some(setting) = find(pair.low) {
        loaded.came_from(setting, Origin::Capped(pair.high));
    }
}

/// `name = value (origin)`.
fn written(loaded: &mut Loaded, name: &'static str) -> String {
    let origin = loaded.origin(name);
    let value = find(name).and_then(|setting| (setting.value)(&mut loaded.settings).show());
    match value {
        Some(value) => format!("{name} = {} ({origin})", value.join(",")),
        None => format!("{name} (not set)"),
    }
}

fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}
