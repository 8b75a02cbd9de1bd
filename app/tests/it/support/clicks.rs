//! Short links and forms, and visitors who click without end.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use serde_json::{Value, json};

use super::client::{Answer, Api, Connection, id};
use super::source::path_of;
use super::{DEADLINE, Watch};

/// What a person's browser says that it is.
pub const CHROME: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
const TARGET: &str = "https://example.com/landing?c=";

/// A request as a person's browser sends it. `headers` end with a line end each.
pub fn visit(method: &str, path: &str, headers: &str) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nhost: go.test\r\nuser-agent: {CHROME}\r\n{headers}\r\n").into_bytes()
}

/// A short link whose target gets the click's id.
#[derive(Clone)]
pub struct Link {
    pub id: String,
    pub slug: String,
    /// The path of its URL.
    pub path: String,
}

impl Link {
    /// Its events go to `app`.
    pub fn new(api: &Api, app: &str) -> Link {
        let fields = json!({"target": "https://example.com/landing", "clickParam": "c", "appId": app});
        let made = api.expect(201, "POST", "/api/v1/link", Some(&fields));
        Link { id: id(&made), slug: made["slug"].as_str().unwrap().to_owned(), path: path_of(&made["url"]) }
    }

    /// Its events, oldest first.
    pub fn events(&self, api: &Api) -> Vec<Value> {
        api.all(&format!("/api/v1/link/{}/event", self.id))
    }
    /// The ids of the clicks that are recorded.
    pub fn recorded(&self, api: &Api) -> HashSet<String> {
        let events = self.events(api);
        let clicks: HashSet<String> = events.iter().map(|e| e["data"]["click"].as_str().unwrap().to_owned()).collect();
        assert_eq!(clicks.len(), events.len(), "each click is one event");
        clicks
    }
    /// A figure of its stats.
    pub fn figure(&self, api: &Api, name: &str) -> u64 {
        api.get(&format!("/api/v1/link/{}/stats", self.id))[name].as_u64().unwrap()
    }
    /// Clicks over a connection that is there; the click's id.
    pub fn click(&self, connection: &mut Connection) -> io::Result<String> {
        connection.send(&visit("GET", &self.path, ""))?;
        connection.answer().map(|answer| click_of(&answer))
    }
}

/// The id that a redirect's target gets.
pub fn click_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 302, "{answer:?}");
    let click = answer.header("location").and_then(|location| location.strip_prefix(TARGET));
    click.unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// A redirect that was answered. Moments are counted, so that there's an order but no clock.
#[derive(Clone, Debug)]
pub struct Click {
    pub id: String,
    pub sent: u64,
    pub answered: u64,
    /// When it was answered: for what is printed.
    pub at: Instant,
}

#[derive(Default)]
struct Journal {
    moment: u64,
    clicks: Vec<Click>,
    stopping: bool,
    ended: usize,
}

/// Visitors that click on one link, each over a connection of its own, until they are stopped or the server is.
pub struct Clickers {
    journal: Arc<Watch<Journal>>,
    clickers: Vec<JoinHandle<()>>,
}

impl Clickers {
    pub fn start(n: usize, server: SocketAddr, link: &Link) -> Clickers {
        let journal = Arc::new(Watch::new(Journal::default()));
        let clickers = (0..n).map(|_| {
            let (link, journal) = (link.clone(), journal.clone());
            let mut connection = Connection::open(server, "").unwrap();
            thread::spawn(move || {
                while let Some(sent) = journal.with(Journal::next_unless_stopped) {
                    let Ok(id) = link.click(&mut connection) else { break };
                    journal.with(|j| j.answered(id, sent));
                }
                journal.with(|j| j.ended += 1);
            })
        });
        Clickers { clickers: clickers.collect(), journal }
    }

    /// Waits for so many answers.
    pub fn wait_for(&self, n: usize) {
        let came = self.journal.wait(DEADLINE, |j| (j.clicks.len() >= n || j.ended > 0).then_some(j.clicks.len()));
        assert!(came.is_some_and(|came| came >= n), "{came:?} of {n} redirects");
    }
    pub fn answered(&self) -> usize {
        self.journal.with(|j| j.clicks.len())
    }
    /// All that were answered, once every visitor has ended.
    pub fn finish(self) -> Vec<Click> {
        self.journal.with(|j| j.stopping = true);
        for clicker in self.clickers {
            clicker.join().unwrap();
        }
        self.journal.with(|j| std::mem::take(&mut j.clicks))
    }
    /// The same, when it is the server that ended.
    pub fn until_cut_off(self) -> Vec<Click> {
        let all = self.clickers.len();
        let cut_off = self.journal.wait(DEADLINE, |j| (j.ended == all).then_some(()));
        assert!(cut_off.is_some(), "the server still answers");
        self.finish()
    }
}

impl Journal {
    fn next_unless_stopped(&mut self) -> Option<u64> {
        self.moment += 1;
        (!self.stopping).then_some(self.moment)
    }
    fn answered(&mut self, id: String, sent: u64) {
        self.moment += 1;
        self.clicks.push(Click { id, sent, answered: self.moment, at: Instant::now() });
    }
}

/// A new form with these fields for `app`; (id, path of its URL).
pub fn form(api: &Api, app: &str, fields: Value) -> (String, String) {
    let mut all = json!({"name": "Contact", "appId": app});
    all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let made = api.expect(201, "POST", "/api/v1/form", Some(&all));
    (id(&made), path_of(&made["url"]))
}
