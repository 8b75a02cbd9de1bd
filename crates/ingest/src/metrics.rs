//! Figures of receiving, and their Prometheus text.
//!
//! **Invariant:** counters that are bumped in place; base units, and no label that grows with sources.

use std::fmt::Write;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use store::VerdictKind;

/// Counts what became of inbound requests.
#[derive(Debug, Default)]
pub struct IngestMetrics {
    pub accepted: AtomicU64,
    pub held: AtomicU64,
    pub refused: AtomicU64,
    pub handshakes: AtomicU64,
    pub captured: AtomicU64,
    /// Copies of what was accepted, held or captured before; counted there too.
    pub duplicates: AtomicU64,
    /// For a URL that nothing has.
    pub unknown: AtomicU64,
    /// For a source that is disabled or expired.
    pub closed: AtomicU64,
    pub too_large: AtomicU64,
    pub timed_out: AtomicU64,
    pub malformed: AtomicU64,
    /// Answered 503 or 500: nothing was stored.
    pub unavailable: AtomicU64,
    /// Submissions of forms that became events.
    pub forms_accepted: AtomicU64,
    /// Answered 4xx.
    pub forms_refused: AtomicU64,
    /// Submissions that filled the field which people don't see.
    pub forms_trapped: AtomicU64,
    /// Answered 429.
    pub forms_limited: AtomicU64,
    /// Answered 503 or 500.
    pub forms_unavailable: AtomicU64,
    /// Bytes of bodies that were read.
    pub body_bytes: AtomicU64,
    /// Documents fetched for verification, and those that could not be.
    pub fetched: AtomicU64,
    pub fetch_failed: AtomicU64,
    /// Held requests that became messages.
    pub released: AtomicU64,
    /// Requests to links that were led on.
    pub redirects: AtomicU64,
    /// To links that there are not, or that are disabled.
    pub redirects_unknown: AtomicU64,
    pub redirects_expired: AtomicU64,
    /// Answered 503 or 500.
    pub redirects_failed: AtomicU64,
    /// Clicks that the store took.
    pub clicks: AtomicU64,
    /// Clicks that were led on, but not recorded: too many waited, or the store failed.
    pub clicks_lost: AtomicU64,
    pub pixels_converted: AtomicU64,
    pub pixels_repeated: AtomicU64,
    /// For a click that was none, or whose link is gone.
    pub pixels_unknown: AtomicU64,
    /// Of visitors who don't want it, and of pages that nobody saw yet.
    pub pixels_untracked: AtomicU64,
    /// The store failed.
    pub pixels_lost: AtomicU64,
}

impl IngestMetrics {
    pub(crate) fn verdict(&self, kind: VerdictKind) {
        bump(match kind {
            VerdictKind::Accepted => &self.accepted,
            VerdictKind::Held => &self.held,
            VerdictKind::Refused => &self.refused,
            VerdictKind::Handshake => &self.handshakes,
            VerdictKind::Captured => &self.captured,
        });
    }

    pub(crate) fn problem(&self, status: u16) {
        bump(match status {
            404 => &self.unknown,
            403 | 410 => &self.closed,
            413 | 431 => &self.too_large,
            408 => &self.timed_out,
            400 => &self.malformed,
            _ => &self.unavailable,
        });
    }

    /// For `/metrics`.
    pub fn text(&self) -> String {
        let mut out = String::with_capacity(2048);
        let name = "postrider_inbound_requests_total";
        head(&mut out, name, "Inbound requests by what became of them");
        for (outcome, n) in [
            ("accepted", &self.accepted),
            ("held", &self.held),
            ("refused", &self.refused),
            ("handshake", &self.handshakes),
            ("captured", &self.captured),
            ("unknown", &self.unknown),
            ("closed", &self.closed),
            ("too_large", &self.too_large),
            ("timed_out", &self.timed_out),
            ("malformed", &self.malformed),
            ("unavailable", &self.unavailable),
        ] {
            let _ = writeln!(out, "{name}{{outcome=\"{outcome}\"}} {}", n.load(Relaxed));
        }
        let name = "postrider_form_submissions_total";
        head(&mut out, name, "Submissions of forms by what became of them");
        for (outcome, n) in [
            ("accepted", &self.forms_accepted),
            ("refused", &self.forms_refused),
            ("honeypot", &self.forms_trapped),
            ("rate_limited", &self.forms_limited),
            ("unavailable", &self.forms_unavailable),
        ] {
            let _ = writeln!(out, "{name}{{outcome=\"{outcome}\"}} {}", n.load(Relaxed));
        }
        for (name, help, n) in [
            (
                "postrider_inbound_duplicates_total",
                "Inbound requests that were copies of earlier ones",
                &self.duplicates,
            ),
            (
                "postrider_inbound_body_bytes_total",
                "Bytes of bodies of inbound requests and submissions",
                &self.body_bytes,
            ),
            ("postrider_inbound_fetched_total", "Documents fetched to verify requests", &self.fetched),
            ("postrider_inbound_fetch_failed_total", "Documents that could not be fetched", &self.fetch_failed),
            ("postrider_inbound_released_total", "Held requests that were released", &self.released),
        ] {
            head(&mut out, name, help);
            let _ = writeln!(out, "{name} {}", n.load(Relaxed));
        }
        self.write_links(&mut out);
        out
    }

    fn write_links(&self, out: &mut String) {
        let outcomes = [
            ("redirected", &self.redirects),
            ("unknown", &self.redirects_unknown),
            ("expired", &self.redirects_expired),
            ("failed", &self.redirects_failed),
        ];
        table(out, "postrider_link_requests_total", "Requests to links by what became of them", &outcomes);
        let outcomes = [("recorded", &self.clicks), ("lost", &self.clicks_lost)];
        table(out, "postrider_link_clicks_total", "Clicks by what became of them", &outcomes);
        let outcomes = [
            ("converted", &self.pixels_converted),
            ("repeated", &self.pixels_repeated),
            ("unknown", &self.pixels_unknown),
            ("untracked", &self.pixels_untracked),
            ("lost", &self.pixels_lost),
        ];
        table(out, "postrider_link_pixels_total", "Conversion pixels by what became of them", &outcomes);
    }
}

fn table(out: &mut String, name: &str, help: &str, outcomes: &[(&str, &AtomicU64)]) {
    head(out, name, help);
    for (outcome, n) in outcomes {
        let _ = writeln!(out, "{name}{{outcome=\"{outcome}\"}} {}", n.load(Relaxed));
    }
}

pub(crate) fn bump(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

fn head(out: &mut String, name: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verdict_and_problem_is_counted_once() {
        let metrics = IngestMetrics::default();
        metrics.verdict(VerdictKind::Held);
        for status in [404, 403, 410, 413, 431, 408, 400, 503, 500] {
            metrics.problem(status);
        }
        let text = metrics.text();
        for line in ["{outcome=\"held\"} 1\n", "{outcome=\"closed\"} 2\n", "{outcome=\"unavailable\"} 2\n"] {
            assert!(text.contains(&format!("postrider_inbound_requests_total{line}")), "{text}");
        }
        assert!(text.contains("\npostrider_inbound_duplicates_total 0\n"));
        assert!(text.contains("\npostrider_link_clicks_total{outcome=\"lost\"} 0\n"));
    }
}
