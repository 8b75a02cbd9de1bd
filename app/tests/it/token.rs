//! `token create`.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::Place;

fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn seconds(claims: &Value) -> u64 {
    assert_eq!(claims["iat"], claims["nbf"]);
    claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap()
}

#[test]
fn a_token_is_made_before_the_first_start_and_is_alone_on_stdout() {
    let place = Place::new();
    let run = place.check(0, &["token", "create"], &[]);
    assert_eq!((run.out.lines().count(), run.err.as_str()), (1, ""));
    let folder = place.path().join("postrider-data");
    assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
    let claims = claims(&run.out);
    let secrets = fs::read_to_string(folder.join("secrets.toml")).unwrap();
    assert!(secrets.contains(claims["sub"].as_str().unwrap()), "{claims}");
    assert_eq!((seconds(&claims), &claims["iss"]), (10 * 365 * 86_400, &Value::from("postrider")));
}

#[test]
fn a_token_is_made_beside_a_running_server() {
    let place = Place::new();
    let first = claims(&place.check(0, &["token", "create"], &[]).out);
    let lock = File::create(place.path().join("postrider-data/postrider.lock")).unwrap();
    lock.try_lock().unwrap();
    let app = format!("app_{}", "a".repeat(27));
    let beside = claims(&place.check(0, &["token", "create", "--app", &app, "--expires", "30d"], &[]).out);
    assert_eq!((&beside["sub"], &beside["org"]), (&Value::from(app), &first["sub"]));
    assert_eq!(seconds(&beside), 30 * 86_400);
}

#[test]
fn with_a_secret_and_an_organisation_given_no_folder_is_needed() {
    let place = Place::new();
    let org = format!("org_{}", "b".repeat(27));
    let env = [("POSTRIDER_JWT_SECRET", "a-secret-of-16-bytes-or-more")];
    assert_eq!(claims(&place.check(0, &["token", "create", "--org", &org], &env).out)["sub"], org.as_str());
    assert!(!place.path().join("postrider-data").exists());
}

#[test]
fn what_is_not_an_id_or_a_duration_is_a_usage_error() {
    for args in [["--app", "my-customer"], ["--org", "app_aaaaaaaaaaaaaaaaaaaaaaaaaaa"], ["--expires", "0s"]] {
        let run = Place::new().check(2, &[&["token", "create"][..], &args].concat(), &[]);
        assert!(run.out.is_empty());
    }
}

#[test]
fn a_public_key_makes_no_tokens() {
    let pem = "-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n";
    let env = [("POSTRIDER_JWT_ALGORITHM", "EdDSA"), ("POSTRIDER_JWT_PUBLIC_KEY", pem)];
    let run = Place::new().check(1, &["token", "create"], &env);
    assert!(run.out.is_empty() && run.err.contains("private key"), "{}", run.err);
}
