//! What the command line teaches.

use serde_json::Value;

use super::Place;

#[test]
fn help_shows_commands_examples_and_exit_codes() {
    let help = Place::new().check(0, &["--help"], &[]).out;
    for part in ["serve", "demo", "token", "admin", "config", "health", "version", "Examples:", "--expires 30d"] {
        assert!(help.contains(part), "{part}\n{help}");
    }
    for part in ["Exit codes:", "  0  all is well", "  3  the data folder", "  4  the address", "  5  the health"] {
        assert!(help.contains(part), "{part}\n{help}");
    }
}

#[test]
fn serve_help_lists_each_setting_as_a_flag_with_its_default() {
    let place = Place::new();
    let help = place.check(0, &["serve", "--help"], &[]).out;
    let shown = place.check(0, &["config", "show", "--output", "json"], &[]).out;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    for name in shown["settings"].as_object().unwrap().keys() {
        assert!(help.contains(&format!("--{name} <")) || help.contains(&format!("--{name}[=<")), "{name}\n{help}");
    }
    assert!(help.contains("[default: 127.0.0.1:8071]"), "{help}");
}

#[test]
fn no_command_and_an_unknown_one_are_usage_errors() {
    let place = Place::new();
    assert!(place.check(2, &[], &[]).err.contains("Usage: postrider"));
    assert!(place.check(2, &["server"], &[]).err.contains("'serve'"));
    assert!(place.check(2, &["serve", "--listne", "x"], &[]).err.contains("'--listen'"));
}

#[test]
fn version_and_explain_work_whatever_the_settings_say() {
    let place = Place::new();
    let broken = [("POSTRIDER_LISTEN", "banana")];
    assert_eq!(place.check(0, &["version"], &broken).out, format!("postrider {}\n", env!("CARGO_PKG_VERSION")));
    assert!(place.check(0, &["config", "explain"], &broken).out.contains("# listen = \"127.0.0.1:8071\""));
}
