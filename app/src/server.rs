//! A running Postrider: store, engine and API, wired together and taken down in order.
//!
//! Used by `serve` and `demo`. **Invariant:** the only place that knows all the parts.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::{Api, ApiConfig, JwtKeys, ServerLimits};
use domain::guard::AddressGuard;
use domain::target::TargetRules;
use domain::{Clock, IdCodec, LinkId, RetrySchedule, Rng};
use egress::{Courier, CourierConfig, ProxyUrl, Target};
use engine::{Engine, Limits};
use ingest::{Countries, Ingest, IngestConfig};
use signing::SecretBox;
use store::{Store, StoreConfig};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use ui::ShownSetting;

use crate::clock::{OsRng, SystemClock};
use crate::data_dir::DataDir;
use crate::exit::Exit;
use crate::inbound::{Door, Fetcher, OwnBins};
use crate::metrics;
use crate::pages;
use crate::settings::{AttemptHeaders, Cors, JwtAlgorithm, Settings, SignatureHeaders, SignatureType};

/// Between looks for links that were made since.
const WARM_PAUSE: Duration = Duration::from_secs(2);

/// Why a server does not start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{0}")]
    Store(#[from] store::OpenError),
    #[error("{0}")]
    Courier(#[from] egress::CourierError),
    #[error("jwt-secret or jwt-public-key can't be used: {0}")]
    Jwt(#[from] api::JwtKeyError),
    #[error("proxy can't be used: {0}")]
    Proxy(#[from] egress::ProxyUrlError),
    #[error("geoip-database: {0}")]
    Countries(#[from] ingest::CountriesError),
    #[error("{address} can't be listened on: {source}; {advice}")]
    Bind { address: SocketAddr, source: io::Error, advice: &'static str },
}

impl StartError {
    pub fn exit(&self) -> Exit {
        match self {
            StartError::Store(_) => Exit::DataFolder,
            StartError::Courier(_) | StartError::Jwt(_) | StartError::Proxy(_) | StartError::Countries(_) => {
                Exit::Usage
            }
            StartError::Bind { .. } => Exit::Bind,
        }
    }
}

/// What a server is told of where it runs, beyond its settings.
pub struct Scene {
    /// The settings, for the page that shows them.
    pub shown: Vec<ShownSetting>,
    /// Somebody sits before it who can see a browser.
    pub desktop: bool,
}

/// A server that accepts requests.
pub struct Server {
    pub address: SocketAddr,
    pub store: Store,
    engine: Engine,
    ingest: Arc<Ingest>,
    accepting: JoinHandle<bool>,
    stop: oneshot::Sender<()>,
    shutdown_timeout: Duration,
    warming: tokio::task::AbortHandle,
}

impl Server {
    /// Binds, opens the store, and starts. Call it inside a tokio runtime.
    pub async fn start(
        settings: &Settings,
        data_dir: &DataDir,
        shown: Vec<ShownSetting>,
    ) -> Result<Server, StartError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let rng: Arc<dyn Rng> = Arc::new(OsRng);
        let listener = bind(settings.listen).await?;
        let address = listener.local_addr().unwrap_or(settings.listen);
        let guard = AddressGuard::new(settings.allow_subnet.clone(), vec![address]);
        let guard = guard.with_own_origins(own_origins(settings, address));
        let rules = TargetRules { https_only: settings.endpoint_https_only, guard: Arc::new(guard) };
        let secret_box = Arc::new(SecretBox::new(match &settings.encryption_key {
            Some(key) => *key.bytes(),
            None => *data_dir.secrets.encryption_key.bytes(),
        }));
        let own_bins = Arc::new(OwnBins::default());
        let config = CourierConfig { inbox: Some(own_bins.clone()), ..courier_config(settings, &rules)? };
        let courier = Courier::new(config, clock.clone(), rng.clone())?;
        let jwt = Arc::new(jwt_keys(settings, data_dir)?);
        let fetcher = Arc::new(Fetcher(Courier::new(courier_config(settings, &rules)?, clock.clone(), rng.clone())?));
        let (store, leases) = Store::open(store_config(settings, data_dir), clock, rng)?;
        let ingest = Ingest::new(store.clone(), secret_box.clone(), fetcher.clone(), ingest_config(settings)?);
        let ingest = Arc::new(ingest);
        own_bins.open(store.clone(), &ingest);
        tokio::spawn(ingest.clone().run());
        let warming = tokio::spawn(warm_links(store.clone())).abort_handle();
        let prepare = {
            let (rules, secret_box) = (rules.clone(), secret_box.clone());
            Box::new(move |route: &domain::EndpointRoute| Target::prepare(route, &secret_box, &rules))
        };
        let engine = Engine::start(store.clone(), leases, courier, prepare, limits(settings));
        let text = metrics::text(engine.clone(), ingest.clone());
        let inbound = Arc::new(Door(ingest.clone()));
        let config = ApiConfig { inbound: Some(inbound), ..api_config(settings, jwt, rules, secret_box, text) };
        let api = Api::new(store.clone(), config);
        let api = pages::merge(api, &store, settings, data_dir, shown, fetcher);
        let (stop, stopped) = oneshot::channel();
        let accepting = tokio::spawn(api::serve(listener, api, async {
            let _ = stopped.await;
        }));
        Ok(Server {
            address,
            store,
            engine,
            ingest,
            accepting,
            stop,
            shutdown_timeout: settings.shutdown_timeout,
            warming,
        })
    }

    /// Accepts nothing more, lets requests and attempts in flight end within the limit, gives the rest back.
    pub async fn stop(self) {
        self.warming.abort();
        let limit = self.shutdown_timeout;
        let _ = self.stop.send(());
        let (_, left) = tokio::join!(tokio::time::timeout(limit, self.accepting), self.engine.stop(limit));
        if left > 0 {
            tracing::warn!(attempts = left, "attempts were cut off; they will be made again after the next start");
        }
        // No request is left that could make a click.
        if tokio::time::timeout(limit, self.ingest.finish()).await.is_err() {
            tracing::warn!("clicks are lost: the store did not take them in time");
        }
        self.store.close().await;
    }
}

/// Keeps links in memory ahead of their first redirects, those of imports too, until the server ends.
async fn warm_links(store: Store) {
    let mut at = LinkId(0);
    loop {
        match store.warm_links(at).await {
            Ok(Some(next)) => at = next,
            // A redirect reads its link itself, too.
            Ok(None) | Err(_) => tokio::time::sleep(WARM_PAUSE).await,
        }
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| {
        let advice = match source.kind() {
            io::ErrorKind::AddrInUse => "another program uses it: stop that one, or choose another with --listen",
            io::ErrorKind::PermissionDenied => "ports below 1024 need privileges: choose another with --listen",
            io::ErrorKind::AddrNotAvailable => "no interface of this machine has it: choose another with --listen",
            _ => "choose another with --listen",
        };
        StartError::Bind { address, source, advice }
    })
}

fn store_config(s: &Settings, data_dir: &DataDir) -> StoreConfig {
    StoreConfig {
        path: data_dir.database(),
        codec: IdCodec::new(data_dir.secrets.id_key.to_be_bytes()),
        lane_capacity: s.lane_capacity,
        memory_in_flight: s.memory_in_flight.bytes(),
        idempotency_window: s.idempotency_window as usize,
        idempotency_retention: s.idempotency_retention,
        payload_retention: s.payload_retention,
        message_retention: s.message_retention,
        attempt_retention: s.attempt_retention,
        session_lifetime: Duration::from_secs(14 * 24 * 3600),
        audit_retention: Duration::from_secs(400 * 24 * 3600),
        endpoint_disable_after: s.endpoint_disable_after,
        request_retention: s.request_retention,
        first_seen_retention: s.first_per_retention,
        dedup_window_keys: s.dedup_window_keys as usize,
        visitors_remembered: s.visitors_remembered as usize,
        link_cache: s.link_cache as usize,
        stat_minute_retention: s.stat_retention,
        // A quarter of what all viewers together may cost.
        tail_rows_per_second: (s.live_rows_per_second / 4).max(1),
        disk_reserve: s.disk_reserve.bytes(),
        vfs: None,
    }
}

fn ingest_config(s: &Settings) -> Result<IngestConfig, StartError> {
    let countries = s.geoip_database.as_deref().map(Countries::open).transpose()?;
    Ok(IngestConfig {
        public_url: public_url(s),
        trusted_proxies: s.trusted_proxies.clone(),
        body_limit: usize_of(s.inbound_body_limit.bytes()),
        bodies_limit: usize_of(s.inbound_memory.bytes()),
        headers_max: s.inbound_headers_limit as usize,
        header_bytes_max: usize_of(s.inbound_header_bytes_limit.bytes()),
        form_body_limit: usize_of(s.form_body_limit.bytes()),
        form_fields_max: s.form_fields_limit as usize,
        form_file_limit: s.form_file_limit.bytes(),
        body_read_timeout: s.body_read_timeout,
        click_queue: s.click_queue as usize,
        countries: countries.map(Arc::new),
        ..IngestConfig::default()
    })
}

/// Where this server is found: by others, and by programs on this machine.
fn own_origins(s: &Settings, address: SocketAddr) -> Vec<String> {
    let port = address.port();
    let is_local = address.ip().is_loopback() || address.ip().is_unspecified();
    let local = ["localhost", "127.0.0.1", "[::1]"].map(|host| format!("http://{host}:{port}"));
    let mut origins: Vec<String> = public_url(s).into_iter().collect();
    if !address.ip().is_unspecified() {
        origins.push(format!("http://{address}"));
    }
    origins.extend(local.into_iter().filter(|_| is_local));
    origins
}

fn public_url(s: &Settings) -> Option<String> {
    s.public_url.as_ref().map(|u| u.as_str().trim_end_matches('/').to_owned())
}

fn courier_config(s: &Settings, rules: &TargetRules) -> Result<CourierConfig, StartError> {
    Ok(CourierConfig {
        request_timeout: s.request_timeout,
        connect_timeout: s.connect_timeout,
        dns_timeout: s.dns_timeout,
        body_timeout: s.response_body_timeout,
        idle_timeout: s.endpoint_idle_timeout,
        rules: rules.clone(),
        http2: s.http2,
        proxy: s.proxy.as_ref().map(|url| ProxyUrl::parse(url.as_str())).transpose()?,
        extra_ca_file: s.egress_ca_file.clone(),
        response_read_limit: usize_of(s.response_read_limit.bytes()),
        response_store_limit: usize_of(s.response_store_limit.bytes()),
        response_headers_store_limit: usize_of(s.response_headers_store_limit.bytes()),
        attempt_headers: match s.attempt_headers {
            AttemptHeaders::Failed => egress::AttemptHeaders::Failed,
            AttemptHeaders::All => egress::AttemptHeaders::All,
            AttemptHeaders::None => egress::AttemptHeaders::None,
        },
        idle_per_destination: s.host_concurrency as usize,
        signature_headers: match s.signature_headers {
            SignatureHeaders::Webhook => egress::SignatureHeaders::Webhook,
            SignatureHeaders::Svix => egress::SignatureHeaders::Svix,
            SignatureHeaders::Both => egress::SignatureHeaders::Both,
        },
        user_agent: concat!("Postrider/", env!("CARGO_PKG_VERSION")).to_owned(),
        ..CourierConfig::default()
    })
}

fn limits(s: &Settings) -> Limits {
    Limits {
        global: s.global_concurrency,
        per_endpoint: s.endpoint_concurrency,
        per_host: s.host_concurrency,
        lane_capacity: s.lane_capacity,
        schedule: RetrySchedule::new(s.retry_schedule.clone(), s.retry_jitter_percent),
    }
}

fn jwt_keys(s: &Settings, data_dir: &DataDir) -> Result<JwtKeys, StartError> {
    let secret = s.jwt_secret.as_ref().unwrap_or(&data_dir.secrets.jwt_secret).expose().as_bytes();
    let algorithm = match s.jwt_algorithm {
        JwtAlgorithm::Hs256 => api::JwtAlgorithm::Hs256,
        JwtAlgorithm::Hs384 => api::JwtAlgorithm::Hs384,
        JwtAlgorithm::Hs512 => api::JwtAlgorithm::Hs512,
        JwtAlgorithm::Rs256 => api::JwtAlgorithm::Rs256,
        JwtAlgorithm::EdDsa => api::JwtAlgorithm::EdDsa,
    };
    Ok(match &s.jwt_public_key {
        Some(pem) => JwtKeys::public(algorithm, pem.as_str(), secret)?,
        None => JwtKeys::hmac(algorithm, secret)?,
    })
}

fn api_config(
    s: &Settings,
    jwt: Arc<JwtKeys>,
    target_rules: TargetRules,
    secret_box: Arc<SecretBox>,
    metrics: Arc<dyn Fn() -> String + Send + Sync>,
) -> ApiConfig {
    ApiConfig {
        jwt,
        cors: match &s.cors {
            Cors::Any => vec!["*".to_owned()],
            Cors::Only(origins) => origins.clone(),
        },
        public_url: public_url(s),
        trusted_proxies: s.trusted_proxies.clone(),
        payload_limit: usize_of(s.payload_limit.bytes()),
        request_body_limit: usize_of(s.request_body_limit.bytes()),
        import_body_limit: s.import_body_limit.bytes(),
        form_file_limit: s.form_file_limit.bytes(),
        default_signature_type: match s.default_signature_type {
            SignatureType::Hmac256 => signing::SignatureType::Hmac256,
            SignatureType::Ed25519 => signing::SignatureType::Ed25519,
        },
        target_rules,
        secret_box,
        metrics,
        limits: ServerLimits {
            max_connections: s.max_connections as usize,
            header_read_timeout: s.header_read_timeout,
            body_read_timeout: s.body_read_timeout,
            idempotency_wait: s.idempotency_wait,
            max_headers: s.request_headers_limit as usize,
            max_header_bytes: usize_of(s.request_header_bytes_limit.bytes()),
            inbound_headers: s.inbound_headers_limit as usize,
            inbound_header_bytes: usize_of(s.inbound_header_bytes_limit.bytes()),
            drain_timeout: s.shutdown_timeout,
            max_streams: s.max_streams as usize,
            live_rows_per_second: s.live_rows_per_second,
            ..ServerLimits::default()
        },
        inbound: None,
    }
}

fn usize_of(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
