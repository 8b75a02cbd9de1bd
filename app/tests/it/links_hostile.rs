//! What attackers and broken clients send to links and forms: each gets its answer or is let go, while people on the same
//! server click and submit undisturbed; memory stays bounded.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::thread;

use serde_json::{Value, json};

use super::support::clicks::{CHROME, Clickers, Link, click_of, form, visit};
use super::support::client::{Answer, Api, Connection};
use super::support::server::{Launch, Server};
use super::support::until;

/// Above the 60 MiB or so that it takes to serve.
const MEMORY_MAX: u64 = 200 << 20;
/// At what an attacker who reads nothing must be stopped: beyond what is drained and what sockets hold.
const TAKEN_MAX: usize = 64 << 20;

/// A server with a link that is attacked, and one that a person goes on clicking.
struct Target {
    api: Api,
    app: String,
    link: Link,
    good: Link,
    person: Clickers,
    server: Server,
    _launch: Launch,
}

impl Target {
    fn new(args: &[&str]) -> Target {
        let launch = Launch::new(args);
        let server = launch.start();
        let api = server.api(&launch);
        let app = api.app();
        let (link, good) = (Link::new(&api, &app), Link::new(&api, &app));
        let person = Clickers::start(1, server.address, &good);
        Target { api, app, link, good, person, server, _launch: launch }
    }

    /// Sends bytes over a connection of its own and reads what is answered to them.
    fn ask(&self, bytes: &[u8]) -> Answer {
        ask(self.server.address, bytes)
    }

    /// The person's redirects were answered all the time and are all recorded; of the attacked link so many clicks are;
    /// memory is bounded.
    fn check_unharmed(self, clicks: usize) {
        self.person.wait_for(self.person.answered() + 5);
        let made = self.person.finish();
        until("all of the person's clicks are recorded", || {
            (self.good.figure(&self.api, "clicks") == made.len() as u64).then_some(())
        });
        let recorded = self.link.recorded(&self.api);
        assert_eq!(recorded.len(), clicks, "clicks of the attacked link");
        let memory = self.server.memory_peak();
        assert!(memory < MEMORY_MAX, "{} MiB", memory >> 20);
    }
}

fn ask(server: SocketAddr, bytes: &[u8]) -> Answer {
    let mut connection = Connection::open(server, "").unwrap();
    connection.send(bytes).unwrap();
    connection.answer().unwrap()
}

/// A refusal, which leads nowhere and has nothing of the request in it.
fn check_leads_nowhere(answer: &Answer, what: &str) {
    assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
    assert_eq!(answer.header("location"), None, "{what}");
    assert!(!answer.text().contains("evil"), "{what}: {}", answer.text());
}

#[test]
fn a_slug_leads_on_only_as_it_was_given_out() {
    let target = Target::new(&[]);
    let slug = &target.link.slug;
    let first = format!("%{:02x}{}", slug.as_bytes()[0], &slug[1..]);
    for path in [
        format!("/l/{first}"),
        format!("/l/{slug}%00"),
        format!("/l/{slug}%2f"),
        format!("/l/{slug}%20"),
        format!("/l/{slug}."),
        format!("/l/./{slug}"),
        format!("/l/../l/{slug}"),
        format!("/l/%2e%2e/l/{slug}"),
        format!("/l//{slug}"),
        format!("//l/{slug}"),
        format!("/L/{slug}"),
        format!("/l/{}", slug.to_ascii_uppercase()),
        format!("/l/{slug}/../{slug}"),
        format!("/l/{slug}/evil"),
        format!("/l/{slug};evil"),
        format!("/l/{slug}\\evil"),
        format!("/l/{}\u{430}", &slug[1..]),
        format!("/l/{slug}\u{200b}"),
        "/l/".to_owned(),
        "/l".to_owned(),
        "/l/..".to_owned(),
        "/l/-evil".to_owned(),
        "/l/<script>evil()</script>".to_owned(),
        "/l/%0d%0aSet-Cookie:%20evil=1".to_owned(),
        "/l/http://evil.test/".to_owned(),
        format!("/l/{}", "x".repeat(10_000)),
        format!("/l/{}", "%ff".repeat(5_000)),
    ] {
        let shown: String = path.chars().take(60).collect();
        check_leads_nowhere(&target.ask(&visit("GET", &path, "")), &shown);
    }
    for raw in [&b"\xff\xfe"[..], b"a\0b", b"a\tb", b"\x1b[31m"] {
        let bytes = [b"GET /l/", raw, b" HTTP/1.1\r\nhost: go.test\r\n\r\n"].concat();
        check_leads_nowhere(&target.ask(&bytes), &String::from_utf8_lossy(raw));
    }
    // What is no part of the slug changes nothing about where it leads.
    for path in [format!("{}/", target.link.path), format!("{}?url=http://evil.test&%ff=\u{e9}", target.link.path)] {
        click_of(&target.ask(&visit("GET", &path, "")));
    }
    until("both are recorded", || (target.link.figure(&target.api, "clicks") == 2).then_some(()));
    target.check_unharmed(2);
}

