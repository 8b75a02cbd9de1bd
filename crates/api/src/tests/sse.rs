//! A client of server-sent events, for tests: it reads one block after the other.

use super::Server;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpStream;

/// So long that only a bug reaches it.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Events {
    body: Incoming,
    buffer: String,
    driver: tokio::task::JoinHandle<()>,
    pub response: Response<()>,
}

/// What stands between two blank lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub event: String,
    pub id: String,
    pub data: String,
}

impl Block {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

impl Server {
    /// Opens a stream as the organisation `org_test`; its first block, which has the place to begin at, is read.
    pub(super) async fn events(&self, path: &str) -> Events {
        self.events_after(path, None).await.0
    }
    /// Like `events`, after the event with this id; with the id that the stream begins at.
    pub(super) async fn events_after(&self, path: &str, last: Option<&str>) -> (Events, String) {
        let mut events = Events::open(self, path, last).await;
        assert_eq!(events.response.status(), StatusCode::OK);
        assert_eq!(events.response.headers()["content-type"], "text/event-stream");
        let first = events.block().await.unwrap();
        assert_eq!((first.event.as_str(), first.data.as_str()), ("", ""), "{first:?}");
        (events, first.id)
    }
}

impl Events {
    pub async fn open(s: &Server, path: &str, last: Option<&str>) -> Events {
        Events::open_as(s, &s.org_token("org_test"), path, last).await
    }
    pub async fn open_as(s: &Server, token: &str, path: &str, last: Option<&str>) -> Events {
        let stream = TcpStream::connect(s.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let driver = tokio::spawn(async move {
            let _ = connection.await;
        });
        let mut request =
            Request::builder().uri(path).header("host", "localhost").header("authorization", format!("Bearer {token}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
        Events { body, buffer: String::new(), driver, response: Response::from_parts(parts, ()) }
    }

    /// The next block, comments too; `None` at the end.
    pub async fn block(&mut self) -> Option<Block> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let mut out = Block::default();
                for line in block.lines() {
                    match line.split_once(": ") {
                        Some(("event", v)) => out.event = v.to_owned(),
                        Some(("id", v)) => out.id = v.to_owned(),
                        Some(("data", v)) => out.data = v.to_owned(),
                        _ => assert!(line == ":" || line == "retry: 2000", "{line}"),
                    }
                }
                self.buffer = rest.to_owned();
                return Some(out);
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.expect("nothing comes")?;
            let data = frame.unwrap().into_data().unwrap();
            self.buffer.push_str(std::str::from_utf8(&data).unwrap());
        }
    }
    /// The next event.
    pub async fn event(&mut self) -> Block {
        loop {
            let block = self.block().await.expect("the stream goes on");
            if !block.event.is_empty() {
                return block;
            }
        }
    }
    /// The ids of the next `n` events.
    pub async fn ids(&mut self, n: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..n {
            ids.push(self.event().await.id);
        }
        ids
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Looks until it is so.
pub(super) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    });
    assert!(waited.await.is_ok(), "never: {what}");
}
