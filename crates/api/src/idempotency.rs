//! Idempotency keys: a repeated POST gets the first one's answer.
//!
//! Messages carry their key into the store's own transaction, so that not even a crash lets one in twice; all other
//! POSTs go through [`once`]. **Invariant:** only successes are kept, so that a failed request can be tried again.

use crate::auth::Caller;
use crate::call::{Call, Shared};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::routes::HandlerFuture;
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Arc;
use store::IdempotencyKey;
use tokio::sync::watch;

const KEY_LEN_MAX: usize = 256;
/// How SDKs begin the keys that they make up.
const AUTOMATIC: &str = "auto_";

/// The key that a request carries, if any.
pub(crate) fn header(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=KEY_LEN_MAX).contains(&key.len()) => Ok(Some(key)),
        _ => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid_idempotency_key",
            format!("An idempotency key has 1 to {KEY_LEN_MAX} visible ASCII characters"),
        )),
    }
}

/// Binds a key to the credential's scope and to what is asked for. The hash is a cryptographic one: a tenant must not
/// be able to make a key that collides with another tenant's.
pub(crate) fn key(caller: &Caller, text: &str, target: &[&[u8]]) -> IdempotencyKey {
    let mut h = Sha256::new();
    h.update(caller.org.0.to_le_bytes());
    h.update(caller.app.map_or(0, |a| a.0).to_le_bytes());
    for part in std::iter::once(text.as_bytes()).chain(target.iter().copied()) {
        h.update((part.len() as u64).to_le_bytes());
        h.update(part);
    }
    let digest: [u8; 32] = h.finalize().into();
    let mut hash = [0; 16];
    hash.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    IdempotencyKey { hash, automatic: text.starts_with(AUTOMATIC) }
}

/// Keys whose first request is being worked on.
#[derive(Default)]
pub(crate) struct InFlight(Mutex<HashMap<[u8; 16], watch::Receiver<()>>>);

/// Holds a key; dropping it lets the next one in.
pub(crate) struct Turn {
    shared: Arc<Shared>,
    hash: [u8; 16],
    _done: watch::Sender<()>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.shared.in_flight.0.lock().remove(&self.hash);
    }
}

/// The turn, or what to wait for.
pub(crate) fn take_turn(shared: &Arc<Shared>, hash: [u8; 16]) -> Result<Turn, watch::Receiver<()>> {
    let mut map = shared.in_flight.0.lock();
    if let Some(first) = map.get(&hash) {
        return Err(first.clone());
    }
    let (done, waiting) = watch::channel(());
    map.insert(hash, waiting);
    Ok(Turn { shared: shared.clone(), hash, _done: done })
}

/// Runs `handler`, unless an earlier request with this key was answered: then gives its answer again.
pub(crate) async fn once(call: Call, handler: fn(Call) -> HandlerFuture) -> Result<Reply, Problem> {
    let Some(text) = header(&call.headers)? else { return handler(call).await };
    let key = key(&call.caller, text, &[b"POST", call.uri.path().as_bytes()]);
    let shared = call.shared.clone();
    let wait = shared.config.limits.idempotency_wait;
    let turn = match tokio::time::timeout(wait, wait_for_turn(&shared, key)).await {
        Err(_) => return Err(Problem::in_flight()),
        Ok(turn) => turn,
    };
    if let Some((status, body)) = shared.store.kept_answer(key).await? {
        let mut reply = Reply::raw(StatusCode::from_u16(status).unwrap_or(StatusCode::OK), body);
        reply.repeated = true;
        return Ok(reply);
    }
    let reply = handler(call).await?;
    if reply.status.is_success() {
        // The work is done: an answer that can't be kept must not turn it into a failure.
        if let Err(cause) = shared.store.keep_answer(key, reply.status.as_u16(), reply.body.clone()).await {
            tracing::warn!(%cause, "an answer could not be kept for its idempotency key");
        }
    }
    drop(turn);
    Ok(reply)
}

async fn wait_for_turn(shared: &Arc<Shared>, key: IdempotencyKey) -> Turn {
    loop {
        match take_turn(shared, key.hash) {
            Ok(turn) => return turn,
            // An error tells that the first one is done: its sender is gone.
            Err(mut first) => while first.changed().await.is_ok() {},
        }
    }
}
