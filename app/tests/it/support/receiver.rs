//! Receivers of webhooks: one that records and answers as told, and one that takes connections and says nothing.

use std::collections::HashMap;
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::client::read_head;
use super::{DEADLINE, Watch};

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub at: Instant,
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }
    /// The message's id.
    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }
}

/// What to say: a status, and headers if any, each with its line end. Without a `content-length` the body is empty; with
/// one, an empty line and the body follow.
pub struct Say(pub u16, pub &'static str);

/// Gives the answer to a request; `usize` is how many came to the same path before.
type Behaviour = dyn Fn(&Seen, usize) -> Say + Send + Sync;

#[derive(Default)]
struct Record {
    seen: Vec<Seen>,
    by_path: HashMap<String, usize>,
    streams: Vec<TcpStream>,
    open: usize,
    open_max: usize,
    stopped: bool,
}

/// A receiver that records and answers.
pub struct Receiver {
    pub address: SocketAddr,
    record: Arc<Watch<Record>>,
}

impl Receiver {
    /// One that answers 204 to everything.
    pub fn good() -> Receiver {
        Receiver::start(|_, _| Say(204, ""))
    }

    pub fn start(behaviour: impl Fn(&Seen, usize) -> Say + Send + Sync + 'static) -> Receiver {
        let behaviour: Arc<Behaviour> = Arc::new(behaviour);
        Receiver::listen(move |stream, record| {
            let _ = serve(stream, record, &*behaviour);
        })
    }

    /// One that takes connections, reads nothing and says nothing.
    pub fn black_hole() -> Receiver {
        Receiver::listen(|mut stream, _| {
            // Ends when the sender gives up; what it sent is dropped.
            let _ = io::copy(&mut stream, &mut io::sink());
        })
    }

    /// A good one at this address.
    pub fn at(address: SocketAddr) -> Receiver {
        Receiver::listen_at(address, |stream, record| {
            let _ = serve(stream, record, &|_, _| Say(204, ""));
        })
    }

    fn listen(each: impl Fn(TcpStream, &Watch<Record>) + Send + Sync + 'static) -> Receiver {
        Receiver::listen_at(SocketAddr::from(([127, 0, 0, 1], 0)), each)
    }

    fn listen_at(address: SocketAddr, each: impl Fn(TcpStream, &Watch<Record>) + Send + Sync + 'static) -> Receiver {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let record = Arc::new(Watch::new(Record::default()));
        let (shared, each) = (record.clone(), Arc::new(each));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                let stopped = shared.with(|r| {
                    r.streams.extend(stream.try_clone());
                    r.open += 1;
                    r.open_max = r.open_max.max(r.open);
                    r.stopped
                });
                if stopped {
                    return;
                }
                let (shared, each) = (shared.clone(), each.clone());
                thread::spawn(move || {
                    each(stream, &shared);
                    shared.with(|r| r.open -= 1);
                });
            }
        });
        Receiver { address, record }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits until `f` finds what it looks for in what has come so far.
    pub fn wait<R>(&self, what: &str, mut f: impl FnMut(&[Seen]) -> Option<R>) -> R {
        let found = self.record.wait(DEADLINE, |r| f(&r.seen));
        found.unwrap_or_else(|| panic!("never came: {what}; there were {}", self.seen().len()))
    }
    /// Waits for so many requests to a path; all that came to it.
    pub fn wait_for(&self, path: &str, n: usize) -> Vec<Seen> {
        self.wait(&format!("{n} requests to {path}"), |seen| {
            let here: Vec<&Seen> = seen.iter().filter(|s| s.path == path).collect();
            (here.len() >= n).then(|| here.into_iter().cloned().collect())
        })
    }
    /// Whether so many requests come within a time.
    pub fn comes_within(&self, n: usize, within: Duration) -> bool {
        self.record.wait(within, |r| (r.seen.len() >= n).then_some(())).is_some()
    }
    pub fn seen(&self) -> Vec<Seen> {
        self.record.with(|r| r.seen.clone())
    }
    /// Connections that were open at once, at most.
    pub fn open_max(&self) -> usize {
        self.record.with(|r| r.open_max)
    }
    pub fn wait_for_open(&self, n: usize) {
        let came = self.record.wait(DEADLINE, |r| (r.open >= n).then_some(()));
        assert!(came.is_some(), "{n} connections never came; {} at once", self.open_max());
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.record.with(|r| {
            r.stopped = true;
            for stream in r.streams.drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
        let _ = TcpStream::connect(self.address);
    }
}

/// Requests of one connection, until it ends.
fn serve(stream: TcpStream, record: &Watch<Record>, behaviour: &Behaviour) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    loop {
        let (first, headers) = read_head(&mut stream)?;
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut seen = Seen { path, headers, body: Vec::new(), at: Instant::now() };
        seen.body.resize(seen.header("content-length").parse().unwrap_or(0), 0);
        stream.read_exact(&mut seen.body)?;
        let before = record.with(|r| {
            r.seen.push(seen.clone());
            let count = r.by_path.entry(seen.path.clone()).or_default();
            *count += 1;
            *count - 1
        });
        let Say(status, headers) = behaviour(&seen, before);
        let rest = match status {
            _ if headers.contains("content-length") => "",
            204 => "\r\n",
            _ => "content-length: 0\r\n\r\n",
        };
        stream.get_mut().write_all(format!("HTTP/1.1 {status} Said\r\n{headers}{rest}").as_bytes())?;
    }
}
