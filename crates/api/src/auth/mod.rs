//! Who is calling: from a bearer token to an organisation or an application.
//!
//! Called once per request, before its body is read. **Invariant:** the tenant comes from the credential alone, never
//! from the path or the body.

mod cache;
mod claims;
mod jwt;
mod pem;

pub use claims::{Capabilities, Capability, NewToken};
pub(crate) use claims::{LEEWAY, NewKeyToken};
pub use jwt::{JwtAlgorithm, JwtKeyError, JwtKeys};

use crate::problem::Problem;
use cache::TokenCache;
use claims::{Claims, Subject};
use domain::{AppId, IdCodec, KeyId, OrgId, Timestamp};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::{KeyUse, Scopes, Store, StoreError};

/// A longer token is refused unread.
pub(crate) const TOKEN_LEN_MAX: usize = 8 * 1024;

/// The holder of a token that was checked.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub org: OrgId,
    /// Its public id, as its tokens write it.
    pub org_text: Arc<str>,
    /// Set for an application token: the only application that it may touch.
    pub app: Option<AppId>,
    pub capabilities: Capabilities,
    pub scopes: Scopes,
    /// Set for an API key.
    pub key: Option<Arc<Key>>,
    /// Who is signed in, for a call in-process.
    pub person: Option<Arc<str>>,
    /// Where that person is.
    pub address: Option<IpAddr>,
    /// Feature flags of an application token; event types behind others are hidden from it.
    pub feature_flags: Arc<[String]>,
    pub token_hash: [u8; 32],
    pub expires_at: Option<Timestamp>,
    not_before: Option<Timestamp>,
    /// From when on it is refused, with others of its application.
    cut_off: Option<Timestamp>,
}

/// The API key behind a token.
#[derive(Debug)]
pub(crate) struct Key {
    pub id: KeyId,
    pub name: String,
    uses: Arc<KeyUse>,
}

/// Who calls in-process, without a token: a person who is signed in to the pages. May do what an organisation's token may.
#[derive(Clone, Debug)]
pub struct Actor {
    pub org: OrgId,
    /// Its public id, `org_...`.
    pub org_text: Arc<str>,
    /// `person:ana@example.com`: for the audit log, and for whom idempotency keys are kept.
    pub name: Arc<str>,
    pub address: Option<std::net::IpAddr>,
}

impl Caller {
    fn of(actor: &Actor) -> Self {
        Caller {
            org: actor.org,
            org_text: actor.org_text.clone(),
            app: None,
            capabilities: Capabilities::ALL,
            scopes: Scopes::ALL,
            key: None,
            person: Some(actor.name.clone()),
            address: actor.address,
            feature_flags: Arc::new([]),
            token_hash: Sha256::digest(actor.name.as_bytes()).into(),
            expires_at: None,
            not_before: None,
            cut_off: None,
        }
    }
}

/// Checks tokens, and remembers those that it checked.
pub(crate) struct Auth {
    keys: Arc<JwtKeys>,
    cache: TokenCache,
    /// Counts revocations, so that remembered tokens are looked up again after one.
    revocations: AtomicU64,
}

impl Auth {
    pub fn new(keys: Arc<JwtKeys>) -> Self {
        Auth { keys, cache: TokenCache::new(), revocations: AtomicU64::new(0) }
    }

    pub fn keys(&self) -> &JwtKeys {
        &self.keys
    }

    /// The caller: who calls in-process, or else from `Authorization: Bearer <token>`.
    pub async fn check(&self, store: &Store, headers: &HeaderMap, actor: Option<&Actor>) -> Result<Caller, Problem> {
        if let Some(actor) = actor {
            return Ok(Caller::of(actor));
        }
        let token = bearer(headers)?;
        let now = store.clock().now();
        let generation = self.revocations.load(Ordering::Acquire);
        if let Some(caller) = self.cache.get(token, generation) {
            return if caller.is_current(now) { Ok(caller.noted(store)) } else { Err(invalid()) };
        }
        let caller = self.check_unknown(store, token, now).await?;
        self.cache.put(token, generation, caller.clone());
        Ok(caller.noted(store))
    }

    async fn check_unknown(&self, store: &Store, token: &str, now: Timestamp) -> Result<Caller, Problem> {
        if self.keys.is_secret(token) {
            return Err(Problem::unauthenticated(
                "Invalid token: this is the secret that signs tokens. Keep it on the server, and make a token with \
                 `postrider token create`",
            ));
        }
        let claims = self.keys.verify(token).map_err(|why| {
            tracing::debug!(%why, "a token was refused");
            invalid()
        })?;
        let token_hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if store.is_revoked(&token_hash) {
            return Err(invalid());
        }
        let caller = caller(store, claims, token_hash).await?;
        if caller.is_current(now) { Ok(caller) } else { Err(invalid()) }
    }

