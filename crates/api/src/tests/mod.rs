//! The API from outside: a real listener, a real store on disk, a small HTTP client.

mod access;
mod api_keys;
mod attempts;
mod audit;
mod bad_input;
mod bins;
mod conversions;
mod described;
mod document;
mod endpoints;
mod figures;
mod forms;
mod hooks;
mod idempotency;
mod imports;
mod links;
mod lists;
mod messages;
mod objects;
mod openapi;
mod operations;
mod poller;
mod portal;
mod request_streams;
mod requests;
mod serving;
mod sources;
mod sse;
mod streams;
mod svix_shapes;
mod tail;

use crate::{Api, ApiConfig, Capabilities, JwtAlgorithm, JwtKeys, NewToken, ServerLimits, serve};
use bytes::Bytes;
use domain::target::TargetRules;
use domain::{Clock, IdCodec, Rng, Timestamp};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use signing::{SecretBox, SignatureType};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use store::{LeaseStream, Store, StoreConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, oneshot};

pub(super) const JWT_SECRET: &str = "a secret for the tests, long enough";
pub(super) const START: Timestamp = Timestamp(1_795_247_040_000);

/// A clock that the test moves.
pub(super) struct TestClock {
    now: AtomicI64,
    ticks: AtomicU64,
}

impl TestClock {
    pub fn advance(&self, d: Duration) {
        self.now.fetch_add(i64::try_from(d.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }
    fn monotonic_us(&self) -> u64 {
        self.ticks.fetch_add(7, Ordering::SeqCst)
    }
}

/// Different bytes each time, the same in each run (splitmix64).
struct TestRng(AtomicU64);

impl Rng for TestRng {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

pub(super) struct Server {
    pub address: std::net::SocketAddr,
    pub store: Store,
    pub clock: Arc<TestClock>,
    pub leases: Mutex<LeaseStream>,
    pub stop: Option<oneshot::Sender<()>>,
    pub stopped: Option<tokio::task::JoinHandle<bool>>,
    pub api: Api,
    keys: Arc<JwtKeys>,
    _dir: tempfile::TempDir,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {:?}", self.body))
    }
    /// The body, after a check of the status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        if self.body.is_empty() { Value::Null } else { self.json() }
    }
    /// Checks status and `code` of a problem.
    #[track_caller]
    pub fn refuse(&self, status: u16, code: &str) {
        let body = self.expect(status);
        assert_eq!(body["code"], code, "{body}");
        assert!(body["detail"].as_str().is_some_and(|d| !d.is_empty()), "{body}");
    }
    /// Checks that it is a validation problem with this place first.
    #[track_caller]
    pub fn invalid(&self, place: &str, field: &str) {
        let body = self.expect(422);
        assert_eq!(body["detail"][0]["loc"], json!([place, field]), "{body}");
        assert!(body["detail"][0]["msg"].is_string() && body["detail"][0]["type"].is_string(), "{body}");
    }
}

pub(super) async fn server() -> Server {
    server_with(|_| {}).await
}

pub(super) async fn server_with(change: impl FnOnce(&mut ApiConfig)) -> Server {
    server_on(0, change).await
}

/// On a disk whose last `disk_reserve` bytes are not for us.
pub(super) async fn server_on(disk_reserve: u64, change: impl FnOnce(&mut ApiConfig)) -> Server {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock { now: AtomicI64::new(START.0), ticks: AtomicU64::new(0) });
    let rng: Arc<dyn Rng> = Arc::new(TestRng(AtomicU64::new(1)));
    let store_config = StoreConfig {
        path: dir.path().join("test.db"),
        codec: IdCodec::new([9; 16]),
        lane_capacity: 100,
        memory_in_flight: 64 << 20,
        idempotency_window: 10_000,
        idempotency_retention: Duration::from_secs(12 * 3600),
        payload_retention: Duration::from_secs(90 * 86_400),
        message_retention: Duration::from_secs(90 * 86_400),
        attempt_retention: Duration::from_secs(90 * 86_400),
        request_retention: Duration::from_secs(90 * 86_400),
        first_seen_retention: Duration::from_secs(90 * 86_400),
        dedup_window_keys: 10_000,
        visitors_remembered: 10_000,
        link_cache: 10_000,
        stat_minute_retention: Duration::from_secs(400 * 86_400),
        session_lifetime: Duration::from_secs(14 * 86_400),
        audit_retention: Duration::from_secs(400 * 86_400),
        endpoint_disable_after: Duration::from_secs(5 * 86_400),
        tail_rows_per_second: 1000,
        disk_reserve,
        vfs: None,
    };
    let (store, leases) = Store::open(store_config, clock.clone(), rng).unwrap();
    let keys = Arc::new(JwtKeys::hmac(JwtAlgorithm::Hs256, JWT_SECRET.as_bytes()).unwrap());
    let mut config = ApiConfig {
        jwt: keys.clone(),
        cors: vec!["*".into()],
        public_url: None,
        trusted_proxies: Vec::new(),
        payload_limit: crate::PAYLOAD_LIMIT_DEFAULT,
        request_body_limit: crate::REQUEST_BODY_LIMIT_DEFAULT,
        import_body_limit: crate::IMPORT_BODY_LIMIT_DEFAULT,
        form_file_limit: crate::FORM_FILE_LIMIT_DEFAULT,
        default_signature_type: SignatureType::Hmac256,
        target_rules: TargetRules::default(),
        secret_box: Arc::new(SecretBox::new([3; 32])),
        metrics: Arc::new(|| "postrider_test_metric 1\n".to_owned()),
        limits: ServerLimits::default(),
        inbound: None,
    };
    change(&mut config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopping) = oneshot::channel();
    let api = Api::new(store.clone(), config);
    let stopped = tokio::spawn(serve(listener, api.clone(), async {
        let _ = stopping.await;
    }));
    let (stop, stopped) = (Some(stop), Some(stopped));
    Server { address, store, clock, leases: Mutex::new(leases), stop, stopped, api, keys, _dir: dir }
}

