//! Providers: the sources that their webhooks go to, and requests signed as they sign them.

use std::io;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use signing::providers::{Draft, Provider, sign};

use super::client::{Answer, Api, Connection, id};
use super::load::Load;

/// A secret that every provider takes whose secret is a plain text.
pub const SECRET: &str = "It's a Secret to Everybody";

/// The header that names a stored request.
pub const REQUEST_ID: &str = "postrider-request-id";

/// A request to a source's URL, before it is sent.
#[derive(Clone, Debug)]
pub struct Hook {
    pub method: String,
    /// With the query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Hook {
    pub fn new(method: &str, path: &str, body: impl Into<Vec<u8>>) -> Hook {
        Hook { method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: body.into() }
    }
    /// With one header more.
    pub fn with(mut self, name: &str, value: &str) -> Hook {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: hooks.test\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n", self.body.len());
        [head.as_bytes(), &self.body].concat()
    }
    /// Over a connection that is there.
    pub fn over(&self, connection: &mut Connection) -> io::Result<Answer> {
        connection.send(&self.bytes())?;
        connection.answer()
    }
    pub fn send(&self, server: SocketAddr) -> Answer {
        let answer = Connection::open(server, "").and_then(|mut connection| self.over(&mut connection));
        answer.unwrap_or_else(|e| panic!("{e}: {} {}", self.method, self.path))
    }
    /// Sends it and expects this status; the stored request's id, empty if nothing was stored.
    pub fn expect(&self, status: u16, server: SocketAddr) -> String {
        let answer = self.send(server);
        assert_eq!(answer.status, status, "{} {}: {answer:?}", self.method, self.path);
        answer.header(REQUEST_ID).unwrap_or_default().to_owned()
    }
}

/// A source, and what its provider knows of it.
#[derive(Clone)]
pub struct Source {
    pub id: String,
    /// The application that its requests become messages of.
    pub app: String,
    /// Of its URL.
    pub path: String,
    pub kind: String,
    pub config: Value,
}

impl Source {
    pub fn new(api: &Api, kind: &str, config: Value) -> Source {
        Source::with(api, kind, config, json!({}))
    }
    /// With more fields.
    pub fn with(api: &Api, kind: &str, config: Value, more: Value) -> Source {
        let mut fields = json!({"name": kind, "type": kind, "config": config});
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = api.expect(201, "POST", "/ingest/api/v1/source", Some(&fields));
        let app = made["appId"].as_str().unwrap().to_owned();
        Source { id: id(&made), app, path: path_of(&made["ingestUrl"]), kind: kind.to_owned(), config }
    }
    pub fn github(api: &Api) -> Source {
        Source::new(api, "github", json!({"secret": SECRET}))
    }

    /// Forwards what it gets; the endpoint's id.
    pub fn forward(&self, api: &Api, url: &str) -> String {
        id(&api.expect(201, "POST", &self.at("/endpoint"), Some(&json!({"url": url}))))
    }
    /// A path of the API.
    pub fn at(&self, rest: &str) -> String {
        format!("/ingest/api/v1/source/{}{rest}", self.id)
    }
    pub fn change(&self, api: &Api, patch: Value) {
        api.expect(200, "PATCH", &self.at(""), Some(&patch));
    }
    /// Its captured requests, oldest first.
    pub fn requests(&self, api: &Api) -> Vec<Value> {
        api.all(&self.at("/request"))
    }
    pub fn request(&self, api: &Api, id: &str) -> Value {
        api.get(&self.at(&format!("/request/{id}")))
    }
    /// What its requests became, oldest first.
    pub fn messages(&self, api: &Api) -> Vec<Value> {
        api.all(&format!("/api/v1/app/{}/msg", self.app))
    }

    /// An event as its provider sends it.
    pub fn hook(&self, event: &str, id: &str, body: &str) -> Hook {
        self.hook_under(&self.config, event, id, body)
    }
    /// An event that is signed with another configuration.
    pub fn hook_under(&self, config: &Value, event: &str, id: &str, body: &str) -> Hook {
        let content_type = "application/json";
        let url = format!("http://hooks.test{}", self.path);
        let body = body.as_bytes();
        let draft =
            Draft { method: "POST", url: &url, content_type, body, now_ms: now_ms(), event_type: event, event_id: id };
        let mut headers = sign(Provider::find(&self.kind).unwrap(), config, &draft).unwrap();
        headers.push(("content-type".to_owned(), content_type.to_owned()));
        Hook { headers, ..Hook::new("POST", &self.path, body) }
    }

    /// Events without end, each with an id of its own, and sent again while it has no answer.
    pub fn load(&self, senders: usize) -> Load {
        let source = self.clone();
        let post = move |connection: &mut Connection, key: &str, payload: &str| {
            source.hook("push", key, payload).over(connection)
        };
        Load::of(senders, "", post, |answer| match answer.status {
            200 => answer.header(REQUEST_ID).map(str::to_owned),
            _ => None,
        })
    }
}

pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

/// The path of a URL of the server.
pub fn path_of(url: &Value) -> String {
    let url = url.as_str().unwrap();
    let host = url.strip_prefix("http://").unwrap_or_else(|| panic!("{url}"));
    host[host.find('/').unwrap()..].to_owned()
}
