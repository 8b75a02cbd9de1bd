//! Precedence, messages and rules of the settings.

use super::*;

fn file(text: &str) -> ConfigFile {
    ConfigFile { path: PathBuf::from("postrider.toml"), text: text.to_owned() }
}

fn env(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

/// Loads from text: lines of a file, pairs of environment and flags.
fn load(toml: &str, vars: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Result<Loaded, SettingsError> {
    let flags: Vec<_> = flags.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
    Settings::load(&flags, &env(vars), Some(&file(toml)))
}

fn loaded(toml: &str, vars: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Loaded {
    load(toml, vars, flags).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(toml: &str, vars: &[(&str, &str)], flags: &[(&'static str, &str)]) -> String {
    load(toml, vars, flags).err().expect("the settings were accepted").to_string()
}

/// What `config show` says of a setting.
fn shown(loaded: &mut Loaded, name: &str) -> String {
    let setting = SETTINGS.iter().find(|setting| setting.name == name).unwrap();
    (setting.value)(&mut loaded.settings).show().unwrap_or_default().join(",")
}

#[test]
fn without_anything_given_every_setting_has_its_documented_default() {
    let mut loaded = loaded("", &[], &[]);
    for setting in SETTINGS {
        assert_eq!(shown(&mut loaded, setting.name), setting.default.unwrap_or_default(), "{}", setting.name);
        assert_eq!(loaded.origin(setting.name), Origin::Default);
    }
    assert_eq!(loaded.settings.retry_schedule.iter().sum::<Duration>(), Duration::from_secs(75 * 3600 + 35 * 60 + 5));
}

#[test]
fn a_stronger_source_wins_and_is_named() {
    let toml = "# comment\nrequest-timeout = \"1m\"";
    let vars: &[(&str, &str)] = &[("POSTRIDER_REQUEST_TIMEOUT", "40s")];
    let flags: &[(&'static str, &str)] = &[("request-timeout", "20s")];
    let in_file = Origin::File { path: "postrider.toml".into(), line: 2 };
    let in_env = Origin::Env("POSTRIDER_REQUEST_TIMEOUT".to_owned());
    let in_flags = Origin::Flag("request-timeout");
    for (toml, vars, flags, seconds, origin) in [
        ("", &[][..], &[][..], 15, Origin::Default),
        (toml, &[], &[], 60, in_file),
        (toml, vars, &[], 40, in_env.clone()),
        ("", vars, &[], 40, in_env),
        (toml, vars, flags, 20, in_flags.clone()),
        (toml, &[], flags, 20, in_flags.clone()),
        ("", &[], flags, 20, in_flags),
    ] {
        let loaded = loaded(toml, vars, flags);
        assert_eq!(loaded.settings.request_timeout, Duration::from_secs(seconds), "{origin}");
        assert_eq!(loaded.origin("request-timeout"), origin);
    }
}

#[test]
fn a_list_is_an_array_in_the_file_and_has_commas_elsewhere() {
    let toml = "allow-subnet = [\"10.0.0.0/8\", \"fd00::/8\"]\nretry-schedule = [\"1s\", \"2s\"]\ncors = []";
    let in_file = loaded(toml, &[], &[]).settings;
    let vars = [("POSTRIDER_ALLOW_SUBNET", "10.0.0.0/8, fd00::/8"), ("POSTRIDER_CORS", "")];
    let in_env = loaded("", &vars, &[("retry-schedule", "1s,2s")]).settings;
    for settings in [in_file, in_env] {
        assert_eq!(settings.allow_subnet, ["10.0.0.0/8".parse::<IpNet>().unwrap(), "fd00::/8".parse().unwrap()]);
        assert_eq!(settings.retry_schedule, [Duration::from_secs(1), Duration::from_secs(2)]);
        assert_eq!(settings.cors, Cors::Only(Vec::new()));
    }
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest_one() {
    let message = refused("\nrequest-timeot = \"5s\"", &[], &[]);
    assert!(
        message.contains("postrider.toml:2: `request-timeot` is not a setting; did you mean `request-timeout`?"),
        "{message}"
    );
    let message = refused("data_dir = \"x\"", &[], &[]);
    assert!(message.contains("did you mean `data-dir`?"), "{message}");
    let message = refused("", &[("POSTRIDER_LISTN", "x")], &[]);
    assert!(message.contains("env POSTRIDER_LISTN"), "{message}");
    assert!(message.contains("did you mean `POSTRIDER_LISTEN`?"), "{message}");
    let message = refused("zzz = 1", &[], &[]);
    assert!(message.contains("`zzz` is not a setting\n"), "{message}");
}

#[test]
fn a_bad_value_is_refused_with_its_source_and_what_is_allowed() {
    for (toml, vars, flags, expected) in [
        (
            "",
            &[("POSTRIDER_LISTEN", "banana")][..],
            &[][..],
            "env POSTRIDER_LISTEN: listen = \"banana\": it is not an address",
        ),
        (
            "",
            &[],
            &[("request-timeout", "5")],
            "flag --request-timeout: request-timeout = \"5\": the unit is missing; write a whole",
        ),
        ("request-timeout = 5", &[], &[], "postrider.toml:1: request-timeout = \"5\": the unit is missing"),
        ("payload-limit = \"1MB\"", &[], &[], "`MB` is not a unit; write a whole number and a unit (KiB"),
        ("http2 = \"yes\"", &[], &[], "write true or false"),
        ("listen = [\"127.0.0.1:1\"]", &[], &[], "listen: it is an array"),
        ("endpoint-concurrency = 1.5", &[], &[], "wrong type"),
        ("endpoint-concurrency = -1", &[], &[], "endpoint-concurrency = \"-1\""),
        ("endpoint-concurrency = 4294967296", &[], &[], "up to 4294967295"),
        ("[listen]\naddress = 1", &[], &[], "keys of the file are flat"),
        ("listen = ", &[], &[], "postrider.toml:1: not TOML"),
        ("listen = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"", &[], &[], "postrider.toml:2: not TOML: duplicate key"),
        ("", &[("POSTRIDER_DATA_DIR", "")], &[], "data-dir = \"\": it is empty"),
        ("allow-subnet = [\"10.0.0.1/8\"]", &[], &[], "the network is 10.0.0.0/8"),
        ("cors = [\"*\", \"https://a.example\"]", &[], &[], "* stands beside"),
        ("cors = [\"https://a.example/path\"]", &[], &[], "`https://a.example/path` is not an origin"),
        ("proxy = \"socks5://p\"", &[], &[], "its scheme is socks5"),
        ("log-level = \"verbose\"", &[], &[], "`verbose` is not a level"),
        ("jwt-algorithm = \"none\"", &[], &[], "HS256, HS384, HS512, RS256 or EdDSA"),
        ("retry-schedule = [\"5s\", \"\"]", &[], &[], "an element is empty"),
    ] {
        let message = refused(toml, vars, flags);
        assert!(message.contains(expected), "{expected}\n{message}");
    }
}

#[test]
fn every_mistake_is_reported_at_once() {
    let message = refused("b = 1\nlisten = \"x\"", &[("POSTRIDER_HTTP2", "maybe")], &[("cors", "x")]);
    for part in ["`b`", "listen", "POSTRIDER_HTTP2", "--cors"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn a_weaker_bad_value_is_refused_though_a_stronger_one_hides_it() {
    let message = refused("listen = \"x\"", &[], &[("listen", "127.0.0.1:1")]);
    assert!(message.contains("postrider.toml:1"), "{message}");
}

#[test]
fn no_secret_is_shown_or_quoted() {
    let secret = "sixteen-bytes-or-more";
    let mut all = loaded("proxy = \"http://u:hunter2@p:3128\"", &[("POSTRIDER_JWT_SECRET", secret)], &[]);
    let (text, json) = (show::text(&mut all), show::json(&mut all));
    for out in [&text, &json] {
        assert!(!out.contains(secret) && !out.contains("hunter2"), "{out}");
        assert!(out.contains("********"), "{out}");
    }
    for message in [
        refused("", &[("POSTRIDER_JWT_SECRET", "hunter2")], &[]),
        refused("", &[("POSTRIDER_ENCRYPTION_KEY", "hunter2")], &[]),
        refused("proxy = \"ftp://u:hunter2@p\"", &[], &[]),
    ] {
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn the_environment_of_a_kubernetes_service_is_not_a_mistake() {
    let links = [
        ("POSTRIDER_SERVICE_HOST", "10.0.0.1"),
        ("POSTRIDER_SERVICE_PORT", "8071"),
        ("POSTRIDER_SERVICE_PORT_HTTP", "8071"),
        ("POSTRIDER_PORT", "tcp://10.0.0.1:8071"),
        ("POSTRIDER_PORT_8071_TCP_ADDR", "10.0.0.1"),
        ("PATH", "/bin"),
    ];
    assert!(load("", &links, &[]).is_ok());
    assert!(refused("", &[("POSTRIDER_PORT", "8071")], &[]).contains("POSTRIDER_PORT"));
}

#[test]
fn values_that_contradict_each_other_are_refused_with_both_sources() {
    for (toml, expected) in [
        (
            "connect-timeout = \"20s\"",
            "connect-timeout = 20s (postrider.toml:1) must not be above request-timeout = 15s (default)",
        ),
        ("response-store-limit = \"1MiB\"", "must not be above response-read-limit = 64KiB"),
        ("payload-limit = \"8MiB\"", "must not be above request-body-limit = 4MiB"),
        ("endpoint-concurrency = 0", "endpoint-concurrency = 0 (postrider.toml:1) must be more than 0"),
        ("retry-jitter-percent = 101", "must be at most 100"),
        ("response-headers-store-limit = \"65KiB\"", "must be at most 64KiB"),
        ("attempt-headers = \"some\"", "failed, all or none"),
        ("retry-schedule = [\"0s\"]", "each from 1ms to 30d"),
        ("request-timeout = \"0s\"", "request-timeout = 0s"),
        ("jwt-algorithm = \"EdDSA\"", "jwt-public-key (not set) must be set when"),
    ] {
        let message = refused(toml, &[], &[]);
        assert!(message.contains(expected), "{expected}\n{message}");
    }
}

#[test]
fn a_default_gives_way_to_a_smaller_limit_that_was_set() {
    let loaded = loaded("request-timeout = \"1s\"\nresponse-read-limit = \"4KiB\"", &[], &[]);
    assert_eq!(loaded.settings.connect_timeout, Duration::from_secs(1));
    assert_eq!(loaded.settings.dns_timeout, Duration::from_secs(1));
    assert_eq!(loaded.settings.response_store_limit, loaded.settings.response_read_limit);
    assert_eq!(loaded.origin("connect-timeout"), Origin::Capped("request-timeout"));
}

#[test]
fn every_setting_is_explained_and_the_explanation_is_a_settings_file() {
    let explained = show::explain();
    let uncommented: String = explained
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| SETTINGS.iter().any(|s| s.default.is_some() && line.starts_with(&format!("{} = ", s.name))))
        .map(|line| format!("{line}\n"))
        .collect();
    let mut loaded = loaded(&uncommented, &[], &[]);
    for setting in SETTINGS {
        assert!(explained.contains(&setting.env_name()), "{}", setting.name);
        assert!(explained.contains(setting.meaning), "{}", setting.name);
        assert_eq!(shown(&mut loaded, setting.name), setting.default.unwrap_or_default(), "{}", setting.name);
        let in_file = matches!(loaded.origin(setting.name), Origin::File { .. });
        assert_eq!(in_file, setting.default.is_some(), "{}", setting.name);
    }
}
