//! What operators see of a running server: metrics and health.

use std::collections::{BTreeMap, HashMap};

use serde_json::json;

use super::support::receiver::{Receiver, Say};
use super::support::server::Launch;

/// One line of the Prometheus text format that is no comment.
#[derive(Debug)]
struct Sample<'a> {
    name: &'a str,
    labels: BTreeMap<&'a str, &'a str>,
    value: f64,
}

fn sample(line: &str) -> Sample<'_> {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
    let (name, labels) = match series.split_once('{') {
        Some((name, rest)) => (name, rest.strip_suffix('}').unwrap_or_else(|| panic!("{line}"))),
        None => (series, ""),
    };
    assert!(name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_'), "{line}");
    let pairs = labels.split(',').filter(|pair| !pair.is_empty()).map(|pair| {
        let (label, value) = pair.split_once('=').unwrap_or_else(|| panic!("{line}"));
        (label, value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or_else(|| panic!("{line}")))
    });
    Sample { name, labels: pairs.collect(), value: value.parse().unwrap_or_else(|_| panic!("{line}")) }
}

/// Name -> kind; each is declared once, and before its samples.
fn families(text: &str) -> HashMap<&str, &str> {
    let mut kinds = HashMap::new();
    for line in text.lines() {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            let (name, kind) = declared.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(text.contains(&format!("# HELP {name} ")), "{name} has no help");
            assert_eq!(kinds.insert(name, kind), None, "{name} is declared twice");
        }
    }
    kinds
}

fn family<'a>(sample: &Sample<'a>, families: &HashMap<&str, &str>) -> &'a str {
    let stems = ["_bucket", "_sum", "_count"].iter().filter_map(|end| sample.name.strip_suffix(end));
    let histogram = stems.into_iter().find(|stem| families.get(stem) == Some(&"histogram"));
    histogram.unwrap_or(sample.name)
}

#[test]
fn metrics_are_prometheus_text_in_base_units_without_tenants() {
    let receiver = Receiver::start(|seen, _| if seen.path == "/bad" { Say(500, "") } else { Say(204, "") });
    let launch = Launch::new(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    let app = api.app();
    let endpoints = ["/good", "/bad"].map(|path| api.endpoint(&app, json!({"url": receiver.url(path)})));
    let message = api.send(&app, json!({}));
    receiver.wait_for("/good", 1);
    receiver.wait_for("/bad", 1);
    api.call("GET", "/api/v1/app/nobody", None);

    let answer = api.call("GET", "/metrics", None);
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"), "{answer:?}");
    let text = answer.text();
    assert!(text.ends_with('\n'));
    let families = families(&text);
    let samples: Vec<Sample<'_>> = text.lines().filter(|line| !line.starts_with('#')).map(sample).collect();
    let mut series: HashMap<(&str, String), usize> = HashMap::new();
    for s in &samples {
        let family = family(s, &families);
        let kind = *families.get(family).unwrap_or_else(|| panic!("{s:?} has no type"));
        assert!(family.starts_with("postrider_"), "{family}");
        assert_eq!(kind == "counter", family.ends_with("_total"), "{family} is a {kind}");
        for unit in
            ["_ms", "_us", "_ns", "milliseconds", "microseconds", "_kb", "_mb", "_kib", "_mib", "minutes", "percent"]
        {
            assert!(!family.contains(unit), "{family} is not in a base unit");
        }
        assert!(s.value.is_finite() && s.value >= 0.0, "{s:?}");
        *series.entry((s.name, format!("{:?}", s.labels))).or_default() += 1;
    }
    for (name, count) in series {
        assert_eq!(count, 1, "{name:?} is given {count} times");
    }
    for secret in [&app, &endpoints[0], &endpoints[1], &message, &"nobody".to_owned(), &receiver.address.to_string()] {
        assert!(!text.contains(&**secret), "{secret} is in the metrics");
    }
    let value = |name: &str| samples.iter().find(|s| s.name == name).map(|s| s.value);
    assert_eq!(value("postrider_store_messages_accepted_total"), Some(1.0), "{text}");
    check_histograms(&samples, &families);
}

fn check_histograms(samples: &[Sample<'_>], families: &HashMap<&str, &str>) {
    let mut seen = 0;
    for name in families.iter().filter(|(_, kind)| **kind == "histogram").map(|(name, _)| *name) {
        let mut counts: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for s in samples.iter().filter(|s| s.name == format!("{name}_bucket")) {
            let mut labels = s.labels.clone();
            let bound = labels.remove("le").unwrap();
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() };
            counts.entry(format!("{labels:?}")).or_default().push((bound, s.value));
        }
        for (labels, buckets) in counts {
            assert!(buckets.is_sorted(), "{name} {labels} {buckets:?}");
            let last = buckets.last().unwrap();
            assert!(last.0.is_infinite());
            let count = |s: &&Sample<'_>| s.name == format!("{name}_count") && format!("{:?}", s.labels) == labels;
            assert_eq!(samples.iter().find(count).unwrap().value, last.1, "{name} {labels}");
            seen += 1;
        }
    }
    assert!(seen > 0, "there is no histogram");
}

#[test]
fn health_is_0_while_it_serves_and_5_once_it_is_dead() {
    let launch = Launch::new(&[]);
    let mut server = launch.start();
    let listen = server.address.to_string();
    let run = launch.place.check(0, &["health", "--listen", &listen], &[]);
    assert_eq!(run.out.trim(), format!("ready: {listen}"), "{}", run.err);
    server.kill();
    let run = launch.place.check(5, &["health", "--listen", &listen], &[]);
    assert!(run.err.contains("is `postrider serve` running?"), "{}", run.err);
}

#[test]
fn the_log_of_a_start_shows_no_secret() {
    let launch = Launch::new(&["--log-level", "debug", "--jwt-secret", "a-secret-of-16-bytes-or-more"]);
    let server = launch.start();
    let secrets = std::fs::read_to_string(launch.database().with_file_name("secrets.toml")).unwrap();
    server.wait_for_log("postrider token create");
    let log = server.log_text();
    assert!(!log.contains("a-secret-of-16"), "{log}");
    for value in secrets.split('"').skip(1).step_by(2).filter(|value| value.len() > 30) {
        assert!(!log.contains(value), "{log}");
    }
}
