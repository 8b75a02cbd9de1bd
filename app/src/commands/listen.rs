//! `postrider listen`: forwards a server's live requests to a local port, over one outgoing connection.
//!
//! The connection is a stream of server-sent events with a cursor; after a cut, a sleep or a restart of the server it
//! is opened again from the last request that was forwarded. The stream begins with an id that no
//! request has: the first cursor.
//!
//! **Invariant:** the cursor moves on only after the local port was tried, so each request reaches it at least once.

use std::io::Write;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use clap::ValueEnum;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use url::Url;

use crate::client::{self, Answer};
use crate::clock::OsRng;
use crate::commands::fail;
use crate::exit::Exit;
use crate::sse::{Event, Reader};

/// Without a heartbeat for so long, the connection is dead (the server sends one every 15 s).
const SILENCE_MAX: Duration = Duration::from_secs(40);
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// The local program may be stopped in a debugger.
const LOCAL_MAX: Duration = Duration::from_secs(300);
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// A request with the largest body that a source takes, as base64 in JSON.
const EVENT_BYTES_MAX: usize = 256 << 20;
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Headers that belong to the connection that a request came over.
const NOT_FORWARDED: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line for people
    #[default]
    Text,
    /// A JSON object a line
    Json,
}

/// What `listen` was asked for.
pub struct Wanted {
    pub server: Url,
    pub token: String,
    pub target: Url,
    /// Ids or uids; empty for all of the organisation.
    pub sources: Vec<String>,
    pub output: Format,
    /// Event types to forward; empty for all.
    pub events: Vec<String>,
    pub methods: Vec<String>,
    /// Refused requests too.
    pub refused: bool,
    pub replay: Option<u32>,
}

/// Where requests are to go: `3000`, `localhost:3000`, or a URL.
pub fn target(text: &str) -> Result<Url, String> {
    let with_host = if !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit()) {
        format!("127.0.0.1:{text}")
    } else {
        text.to_owned()
    };
    let url = if with_host.contains("://") { with_host } else { format!("http://{with_host}") };
    let parsed =
        Url::parse(&url).map_err(|e| format!("{e}; write 3000, localhost:3000 or http://localhost:3000/path"))?;
    match parsed.scheme() {
        "http" | "https" if parsed.port() != Some(0) => Ok(parsed),
        _ => Err("write 3000, localhost:3000 or http://localhost:3000/path".to_owned()),
    }
}

/// Runs until it is interrupted.
pub async fn run(wanted: Wanted, out: &mut (dyn Write + Send)) -> Exit {
    tokio::select! {
        exit = follow(&wanted, out) => exit,
        _ = tokio::signal::ctrl_c() => Exit::Ok,
    }
}

async fn follow(wanted: &Wanted, out: &mut (dyn Write + Send)) -> Exit {
    let mut cursor: Option<String> = None;
    let mut pause = PAUSE_MIN;
    loop {
        match stream(wanted, &mut cursor, out).await {
            End::Stop(exit) => return exit,
            End::Cut { why, lived } => {
                if lived {
                    pause = PAUSE_MIN;
                }
                eprintln!("{why}; trying again");
                sleep(pause.mul_f64(0.5 + f64::from(OsRng.array::<1>()[0]) / 256.0)).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
}

/// Why a stream ended.
enum End {
    Stop(Exit),
    /// Try again. `lived`: it had been open.
    Cut {
        why: String,
        lived: bool,
    },
}

async fn stream(wanted: &Wanted, cursor: &mut Option<String>, out: &mut (dyn Write + Send)) -> End {
    let cut = |why: String| End::Cut { why, lived: false };
    let mut answer = match timeout(CONNECT_MAX, open(wanted, cursor.as_deref())).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(why)) => return cut(why),
        Err(_) => return cut(format!("no answer from {} within {} s", wanted.server, CONNECT_MAX.as_secs())),
    };
    let status = answer.response.status();
    if status != StatusCode::OK {
        let detail = complaint(&mut answer).await;
        let why = format!("{} answered {status}: {detail}", wanted.server);
        // What the server says of this request will be the same next time; that it is busy or gone will not.
        return if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
            End::Stop(fail(why, Exit::Failure))
        } else {
            cut(why)
        };
    }
    let why = events(wanted, answer, cursor, out).await;
    match why {
        Ok(why) => End::Cut { why, lived: true },
        Err(exit) => End::Stop(exit),
    }
}

