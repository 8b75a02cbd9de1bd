//! What attackers and broken clients send to a source: each gets its answer or is let go, while a good provider on the same
//! server is answered and its events arrive; memory stays bounded.

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

use super::support::client::{Answer, Api, Connection};
use super::support::receiver::Receiver;
use super::support::server::{Launch, Server};
use super::support::source::{Hook, REQUEST_ID, Source};
use super::support::until;

/// Above the 60 MiB or so that it takes to serve.
const MEMORY_MAX: u64 = 200 << 20;
const BODY_MAX: usize = 5 << 20;
/// At what an attacker who reads nothing must be stopped: beyond what is drained and what sockets hold.
const TAKEN_MAX: usize = 64 << 20;

/// A server with a source that is attacked, and a good one that goes on meanwhile.
struct Target {
    api: Api,
    source: Source,
    good: Good,
    server: Server,
    _launch: Launch,
}

/// A provider whose events come one after the other over one connection.
struct Good {
    source: Source,
    receiver: Receiver,
    sender: JoinHandle<()>,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
}

impl Good {
    fn start(server: &Server, api: &Api) -> Good {
        let source = Source::github(api);
        let receiver = Receiver::good();
        source.forward(api, &receiver.url("/good"));
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut connection = Connection::open(server.address, "").unwrap();
        let (s, stopped, count) = (source.clone(), stop.clone(), answered.clone());
        let sender = thread::spawn(move || {
            for n in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let hook = s.hook("push", &format!("good-{n}"), &format!("{{\"n\":{n}}}"));
                assert_eq!(hook.over(&mut connection).unwrap().status, 200);
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        Good { source, receiver, sender, stop, answered }
    }
}

impl Target {
    fn new(args: &[&str]) -> Target {
        let launch = Launch::new(args);
        let server = launch.start();
        let api = server.api(&launch);
        let source = Source::new(&api, "generic-webhook", json!({}));
        let good = Good::start(&server, &api);
        Target { api, source, good, server, _launch: launch }
    }

    fn connect(&self) -> Connection {
        Connection::open(self.server.address, "").unwrap()
    }
    /// Sends bytes and reads what is answered to them.
    fn ask(&self, bytes: &[u8]) -> Answer {
        let mut connection = self.connect();
        connection.send(bytes).unwrap();
        connection.answer().unwrap()
    }
    /// The head of a request to the source, but for the empty line.
    fn head(&self, headers: &str) -> String {
        format!("POST {} HTTP/1.1\r\nhost: hooks.test\r\n{headers}", self.source.path)
    }

    /// The good provider was answered all the time and its events arrive; memory is bounded; the attacked source takes
    /// what is sound.
    fn check_unharmed(self) {
        let sound = Hook::new("POST", &self.source.path, "sound").send(self.server.address);
        assert_eq!(sound.status, 200, "{sound:?}");
        let before = self.good.answered.load(Ordering::Relaxed);
        until("the good provider goes on", || (self.good.answered.load(Ordering::Relaxed) > before + 5).then_some(()));
        self.good.stop.store(true, Ordering::Relaxed);
        self.good.sender.join().unwrap();
        let all = self.good.answered.load(Ordering::Relaxed);
        assert_eq!(self.good.source.messages(&self.api).len(), all);
        self.good.receiver.wait_for("/good", all);
        let memory = self.server.memory_peak();
        assert!(memory < MEMORY_MAX, "{} MiB", memory >> 20);
    }

    /// Sends a head and then chunks without end, until nobody takes them. How many bytes were taken, and the answer if it
    /// came before the connection broke.
    fn flood(&self, headers: &str, chunk: &[u8]) -> (usize, Option<Answer>) {
        let mut connection = self.connect();
        let head = self.head(&format!("transfer-encoding: chunked\r\n{headers}\r\n"));
        connection.send(head.as_bytes()).unwrap();
        let mut writer = connection.stream.get_ref().try_clone().unwrap();
        let piece = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
        let piece = piece.repeat(65_536 / piece.len() + 1);
        let flood = thread::spawn(move || {
            let mut taken = 0;
            while taken < 2 * TAKEN_MAX && writer.write_all(&piece).is_ok() {
                taken += piece.len();
            }
            taken
        });
        let answer = connection.answer().ok();
        // Takes the rest, so that it's the server that ends it.
        let _ = connection.stream.read_to_end(&mut Vec::new());
        (flood.join().unwrap(), answer)
    }
}

fn check_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{answer:?}");
    assert_eq!(answer.header(REQUEST_ID), None, "nothing is stored of it");
}

#[test]
fn bodies_without_end_are_cut_off_at_the_limit() {
    let target = Target::new(&["--inbound-body-limit", "1MiB"]);
    let multipart = "content-type: multipart/form-data; boundary=b\r\n";
    let part = format!("--b\r\ncontent-disposition: form-data; name=\"n\"\r\n\r\n{}\r\n", "v".repeat(16_384));
    thread::scope(|scope| {
        for (headers, chunk) in [("", vec![b'x'; 65_536]), (multipart, part.into_bytes()), ("", vec![b'x'; 16])] {
            let target = &target;
            scope.spawn(move || {
                let (taken, answer) = target.flood(headers, &chunk);
                assert!(taken < TAKEN_MAX, "{} MiB were taken", taken >> 20);
                check_problem(&answer.expect("an answer"), 413, "payload_too_large");
            });
        }
    });
    assert_eq!(target.source.requests(&target.api), Vec::<Value>::new());
    target.check_unharmed();
}

#[test]
fn a_body_of_ten_gib_is_refused_when_it_is_announced() {
    let target = Target::new(&[]);
    for headers in ["", "expect: 100-continue\r\n"] {
        let head = target.head(&format!("content-length: 10737418240\r\n{headers}\r\n"));
        check_problem(&target.ask(head.as_bytes()), 413, "payload_too_large");
    }
    target.check_unharmed();
}

/// Zeros in gzip: unpacked, they would be 158 times as many.
fn gzip_bomb(len: usize) -> Vec<u8> {
    // RFC 1952, then one block with fixed codes (RFC 1951, 3.2.6): a literal 0 and copies of the byte before it.
    let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let (mut bits, mut count) = (0_u64, 0);
    // Bits are packed from the lowest; codes begin with their highest bit.
    let mut put = |code: u64, len: u32| {
        bits |= code << count;
        count += len;
        let mut full = Vec::new();
        while count >= 8 {
            full.push(bits.to_le_bytes()[0]);
            bits >>= 8;
            count -= 8;
        }
        full
    };
    bomb.extend(put(0b011, 3));
    bomb.extend(put(0b0000_1100, 8));
    let start = bomb.len();
    for _ in 0..8 {
        // 285: 258 bytes; then distance 1.
        bomb.extend(put(0b1010_0011, 8));
        bomb.extend(put(0, 5));
    }
    // Eight copies end where the first began in its byte.
    let copies = bomb.split_off(start);
    bomb.extend(copies.repeat((len - start - 16) / copies.len()));
    bomb.extend(put(0, 7));
    bomb.extend(put(0, 8));
    bomb
}

#[test]
fn gzip_bombs_are_kept_as_they_came() {
    let target = Target::new(&[]);
    let bomb = gzip_bomb(BODY_MAX / 2);
    let hooks: Vec<Hook> = ["gzip", "gzip, gzip", "br"]
        .iter()
        .zip(0..)
        .map(|(encoding, n)| {
            let path = format!("{}/{n}", target.source.path);
            Hook::new("POST", &path, bomb.clone())
                .with("content-encoding", encoding)
                .with("content-type", "application/json")
        })
        .collect();
    for hook in &hooks {
        let id = hook.expect(200, target.server.address);
        let raw = target.api.call("GET", &target.source.at(&format!("/request/{id}/raw")), None);
        assert!(raw.status == 200 && raw.body == bomb, "{} of {} bytes", raw.body.len(), bomb.len());
    }
    let list = target.source.requests(&target.api);
    assert!(list.iter().all(|r| r["bodyLength"] == bomb.len() && r["bodyTruncated"] == true), "as they came, and cut");
    target.check_unharmed();
}

#[test]
fn senders_that_stall_are_told_so_after_their_time() {
    let target = Target::new(&["--body-read-timeout", "1s", "--header-read-timeout", "1s"]);
    let begin = |rest: &str| {
        let mut connection = target.connect();
        connection.send(target.head(rest).as_bytes()).unwrap();
        connection
    };
    let mut bodies: Vec<Connection> = (0..40)
        .map(|n| match n % 2 {
            0 => begin("content-length: 1000\r\n\r\nonly this"),
            _ => begin("transfer-encoding: chunked\r\n\r\n5\r\nonly "),
        })
        .collect();
    let mut heads: Vec<Connection> = (0..40).map(|_| begin("x-slow")).collect();
    for connection in &mut bodies {
        check_problem(&connection.answer().unwrap(), 408, "request_timeout");
    }
    for connection in &mut heads {
        let mut rest = Vec::new();
        match connection.stream.read_to_end(&mut rest) {
            Ok(_) => assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{rest:?}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
    assert_eq!(target.source.requests(&target.api), Vec::<Value>::new());
    target.check_unharmed();
}

#[test]
fn heads_beyond_the_limits_are_refused() {
    let target = Target::new(&[]);
    for (count, len) in [(10_000, 1), (300, 1), (150, 1000)] {
        let headers: String = (0..count).map(|n| format!("x-{n}: {}\r\n", "v".repeat(len))).collect();
        let answer = target.ask(target.head(&format!("{headers}content-length: 0\r\n\r\n")).as_bytes());
        assert_eq!(answer.status, 431, "{count} of {len}");
    }
    // As many as are allowed.
    let most: String = (0..190).map(|n| format!("x-{n}: v\r\n")).collect();
    assert_eq!(target.ask(target.head(&format!("{most}content-length: 0\r\n\r\n")).as_bytes()).status, 200);
    // A query of 20 MB: it is not read to its end.
    let mut connection = target.connect();
    let mut writer = connection.stream.get_ref().try_clone().unwrap();
    let begun = format!("POST {}?", target.source.path);
    let flood = thread::spawn(move || {
        let _ = writer.write_all(begun.as_bytes());
        (0..320).take_while(|_| writer.write_all(&[b'q'; 65_536]).is_ok()).count()
    });
    if let Ok(answer) = connection.answer() {
        assert!([414, 431].contains(&answer.status), "{answer:?}");
    }
    drop(connection);
    assert!(flood.join().unwrap() < 320, "20 MiB of a query were read");
    target.check_unharmed();
}

#[test]
fn names_and_framings_that_http_does_not_know_are_bad_requests() {
    let target = Target::new(&[]);
    let head = target.head("");
    let with = |bytes: &[u8]| [head.as_bytes(), bytes, b"content-length: 0\r\n\r\n"].concat();
    let raws = [
        with(b"x\0y: 1\r\n"),
        with(b"x\xff\xfe: 1\r\n"),
        with(b"x y: 1\r\n"),
        with(b": 1\r\n"),
        with(b"x-a: 1\0\r\n"),
        with(b"x-a: \x1b[31m\r\n"),
        with(b"x-a: 1\rset-cookie: a=b\r\n"),
        with(b"content-length: 3\r\n"),
        [head.as_bytes(), b"transfer-encoding: chunked\r\n\r\nzz\r\n"].concat(),
        [head.as_bytes(), b"transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n"].concat(),
        head.replace(" HTTP", "\0 HTTP").into_bytes(),
    ];
    for raw in raws {
        let answer = target.ask(&raw);
        assert_eq!(answer.status, 400, "{}: {answer:?}", String::from_utf8_lossy(&raw));
    }
    assert_eq!(target.source.requests(&target.api), Vec::<Value>::new());
    target.check_unharmed();
}

#[test]
fn nothing_that_is_sent_forges_the_log_or_an_answer() {
    let target = Target::new(&["--log-level", "debug"]);
    let signed = Source::github(&target.api);
    let forged = "%0d%0aset-cookie:%20a=b%0d%0a%1b%5b31mFORGED%0a%00";
    let latin = "caf\u{e9}\u{9b}31m\u{2028}FORGED";
    for path in [&target.source.path, &signed.path, &"/in/nothing".to_owned()] {
        for hook in [
            Hook::new("POST", &format!("{path}/{forged}?{forged}={forged}"), "\r\nFORGED\x1b[31m\0\n"),
            Hook::new("FORGED", path, "1").with("user-agent", forged).with("x-forwarded-for", latin),
            Hook::new("POST", path, "2").with("x-hub-signature-256", latin).with("content-type", latin),
            Hook::new("POST", path, "3").with("x-github-event", "\tFORGED\t").with("x-github-delivery", latin),
        ] {
            let answer = hook.send(target.server.address);
            assert_eq!(answer.header("set-cookie"), None);
            let head: String = answer.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
            assert!(!head.contains("FORGED") && !answer.text().contains("FORGED"), "{answer:?}");
        }
    }
    for source in [&target.source, &signed] {
        for request in source.requests(&target.api) {
            let reason = request["reason"].as_str().unwrap_or_default();
            assert!(!reason.chars().any(char::is_control), "{reason:?}");
        }
    }
    let bad = target.ask(target.head("x-\x1bFORGED: 1\r\n\r\n").as_bytes());
    assert_eq!(bad.status, 400);
    let log = target.server.log_text();
    assert!(!log.contains(|c: char| c.is_control() && c != '\n'), "{log:?}");
    assert!(!log.lines().any(|line| line.contains("FORGED")), "{log}");
    target.check_unharmed();
}

#[test]
fn odd_bodies_are_kept_byte_for_byte_and_shown_as_they_are() {
    let target = Target::new(&[]);
    let form = "multipart/form-data; boundary=b";
    let cases: [(&str, &[u8]); 6] = [
        (form, b"--b\r\ncontent-disposition: form-data; name=\"\0\r\n\"; filename=\"../../x\"\r\n\r\nhalf"),
        (form, b"--b--"),
        ("application/json", b"{\"\xff\":\"\xc3\x28\"}"),
        ("application/x-www-form-urlencoded", b"a=%00&%ff=%&=&&&b=%0d%0a"),
        ("text/plain", b"a\0b\r\n\r\nGET / HTTP/1.1\r\n"),
        ("multipart/form-data; boundary=", b"--\r\n\r\n"),
    ];
    let deep = "[".repeat(200_000);
    for (content_type, body) in cases.into_iter().chain([("application/json", deep.as_bytes())]) {
        let hook = Hook::new("POST", &target.source.path, body).with("content-type", content_type);
        let id = hook.expect(200, target.server.address);
        let raw = target.api.call("GET", &target.source.at(&format!("/request/{id}/raw")), None);
        assert!(raw.body == body, "{content_type}");
        assert_eq!(target.source.request(&target.api, &id)["bodyLength"], body.len());
    }
    target.check_unharmed();
}
