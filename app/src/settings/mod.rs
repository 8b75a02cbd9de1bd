//! The settings of Postrider: one typed struct, filled from defaults < `postrider.toml` < `POSTRIDER_*` < flags.
//!
//! `table` lists every setting once (name, default, meaning, field) and drives the file, the environment, the flags and
//! the documentation; `value` says how each type is written; `layers` finds what was given where; `rules` checks values
//! against each other.
//!
//! **Invariant:** parsed once, here; nobody else reads the environment or the file, and nobody gets text.

mod choice;
mod error;
pub mod flags;
mod layers;
mod rules;
pub mod show;
mod table;
mod value;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

pub use choice::{AttemptHeaders, JwtAlgorithm, LogFormat, SignatureHeaders, SignatureType};
pub use error::SettingsError;
pub use layers::{ConfigFile, Origin, find_file};
pub use table::{SETTINGS, Setting};
pub use value::{Cors, LogFilter, Pem, WebOrigin};

use crate::secret::{EncryptionKey, JwtSecret};
use crate::size::ByteSize;

/// Every setting, checked. What each means, its unit and its default are in `table`.
///
/// No Debug: it holds secrets.
pub struct Settings {
    pub listen: SocketAddr,
    pub data_dir: PathBuf,
    pub public_url: Option<Url>,
    pub cors: Cors,
    pub portal_origins: Vec<WebOrigin>,
    /// `None`: the one in the data folder.
    pub jwt_secret: Option<JwtSecret>,
    pub jwt_algorithm: JwtAlgorithm,
    /// Set exactly when the algorithm is an asymmetric one.
    pub jwt_public_key: Option<Pem>,
    /// `None`: the one in the data folder.
    pub encryption_key: Option<EncryptionKey>,
    pub allow_subnet: Vec<IpNet>,
    pub retry_schedule: Vec<Duration>,
    pub retry_jitter_percent: u32,
    pub request_timeout: Duration,
    pub connect_timeout: Duration,
    pub dns_timeout: Duration,
    pub response_body_timeout: Duration,
    pub endpoint_idle_timeout: Duration,
    pub endpoint_https_only: bool,
    /// Zero: never.
    pub endpoint_disable_after: Duration,
    pub default_signature_type: SignatureType,
    pub signature_headers: SignatureHeaders,
    pub http2: bool,
    pub proxy: Option<Url>,
    pub egress_ca_file: Option<PathBuf>,
    pub payload_limit: ByteSize,
    pub request_body_limit: ByteSize,
    pub import_body_limit: ByteSize,
    pub response_read_limit: ByteSize,
    pub response_store_limit: ByteSize,
    pub response_headers_store_limit: ByteSize,
    pub attempt_headers: AttemptHeaders,
    pub endpoint_concurrency: u32,
    pub host_concurrency: u32,
    pub global_concurrency: u32,
    pub lane_capacity: u32,
    pub memory_in_flight: ByteSize,
    pub idempotency_retention: Duration,
    pub idempotency_window: u32,
    pub payload_retention: Duration,
    pub message_retention: Duration,
    pub attempt_retention: Duration,
    pub request_retention: Duration,
    pub first_per_retention: Duration,
    pub dedup_window_keys: u32,
    pub visitors_remembered: u32,
    pub link_cache: u32,
    pub stat_retention: Duration,
    pub session_lifetime: Duration,
    pub audit_retention: Duration,
    pub open_browser: bool,
    pub inbound_body_limit: ByteSize,
    pub inbound_memory: ByteSize,
    pub inbound_headers_limit: u32,
    pub inbound_header_bytes_limit: ByteSize,
    pub click_queue: u32,
    pub form_body_limit: ByteSize,
    pub form_file_limit: ByteSize,
    pub form_fields_limit: u32,
    pub trusted_proxies: Vec<IpNet>,
    pub geoip_database: Option<PathBuf>,
    pub max_streams: u32,
    pub live_rows_per_second: u32,
    pub disk_reserve: ByteSize,
    pub shutdown_timeout: Duration,
    pub header_read_timeout: Duration,
    pub body_read_timeout: Duration,
    pub request_headers_limit: u32,
    pub request_header_bytes_limit: ByteSize,
    pub idempotency_wait: Duration,
    pub max_connections: u32,
    /// Zero: one for each core but one, which is left to the store's writer.
    pub runtime_threads: u32,
    pub log_level: LogFilter,
    pub log_format: LogFormat,
}