async fn open(wanted: &Wanted, cursor: Option<&str>) -> Result<Answer, String> {
    let mut url = wanted.server.join("/api/v1/listen").map_err(|e| e.to_string())?;
    {
        let mut query = url.query_pairs_mut();
        for source in &wanted.sources {
            query.append_pair("source", source);
        }
        if let (Some(n), None) = (wanted.replay, cursor) {
            query.append_pair("replay", &n.to_string());
        }
    }
    let path = url.query().map_or(url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let mut request = Request::builder()
        .uri(path)
        .header("accept", "text/event-stream")
        .header("authorization", format!("Bearer {}", wanted.token));
    if let Some(cursor) = cursor {
        request = request.header("last-event-id", cursor);
    }
    let request = request.body(Full::default()).map_err(|e| e.to_string())?;
    client::send(&wanted.server, request).await.map_err(|e| e.to_string())
}

/// Forwards what comes until the connection ends. `Err` ends the command.
async fn events(
    wanted: &Wanted,
    mut answer: Answer,
    cursor: &mut Option<String>,
    out: &mut (dyn Write + Send),
) -> Result<String, Exit> {
    let mut reader = Reader::new(EVENT_BYTES_MAX);
    let mut begun = false;
    loop {
        let frame = match timeout(SILENCE_MAX, answer.response.body_mut().frame()).await {
            Err(_) => return Ok(format!("nothing from the server for {} s", SILENCE_MAX.as_secs())),
            Ok(None) => return Ok("the server ended the stream".to_owned()),
            Ok(Some(Err(error))) => return Ok(format!("the stream broke: {error}")),
            Ok(Some(Ok(frame))) => frame,
        };
        let Some(piece) = frame.data_ref() else { continue };
        let events = match reader.push(piece) {
            Ok(events) => events,
            Err(error) => return Ok(error.to_string()),
        };
        for event in events {
            handle(wanted, &event, out).await?;
            if event.id.is_some() {
                *cursor = event.id;
            }
            if cursor.is_some() && !begun {
                begun = true;
                // From here on nothing is missed, which it would be if the server went before it named the place.
                eprintln!("listening: {} -> {}", wanted.server, wanted.target);
            }
        }
    }
}

async fn handle(wanted: &Wanted, event: &Event, out: &mut (dyn Write + Send)) -> Result<(), Exit> {
    if event.event != "request" {
        return Ok(());
    }
    let request: Value = match serde_json::from_str(&event.data) {
        Ok(request) => request,
        Err(error) => {
            eprintln!("a request could not be read: {error}");
            return Ok(());
        }
    };
    if !is_wanted(wanted, &request) {
        return Ok(());
    }
    let started = Instant::now();
    let outcome = if text(&request, "verdict") == "refused" && !wanted.refused {
        Outcome::NotForwarded
    } else {
        match timeout(LOCAL_MAX, forward(&wanted.target, &request)).await {
            Ok(Ok(status)) => Outcome::Status(status),
            Ok(Err(why)) => Outcome::Failed(why),
            Err(_) => Outcome::Failed(format!("no answer within {} s", LOCAL_MAX.as_secs())),
        }
    };
    let line = match wanted.output {
        Format::Text => line(&request, &outcome, started.elapsed()),
        Format::Json => object(&request, &outcome, started.elapsed()).to_string(),
    };
    // A reader that went away has all it wanted.
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|_| Exit::Ok)
}

fn is_wanted(wanted: &Wanted, request: &Value) -> bool {
    let among =
        |list: &[String], value: &str| list.is_empty() || list.iter().any(|listed| listed.eq_ignore_ascii_case(value));
    text(request, "verdict") != "handshake"
        && among(&wanted.events, text(request, "eventType"))
        && among(&wanted.methods, text(request, "method"))
}

/// What the local port made of a request.
enum Outcome {
    Status(u16),
    Failed(String),
    /// It was refused at the source.
    NotForwarded,
}

async fn forward(target: &Url, request: &Value) -> Result<u16, String> {
    let text = |name: &str| text(request, name);
    let body = match request.get("bodyBase64").and_then(Value::as_str) {
        Some(encoded) => STANDARD.decode(encoded).map_err(|e| e.to_string())?,
        None => text("body").as_bytes().to_vec(),
    };
    let own = target.path().trim_end_matches('/');
    let mut path = format!("{own}{}", text("path"));
    if path.is_empty() {
        path.push('/');
    }
    let queries: Vec<&str> =
        [target.query().unwrap_or_default(), text("query")].into_iter().filter(|q| !q.is_empty()).collect();
    if !queries.is_empty() {
        path = format!("{path}?{}", queries.join("&"));
    }
    let method = Method::from_bytes(text("method").as_bytes()).map_err(|e| e.to_string())?;
    let mut builder = Request::builder().method(method).uri(path);
    for pair in request.get("headers").and_then(Value::as_array).into_iter().flatten() {
        let [Some(name), Some(value)] = [0, 1].map(|i| pair.get(i).and_then(Value::as_str)) else { continue };
        if !NOT_FORWARDED.contains(&name) {
            builder = builder.header(name, value);
        }
    }
    builder = builder.header("postrider-request-id", text("id"));
    let outgoing = builder.body(Full::new(Bytes::from(body))).map_err(|e| e.to_string())?;
    let answer = client::send(target, outgoing).await.map_err(|e| e.to_string())?;
    Ok(answer.response.status().as_u16())
}

