//! The one list of all settings.
//!
//! **Invariant:** a setting's name, default, meaning and field are said here and nowhere else; the file's key, the
//! environment's variable and the flag follow from the name.

use super::Settings;
use super::value::Value;

/// One setting.
pub struct Setting {
    /// In kebab-case: the key in `postrider.toml`, `--name` as a flag, `POSTRIDER_NAME` in the environment.
    pub name: &'static str,
    /// As it would be written; `None`: not set unless somebody sets it.
    pub default: Option<&'static str>,
    /// One line, with the unit where the value does not carry one.
    pub meaning: &'static str,
    /// The field.
    pub value: fn(&mut Settings) -> &mut dyn Value,
}

impl Setting {
    pub fn env_name(&self) -> String {
        format!("{ENV_PREFIX}{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    pub fn form(&self) -> super::value::Form {
        (self.value)(&mut Settings::blank()).form()
    }
}

pub const ENV_PREFIX: &str = "POSTRIDER_";

const fn row(
    name: &'static str,
    default: &'static str,
    meaning: &'static str,
    value: fn(&mut Settings) -> &mut dyn Value,
) -> Setting {
    Setting { name, default: Some(default), meaning, value }
}

const fn unset(name: &'static str, meaning: &'static str, value: fn(&mut Settings) -> &mut dyn Value) -> Setting {
    Setting { name, default: None, meaning, value }
}

pub static SETTINGS: &[Setting] = &[
    row("listen", "127.0.0.1:8071", "Address and port that the API listens on", |s| &mut s.listen),
    row("data-dir", "./postrider-data", "Folder for the database and the generated secrets", |s| &mut s.data_dir),
    unset("public-url", "URL under which others reach this server, if not the address it listens on", |s| {
        &mut s.public_url
    }),
    row("cors", "*", "Origins whose pages may call the API from a browser", |s| &mut s.cors),
    row("portal-origins", "", "Origins whose pages may show the customers' portal in a frame", |s| {
        &mut s.portal_origins
    }),
    unset("jwt-secret", "Secret that signs API tokens (HS*); made in the data folder if not set", |s| {
        &mut s.jwt_secret
    }),
    row("jwt-algorithm", "HS256", "Algorithm of API tokens", |s| &mut s.jwt_algorithm),
    unset("jwt-public-key", "Public key that verifies API tokens (RS256, EdDSA)", |s| &mut s.jwt_public_key),
    unset("encryption-key", "Key that encrypts stored secrets; made in the data folder if not set", |s| {
        &mut s.encryption_key
    }),
    row("allow-subnet", "", "Private networks that endpoints may be in, in spite of the address guard", |s| {
        &mut s.allow_subnet
    }),
    row("retry-schedule", "5s,5m,30m,2h,5h,10h,14h,20h,24h", "Delay before each retry of a delivery", |s| {
        &mut s.retry_schedule
    }),
    row("retry-jitter-percent", "10", "Random part added to each retry delay, in percent of it", |s| {
        &mut s.retry_jitter_percent
    }),
    row(
        "request-timeout",
        "15s",
        "Time that one attempt may take, from the look-up of the name to the end of the body",
        |s| &mut s.request_timeout,
    ),
    row("connect-timeout", "5s", "Part of an attempt that TCP and TLS may take", |s| &mut s.connect_timeout),
    row("dns-timeout", "2s", "Part of an attempt that the look-up of the name may take", |s| &mut s.dns_timeout),
    row("response-body-timeout", "2s", "Part of an attempt that the response's body may take, after its status", |s| {
        &mut s.response_body_timeout
    }),
    row("endpoint-idle-timeout", "55s", "How long an unused connection to an endpoint is kept open", |s| {
        &mut s.endpoint_idle_timeout
    }),
    row("endpoint-https-only", "false", "Refuse endpoints whose URL is not https", |s| &mut s.endpoint_https_only),
    row("endpoint-disable-after", "5d", "Disable an endpoint that only failed for this long; 0 = never", |s| {
        &mut s.endpoint_disable_after
    }),
    row("default-signature-type", "hmac256", "Signature of new endpoints that don't ask for one", |s| {
        &mut s.default_signature_type
    }),
    row("signature-headers", "webhook", "Names of the signature headers: webhook-*, svix-*, or both", |s| {
        &mut s.signature_headers
    }),
    row("http2", "false", "Offer HTTP/2 to endpoints", |s| &mut s.http2),
    unset("proxy", "HTTP proxy through which all deliveries go", |s| &mut s.proxy),
    unset("egress-ca-file", "PEM file of further certificate authorities to trust for endpoints", |s| {
        &mut s.egress_ca_file
    }),
    row("payload-limit", "1MiB", "Largest payload of one message", |s| &mut s.payload_limit),
    row("request-body-limit", "4MiB", "Largest body of one API request (a batch of messages)", |s| {
        &mut s.request_body_limit
    }),
    row("import-body-limit", "4GiB", "Largest CSV file of an import of links", |s| &mut s.import_body_limit),
    row("response-read-limit", "64KiB", "How much of an endpoint's response body is read; the rest is dropped", |s| {
        &mut s.response_read_limit
    }),
    row("response-store-limit", "16KiB", "How much of an endpoint's response body is kept with the attempt", |s| {
        &mut s.response_store_limit
    }),
    row(
        "response-headers-store-limit",
        "2KiB",
        "How much of an endpoint's response headers is kept with an attempt; 0 = none",
        |s| &mut s.response_headers_store_limit,
    ),
    row(
        "attempt-headers",
        "failed",
        "Of which attempts the response headers are kept: failed (and tests and resends), all, none",
        |s| &mut s.attempt_headers,
    ),
    row("endpoint-concurrency", "64", "Attempts to one endpoint at a time", |s| &mut s.endpoint_concurrency),
    row("host-concurrency", "256", "Attempts to one scheme, host and port at a time", |s| &mut s.host_concurrency),
    row("global-concurrency", "512", "Attempts to all endpoints at a time", |s| &mut s.global_concurrency),
    row("lane-capacity", "1024", "Deliveries of one endpoint kept in memory; the rest waits on disk", |s| {
        &mut s.lane_capacity
    }),
    row("memory-in-flight", "64MiB", "Bytes of payloads kept in memory", |s| &mut s.memory_in_flight),
    row("idempotency-retention", "12h", "How long the answer to an idempotency key is kept", |s| {
        &mut s.idempotency_retention
    }),
    row("idempotency-window", "262144", "How many keys that SDKs made up are remembered", |s| {
        &mut s.idempotency_window
    }),
    row("payload-retention", "90d", "Age at which the payload of a settled message is deleted", |s| {
        &mut s.payload_retention
    }),
    row("message-retention", "90d", "Age at which a settled message is deleted", |s| &mut s.message_retention),
    row("attempt-retention", "90d", "Age at which an attempt is deleted", |s| &mut s.attempt_retention),
    row("request-retention", "90d", "Age at which a captured inbound request is deleted", |s| &mut s.request_retention),
    row("first-per-retention", "365d", "How long an endpoint with firstPer remembers a value", |s| {
        &mut s.first_per_retention
    }),
    row(
        "dedup-window-keys",
        "262144",
        "How many keys of inbound events are remembered in memory; the rest is on disk",
        |s| &mut s.dedup_window_keys,
    ),
    row(
        "visitors-remembered",
        "1000000",
        "How many visitors of links and forms are remembered in memory, so that each counts once a day",
        |s| &mut s.visitors_remembered,
    ),
    row("link-cache", "750000", "How many short links are kept in memory; the rest is on disk", |s| &mut s.link_cache),
    row("stat-retention", "400d", "Age of figures by the minute (links, forms) and by the hour (organisations)", |s| {
        &mut s.stat_retention
    }),
    row("session-lifetime", "14d", "Time after which somebody who did not come back must sign in again", |s| {
        &mut s.session_lifetime
    }),
    row("audit-retention", "400d", "Age at which entries of the audit log are deleted", |s| &mut s.audit_retention),
    row("open-browser", "true", "Open the page that sets a new server up, where there is a desktop", |s| {
        &mut s.open_browser
    }),
    row("inbound-body-limit", "5MiB", "Largest body of a request to a source", |s| &mut s.inbound_body_limit),
    row("inbound-memory", "512MiB", "Bytes of all bodies of requests to sources that are being read", |s| {
        &mut s.inbound_memory
    }),
    row("inbound-headers-limit", "200", "Headers of a request to a source, at most", |s| &mut s.inbound_headers_limit),
    row("inbound-header-bytes-limit", "64KiB", "Size of the headers of a request to a source, at most", |s| {
        &mut s.inbound_header_bytes_limit
    }),
    row("click-queue", "32768", "Clicks on links that wait to be recorded, at most; beyond it they are lost", |s| {
        &mut s.click_queue
    }),
    row("form-body-limit", "10MiB", "Largest submission of a form, with its files", |s| &mut s.form_body_limit),
    row("form-file-limit", "10MiB", "Largest file in a submission of a form", |s| &mut s.form_file_limit),
    row("form-fields-limit", "200", "Fields of a submission, at most, with its files", |s| &mut s.form_fields_limit),
    row(
        "trusted-proxies",
        "",
        "Networks of proxies in front of this server whose X-Forwarded-* headers are believed",
        |s| &mut s.trusted_proxies,
    ),
    unset("geoip-database", "MaxMind DB file that tells the countries of visitors of links and forms", |s| {
        &mut s.geoip_database
    }),
    row("max-streams", "5000", "Streams, live views and long polls open at a time", |s| &mut s.max_streams),
    row(
        "live-rows-per-second",
        "5000",
        "Rows a second that all streams together send, so that receiving comes first",
        |s| &mut s.live_rows_per_second,
    ),
    row("disk-reserve", "64MiB", "Free space on the disk below which no message is accepted", |s| &mut s.disk_reserve),
    row("shutdown-timeout", "25s", "Time for attempts in flight to end after a stop signal", |s| {
        &mut s.shutdown_timeout
    }),
    row("header-read-timeout", "10s", "Time for a client to send the head of an API request", |s| {
        &mut s.header_read_timeout
    }),
    row(
        "body-read-timeout",
        "30s",
        "Time for a client to send the body of an API request; of an import, the next piece of it",
        |s| &mut s.body_read_timeout,
    ),
    row("request-headers-limit", "100", "Headers of one API request, at most", |s| &mut s.request_headers_limit),
    row("request-header-bytes-limit", "32KiB", "Size of an API request's headers, at most", |s| {
        &mut s.request_header_bytes_limit
    }),
    row(
        "idempotency-wait",
        "10s",
        "How long a request waits for another with its idempotency key to be answered",
        |s| &mut s.idempotency_wait,
    ),
    row("max-connections", "10240", "API connections open at a time", |s| &mut s.max_connections),
    row("runtime-threads", "0", "Worker threads; 0 = one for each core but one", |s| &mut s.runtime_threads),
    row("log-level", "info", "What is logged: a level, or target=level pairs", |s| &mut s.log_level),
    row("log-format", "text", "How the log is written", |s| &mut s.log_format),
];
