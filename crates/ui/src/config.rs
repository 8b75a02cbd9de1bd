//! What the pages are told at the start.
//!
//! **Invariant:** read once in `app`; nothing here reads the environment.

use crate::backend::Backend;
use domain::RetrySchedule;
use ipnet::IpNet;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone)]
pub struct UiConfig {
    pub backend: Arc<dyn Backend>,
    /// `https://hooks.example.com`, where this server is found from outside, if the settings say so.
    pub public_url: Option<String>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Bytes of a form at most.
    pub body_limit: usize,
    pub body_read_timeout: Duration,
    pub version: &'static str,
    /// When failed deliveries are tried again: what a message's timeline says is still to come.
    pub retry: RetrySchedule,
    /// An endpoint that only failed for so long is disabled; zero never is.
    pub disable_after: Duration,
}
