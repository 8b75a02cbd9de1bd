//! API keys: tokens with a name, scopes, and an end.
//!
//! **Invariant:** a key is shown once, in the answer that made it; the store knows its hash.

use crate::auth::{LEEWAY, NewKeyToken};
use crate::call::Call;
use crate::idempotency;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::api_key::{ApiKeyOut, MadeKey, read_new};
use crate::wire::list::{self, ListOut};
use domain::KeyId;
use sha2::{Digest, Sha256};
use store::{NewApiKey, Order};

/// The answer holds the key, so none is kept for an idempotency key: a repeated request makes a second one.
pub(crate) async fn create(call: Call) -> Result<Reply, Problem> {
    idempotency::header(&call.headers)?;
    let now = call.shared.now();
    let new = read_new(&call.body, now)?;
    let id = call.store().new_key_id().await?;
    let token = call.shared.auth.keys().mint_key(
        &NewKeyToken {
            org: &call.caller.org_text,
            key: &call.codec().text(id),
            scopes: &new.scopes,
            expires_at: new.expires_at,
        },
        now,
    );
    let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    let created_by = call.caller.actor(call.codec());
    let key = NewApiKey { id, name: new.name, scopes: new.scopes, created_by, hash, expires_at: new.expires_at };
    let key = call.store().create_api_key(call.caller.org, key).await?;
    let key = ApiKeyOut::of(key, call.codec());
    Ok(Reply::created(true, &MadeKey { key, token }).secret())
}

pub(crate) async fn list(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let codec = call.codec();
    let page = list::page(&query, codec, query.order_or(Order::Descending)?)?;
    let keys = call.store().api_keys(call.caller.org, page).await?;
    Ok(Reply::ok(&ListOut::of(keys, |k| ApiKeyOut::of(k, codec), |id| codec.text(id))))
}

/// The key is refused at once; it stays in the list.
pub(crate) async fn delete(call: Call) -> Result<Reply, Problem> {
    let id: KeyId = call.id(0, "API key")?;
    call.store().revoke_api_key(call.caller.org, id, LEEWAY).await?;
    call.shared.auth.forget();
    Ok(Reply::no_content())
}