#[test]
fn headers_of_any_size_and_bytes_redirect_or_are_refused_and_make_sound_events() {
    let target = Target::new(&[]);
    let path = &target.link.path;
    let long = "x".repeat(20_000);
    let get = |headers: &[u8]| {
        let head = format!("GET {path} HTTP/1.1\r\nhost: go.test\r\n");
        target.ask(&[head.as_bytes(), headers, b"\r\n"].concat())
    };
    let sound: [Vec<u8>; 9] = [
        format!("user-agent: {long}\r\n").into(),
        format!("user-agent: {CHROME} {long}\r\nreferer: https://news.test/{long}?secret\r\n").into(),
        b"user-agent: \xff\xfe\x80\"}}\\\r\nreferer: \xc3\x28\"},{\r\n".to_vec(),
        b"referer: javascript:alert(1)\r\nuser-agent: =cmd|' /C calc'!A0\r\n".to_vec(),
        b"referer: https://user:secret@news.test/a?secret#secret\r\n".to_vec(),
        b"referer: https://a.test/\r\nreferer: https://b.test/\r\nuser-agent:\r\nuser-agent: x\r\n".to_vec(),
        b"dnt: 1\r\ndnt: 0\r\nsec-gpc: yes\r\nx-forwarded-for: 1.2.3.4, nonsense\r\n".to_vec(),
        "x-filler: y\r\n".repeat(80).into(),
        format!("user-agent: {}\r\n", "(((((((((((Mozilla/5.0/".repeat(800)).into(),
    ];
    for headers in &sound {
        click_of(&get(headers));
    }
    for (headers, status) in [
        (format!("user-agent: {}\r\n", "x".repeat(200_000)), 431),
        ("x-filler: y\r\n".repeat(400), 431),
        ("user-agent: a\0b\r\n".to_owned(), 400),
        ("user-agent: a\u{1b}[31m\r\n".to_owned(), 400),
    ] {
        assert_eq!(get(headers.as_bytes()).status, status, "{:.40}", headers);
    }
    let events = until("all are recorded", || Some(target.link.events(&target.api)).filter(|e| e.len() == sound.len()));
    for event in &events {
        let text = event.to_string();
        assert!(text.len() < 6_000, "{}: {text}", text.len());
        assert!(!text.contains("secret"), "{text}");
        let referrer = event["data"]["referrer"].as_str().unwrap_or("http");
        assert!(referrer.starts_with("http"), "{text}");
    }
    target.check_unharmed(sound.len());
}

#[test]
fn links_are_only_read_and_reading_ahead_is_no_persons_click() {
    let target = Target::new(&[]);
    let path = target.link.path.clone();
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "EVIL"] {
        let body = "x".repeat(100_000);
        let bytes = visit(method, &path, &format!("content-length: {}\r\n", body.len()));
        let answer = target.ask(&[&bytes[..], body.as_bytes()].concat());
        assert_eq!(answer.status, 405, "{method}: {answer:?}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{method}");
        check_leads_nowhere(&answer, method);
    }
    // An answer to HEAD has no body, whatever its headers say.
    let mut connection = Connection::open(target.server.address, "").unwrap();
    connection.send(&visit("HEAD", &path, "connection: close\r\n")).unwrap();
    let mut head = String::new();
    connection.stream.read_to_string(&mut head).unwrap();
    assert!(head.starts_with("HTTP/1.1 302 ") && head.ends_with("\r\n\r\n"), "{head}");
    click_of(&target.ask(&visit("GET", &path, "sec-purpose: prefetch;prerender\r\n")));
    // A body that nobody expects is no second request.
    let smuggled = visit("GET", &path, "content-length: 200\r\n");
    let inner = visit("GET", "/l/evil", "");
    click_of(&target.ask(&[&smuggled[..], &inner[..], &vec![b' '; 200 - inner.len()]].concat()));
    let figures = || (target.link.figure(&target.api, "clicks"), target.link.figure(&target.api, "bots"));
    until("two robots and a person", || (figures() == (1, 2)).then_some(()));
    target.check_unharmed(3);
}

