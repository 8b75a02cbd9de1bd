//! The pages over a real store and the real API, asked as a browser would.

mod access;
mod accounts;
mod connecting;
mod docs;
mod frame;
mod messages;
mod operations;
mod portal;
mod receiving;
mod sending;
mod settings;

use crate::{Actor, Backend, BoxFuture, ShownSetting, Ui, UiConfig};
use api::{Api, ApiConfig, JwtAlgorithm, JwtKeys, ServerLimits};
use axum::Router;
use axum::body::Body;
use domain::{AttemptDetail, Clock, IdCodec, OrgId, PersonId, Rng, Timestamp};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use sha2::{Digest, Sha256};
use signing::account::TicketKey;
use signing::{SecretBox, SignatureType};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use store::{LeaseStream, NewAttempt, NewPerson, NewSession, Next, Role, Settlement, Store, StoreConfig};
use tokio::sync::Mutex;
use tower::ServiceExt;

const DAY: Duration = Duration::from_secs(86_400);

pub(super) struct TestClock {
    now: AtomicI64,
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }
    fn monotonic_us(&self) -> u64 {
        u64::try_from(self.now.load(Ordering::SeqCst)).unwrap() * 1000
    }
}

struct TestRng(AtomicU64);

impl Rng for TestRng {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            // SplitMix64: different each time, and the same each run.
            let n = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(n ^ (n >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

struct InProcess(Api);

impl Backend for InProcess {
    fn call(&self, actor: Actor, request: Request<Body>) -> BoxFuture<Response<Body>> {
        let api = self.0.clone();
        let actor =
            api::Actor { org: actor.org, org_text: actor.org_text, name: actor.name.into(), address: actor.address };
        Box::pin(async move { api.call_as(actor, request).await })
    }
}

/// A server's pages, with an owner, a developer and a support person of `org_one`, and an owner of `org_two`.
#[allow(dead_code, reason = "each family of tests takes what it needs")]
pub(super) struct World {
    pub store: Store,
    pub clock: Arc<TestClock>,
    pub api: Api,
    router: Router,
    orgs: [OrgId; 2],
    leases: Mutex<LeaseStream>,
    _dir: tempfile::TempDir,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Nobody,
    Owner,
    Developer,
    Support,
    /// The owner of another organisation.
    Stranger,
}

pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn location(&self) -> &str {
        self.header("location")
    }
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
    /// Fails with the page unless it says this.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.body.contains(text), "{} does not say {text:?}:\n{}", self.status, self.body);
        self
    }
    #[track_caller]
    pub fn says_not(&self, text: &str) -> &Self {
        assert!(!self.body.contains(text), "{} says {text:?}:\n{}", self.status, self.body);
        self
    }
}

#[allow(dead_code, reason = "each family of tests takes what it needs")]
impl World {
    pub async fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock { now: AtomicI64::new(1_795_000_000_000) });
        let (store, leases) =
            Store::open(store_config(&dir), clock.clone(), Arc::new(TestRng(AtomicU64::new(1)))).unwrap();
        let api = Api::new(store.clone(), api_config());
        let config = UiConfig {
            backend: Arc::new(InProcess(api.clone())),
            public_url: None,
            portal_origins: vec!["https://operator.example".to_owned()],
            trusted_proxies: Vec::new(),
            body_limit: 64 << 10,
            body_read_timeout: Duration::from_secs(5),
            version: "0.0.0",
            retry: domain::RetrySchedule::default(),
            disable_after: 5 * DAY,
            tickets: tickets(),
            reach: None,
            settings: vec![ShownSetting {
                name: "jwt-secret",
                value: Some("********".to_owned()),
                meaning: "Secret that signs API tokens",
                env: "POSTRIDER_JWT_SECRET".to_owned(),
                origin: Some("env POSTRIDER_JWT_SECRET".to_owned()),
            }],
        };
        let router = Ui::new(store.clone(), config).router();
        let orgs = [store.organisation("org_one").await.unwrap(), store.organisation("org_two").await.unwrap()];
        let world = World { store, clock, api, router, orgs, leases: Mutex::new(leases), _dir: dir };
        for who in [Who::Owner, Who::Developer, Who::Support, Who::Stranger] {
            world.person(who).await;
        }
        world
    }

    pub fn org(&self, who: Who) -> OrgId {
        self.orgs[usize::from(who == Who::Stranger)]
    }

    async fn person(&self, who: Who) -> PersonId {
        let role = match who {
            Who::Developer => Role::Developer,
            Who::Support => Role::Support,
            _ => Role::Owner,
        };
        let email = format!("{}@example.com", token(who));
        let new = NewPerson { email, name: format!("{who:?}"), role, password: None };
        let person = self.store.create_person(self.org(who), new).await.unwrap();
        let hash = Sha256::digest(token(who).as_bytes()).into();
        self.store.open_session(person.id, NewSession { hash, address: None, agent: None }).await.unwrap();
        person.id
    }

    pub fn advance(&self, by: Duration) {
        self.clock.now.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let is_stream =
            parts.headers.get("content-type").is_some_and(|t| t.as_bytes().starts_with(b"text/event-stream"));
        let body = match is_stream {
            // It has no end.
            true => bytes::Bytes::new(),
            false => body.collect().await.unwrap().to_bytes(),
        };
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
    }

    pub fn request(&self, who: Who, method: &str, path: &str) -> http::request::Builder {
        let builder =
            Request::builder().method(method).uri(path).header("host", "hooks.test").header("accept", "text/html");
        match who {
            Who::Nobody => builder,
            who => builder.header("cookie", format!("postrider_session={}", token(who))),
        }
    }

    pub async fn get(&self, who: Who, path: &str) -> Answer {
        self.send(self.request(who, "GET", path).body(Body::empty()).unwrap()).await
    }

    /// As htmx asks.
    pub async fn part(&self, who: Who, path: &str) -> Answer {
        self.send(self.request(who, "GET", path).header("hx-request", "true").body(Body::empty()).unwrap()).await
    }

    /// Submits a form of ours, with its token.
    pub async fn post(&self, who: Who, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("csrf", &crate::csrf::token(token(who)));
        form.extend_pairs(fields);
        let request = self.request(who, "POST", path).header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form.finish())).unwrap()).await
    }

    /// Ends the next delivery with an answer: one that isn't 2xx fails for good, or is tried again. Figures and issues
    /// know it afterwards.
    pub async fn answer(&self, status_code: u16, response: &'static str, retry_at: Option<Timestamp>) {
        self.answer_noting(status_code, response, retry_at, &AttemptDetail::default()).await;
    }

    /// The same of an attempt that noted more.
    pub async fn answer_noting(
        &self,
        status_code: u16,
        response: &'static str,
        retry_at: Option<Timestamp>,
        detail: &AttemptDetail,
    ) {
        let lease = self.leases.lock().await.next().await.unwrap().remove(0);
        let success = (200..300).contains(&status_code);
        let next = match (success, retry_at) {
            (true, _) => Next::Delivered,
            (false, Some(at)) => Next::RetryAt(at),
            (false, None) => Next::Dead(domain::DeadReason::Exhausted),
        };
        self.store.settle(Settlement {
            payload_bytes: u32::try_from(lease.payload.len()).unwrap(),
            key: lease.key,
            endpoint: lease.endpoint,
            cause: lease.cause,
            attempts: lease.attempts,
            attempt: Some(NewAttempt {
                success,
                status_code,
                duration_us: 50_000,
                response: response.into(),
                gone: false,
                detail: detail.pack(),
            }),
            next,
            lane: None,
        });
        self.store.ready().await.unwrap();
        self.advance(Duration::from_secs(1));
        self.store.ready().await.unwrap();
        self.store.ready().await.unwrap();
    }

    /// Calls the API as an organisation's owner: the JSON of a 2xx.
    #[track_caller]
    pub fn api(&self, who: Who, method: &str, path: &str, body: Value) -> impl Future<Output = Value> {
        let org_text = if who == Who::Stranger { "org_two" } else { "org_one" };
        let actor = api::Actor { org: self.org(who), org_text: org_text.into(), name: "test".into(), address: None };
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let (api, request, path) = (self.api.clone(), request.body(body).unwrap(), path.to_owned());
        async move {
            let response = api.call_as(actor, request).await;
            let status = response.status();
            let bytes = response.into_body().collect().await.unwrap().to_bytes();
            assert!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&bytes));
            serde_json::from_slice(&bytes).unwrap_or(Value::Null)
        }
    }
}

