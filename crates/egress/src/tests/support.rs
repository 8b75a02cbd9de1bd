//! A courier with a clock, a resolver and a dialer in the test's hands, and receivers that do as they are told.

use crate::connect::Dialling;
use crate::resolve::Answer;
use crate::{Courier, CourierConfig, Dial, Outgoing, Resolve, ResolveError, SystemDial, Target};
use bytes::Bytes;
use domain::guard::AddressGuard;
use domain::route::{EndpointRoute, SealedSecret, Subscription, headers_aad, secret_aad};
use domain::target::TargetRules;
use domain::{AppId, AttemptReport, Clock, EndpointId, Outcome, RefusedRule, Rng, Timestamp};
use parking_lot::Mutex;
use signing::SecretBox;
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub const OLD_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
pub const NOW_S: i64 = 1_800_000_000;
pub const ENDPOINT: EndpointId = EndpointId(7);
/// What a server answers when all is well.
pub const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Stands still unless the test moves it.
pub struct TestClock {
    pub now_ms: AtomicI64,
    pub monotonic_us: AtomicU64,
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now_ms.load(Ordering::Relaxed))
    }
    fn monotonic_us(&self) -> u64 {
        self.monotonic_us.load(Ordering::Relaxed)
    }
}

pub struct TestRng;

impl Rng for TestRng {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(4);
    }
}

/// Gives its answers one after the other, and the last one for ever.
#[derive(Default)]
pub struct StubResolver(pub Mutex<VecDeque<Option<Vec<IpAddr>>>>);

impl StubResolver {
    pub fn new(answers: impl IntoIterator<Item = Option<Vec<IpAddr>>>) -> Arc<Self> {
        Arc::new(StubResolver(Mutex::new(answers.into_iter().collect())))
    }
    pub fn always(ip: &str) -> Arc<Self> {
        Self::new([Some(vec![ip.parse().unwrap()])])
    }
}

impl Resolve for StubResolver {
    fn resolve<'a>(&'a self, _host: &'a str) -> Answer<'a> {
        let mut answers = self.0.lock();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move { answer.flatten().ok_or(ResolveError("no answer".to_owned())) })
    }
}

/// Notes what is dialled, and leads all of it to one server, or nowhere.
#[derive(Default)]
pub struct RecordingDial {
    pub dialled: Mutex<Vec<SocketAddr>>,
    pub leads_to: Option<SocketAddr>,
}

impl Dial for RecordingDial {
    fn dial(&self, address: SocketAddr) -> Dialling<'_> {
        self.dialled.lock().push(address);
        Box::pin(async move {
            match self.leads_to {
                Some(server) => SystemDial.dial(server).await,
                None => Err(io::ErrorKind::ConnectionRefused.into()),
            }
        })
    }
}

/// Rules that let tests reach loopback.
pub fn loopback_rules() -> TargetRules {
    let guard = AddressGuard::new(vec!["127.0.0.0/8".parse().unwrap()], Vec::new());
    TargetRules { https_only: false, guard: Arc::new(guard) }
}

/// Deadlines that a test can wait for.
pub fn quick() -> CourierConfig {
    CourierConfig {
        request_timeout: Duration::from_millis(200),
        connect_timeout: Duration::from_millis(100),
        dns_timeout: Duration::from_millis(50),
        body_timeout: Duration::from_millis(50),
        rules: loopback_rules(),
        ..CourierConfig::default()
    }
}

/// Deadlines that a test never reaches unless something is wrong.
pub fn patient() -> CourierConfig {
    CourierConfig { rules: loopback_rules(), ..CourierConfig::default() }
}

pub struct Bench {
    pub courier: Courier,
    pub clock: Arc<TestClock>,
}

impl Bench {
    pub fn new(config: CourierConfig) -> Bench {
        Bench::with_network(config, StubResolver::always("127.0.0.1"), Arc::new(SystemDial))
    }

    pub fn with_network(config: CourierConfig, resolver: Arc<dyn Resolve>, dialer: Arc<dyn Dial>) -> Bench {
        let clock = Arc::new(TestClock { now_ms: AtomicI64::new(NOW_S * 1000 + 999), monotonic_us: AtomicU64::new(1) });
        let courier = Courier::with_network(config, clock.clone(), Arc::new(TestRng), resolver, dialer).unwrap();
        Bench { courier, clock }
    }

