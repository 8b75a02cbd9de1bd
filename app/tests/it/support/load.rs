//! Producers that post messages and don't give up: a lost answer is asked for again with the same key.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::client::{Answer, Connection};
use super::receiver::{Receiver, Seen};
use super::{DEADLINE, Watch};

/// What producers know of what they sent.
#[derive(Default)]
pub struct Ledger {
    /// Where to post, and how many servers there were before it.
    server: Option<SocketAddr>,
    generation: u64,
    stopping: bool,
    /// Payload -> the ids that were acknowledged for it.
    pub acknowledged: HashMap<String, Vec<String>>,
    /// Posts without an answer: repeated with the same key.
    pub lost_answers: usize,
    trouble: Vec<String>,
}

pub struct Load {
    ledger: Arc<Watch<Ledger>>,
    producers: Vec<JoinHandle<()>>,
}

/// Posts a payload under a key.
type Post = dyn Fn(&mut Connection, &str, &str) -> io::Result<Answer> + Send + Sync;
/// The id in an answer that acknowledges; `None` in another.
type Id = fn(&Answer) -> Option<String>;

impl Load {
    /// Of messages for an application.
    pub fn start(producers: usize, app: &str, token: &str) -> Load {
        let path = format!("/api/v1/app/{app}/msg");
        let post = move |connection: &mut Connection, key: &str, payload: &str| {
            let body = format!("{{\"eventType\":\"a.b\",\"payload\":{payload}}}");
            connection.request("POST", &path, &[("idempotency-key", key)], body.as_bytes())
        };
        let id = |answer: &Answer| {
            let is_taken = answer.status == 202;
            is_taken.then(|| answer.json()["id"].as_str().unwrap().to_owned())
        };
        Load::of(producers, token, post, id)
    }

    /// Of anything that is posted again, under the same key, until it is acknowledged.
    pub fn of(
        producers: usize,
        token: &str,
        post: impl Fn(&mut Connection, &str, &str) -> io::Result<Answer> + Send + Sync + 'static,
        id: Id,
    ) -> Load {
        let ledger = Arc::new(Watch::new(Ledger::default()));
        let post: Arc<Post> = Arc::new(post);
        let producers = (0..producers).map(|name| {
            let producer = Producer { name, ledger: ledger.clone(), token: token.to_owned(), post: post.clone(), id };
            thread::spawn(move || producer.run())
        });
        Load { producers: producers.collect(), ledger }
    }

    /// A server listens here now: go on.
    pub fn aim(&self, server: SocketAddr) {
        self.ledger.with(|l| {
            l.server = Some(server);
            l.generation += 1;
        });
    }

    pub fn acknowledged(&self) -> usize {
        self.ledger.with(|l| l.acknowledged.len())
    }
    /// Waits until so many messages are acknowledged.
    pub fn wait_for(&self, n: usize) {
        let reached =
            self.ledger.wait(DEADLINE, |l| (l.acknowledged.len() >= n || !l.trouble.is_empty()).then_some(()));
        assert!(reached.is_some(), "{} of {n} messages were acknowledged", self.acknowledged());
    }
    /// Lets this much time pass under load.
    pub fn go_on_for(&self, time: std::time::Duration) {
        let _: Option<()> = self.ledger.wait(time, |_| None);
    }

    /// Stops once everything that was begun is acknowledged.
    pub fn finish(self) -> Ledger {
        self.ledger.with(|l| l.stopping = true);
        for producer in self.producers {
            producer.join().unwrap();
        }
        let ledger = self.ledger.with(std::mem::take);
        assert!(ledger.trouble.is_empty(), "{:?}", ledger.trouble);
        ledger
    }
}

struct Producer {
    name: usize,
    ledger: Arc<Watch<Ledger>>,
    token: String,
    post: Arc<Post>,
    id: Id,
}

impl Producer {
    fn run(self) {
        let mut connection = None;
        for n in 0.. {
            if self.ledger.with(|l| l.stopping) {
                return;
            }
            // Odd spacing, and an odd length: it must arrive byte for byte.
            let payload = format!("{{ \"n\" :\"{}-{n}\",\"pad\":\"{}\"}}", self.name, "x".repeat(n * 37 % 900));
            // One half with keys such as SDKs make up, one half with a person's.
            let key = if n % 2 == 0 { format!("auto_{}-{n}", self.name) } else { format!("order-{}-{n}", self.name) };
            let Some(id) = self.post(&mut connection, &key, &payload) else { return };
            self.ledger.with(|l| l.acknowledged.entry(payload).or_default().push(id));
        }
    }

    /// Posts until it is acknowledged; the message's id.
    fn post(&self, connection: &mut Option<Connection>, key: &str, payload: &str) -> Option<String> {
        // The server that failed last; nothing is asked of it again.
        let mut failed = 0;
        loop {
            let next =
                self.ledger.wait(DEADLINE, |l| l.server.filter(|_| l.generation > failed).map(|s| (s, l.generation)));
            let Some((server, generation)) = next else {
                self.ledger.with(|l| l.trouble.push(format!("{key}: no server any more")));
                return None;
            };
            if connection.is_none() {
                *connection = Connection::open(server, &self.token).ok();
            }
            let answer = connection.as_mut().map(|c| (self.post)(c, key, payload));
            match answer {
                Some(Ok(answer)) if (self.id)(&answer).is_some() => return (self.id)(&answer),
                // A server that stops says so, and a dead one nothing.
                Some(Ok(answer)) if answer.status != 503 => {
                    self.ledger.with(|l| l.trouble.push(format!("{key}: {answer:?}")));
                    return None;
                }
                _ => {
                    self.ledger.with(|l| l.lost_answers += 1);
                    (failed, *connection) = (generation, None);
                }
            }
        }
    }
}

impl Ledger {
    /// Waits until each acknowledged message has come to each path as often as it must (more than once where the first
    /// tries fail), as it was sent and under one id. How often one came beyond that.
    pub fn check_arrived(&self, receiver: &Receiver, paths: &[(&str, usize)]) -> usize {
        let least = self.acknowledged.len() * paths.iter().map(|(_, tries)| tries).sum::<usize>();
        let seen = receiver.wait("every acknowledged message", |seen| {
            if seen.len() < least {
                return None;
            }
            let mut came: HashMap<(&str, &[u8]), usize> = HashMap::new();
            for s in seen {
                *came.entry((&s.path, &s.body)).or_default() += 1;
            }
            let often = |path, payload: &str| came.get(&(path, payload.as_bytes())).copied().unwrap_or(0);
            let all = self.acknowledged.keys().all(|p| paths.iter().all(|(path, tries)| often(path, p) >= *tries));
            all.then(|| seen.to_vec())
        });
        for s in &seen {
            self.check_one(s);
        }
        seen.len() - least
    }

    fn check_one(&self, s: &Seen) {
        let payload = std::str::from_utf8(&s.body).unwrap();
        let ids = self.acknowledged.get(payload).unwrap_or_else(|| panic!("nobody sent this: {s:?}"));
        assert!(ids.iter().all(|id| id == s.id()), "{payload} was acknowledged as {ids:?} and came as {}", s.id());
    }
}
