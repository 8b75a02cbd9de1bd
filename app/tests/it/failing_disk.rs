//! A disk that fails to sync: what was written is in doubt, so that nothing is acknowledged any more.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use rusqlite::Connection;
use serde_json::json;

use super::support::client::id;
use super::support::receiver::Receiver;
use super::support::server::{Launch, Server};
use super::support::{DEADLINE, until};

/// Makes every sync of the server fail, from the third of each thread on.
struct Saboteur(Child);

impl Saboteur {
    /// `None`, and the reason printed, where there is no strace or it may not trace.
    fn attach(server: &Server) -> Option<Saboteur> {
        let pid = server.pid().to_string();
        let inject = ["-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO:when=3+"];
        let mut strace = Command::new("strace");
        strace.args(["-f", "-p", &pid, "-o", "/dev/null"]).args(inject).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = match strace.spawn() {
            Ok(child) => child,
            Err(error) => {
                eprintln!("skipped, no sync can be made to fail: strace: {error}");
                return None;
            }
        };
        let mut said = String::new();
        BufReader::new(child.stderr.take()?).read_line(&mut said).unwrap();
        let saboteur = Saboteur(child);
        if !said.contains("attached") {
            eprintln!("skipped, no sync can be made to fail: {said}");
            return None;
        }
        Some(saboteur)
    }
}

impl Drop for Saboteur {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_failed_sync_ends_the_server_and_loses_nothing() {
    let receiver = Receiver::good();
    let launch = Launch::new(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    let app = api.app();
    api.endpoint(&app, json!({"url": receiver.url("/")}));
    let Some(_saboteur) = Saboteur::attach(&server) else { return };
    let path = format!("/api/v1/app/{app}/msg");
    let body = json!({"eventType": "a.b", "payload": {}});
    let mut acknowledged = Vec::new();
    until("a sync fails", || match api.try_call("POST", &path, Some(&body)) {
        Ok(answer) if answer.status == 202 => {
            acknowledged.push(id(&answer.json()));
            None
        }
        Ok(answer) => {
            assert!(answer.status >= 500, "{answer:?}");
            Some(())
        }
        Err(_) => Some(()),
    });
    assert!(!acknowledged.is_empty(), "the third sync failed before the first message");
    server.wait_for_log("the disk failed to sync; what was acknowledged is safe, restart to go on");
    assert_eq!(server.ends_within(DEADLINE), 1);

    let server = launch.start();
    let api = server.api(&launch);
    for message in &acknowledged {
        api.get(&format!("{path}/{message}"));
        receiver.wait("each acknowledged message", |seen| seen.iter().any(|s| s.id() == message).then_some(()));
    }
    let database = Connection::open(launch.database()).unwrap();
    let check: String = database.query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
    assert_eq!(check, "ok");
}