    /// Refuses all tokens of an application made until now (those of `sessions`, if any are named) from `since` on.
    pub async fn expire_all(
        &self,
        store: &Store,
        app: AppId,
        sessions: Vec<String>,
        since: Timestamp,
    ) -> Result<(), Problem> {
        store.expire_tokens(app, sessions, since).await?;
        self.revocations.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Tokens were revoked: those that are remembered are looked up again.
    pub fn forget(&self) {
        self.revocations.fetch_add(1, Ordering::Release);
    }

    /// Refuses the caller's token from now on.
    pub async fn revoke(&self, store: &Store, caller: &Caller) -> Result<(), Problem> {
        // The leeway of an expiry is part of a token's life.
        let until = caller.expires_at.map(|t| t.plus(claims::LEEWAY));
        store.revoke_token(caller.token_hash, until).await?;
        self.forget();
        Ok(())
    }
}

impl Caller {
    /// Who it is, for the audit log.
    pub fn actor(&self, codec: &IdCodec) -> String {
        match (&self.person, &self.key, self.app) {
            (Some(person), ..) => person.to_string(),
            (None, Some(key), _) => format!("key:{}", key.name),
            (None, None, Some(app)) => format!("portal:{}", codec.text(app)),
            (None, None, None) => "token".to_owned(),
        }
    }

    /// Counts the use of an API key.
    fn noted(self, store: &Store) -> Self {
        if let Some(key) = &self.key {
            store.note_key_use(key.id, &key.uses);
        }
        self
    }

    fn is_current(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|t| now < t.plus(claims::LEEWAY))
            && self.not_before.is_none_or(|t| t <= now.plus(claims::LEEWAY))
            && self.cut_off.is_none_or(|t| now < t)
    }
}

fn invalid() -> Problem {
    Problem::unauthenticated("Invalid token")
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value =
        values.next().ok_or_else(|| Problem::unauthenticated("Missing token: send `Authorization: Bearer <token>`"))?;
    if values.next().is_some() {
        return Err(Problem::unauthenticated("Invalid token: more than one Authorization header"));
    }
    let text = value.to_str().map_err(|_| invalid())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(invalid)?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.len() > TOKEN_LEN_MAX {
        return Err(invalid());
    }
    Ok(token.trim())
}

async fn caller(store: &Store, claims: Claims, token_hash: [u8; 32]) -> Result<Caller, Problem> {
    let (org, app) = match claims.subject().ok_or_else(invalid)? {
        Subject::Org(org) => (org, None),
        Subject::App { app, org } => (org, Some(store.codec().read::<AppId>(app).ok_or_else(invalid)?)),
    };
    let org_text = Arc::from(org);
    let cut_off = app.and_then(|app| cut_off(store, app, &claims));
    let org = store.organisation(org).await?;
    let key = match claims.key().and_then(|jti| store.codec().read::<KeyId>(jti)) {
        Some(id) => Some(Arc::new(key(store, org, id, &token_hash).await?)),
        None => None,
    };
    Ok(Caller {
        org,
        org_text,
        app,
        capabilities: claims.capabilities(),
        scopes: claims.scopes(),
        key,
        person: None,
        address: None,
        expires_at: claims.expires_at(),
        not_before: claims.not_before(),
        cut_off,
        feature_flags: claims.feature_flags.into(),
        token_hash,
    })
}

/// From when on a token of an application is refused with others: one that doesn't say when it was issued counts as old.
fn cut_off(store: &Store, app: AppId, claims: &Claims) -> Option<Timestamp> {
    let floors = store.token_floors(app);
    let of_it = floors.iter().filter(|floor| {
        floor.session.as_ref().is_none_or(|session| Some(session) == claims.session_id.as_ref())
            && claims.issued_at().is_none_or(|at| at.seconds() <= floor.issued_by.seconds())
    });
    of_it.map(|floor| floor.since).min()
}

/// The API key that a token says it is of; refused when it is not, or was revoked.
async fn key(store: &Store, org: OrgId, id: KeyId, hash: &[u8; 32]) -> Result<Key, Problem> {
    let found = store.api_key(org, id).await.map_err(|e| match e {
        StoreError::NotFound(_) => invalid(),
        other => other.into(),
    })?;
    if found.hash != *hash || found.revoked_at.is_some() {
        return Err(invalid());
    }
    Ok(Key { id, name: found.name, uses: store.key_use(id) })
}

#[cfg(test)]
mod tests;