#[test]
fn pixels_of_forged_clicks_are_pictures_and_convert_nothing() {
    let target = Target::new(&[]);
    let click = click_of(&target.ask(&visit("GET", &target.link.path, "")));
    let mut forged =
        vec![format!("{click}A"), format!("{click}%00"), "clk_".to_owned(), "clk_".to_owned() + &"A".repeat(35)];
    for at in [4, 10, 20, 38] {
        let mut bytes = click.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        forged.push(String::from_utf8(bytes).unwrap());
    }
    forged.push("x".repeat(10_000));
    for click in &forged {
        let answer = target.ask(&visit("GET", &format!("/c/{click}.gif?name=evil&value=1e999"), ""));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/gif")), "{click:.50}");
    }
    let hostile =
        format!("/c/{click}.gif?name={}&value=NaN&currency=%00&externalId={}", "%22".repeat(200), "y".repeat(9_000));
    for _ in 0..2 {
        assert_eq!(target.ask(&visit("GET", &hostile, "")).status, 200);
    }
    let events = until("the click and its conversion", || {
        Some(target.link.events(&target.api)).filter(|events| events.len() == 2)
    });
    // A click and what followed it may be written in one millisecond: which is listed first says nothing.
    let data = &events.iter().find(|event| event["type"] == "link.converted").unwrap()["data"];
    assert_eq!((&data["name"], &data["value"]), (&json!("_".repeat(64)), &Value::Null), "{data}");
    assert_eq!((&data["currency"], &data["externalId"]), (&Value::Null, &Value::Null), "{data}");
    assert_eq!(target.link.figure(&target.api, "conversions"), 1);
    target.api.expect(204, "DELETE", &format!("/api/v1/link/{}", target.link.id), None);
    assert_eq!(target.ask(&visit("GET", &target.link.path, "")).status, 404);
}

/// A post to a form. `headers` end with a line end each.
fn post(path: &str, content_type: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let headers = format!("content-type: {content_type}\r\n{headers}content-length: {}\r\n", body.len());
    [&visit("POST", path, &headers)[..], body].concat()
}

