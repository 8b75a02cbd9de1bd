//! The data folder on a real file system.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::*;

const NOW_MS: u64 = 1_700_000_000_000;

fn open(path: &Path) -> Result<DataDir, DataDirError> {
    DataDir::open(path, NOW_MS, OsRng)
}

fn beside(path: &Path) -> Result<DataDir, DataDirError> {
    DataDir::beside(path, NOW_MS, OsRng)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

fn error(result: Result<DataDir, DataDirError>) -> String {
    result.err().expect("the folder was accepted").to_string()
}

#[test]
fn the_first_start_makes_a_private_folder_with_private_secrets() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("deep/data");
    let dir = open(&path).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&path.join(SECRETS)), 0o600);
    assert_eq!(dir.warnings, Vec::<String>::new());
    assert_eq!(dir.database(), path.join(DATABASE));
    let mut left: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [LOCK, SECRETS]);
}

#[test]
fn later_starts_find_the_same_secrets() {
    let temp = tempfile::tempdir().unwrap();
    let first = open(temp.path()).unwrap_or_else(|e| panic!("{e}")).secrets.to_toml();
    let second = open(temp.path()).unwrap_or_else(|e| panic!("{e}")).secrets.to_toml();
    assert_eq!(first.as_str(), second.as_str());
}

#[test]
fn a_second_server_is_kept_out_and_told_who_is_in() {
    let temp = tempfile::tempdir().unwrap();
    let first = open(temp.path()).unwrap_or_else(|e| panic!("{e}"));
    let message = error(open(temp.path()));
    assert!(message.contains("another postrider is running"), "{message}");
    assert!(message.contains(&format!("(pid {})", std::process::id())), "{message}");
    assert!(beside(temp.path()).is_ok(), "a command beside the server needs no lock");
    drop(first);
    assert!(open(temp.path()).is_ok(), "the lock ends with the server");
}

#[test]
fn commands_that_start_at_once_agree_on_the_secrets() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("data");
    let made: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| beside(&path).map(|d| d.secrets.organisation))).collect();
        threads.into_iter().map(|t| t.join().unwrap().unwrap_or_else(|e| panic!("{e}"))).collect()
    });
    assert!(made.iter().all(|organisation| *organisation == made[0]), "{made:?}");
}

#[test]
fn a_folder_of_a_newer_version_is_refused_whatever_else_it_holds() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join(SECRETS), "format = 2\nvault = \"elsewhere\"\n").unwrap();
    for result in [open(temp.path()), beside(temp.path())] {
        let message = error(result);
        assert!(message.contains("newer postrider (format 2, this one knows 1)"), "{message}");
        assert!(message.contains("upgrade"), "{message}");
    }
}

#[test]
fn damaged_secrets_are_refused_left_alone_and_not_quoted() {
    let temp = tempfile::tempdir().unwrap();
    let whole = Secrets::generate(NOW_MS, OsRng).to_toml().to_string();
    let without = |name: &str| whole.lines().filter(|l| !l.starts_with(name)).collect::<Vec<_>>().join("\n");
    let cases = [
        (String::new(), "format"),
        ("\0\0\0\0".to_owned(), "not TOML"),
        (whole.replace("format = 1", "format = 0"), "format"),
        (without("jwt-secret"), "jwt-secret is missing"),
        (without("encryption-key"), "encryption-key is missing"),
        (whole.replace("prk_", "prk"), "encryption-key is not one"),
        (whole.replace("id-key = \"", "id-key = \"z"), "id-key is not one"),
        (whole.replace("org_", "app_"), "organisation is not one"),
        (whole[..whole.len() / 2].to_owned(), "secrets.toml is damaged"),
    ];
    for (text, expected) in cases {
        let file = temp.path().join(SECRETS);
        fs::write(&file, &text).unwrap();
        let message = error(beside(temp.path()));
        assert!(message.contains(expected), "{message}");
        assert!(message.contains("restore it from a backup"), "{message}");
        let secret = whole.lines().find_map(|l| l.strip_prefix("jwt-secret = ")).unwrap().trim_matches('"');
        assert!(!message.contains(secret), "{message}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}

#[test]
fn a_database_without_its_secrets_gets_no_new_ones() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join(DATABASE), "").unwrap();
    let message = error(open(temp.path()));
    assert!(message.contains("database but no secrets.toml"), "{message}");
    assert!(!temp.path().join(SECRETS).exists());
}

#[test]
fn a_folder_open_to_others_is_used_as_it_is_with_a_warning() {
    let temp = tempfile::tempdir().unwrap();
    drop(open(temp.path()).unwrap_or_else(|e| panic!("{e}")));
    fs::set_permissions(temp.path(), Permissions::from_mode(0o750)).unwrap();
    fs::set_permissions(temp.path().join(SECRETS), Permissions::from_mode(0o644)).unwrap();
    let dir = open(temp.path()).unwrap_or_else(|e| panic!("{e}"));
    assert!(dir.warnings[0].contains("mode 750"), "{:?}", dir.warnings);
    assert!(dir.warnings[1].contains("chmod 600"), "{:?}", dir.warnings);
    assert_eq!((mode(temp.path()), mode(&temp.path().join(SECRETS))), (0o750, 0o644));
}

#[test]
fn a_draft_left_by_a_crash_is_replaced() {
    let temp = tempfile::tempdir().unwrap();
    let draft = temp.path().join(".secrets.toml.new");
    fs::write(&draft, "half a fi").unwrap();
    assert!(open(temp.path()).is_ok());
    assert!(!draft.exists());
}

#[test]
fn a_file_in_the_place_of_the_folder_is_named() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("data");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let message = error(open(&path));
        assert!(message.contains("is not a folder"), "{message}");
    }
}

#[test]
fn each_cause_of_the_system_gets_its_own_advice() {
    let message = |kind: io::ErrorKind| DataDirError::from_io(Path::new("d"), "open", kind.into()).to_string();
    assert!(message(io::ErrorKind::PermissionDenied).contains("no permission to open d"));
    assert!(message(io::ErrorKind::ReadOnlyFilesystem).contains("mount it writable"));
    assert!(message(io::ErrorKind::StorageFull).contains("make room"));
    assert!(message(io::ErrorKind::Other).contains("can't open d"));
}