/// Settings, and where each came from.
pub struct Loaded {
    pub settings: Settings,
    /// In the order of the table.
    pub origins: Vec<(&'static Setting, Origin)>,
    pub file: Option<PathBuf>,
}

impl Settings {
    /// Lays the flags over the environment over the file over the defaults, and checks the whole.
    ///
    /// `flags` are pairs of a setting's name and its text; `env` is the whole environment, of which only `POSTRIDER_*` is
    /// looked at. Every mistake found is in the error, not only the first.
    pub fn load(
        flags: &[(&'static str, String)],
        env: &[(OsString, OsString)],
        file: Option<&ConfigFile>,
    ) -> Result<Loaded, SettingsError> {
        let mut problems = Vec::new();
        let mut given = layers::from_defaults();
        if let Some(file) = file {
            given.extend(layers::from_file(file, &mut problems));
        }
        given.extend(layers::from_env(env, &mut problems));
        given.extend(layers::from_flags(flags));

        let mut loaded = Loaded {
            settings: Settings::blank(),
            origins: SETTINGS.iter().map(|setting| (setting, Origin::Default)).collect(),
            file: file.map(|file| file.path.clone()),
        };
        for one in given {
            match (one.setting.value)(&mut loaded.settings).set(&one.text) {
                Ok(()) => loaded.came_from(one.setting, one.origin),
                Err(detail) => problems.push(one.refused(detail, &mut loaded.settings)),
            }
        }
        if problems.is_empty() {
            rules::check(&mut loaded, &mut problems);
        }
        if problems.is_empty() { Ok(loaded) } else { Err(SettingsError { problems }) }
    }

    /// Nothing set: what the table's defaults are written over.
    fn blank() -> Settings {
        Settings {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            data_dir: PathBuf::new(),
            public_url: None,
            cors: Cors::Only(Vec::new()),
            portal_origins: Vec::new(),
            jwt_secret: None,
            jwt_algorithm: JwtAlgorithm::Hs256,
            jwt_public_key: None,
            encryption_key: None,
            allow_subnet: Vec::new(),
            retry_schedule: Vec::new(),
            retry_jitter_percent: 0,
            request_timeout: Duration::ZERO,
            connect_timeout: Duration::ZERO,
            dns_timeout: Duration::ZERO,
            response_body_timeout: Duration::ZERO,
            endpoint_idle_timeout: Duration::ZERO,
            endpoint_https_only: false,
            endpoint_disable_after: Duration::ZERO,
            default_signature_type: SignatureType::Hmac256,
            signature_headers: SignatureHeaders::Webhook,
            http2: false,
            proxy: None,
            egress_ca_file: None,
            payload_limit: ByteSize::default(),
            request_body_limit: ByteSize::default(),
            import_body_limit: ByteSize::default(),
            response_read_limit: ByteSize::default(),
            response_store_limit: ByteSize::default(),
            response_headers_store_limit: ByteSize::default(),
            attempt_headers: AttemptHeaders::Failed,
            endpoint_concurrency: 0,
            host_concurrency: 0,
            global_concurrency: 0,
            lane_capacity: 0,
            memory_in_flight: ByteSize::default(),
            idempotency_retention: Duration::ZERO,
            idempotency_window: 0,
            payload_retention: Duration::ZERO,
            message_retention: Duration::ZERO,
            attempt_retention: Duration::ZERO,
            request_retention: Duration::ZERO,
            first_per_retention: Duration::ZERO,
            dedup_window_keys: 0,
            visitors_remembered: 0,
            link_cache: 0,
            stat_retention: Duration::ZERO,
            session_lifetime: Duration::ZERO,
            audit_retention: Duration::ZERO,
            open_browser: false,
            inbound_body_limit: ByteSize::default(),
            inbound_memory: ByteSize::default(),
            inbound_headers_limit: 0,
            inbound_header_bytes_limit: ByteSize::default(),
            click_queue: 0,
            form_body_limit: ByteSize::default(),
            form_file_limit: ByteSize::default(),
            form_fields_limit: 0,
            trusted_proxies: Vec::new(),
            geoip_database: None,
            max_streams: 0,
            live_rows_per_second: 0,
            disk_reserve: ByteSize::default(),
            shutdown_timeout: Duration::ZERO,
            header_read_timeout: Duration::ZERO,
            body_read_timeout: Duration::ZERO,
            request_headers_limit: 0,
            request_header_bytes_limit: ByteSize::default(),
            idempotency_wait: Duration::ZERO,
            max_connections: 0,
            runtime_threads: 0,
            log_level: LogFilter::default(),
            log_format: LogFormat::Text,
        }
    }
}

impl Loaded {
    pub fn origin(&self, name: &str) -> Origin {
        self.origins.iter().find(|(setting, _)| setting.name == name).map(|(_, o)| o.clone()).unwrap_or(Origin::Default)
    }

    fn came_from(&mut self, setting: &Setting, origin: Origin) {
        if let Some(row) = self.origins.iter_mut().find(|(row, _)| row.name == setting.name) {
            row.1 = origin;
        }
    }
}
