//! Data folders that stop the start.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::{Place, finished};

#[test]
fn a_locked_folder_stops_the_start_and_names_the_other_process() {
    let place = Place::new();
    place.check(0, &["token", "create"], &[]);
    let mut lock = File::create(place.path().join("postrider-data/postrider.lock")).unwrap();
    lock.try_lock().unwrap();
    writeln!(lock, "4711").unwrap();
    let run = place.check(3, &["serve"], &[]);
    assert!(run.err.contains("another postrider is running on ./postrider-data (pid 4711)"), "{}", run.err);
}

#[test]
fn a_newer_or_damaged_folder_stops_every_command_that_needs_it() {
    let place = Place::new();
    fs::create_dir(place.path().join("postrider-data")).unwrap();
    for (text, expected) in [("format = 7", "newer postrider (format 7"), ("format = 1", "is damaged")] {
        fs::write(place.path().join("postrider-data/secrets.toml"), text).unwrap();
        for args in [&["serve"][..], &["token", "create"]] {
            let run = place.check(3, args, &[]);
            assert!(run.err.contains(expected), "{}", run.err);
            assert!(run.out.is_empty());
        }
    }
}

#[test]
fn a_folder_without_permission_stops_the_start() {
    let place = Place::new();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(place.path(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&data, Permissions::from_mode(0o555)).unwrap();
    // The build folder may be closed to the other user.
    let binary = place.path().join("postrider");
    fs::copy(env!("CARGO_BIN_EXE_postrider"), &binary).unwrap();
    let mut command = Command::new(binary);
    command.args(["serve", "--data-dir", "data"]).env_clear().current_dir(place.path());
    // Permissions hold nothing back from root, so root runs it as somebody else.
    if fs::metadata(&data).unwrap().uid() == 0 {
        command.uid(65_534).gid(65_534);
    }
    let run = finished(command.output().unwrap());
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.err.contains("no permission to") && run.err.contains("--data-dir"), "{}", run.err);
}