/// The token of a session's cookie.
pub(super) fn token(who: Who) -> &'static str {
    match who {
        Who::Nobody => "nobody",
        Who::Owner => "owner",
        Who::Developer => "developer",
        Who::Support => "support",
        Who::Stranger => "stranger",
    }
}

fn store_config(dir: &tempfile::TempDir) -> StoreConfig {
    StoreConfig {
        path: dir.path().join("test.db"),
        codec: IdCodec::new([9; 16]),
        lane_capacity: 100,
        memory_in_flight: 64 << 20,
        idempotency_window: 10_000,
        idempotency_retention: DAY,
        payload_retention: 90 * DAY,
        message_retention: 90 * DAY,
        attempt_retention: 90 * DAY,
        request_retention: 90 * DAY,
        first_seen_retention: 90 * DAY,
        dedup_window_keys: 10_000,
        visitors_remembered: 10_000,
        link_cache: 10_000,
        stat_minute_retention: 400 * DAY,
        session_lifetime: 14 * DAY,
        audit_retention: 400 * DAY,
        endpoint_disable_after: 5 * DAY,
        tail_rows_per_second: 1000,
        disk_reserve: 0,
        vfs: None,
    }
}

fn api_config() -> ApiConfig {
    ApiConfig {
        jwt: Arc::new(JwtKeys::hmac(JwtAlgorithm::Hs256, b"a secret of thirty-two bytes or more").unwrap()),
        cors: Vec::new(),
        public_url: None,
        trusted_proxies: Vec::new(),
        payload_limit: api::PAYLOAD_LIMIT_DEFAULT,
        request_body_limit: api::REQUEST_BODY_LIMIT_DEFAULT,
        import_body_limit: api::IMPORT_BODY_LIMIT_DEFAULT,
        form_file_limit: api::FORM_FILE_LIMIT_DEFAULT,
        default_signature_type: SignatureType::Hmac256,
        target_rules: domain::target::TargetRules::default(),
        secret_box: Arc::new(SecretBox::new([3; 32])),
        metrics: Arc::new(String::new),
        limits: ServerLimits::default(),
        inbound: None,
    }
}