impl Server {
    pub fn org_token(&self, org: &str) -> String {
        self.token(org, None, Capabilities::ALL)
    }
    pub fn app_token(&self, org: &str, app: &str) -> String {
        self.token(org, Some(app), Capabilities::ALL)
    }
    pub fn token(&self, org: &str, app: Option<&str>, capabilities: Capabilities) -> String {
        self.token_at(START, org, app, capabilities)
    }
    pub fn token_at(&self, now: Timestamp, org: &str, app: Option<&str>, capabilities: Capabilities) -> String {
        // No two tokens are the same, as one may be revoked.
        let nonce = self.clock.ticks.fetch_add(1, Ordering::SeqCst);
        let new = NewToken { org, app, expires_at: None, capabilities, feature_flags: &[], session: None, nonce };
        self.keys.mint(&new, now)
    }

    /// One request on a connection of its own, exactly as given.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let driver = tokio::spawn(connection);
        let asked = document::Asked::of(&request).await;
        let response = sender.send_request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        driver.abort();
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        document::check(&asked, &answer);
        answer
    }

    pub async fn raw(&self, token: &str, method: Method, path: &str, body: impl Into<Bytes>) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("authorization", format!("Bearer {token}"))
            .body(Full::new(body.into()))
            .unwrap();
        self.send(request).await
    }

    /// As the organisation `org_test`; `path` is below `/api/v1`.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|b| b.to_string()).unwrap_or_default();
        self.raw(&self.org_token("org_test"), method, &format!("/api/v1{path}"), body).await
    }
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }
    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// As the organisation `org_test`; `path` is below `/ingest/api/v1/source`.
    pub async fn ingest(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|b| b.to_string()).unwrap_or_default();
        self.raw(&self.org_token("org_test"), method, &format!("/ingest/api/v1/source{path}"), body).await
    }

    /// An application with this uid; its id.
    pub async fn app(&self, uid: &str) -> String {
        text(&self.post("/app", json!({"name": uid, "uid": uid})).await.expect(201)["id"])
    }
    /// An endpoint of an application; its id.
    pub async fn endpoint(&self, app: &str, uid: &str) -> String {
        let body = json!({"url": "https://example.com/hook", "uid": uid});
        text(&self.post(&format!("/app/{app}/endpoint"), body).await.expect(201)["id"])
    }
    /// A message; its id.
    pub async fn message(&self, app: &str, event_type: &str) -> String {
        let body = json!({"eventType": event_type, "payload": {"n": 1}});
        text(&self.post(&format!("/app/{app}/msg"), body).await.expect(202)["id"])
    }
}

pub(super) fn text(v: &Value) -> String {
    v.as_str().unwrap_or_else(|| panic!("not a string: {v}")).to_owned()
}