    pub fn target(&self, url: &str) -> Target {
        self.prepare(&route(url)).unwrap()
    }

    pub fn prepare(&self, route: &EndpointRoute) -> Result<Target, RefusedRule> {
        Target::prepare(route, &secret_box(), self.courier.rules())
    }

    pub async fn attempt(&self, target: &Target) -> AttemptReport {
        let body = Bytes::from_static(br#"{"hello":"world"}"#);
        self.courier.attempt(target, Outgoing { id: "msg_1", body: &body, passage: None, is_watched: false }).await
    }

    pub async fn outcome(&self, url: &str) -> Outcome {
        self.attempt(&self.target(url)).await.outcome
    }
}

pub fn secret_box() -> SecretBox {
    SecretBox::new([9; 32])
}

pub fn seal_secret(text: &str, expires_at: Option<i64>) -> SealedSecret {
    let sealed = secret_box().seal(text.as_bytes(), &secret_aad(ENDPOINT), &mut |b| b.fill(1));
    SealedSecret { sealed: sealed.into(), expires_at: expires_at.map(Timestamp) }
}

pub fn seal_headers(json: &str) -> Box<[u8]> {
    secret_box().seal(json.as_bytes(), &headers_aad(ENDPOINT), &mut |b| b.fill(1)).into()
}

pub fn route(url: &str) -> EndpointRoute {
    EndpointRoute {
        app: AppId(1),
        endpoint: ENDPOINT,
        url: url.into(),
        url_version: 1,
        disabled: false,
        paused_at: None,
        subscription: Subscription::default(),
        first_per: None,
        first_per_version: 0,
        hook: false,
        throttle_rate: None,
        app_throttle_rate: None,
        headers_sealed: Box::default(),
        secrets: vec![seal_secret(SECRET, None)],
    }
}

/// A receiver on loopback. Connections are counted by what it has heard: one list of requests for each.
pub struct Server {
    pub address: SocketAddr,
    pub connections: Arc<Mutex<Vec<Vec<String>>>>,
}

/// What a connection handler has: the socket and where to note requests.
pub struct Peer {
    pub tcp: TcpStream,
    pub number: usize,
    pub connections: Arc<Mutex<Vec<Vec<String>>>>,
}

impl Peer {
    /// The next request, or `None` at the end of the connection.
    pub async fn request(&mut self) -> Option<String> {
        let request = read_request(&mut self.tcp).await?;
        self.connections.lock()[self.number].push(request.clone());
        Some(request)
    }
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tcp.write_all(bytes).await
    }
    /// Waits until the other side goes.
    pub async fn linger(&mut self) {
        let mut sink = [0; 1024];
        while matches!(self.tcp.read(&mut sink).await, Ok(1..)) {}
    }
}

impl Server {
    /// Runs `handler` for each connection.
    pub async fn run<F, Fut>(handler: F) -> Server
    where
        F: Fn(Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(Mutex::new(Vec::new()));
        let shared = connections.clone();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let number = shared.lock().len();
                shared.lock().push(Vec::new());
                tokio::spawn(handler(Peer { tcp, number, connections: shared.clone() }));
            }
        });
        Server { address, connections }
    }

    /// Gives each request the same answer and keeps the connection.
    pub async fn answering(answer: impl Into<Vec<u8>>) -> Server {
        let answer = Arc::new(answer.into());
        Server::run(move |mut peer| {
            let answer = answer.clone();
            async move {
                while peer.request().await.is_some() {
                    if peer.write(&answer).await.is_err() {
                        break;
                    }
                }
            }
        })
        .await
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }
    pub fn connection_count(&self) -> usize {
        self.connections.lock().len()
    }
    pub fn requests(&self) -> Vec<String> {
        self.connections.lock().iter().flatten().cloned().collect()
    }
}

/// One request with a content-length, as text.
pub async fn read_request(from: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = header(head, "content-length").map_or(0, |v| v.parse().unwrap());
            if body.len() >= length {
                return Some(text.into_owned());
            }
        }
        if from.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// The value of a header in a request's text.
pub fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    request.lines().skip(1).take_while(|l| !l.is_empty()).find_map(|line| {
        let (n, value) = line.split_once(": ")?;
        n.eq_ignore_ascii_case(name).then_some(value)
    })
}

pub fn responded(status: u16) -> Outcome {
    Outcome::Responded { status, retry_after: None }
}
