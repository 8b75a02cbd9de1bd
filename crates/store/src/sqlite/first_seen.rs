//! Values that endpoints have seen, for those that want only the first message for each.
//!
//! Called where a message is routed. **Invariant:** a value is written in the transaction that makes its delivery, and
//! goes with it when that is undone; so of any number of messages with one value, exactly one is delivered.

use super::core::Core;
use crate::error::StoreError;
use crate::first_per::{Digest, Paths};
use domain::{EndpointRoute, Timestamp};
use rusqlite::params;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::Arc;

type Result<T> = std::result::Result<T, StoreError>;

/// What the endpoints of one message go by: path to value. Empty when nobody asks.
#[derive(Default)]
pub(super) struct Values<'r>(HashMap<&'r str, Digest>);

impl<'r> Values<'r> {
    /// Reads the payload, if one of the endpoints asks for it.
    pub fn of(endpoints: impl Iterator<Item = &'r Arc<EndpointRoute>>, payload: &[u8]) -> Self {
        let (mut paths, mut names) = (Paths::default(), Vec::new());
        for path in endpoints.filter_map(|e| e.first_per.as_deref()) {
            if paths.add(path) == names.len() {
                names.push(path);
            }
        }
        if names.is_empty() {
            return Values::default();
        }
        let found = paths.find(payload);
        Values(names.into_iter().zip(found).filter_map(|(name, value)| Some((name, value?))).collect())
    }
}

impl Core {
    /// Whether the endpoint takes a message with these values; if it goes by one, it has seen it from now on.
    pub(super) fn is_first(&mut self, endpoint: &EndpointRoute, values: &Values<'_>, now: Timestamp) -> Result<bool> {
        let value = endpoint.first_per.as_deref().and_then(|path| values.0.get(path));
        let Some(value) = value else { return Ok(true) };
        // What is written for an endpoint that is no more would stay.
        if !self.load_lane(endpoint.endpoint)? {
            return Ok(true);
        }
        let hash = Sha256::new().chain_update(endpoint.first_per_version.to_be_bytes()).chain_update(value).finalize();
        let hash = hash.first_chunk::<16>().copied().unwrap_or_default();
        let n = self
            .conn
            .prepare_cached("INSERT INTO first_seen VALUES (?, ?, ?) ON CONFLICT DO NOTHING")?
            .execute(params![endpoint.endpoint.0, hash, now.0])?;
        Ok(n == 1)
    }
}
