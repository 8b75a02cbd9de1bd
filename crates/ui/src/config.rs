//! What the pages are told at the start.
//!
//! **Invariant:** read once in `app`; nothing here reads the environment.

use crate::backend::{Backend, BoxFuture};
use domain::RetrySchedule;
use ipnet::IpNet;
use signing::account::TicketKey;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone)]
pub struct UiConfig {
    pub backend: Arc<dyn Backend>,
    /// `https://hooks.example.com`, where this server is found from outside, if the settings say so.
    pub public_url: Option<String>,
    /// Origins whose pages may show the portal of any organisation in a frame.
    pub portal_origins: Vec<String>,
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
    /// Makes and checks one-time tickets: setup, invitations, resets.
    pub tickets: TicketKey,
    /// Asks URLs from this server; `None`: nobody can.
    pub reach: Option<Arc<dyn Reach>>,
    /// The settings in force, for who owns the organisation to read.
    pub settings: Vec<ShownSetting>,
}

/// Asks whether a URL leads to this very server.
pub trait Reach: Send + Sync {
    /// `origin` without a path. The text says what is wrong, and what to do.
    fn check(&self, origin: String) -> BoxFuture<Result<(), String>>;
}

/// One setting as it is in force.
#[derive(Clone, Debug)]
pub struct ShownSetting {
    pub name: &'static str,
    /// `None`: not set. Secrets are masked.
    pub value: Option<String>,
    pub meaning: &'static str,
    /// Its variable in the environment.
    pub env: String,
    /// Where it was set; `None`: it is the default.
    pub origin: Option<String>,
}
