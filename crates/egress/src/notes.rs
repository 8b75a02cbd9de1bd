//! What an attempt notes of itself on its way.
//!
//! **Invariant:** a stage that ends the attempt is noted too. An address that the guard refused is never noted.

use domain::{AttemptDetail, Clock};
use std::net::SocketAddr;

/// One attempt's notes.
pub(crate) struct Notes<'a> {
    clock: &'a dyn Clock,
    pub(crate) detail: AttemptDetail,
    /// When the latest piece of the request was written, in monotonic microseconds.
    wrote_us: Option<u64>,
    /// When the head of the response had come.
    pub(crate) verdict_us: Option<u64>,
}

impl<'a> Notes<'a> {
    pub(crate) fn new(clock: &'a dyn Clock) -> Self {
        Notes { clock, detail: AttemptDetail::default(), wrote_us: None, verdict_us: None }
    }

    /// Monotonic microseconds.
    pub(crate) fn now_us(&self) -> u64 {
        self.clock.monotonic_us()
    }
    pub(crate) fn since(&self, start_us: u64) -> Option<u64> {
        Some(self.now_us().saturating_sub(start_us))
    }

    /// The request goes out over this connection.
    pub(crate) fn goes_over(&mut self, peer: SocketAddr, reused: bool) {
        self.detail.peer = Some(peer);
        self.detail.reused = reused;
        self.wrote_us = None;
    }

    /// The request goes out over a connection that is yet to be opened.
    pub(crate) fn begins_anew(&mut self) {
        self.detail.peer = None;
        self.detail.reused = false;
        self.wrote_us = None;
    }

    /// Some of the request was written.
    pub(crate) fn wrote(&mut self) {
        self.wrote_us = Some(self.now_us());
    }

    /// Waiting for the head of a response is over: it came, or won't come. The time.
    pub(crate) fn waited(&mut self) -> u64 {
        let now_us = self.now_us();
        self.detail.stages.first_byte_us = self.wrote_us.map(|at| now_us.saturating_sub(at));
        now_us
    }
}
