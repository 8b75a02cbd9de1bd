//! What receiving is told at the start.
//!
//! **Invariant:** read once in `app`; what an operator would change is a setting.

use crate::visit::Countries;
use ipnet::IpNet;
use std::sync::Arc;
use std::time::Duration;

/// Settings of the inbound data plane.
#[derive(Clone, Debug)]
pub struct IngestConfig {
    /// Where this server is reached from outside: `https://hooks.example.com`. Some providers sign it.
    pub public_url: Option<String>,
    /// Whose `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Bytes of a body at most.
    pub body_limit: usize,
    /// Bytes of the bodies of all requests that are under way, about; beyond it they are answered 503.
    pub bodies_limit: usize,
    /// Headers of a request at most.
    pub headers_max: usize,
    /// Bytes of a request's headers at most, names and values.
    pub header_bytes_max: usize,
    /// Bytes of a form's submission at most, and of the event that it makes.
    pub form_body_limit: usize,
    /// Fields of a submission at most, files among them.
    pub form_fields_max: usize,
    /// Bytes of a file in a submission at most.
    pub form_file_limit: u64,
    /// Until a request's body is complete.
    pub body_read_timeout: Duration,
    /// The longest that an answer is held back.
    pub delay_max: Duration,
    /// Answers held back at the same time at most; beyond it there is no delay.
    pub delayed_max: usize,
    /// Sources kept ready in memory.
    pub sources_cached: usize,
    /// Clicks on links that wait to be recorded at most; beyond it they are lost.
    pub click_queue: usize,
    /// How often held requests are looked for without being told of any.
    pub held_interval: Duration,
    /// Tells the countries of visitors; without it none is known.
    pub countries: Option<Arc<Countries>>,
}

impl Default for IngestConfig {
    fn default() -> Self {
        IngestConfig {
            public_url: None,
            trusted_proxies: Vec::new(),
            body_limit: 5 * 1024 * 1024,
            bodies_limit: 512 * 1024 * 1024,
            headers_max: 200,
            header_bytes_max: 64 * 1024,
            form_body_limit: 10 * 1024 * 1024,
            form_fields_max: 200,
            form_file_limit: 10 * 1024 * 1024,
            body_read_timeout: Duration::from_secs(30),
            delay_max: Duration::from_secs(30),
            delayed_max: 1_000,
            sources_cached: 10_000,
            click_queue: 32_768,
            held_interval: Duration::from_secs(60),
            countries: None,
        }
    }
}
