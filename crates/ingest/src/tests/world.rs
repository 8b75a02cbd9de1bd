//! A real store behind a real server on a socket, and a client that sends bytes.

use crate::tests::support::{FakeFetch, TestClock, TestRng, secret_box};
use crate::{Ingest, IngestConfig};
use domain::{IdCodec, OrgId, RequestId, SourceId};
use http::header::HeaderValue;
use http::{HeaderMap, HeaderName};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use signing::providers::{Draft, Provider, sign};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use store::{CapturedRequest, LeaseStream, Message, MessageFilter, Order, PageQuery, RequestFilter, Source};
use store::{SourceFields, SourcePatch, Store, StoreConfig};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct World {
    pub store: Store,
    pub ingest: Arc<Ingest>,
    pub clock: Arc<TestClock>,
    pub fetch: Arc<FakeFetch>,
    pub address: SocketAddr,
    pub org: OrgId,
    _leases: LeaseStream,
    _dir: TempDir,
}

/// An answer, as it came.
#[derive(Debug)]
pub(crate) struct Answered {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answered {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

pub(crate) const SECRET: &str = "correct horse battery staple";

impl World {
    pub async fn new() -> World {
        World::with(|_| ()).await
    }

    pub async fn with(change: impl FnOnce(&mut IngestConfig)) -> World {
        let dir = tempfile::tempdir().unwrap();
        let (clock, fetch) = (Arc::new(TestClock::default()), Arc::new(FakeFetch::default()));
        let (store, leases) = Store::open(store_config(&dir), clock.clone(), Arc::new(TestRng::default())).unwrap();
        let org = store.organisation("org_test").await.unwrap();
        let mut config = IngestConfig::default();
        change(&mut config);
        let headers_max = config.headers_max;
        let ingest = Arc::new(Ingest::new(store.clone(), secret_box(), fetch.clone(), config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, ingest.clone(), headers_max));
        World { store, ingest, clock, fetch, address, org, _leases: leases, _dir: dir }
    }

    /// A source with this configuration. Its token is its name, padded.
    pub async fn source(&self, name: &str, kind: &str, config: Value, f: impl FnOnce(&mut SourceFields)) -> Source {
        let mut fields =
            SourceFields { name: name.into(), kind: kind.into(), forwards: true, ..SourceFields::default() };
        f(&mut fields);
        let seal = move |id: SourceId| {
            let plain = serde_json::to_vec(&config).unwrap();
            secret_box().seal(&plain, &domain::source_config_aad(id), &mut |bytes| bytes.fill(3))
        };
        let token = format!("{name:_<24}");
        self.store.create_source(self.org, fields, token, Box::new(seal)).await.unwrap()
    }

    pub async fn change(&self, source: &Source, patch: SourcePatch) {
        self.store.patch_source(self.org, &store::Ref::Id(source.id), patch).await.unwrap();
    }

    /// A `POST` to a source's URL.
    pub async fn post(&self, source: &Source, headers: &[(String, String)], body: &[u8]) -> Answered {
        self.request("POST", &format!("/in/{}", source.token), headers, body).await
    }

    pub async fn get(&self, path: &str) -> Answered {
        self.request("GET", path, &[], b"").await
    }

    pub async fn request(&self, method: &str, path: &str, headers: &[(String, String)], body: &[u8]) -> Answered {
        let mut raw = format!("{method} {path} HTTP/1.1\r\nhost: hooks.example\r\nconnection: close\r\n").into_bytes();
        for (name, value) in headers {
            raw.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        raw.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
        raw.extend_from_slice(body);
        self.raw(&raw).await
    }

    /// Sends bytes and reads the answer; the sending half stays open.
    pub async fn raw(&self, bytes: &[u8]) -> Answered {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        read_answer(&mut stream).await
    }

    /// Its requests, oldest first, with bodies.
    pub async fn requests(&self, source: &Source) -> Vec<CapturedRequest> {
        let page = PageQuery { limit: 250, cursor: None, order: Order::Ascending };
        let filter = RequestFilter { with_body: true, ..RequestFilter::default() };
        self.store.requests(source.id, page, filter).await.unwrap().data
    }

    /// The messages made of its requests, oldest first.
    pub async fn messages(&self, source: &Source) -> Vec<Message> {
        let page = PageQuery { limit: 250, cursor: None, order: Order::Ascending };
        let filter = MessageFilter { with_content: true, ..MessageFilter::default() };
        let mut all = self.store.messages(source.app, page, filter).await.unwrap().data;
        all.sort_by_key(|m| m.id);
        all
    }

    pub fn id(&self, answered: &Answered) -> RequestId {
        self.store.codec().read(answered.header("postrider-request-id")).unwrap()
    }

    /// The headers with which a provider would send this to a source without a public URL.
    pub fn signed(&self, source: &Source, config: &Value, body: &[u8], id: &str) -> Vec<(String, String)> {
        let draft = Draft {
            method: "POST",
            url: &format!("http://hooks.example/in/{}", source.token),
            content_type: "application/json",
            body,
            now_ms: self.store.clock().now().millis(),
            event_type: "push",
            event_id: id,
        };
        sign(Provider::find(&source.kind).unwrap(), config, &draft).unwrap()
    }
}

/// Reads until the other end closes.
pub(crate) async fn read_answer(stream: &mut TcpStream) -> Answered {
    let mut all = Vec::new();
    // A reset after the answer is no failure of it.
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut all)).await.expect("no answer");
    let end = all.windows(4).position(|w| w == b"\r\n\r\n").expect("no head");
    let head = std::str::from_utf8(&all[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
    };
    let headers = lines.map(header).collect();
    Answered { status, headers, body: String::from_utf8(all[end + 4..].to_vec()).unwrap() }
}

async fn serve(listener: TcpListener, ingest: Arc<Ingest>, headers_max: usize) {
    loop {
        let (stream, peer) = listener.accept().await.unwrap();
        let ingest = ingest.clone();
        let service = service_fn(move |request| {
            let ingest = ingest.clone();
            async move { Ok::<_, Infallible>(ingest.answer(request, peer).await) }
        });
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).max_headers(headers_max * 2).max_buf_size(128 * 1024);
        tokio::spawn(async move {
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn store_config(dir: &TempDir) -> StoreConfig {
    let month = Duration::from_secs(30 * 86_400);
    StoreConfig {
        path: dir.path().join("test.db"),
        codec: IdCodec::new([9; 16]),
        lane_capacity: 100,
        memory_in_flight: 64 << 20,
        idempotency_window: 10_000,
        idempotency_retention: month,
        payload_retention: month,
        message_retention: month,
        attempt_retention: month,
        request_retention: month,
        first_seen_retention: month,
        dedup_window_keys: 10_000,
        visitors_remembered: 10_000,
        link_cache: 10_000,
        stat_minute_retention: month,
        session_lifetime: Duration::from_secs(14 * 86_400),
        audit_retention: Duration::from_secs(400 * 86_400),
        endpoint_disable_after: month,
        tail_rows_per_second: 1000,
        disk_reserve: 0,
        vfs: None,
    }
}
