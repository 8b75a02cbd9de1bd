//! Imports of links in a real process: what is wrong is told by line, what was cut off goes on with every row once, and
//! memory stays what it was.

use std::collections::HashSet;
use std::fmt::Write;
use std::io;
use std::time::Duration;

use rusqlite::Connection as Database;
use serde_json::{Value, json};

use super::support::client::{Answer, Api, Connection, id};
use super::support::server::Launch;
use super::support::until;

const PATH: &str = "/api/v1/link/import";
/// Enough for several batches.
const ROWS: usize = 20_000;

/// An import's request whose file is still to be sent.
fn open(api: &Api, method: &str, path: &str, bytes: usize) -> Connection {
    let mut connection = api.connect().unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: text/csv\r\n\
         content-length: {bytes}\r\n\r\n",
        api.address, api.token
    );
    connection.send(head.as_bytes()).unwrap();
    connection
}

fn send(api: &Api, method: &str, path: &str, file: &[u8]) -> Answer {
    let mut connection = open(api, method, path, file.len());
    connection.send(file).unwrap();
    connection.answer().unwrap()
}

#[track_caller]
fn import(api: &Api, file: &[u8]) -> Value {
    let answer = send(api, "POST", PATH, file);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

#[track_caller]
fn figures(import: &Value, status: &str, [line, created, failed]: [usize; 3]) {
    let got = (&import["status"], &import["line"], &import["created"], &import["failed"]);
    assert_eq!(got, (&json!(status), &json!(line), &json!(created), &json!(failed)), "{import}");
}

/// Rows with a slug of their own, and every third one without.
fn rows(count: usize) -> String {
    (0..count).fold("target,slug\n".to_owned(), |mut file, n| {
        let slug = if n % 3 == 0 { String::new() } else { format!("s{n}") };
        writeln!(file, "https://x.test/{n},{slug}").unwrap();
        file
    })
}

/// The targets of all links: each of `count` once.
fn check_targets(launch: &Launch, count: usize) {
    let database = Database::open(launch.database()).unwrap();
    let mut statement = database.prepare("SELECT target FROM link").unwrap();
    let targets: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(targets.len(), count);
    let different: HashSet<&str> = targets.iter().map(String::as_str).collect();
    assert!((0..count).all(|n| different.contains(&*format!("https://x.test/{n}"))));
}

/// The newest import, as soon as it is as `is_so` says.
fn wait_for(api: &Api, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let newest = || api.get(&format!("{PATH}?order=descending&limit=1"))["data"].get(0).cloned();
    until(what, || newest().filter(&is_so))
}

#[test]
fn a_bad_file_of_each_kind_is_refused_or_told_by_line() {
    let launch = Launch::new(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    let utf16: Vec<u8> = "target\nhttps://x.test/\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (file, part) in [
        (&b""[..], "is empty"),
        (b"link,name\nhttps://x.test/,a\n", "\\\"link\\\", \\\"name\\\""),
        (&utf16, "UTF-16"),
        (b"target,url\n", "two columns"),
        (&[b'x'; 300_000], "longer than 64 KiB"),
    ] {
        let answer = send(&api, "POST", PATH, file);
        assert!(answer.status == 422 && answer.text().contains(part), "{}", answer.text());
    }
    let long = "x".repeat(100_000);
    let file = format!(
        "\u{feff}Target,Slug,Expires_At,Comment\r\n\
         https://x.test/1,dup,,\r\n\
         https://x.test/2,dup,,\r\n\
         ,empty,,\r\n\
         \"=HYPERLINK(\"\"https://x.test/\"\")\",formula,,\r\n\
         javascript:alert(1),script,,\r\n\
         https://x.test/,../api,,\r\n\
         https://x.test/,date,tomorrow,\r\n\
         https://x.test/,cells\r\n\
         https://x.test/,long,,{long}\r\n\
         https://x.test/{bad},utf8,,\r\n\
         http://{own}/l/dup,loop,,\r\n\
         \"https://x.test/,quote,,\r\n\
         https://x.test/14,last,,\"=1+1\"\r\n",
        bad = '\u{1}',
        own = server.address,
    );
    let file: Vec<u8> = file.bytes().map(|b| if b == 1 { 0xff } else { b }).collect();
    let got = import(&api, &file);
    figures(&got, "finished", [14, 2, 11]);
    assert_eq!(got["ignoredColumns"], json!(["Comment"]));
    let errors: Vec<(u64, &str)> = got["errors"].as_array().unwrap().iter().map(error).collect();
    let want = [
        (3, "slug \"dup\" is taken: line 2 has it"),
        (4, "target is missing"),
        (5, "target must be a whole URL"),
        (6, "target must begin with http://"),
        (7, "slug must be"),
        (8, "expires_at must be"),
        (9, "has 2 cells, but the first row has 4"),
        (10, "is longer than 64 KiB"),
        (11, "target is not UTF-8"),
        (12, "target leads to a short link"),
        (13, "has text after a closing quote"),
    ];
    for ((line, text), (want_line, part)) in errors.iter().zip(want) {
        assert!(*line == want_line && text.starts_with(part), "{line} {text}: {want_line} {part}");
    }
    assert_eq!(errors.len(), want.len());
}

fn error(e: &Value) -> (u64, &str) {
    (e["line"].as_u64().unwrap(), e["text"].as_str().unwrap())
}

#[test]
fn a_thousand_bad_rows_are_all_told_and_the_good_ones_kept() {
    let launch = Launch::new(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    let file = (0..3_000).fold("url;slug\n".to_owned(), |mut file, n| {
        let scheme = if n % 3 == 1 { "ftp" } else { "https" };
        writeln!(file, "{scheme}://x.test/{n};s{n}").unwrap();
        file
    });
    let got = import(&api, file.as_bytes());
    figures(&got, "finished", [3_001, 2_000, 1_000]);
    assert_eq!(got["errors"].as_array().unwrap().len(), 20);
    let mut errors = api.all(&format!("{PATH}/{}/error", id(&got)));
    errors.reverse();
    let lines: Vec<u64> = errors.iter().map(|e| error(e).0).collect();
    assert_eq!(lines, (0..1_000).map(|n| 3 * n + 3).collect::<Vec<_>>());
}

#[test]
fn a_kill_in_the_middle_and_a_put_make_every_row_once() {
    let launch = Launch::new(&[]);
    let mut server = launch.start();
    let api = server.api(&launch);
    let file = rows(ROWS);
    let (first, rest) = file.split_at(file.len() / 2);
    let mut connection = open(&api, "POST", PATH, file.len());
    connection.send(first.as_bytes()).unwrap();
    let running = wait_for(&api, "rows on disk", |i| i["created"].as_u64() > Some(0));
    assert_eq!(running["status"], "running");
    // The connection may be gone by then, or the answer.
    let _: io::Result<()> = connection.send(rest.as_bytes());
    server.kill();

    let server = launch.start();
    let api = server.api(&launch);
    let path = format!("{PATH}/{}", id(&running));
    let stopped = api.get(&path);
    assert_eq!(stopped["status"], "stopped");
    assert!(stopped["created"].as_u64() >= running["created"].as_u64(), "what was shown is on disk: {stopped}");
    let answer = send(&api, "PUT", &path, file.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    figures(&answer.json(), "finished", [ROWS + 1, ROWS, 0]);
    check_targets(&launch, ROWS);
    assert_eq!(send(&api, "PUT", &path, file.as_bytes()).status, 409);
}

#[test]
fn a_client_that_disconnects_can_go_on() {
    let launch = Launch::new(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    let file = rows(ROWS);
    let (mut path, mut line) = (None, 0);
    // Each time a little further, and cut off within a row.
    for part in [3, 2] {
        let (method, to) = path.as_deref().map_or(("POST", PATH), |path| ("PUT", path));
        let sent = &file[..file.len() / part + 3];
        let mut connection = open(&api, method, to, file.len());
        connection.send(sent.as_bytes()).unwrap();
        wait_for(&api, "rows on disk", |i| i["line"].as_u64() > Some(line));
        drop(connection);
        let whole = sent.lines().count() as u64 - 1;
        let stopped = wait_for(&api, "its end", |i| i["status"] == "stopped" && i["line"].as_u64() > Some(line));
        assert_eq!(stopped["line"], whole, "the last row was cut off");
        (path, line) = (Some(format!("{PATH}/{}", id(&stopped))), whole);
    }
    let answer = send(&api, "PUT", &path.unwrap(), file.as_bytes());
    figures(&answer.json(), "finished", [ROWS + 1, ROWS, 0]);
    check_targets(&launch, ROWS);
}

#[test]
fn a_stop_in_the_middle_says_where_to_go_on() {
    let launch = Launch::new(&["--shutdown-timeout", "10s"]);
    let server = launch.start();
    let api = server.api(&launch);
    let file = rows(ROWS);
    let mut connection = open(&api, "POST", PATH, file.len());
    connection.send(&file.as_bytes()[..file.len() / 2]).unwrap();
    let running = wait_for(&api, "rows on disk", |i| i["line"].as_u64() > Some(2_000));
    server.terminate();
    let answer = connection.answer().unwrap();
    let path = format!("{PATH}/{}", id(&running));
    assert!(answer.status == 503 && answer.text().contains(&format!("PUT {path}")), "{}", answer.text());
    assert_eq!(server.ends_within(Duration::from_secs(10)), 0);
    let server = launch.start();
    let answer = send(&server.api(&launch), "PUT", &path, file.as_bytes());
    figures(&answer.json(), "finished", [ROWS + 1, ROWS, 0]);
    check_targets(&launch, ROWS);
}

#[test]
fn memory_does_not_grow_with_the_file() {
    let launch = Launch::new(&[]);
    let server = launch.start();
    let api = server.api(&launch);
    import(&api, rows(2 * ROWS).as_bytes());
    let before = server.memory_peak();
    // 64 MB of rows that make no link, and 64 MB that are no row.
    let mut connection = open(&api, "POST", PATH, 7 + 128_000_000);
    connection.send(b"target\n").unwrap();
    let line = format!("ftp://x.test/{}\n", "x".repeat(32_000 - 14));
    for _ in 0..2_000 {
        connection.send(line.as_bytes()).unwrap();
    }
    for _ in 0..2_000 {
        connection.send(&[b'x'; 32_000]).unwrap();
    }
    figures(&connection.answer().unwrap().json(), "finished", [2_002, 0, 2_001]);
    let grown = server.memory_peak().saturating_sub(before);
    println!("{} MiB, and {grown} bytes more", before >> 20);
    assert!(grown < 16 << 20, "{grown}");
}