/// Objects of pages that need more than the API: each family adds its own, by the name of its parameter.
pub(super) async fn more_objects(world: &World, objects: &mut std::collections::HashMap<&'static str, String>) {
    let body = serde_json::json!({"name": "a key", "scopes": ["read"]});
    let key = world.api(Who::Owner, "POST", "/api/v1/api-key", body).await;
    receiving::objects(world, objects).await;
    connecting::objects(world, objects).await;
    objects.insert("key", key["id"].as_str().unwrap().to_owned());
    let (person, _) = world.store.person_by_email("support@example.com").await.unwrap().unwrap();
    let invitation = store::NewInvitation {
        nonce: [7; 16],
        email: None,
        role: Role::Support,
        created_by: "person:owner@example.com".to_owned(),
        expires_at: domain::Clock::now(&*world.clock).plus(DAY),
    };
    world.store.create_invitation(world.org(Who::Owner), invitation).await.unwrap();
    objects.insert("invitation", "07".repeat(16));
    objects.insert("person", world.store.codec().text(person.id));
    world.answer(503, "busy", None).await;
    let page = store::PageQuery { limit: 1, cursor: None, order: store::Order::Descending };
    let issues = world.store.issues(world.org(Who::Owner), page, store::IssueFilter::default()).await.unwrap();
    objects.insert("issue", world.store.codec().text(issues.data[0].id));
    let path = format!("/api/v1/app/{}/endpoint/{}/replay", objects["app"], objects["endpoint"]);
    let task = world.api(Who::Owner, "POST", &path, serde_json::json!({"since": "2026-01-01T00:00:00Z"})).await;
    objects.insert("task", task["id"].as_str().unwrap().to_owned());
}

/// The key of the world's one-time tickets.
pub(super) fn tickets() -> TicketKey {
    TicketKey::derive(&[b"a data folder's secret"])
}