/// A field's text; empty when it has none.
fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// What a server said of a request that it didn't take.
async fn complaint(answer: &mut Answer) -> String {
    let body = Limited::new(answer.response.body_mut(), ANSWER_BYTES_MAX).collect().await;
    let body = body.map(|b| b.to_bytes()).unwrap_or_default();
    let detail =
        serde_json::from_slice::<Value>(&body).ok().map(|v| text(&v, "detail").to_owned()).filter(|d| !d.is_empty());
    printable(&detail.unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned()))
}

/// Without anything that a terminal would obey.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

fn line(request: &Value, outcome: &Outcome, took: Duration) -> String {
    let text = |name: &str| printable(text(request, name));
    let time = text("timestamp").get(11..19).map_or_else(String::new, str::to_owned);
    let source = match text("sourceUid") {
        uid if uid.is_empty() => text("sourceName"),
        uid => uid,
    };
    let query = text("query");
    let query = if query.is_empty() { query } else { format!("?{query}") };
    let what = format!("{time} {source} {} {}{query} {}", text("method"), text("path"), text("eventType"));
    let what = what.split_whitespace().collect::<Vec<_>>().join(" ");
    match outcome {
        Outcome::Status(status) => format!("{what} -> {status} in {} ms", took.as_millis()),
        Outcome::Failed(why) => format!("{what} -> failed: {}", printable(why)),
        Outcome::NotForwarded => format!("{what} -> not forwarded, refused: {}", text("reason")),
    }
}

fn object(request: &Value, outcome: &Outcome, took: Duration) -> Value {
    let ms = took.as_millis() as u64;
    match outcome {
        Outcome::Status(status) => json!({ "request": request, "durationMs": ms, "status": status }),
        Outcome::Failed(why) => json!({ "request": request, "durationMs": ms, "error": why }),
        Outcome::NotForwarded => {
            json!({ "request": request, "durationMs": ms, "error": "refused at the source: not forwarded" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_port_a_host_or_a_url() {
        for (text, want) in [
            ("3000", Some("http://127.0.0.1:3000/")),
            ("localhost:3000", Some("http://localhost:3000/")),
            ("http://localhost:3000/hooks?x=1", Some("http://localhost:3000/hooks?x=1")),
            ("https://example.com", Some("https://example.com/")),
            ("99999", None),
            ("0", None),
            ("ftp://example.com", None),
            ("", None),
        ] {
            assert_eq!(target(text).ok().map(|u| u.to_string()).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn a_line_obeys_no_request() {
        let request = json!({ "method": "POST", "path": "/a\u{1b}[2J\nb", "query": "x=1", "eventType": "push",
            "timestamp": "2026-11-21T10:11:12.000Z", "sourceName": "gh" });
        let line = line(&request, &Outcome::Status(200), Duration::from_millis(12));
        assert_eq!(line, "10:11:12 gh POST /a[2Jb?x=1 push -> 200 in 12 ms");
    }

    #[test]
    fn filters_choose_by_event_type_and_method() {
        let wanted = |events: &[&str], methods: &[&str]| Wanted {
            server: Url::parse("http://x").unwrap(),
            token: String::new(),
            target: Url::parse("http://x").unwrap(),
            sources: Vec::new(),
            output: Format::Text,
            events: events.iter().map(|s| (*s).to_owned()).collect(),
            methods: methods.iter().map(|s| (*s).to_owned()).collect(),
            refused: false,
            replay: None,
        };
        let request = json!({ "method": "POST", "eventType": "push", "verdict": "accepted" });
        assert!(is_wanted(&wanted(&[], &[]), &request));
        assert!(is_wanted(&wanted(&["ping", "push"], &["post"]), &request));
        assert!(!is_wanted(&wanted(&["ping"], &[]), &request));
        assert!(!is_wanted(&wanted(&[], &["GET"]), &request));
        assert!(!is_wanted(&wanted(&[], &[]), &json!({ "verdict": "handshake" })));
    }
}