/// Sends a head and then chunks without end, until nobody takes them. How many bytes were taken, and the answer.
fn flood(server: SocketAddr, head: &[u8], chunk: &[u8]) -> (usize, Option<Answer>) {
    let mut connection = Connection::open(server, "").unwrap();
    connection.send(head).unwrap();
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

#[test]
fn submissions_without_end_are_cut_off_at_the_limit() {
    let target = Target::new(&["--form-body-limit", "1MiB"]);
    let (id, path) = form(&target.api, &target.app, json!({"ratePerMinute": 0, "filesMax": 5}));
    let part = |disposition: &str, len: usize| {
        format!("--b\r\ncontent-disposition: form-data; {disposition}\r\n\r\n{}\r\n", "v".repeat(len)).into_bytes()
    };
    let multipart = "multipart/form-data; boundary=b";
    let floods = [
        (multipart, part("name=\"n\"", 16_384)),
        (multipart, part("name=\"f\"; filename=\"f\"", 65_536)),
        (multipart, part("name=\"n\"", 0)),
        (multipart, b"\r\n--".repeat(4_000)),
        ("application/x-www-form-urlencoded", b"a=1&".repeat(4_000)),
        ("application/json", b"[".repeat(16_384)),
    ];
    thread::scope(|scope| {
        for (content_type, chunk) in floods {
            let head = visit("POST", &path, &format!("content-type: {content_type}\r\ntransfer-encoding: chunked\r\n"));
            let server = target.server.address;
            scope.spawn(move || {
                let (taken, answer) = flood(server, &head, &chunk);
                assert!(taken < TAKEN_MAX, "{} MiB were taken", taken >> 20);
                assert_eq!(answer.expect("an answer").status, 413, "{content_type}");
            });
        }
    });
    let announced = visit("POST", &path, &format!("content-type: {multipart}\r\ncontent-length: 10737418240\r\n"));
    assert_eq!(target.ask(&announced).status, 413);
    assert_eq!(target.api.all(&format!("/api/v1/form/{id}/event")), Vec::<Value>::new());
    target.check_unharmed(0);
}

#[test]
fn ten_thousand_fields_and_other_monsters_are_refused_with_a_reason() {
    let target = Target::new(&[]);
    let fields = json!([{"name": "email", "type": "email", "required": true}]);
    let (id, path) = form(&target.api, &target.app, json!({"ratePerMinute": 0, "fields": fields}));
    let many = |one: &dyn Fn(usize) -> String| (0..10_000).map(one).collect::<String>();
    let parts = many(&|n| format!("--b\r\ncontent-disposition: form-data; name=\"f{n}\"\r\n\r\n{n}\r\n")) + "--b--";
    let (urlencoded, multipart, json) =
        ("application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "application/json");
    let deep = "{\"a\":".repeat(100_000) + "1" + &"}".repeat(100_000);
    for (content_type, body, status) in [
        (urlencoded, many(&|n| format!("f{n}={n}&")), 422),
        (urlencoded, "email=a@b.test&".repeat(10_000), 422),
        (multipart, parts, 422),
        (json, format!("{{{}\"email\":\"a@b.test\"}}", many(&|n| format!("\"f{n}\":{n},"))), 422),
        (json, deep, 422),
        (json, "[]".to_owned(), 400),
        (json, "{\"email\":\"a@b.test\"".to_owned(), 400),
        (json, "{\"email\":{\"$ne\":null}}".to_owned(), 422),
        (urlencoded, format!("email={}@b.test", "a".repeat(200_000)), 422),
        (urlencoded, "email=a%00@b.test".to_owned(), 422),
        (urlencoded, "email=a%ff@b.test".to_owned(), 422),
        (urlencoded, format!("email=a@b.test&{}=1", "n".repeat(100_000)), 422),
        (multipart, "--b\r\n".to_owned(), 400),
        ("text/plain", "email=a@b.test".to_owned(), 415),
        ("multipart/form-data", "--b--".to_owned(), 400),
    ] {
        let answer = target.ask(&post(&path, content_type, "", body.as_bytes()));
        assert_eq!(answer.status, status, "{content_type} {body:.60}: {answer:?}");
        assert!(answer.json()["detail"].is_string() && answer.body.len() < 4_000, "{answer:?}");
    }
    // A form that was written by somebody else can't say what the server says.
    let forged =
        "email=a@b.test&form=form_1&bot=true&first=true&__proto__=1&visitor=ffffffffffffffff&type=link.clicked";
    assert_eq!(target.ask(&post(&path, urlencoded, "", forged.as_bytes())).status, 200);
    let [event] = &target.api.all(&format!("/api/v1/form/{id}/event"))[..] else { panic!("one submission") };
    assert_eq!((&event["type"], &event["data"]["form"]), (&json!("form.submitted"), &json!(id)));
    assert_eq!((&event["data"]["bot"], &event["data"]["fields"]["bot"]), (&json!(false), &json!("true")));
    assert_ne!(event["data"]["visitor"], event["data"]["fields"]["visitor"]);
    target.check_unharmed(0);
}

#[test]
fn a_flood_from_one_address_is_limited_and_others_are_not_disturbed() {
    let target = Target::new(&["--trusted-proxies", "127.0.0.0/8"]);
    let (id, path) = form(&target.api, &target.app, json!({"ratePerMinute": 5}));
    let submit = |connection: &mut Connection, address: &str| {
        let headers = format!("x-forwarded-for: {address}\r\n");
        connection.send(&post(&path, "application/json", &headers, b"{\"message\":\"hello\"}")).unwrap();
        connection.answer().unwrap()
    };
    let statuses: Vec<u16> = thread::scope(|scope| {
        let flooders: Vec<_> = (0..4)
            .map(|n| {
                let (server, submit) = (target.server.address, &submit);
                scope.spawn(move || {
                    let mut connection = Connection::open(server, "").unwrap();
                    // Whatever it claims before what the proxy adds.
                    let send =
                        |i: usize| submit(&mut connection, &format!("192.0.2.{}, 198.51.100.7", (n * 50 + i) % 250));
                    (0..100)
                        .map(send)
                        .map(|answer| {
                            if answer.status == 429 {
                                let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
                                assert!((1..=60).contains(&seconds), "{seconds}");
                            }
                            answer.status
                        })
                        .collect::<Vec<u16>>()
                })
            })
            .collect();
        let mut connection = Connection::open(target.server.address, "").unwrap();
        for n in 0..50 {
            assert_eq!(submit(&mut connection, &format!("203.0.113.{}", n / 5)).status, 200, "{n}");
        }
        flooders.into_iter().flat_map(|flooder| flooder.join().unwrap()).collect()
    });
    // A minute may have ended on a machine that is very slow.
    let taken = statuses.iter().filter(|status| **status == 200).count();
    assert!(taken >= 5 && taken.is_multiple_of(5) && taken <= 20, "{taken}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), statuses.len() - taken);
    assert_eq!(target.api.all(&format!("/api/v1/form/{id}/event")).len(), 50 + taken);
    // Links have no such limit: a company's people share an address.
    let mut connection = Connection::open(target.server.address, "").unwrap();
    for _ in 0..200 {
        connection.send(&visit("GET", &target.link.path, "x-forwarded-for: 198.51.100.7\r\n")).unwrap();
        click_of(&connection.answer().unwrap());
    }
    until("all are recorded", || (target.link.figure(&target.api, "clicks") == 200).then_some(()));
    target.check_unharmed(200);
}
