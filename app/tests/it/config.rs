//! `config show`, and settings that stop the start.

use std::fs;

use serde_json::{Value, json};

use super::{Place, Run};

/// Name, value and origin of one line of `config show`.
fn line(run: &Run, name: &str) -> Vec<String> {
    let line = run.out.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
    line.split("  ").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

#[test]
fn show_names_the_source_of_each_value() {
    let place = Place::new();
    fs::write(place.path().join("postrider.toml"), "\nrequest-timeout = \"30s\"\nhttp2 = true\n").unwrap();
    let args = ["config", "show", "--allow-subnet", "10.0.0.0/8", "--allow-subnet", "fd00::/8", "--http2=false"];
    let run = place.check(0, &args, &[("POSTRIDER_LISTEN", "0.0.0.0:80")]);
    assert_eq!(line(&run, "listen"), ["listen", "0.0.0.0:80", "env POSTRIDER_LISTEN"]);
    assert_eq!(line(&run, "request-timeout"), ["request-timeout", "30s", "postrider.toml:2"]);
    assert_eq!(line(&run, "http2"), ["http2", "false", "flag --http2"]);
    assert_eq!(line(&run, "allow-subnet"), ["allow-subnet", "10.0.0.0/8,fd00::/8", "flag --allow-subnet"]);
    assert_eq!(line(&run, "dns-timeout"), ["dns-timeout", "2s", "default"]);
    assert_eq!(line(&run, "public-url"), ["public-url", "(not set)", "default"]);
}

#[test]
fn show_writes_json_with_typed_values_and_masked_secrets() {
    let env = [("POSTRIDER_JWT_SECRET", "a-secret-of-16-bytes-or-more"), ("POSTRIDER_CORS", "https://a.example")];
    let run = Place::new().check(0, &["config", "show", "--output", "json", "--endpoint-https-only"], &env);
    let shown: Value = serde_json::from_str(&run.out).unwrap();
    let settings = &shown["settings"];
    assert_eq!(settings["jwt-secret"]["value"], "********");
    assert_eq!(settings["jwt-secret"]["origin"]["name"], "POSTRIDER_JWT_SECRET");
    assert_eq!(settings["cors"]["value"], json!(["https://a.example"]));
    assert_eq!(settings["endpoint-https-only"]["value"], true);
    assert_eq!(settings["endpoint-concurrency"]["value"], 64);
    assert_eq!(settings["proxy"]["value"], Value::Null);
    assert!(!run.out.contains("a-secret-of-16"));
}

#[test]
fn a_flag_counts_the_same_before_and_after_the_command() {
    for args in [["--listen", "127.0.0.1:1", "config", "show"], ["config", "show", "--listen", "127.0.0.1:1"]] {
        let run = Place::new().check(0, &args, &[]);
        assert_eq!(line(&run, "listen"), ["listen", "127.0.0.1:1", "flag --listen"]);
    }
}

#[test]
fn the_file_can_be_named_by_flag_and_by_environment() {
    let place = Place::new();
    fs::write(place.path().join("a.toml"), "listen = \"127.0.0.1:1\"").unwrap();
    fs::write(place.path().join("b.toml"), "listen = \"127.0.0.1:2\"").unwrap();
    let env = [("POSTRIDER_CONFIG", "a.toml")];
    assert_eq!(line(&place.check(0, &["config", "show"], &env), "listen")[2], "a.toml:1");
    let run = place.check(0, &["config", "show", "--config", "b.toml"], &env);
    assert_eq!(line(&run, "listen")[2], "b.toml:1");
    let missing = place.check(2, &["config", "show", "--config", "c.toml"], &[]);
    assert!(missing.err.contains("c.toml can't be read"), "{}", missing.err);
}

#[test]
fn a_mistake_in_the_settings_stops_the_start_before_anything_is_made() {
    let place = Place::new();
    fs::write(place.path().join("postrider.toml"), "listen = \"banana\"\nretry-shedule = []\n").unwrap();
    let run = place.check(2, &["serve"], &[("POSTRIDER_HTPP2", "true")]);
    for part in [
        "postrider.toml:1: listen = \"banana\"",
        "postrider.toml:2: `retry-shedule` is not a setting; did you mean `retry-schedule`?",
        "did you mean `POSTRIDER_HTTP2`?",
        "postrider config explain",
    ] {
        assert!(run.err.contains(part), "{part}\n{}", run.err);
    }
    assert!(!place.path().join("postrider-data").exists());
}
