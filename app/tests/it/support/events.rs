//! A viewer of server-sent events.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;

use serde_json::Value;

use super::client::{Api, Chunked, read_head};

/// One block of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub event: String,
    pub id: String,
    pub data: String,
}

impl Event {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

pub struct Events {
    stream: BufReader<Chunked<BufReader<TcpStream>>>,
    /// The id that the stream began with.
    pub begun: String,
}

impl Events {
    /// Opens a stream, after the event with this id if one is given.
    pub fn open(api: &Api, path: &str, last: Option<&str>) -> Events {
        let mut connection = api.connect().unwrap();
        let last: Vec<_> = last.map(|id| ("last-event-id", id)).into_iter().collect();
        let head = connection.head("GET", path, &last) + "\r\n";
        connection.send(head.as_bytes()).unwrap();
        let (first, headers) = read_head(&mut connection.stream).unwrap();
        assert!(first.starts_with("HTTP/1.1 200"), "{path}: {first} {headers:?}");
        let stream = BufReader::new(Chunked::new(connection.stream));
        let mut events = Events { stream, begun: String::new() };
        let begun = events.block().unwrap();
        assert_eq!((begun.event.as_str(), begun.data.as_str()), ("", ""), "{path}");
        Events { begun: begun.id, ..events }
    }

    /// The next event.
    pub fn event(&mut self) -> Event {
        loop {
            let block = self.block().unwrap();
            if !block.event.is_empty() {
                return block;
            }
        }
    }
    /// The ids of the next events.
    pub fn ids(&mut self, n: usize) -> Vec<String> {
        (0..n).map(|_| self.event().id).collect()
    }

    /// The next block that says anything; `None` at the end of the stream.
    fn block(&mut self) -> Option<Event> {
        let mut event = Event::default();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end_matches('\n').split_once(':') {
                None if event != Event::default() => return Some(event),
                Some(("event", value)) => event.event = value.trim_start().to_owned(),
                Some(("id", value)) => event.id = value.trim_start().to_owned(),
                Some(("data", value)) => event.data += value.trim_start(),
                _ => {}
            }
        }
    }
}
