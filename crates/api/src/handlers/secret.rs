//! An endpoint's secrets and custom headers: the two things that are sealed in the store.

use super::endpoint::{Place, seal_headers};
use crate::auth::Capability;
use crate::call::Call;
use crate::idempotency;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::endpoint::{SecretOut, read_rotation};
use crate::wire::headers::{self, Headers, HeadersOut};
use domain::route::{headers_aad, secret_aad};
use domain::{AppId, EndpointId, Timestamp};
use signing::EndpointSecret;
use std::time::Duration;
use store::{Ref, StoreError, StoredSecret};

/// How often a change of headers is tried again when another one came between.
const RACES_MAX: usize = 5;

pub(crate) async fn get(call: Call) -> Result<Reply, Problem> {
    let place = Place::of(&call).await?;
    get_in(call, place).await
}
/// The documents say 204, but SDK 2.9 reads the new key from the answer; older ones ignore it. What idempotency keeps is
/// the 204: a secret must not lie in the database unsealed.
pub(crate) async fn rotate(call: Call) -> Result<Reply, Problem> {
    let may_view = call.caller.app.is_none() || call.caller.capabilities.has(Capability::ViewEndpointSecret);
    let reader = call.clone();
    let rotated = idempotency::once(call, |call| {
        Box::pin(async move {
            let place = Place::of(&call).await?;
            rotate_in(call, place).await
        })
    });
    let rotated = rotated.await?;
    if may_view { get(reader).await } else { Ok(rotated) }
}
pub(crate) async fn get_headers(call: Call) -> Result<Reply, Problem> {
    let place = Place::of(&call).await?;
    get_headers_in(call, place).await
}
pub(crate) async fn put_headers(call: Call) -> Result<Reply, Problem> {
    let place = Place::of(&call).await?;
    put_headers_in(call, place).await
}

pub(crate) async fn get_in(call: Call, place: Place) -> Result<Reply, Problem> {
    let (id, secrets) = call.store().endpoint_secrets(place.app, &call.endpoint(place.param)?).await?;
    let secret = current(&call, id, &secrets)?;
    Ok(Reply::ok(&SecretOut { key: &secret.shown() }).secret())
}

pub(crate) async fn rotate_in(call: Call, place: Place) -> Result<Reply, Problem> {
    let name = call.endpoint(place.param)?;
    let (key, grace_s) = read_rotation(&call.body)?;
    let (id, secrets) = call.store().endpoint_secrets(place.app, &name).await?;
    let mut fill = call.shared.fill();
    let next = key.unwrap_or_else(|| {
        // The kind stays: receivers are set up for it. One that can't be opened is replaced by the default.
        let kind = current(&call, id, &secrets)
            .map_or(call.shared.config.default_signature_type, |secret| secret.signature_type());
        EndpointSecret::generate(kind, &mut fill)
    });
    let sealed = call.shared.config.secret_box.seal(next.reveal().as_bytes(), &secret_aad(id), &mut fill);
    let old_expires_at = call.shared.now().plus(Duration::from_secs(grace_s));
    call.store().rotate_secret(place.app, id, sealed, old_expires_at).await?;
    Ok(Reply::no_content())
}

/// The current secret of an endpoint.
pub(super) async fn of(call: &Call, app: AppId, endpoint: EndpointId) -> Result<EndpointSecret, Problem> {
    let (id, secrets) = call.store().endpoint_secrets(app, &Ref::Id(endpoint)).await?;
    current(call, id, &secrets)
}

/// Every secret of an endpoint that signs, the current one first, and until when the old ones do.
pub(super) async fn all_of(
    call: &Call,
    app: AppId,
    endpoint: EndpointId,
) -> Result<Vec<(EndpointSecret, Option<Timestamp>)>, Problem> {
    let (id, secrets) = call.store().endpoint_secrets(app, &Ref::Id(endpoint)).await?;
    secrets.iter().map(|sealed| Ok((open(call, id, sealed)?, sealed.expires_at))).collect()
}

/// The custom headers of an endpoint, sensitive ones too.
pub(super) async fn headers_of(call: &Call, app: AppId, endpoint: EndpointId) -> Result<Headers, Problem> {
    let (id, sealed) = call.store().endpoint_headers(app, &Ref::Id(endpoint)).await?;
    open_headers(call, id, &sealed)
}

fn current(call: &Call, id: EndpointId, secrets: &[StoredSecret]) -> Result<EndpointSecret, Problem> {
    open(call, id, secrets.first().ok_or_else(|| Problem::failed(&"the endpoint has no secret"))?)
}

fn open(call: &Call, id: EndpointId, sealed: &StoredSecret) -> Result<EndpointSecret, Problem> {
    let plain = call.shared.config.secret_box.open(&sealed.sealed, &secret_aad(id)).map_err(|e| Problem::failed(&e))?;
    let text = std::str::from_utf8(&plain).map_err(|_| Problem::failed(&"a sealed secret is not text"))?;
    EndpointSecret::parse(text).map_err(|e| Problem::failed(&e))
}

pub(crate) async fn get_headers_in(call: Call, place: Place) -> Result<Reply, Problem> {
    let (id, sealed) = call.store().endpoint_headers(place.app, &call.endpoint(place.param)?).await?;
    Ok(Reply::ok(&HeadersOut::of(&open_headers(&call, id, &sealed)?)).secret())
}

pub(crate) async fn put_headers_in(call: Call, place: Place) -> Result<Reply, Problem> {
    let headers = headers::read_all(&call.body)?;
    change_headers(call, place, |_| Ok(headers.clone())).await
}

pub(crate) async fn patch_headers(call: Call) -> Result<Reply, Problem> {
    let place = Place::of(&call).await?;
    let changes = headers::read_changes(&call.body)?;
    change_headers(call, place, |old| headers::merge(old?, changes.clone())).await
}

/// Writes what `change` makes of the present headers (or of why they can't be opened).
async fn change_headers(
    call: Call,
    place: Place,
    change: impl Fn(Result<Headers, Problem>) -> Result<Headers, Problem>,
) -> Result<Reply, Problem> {
    let name = call.endpoint(place.param)?;
    let mut tries = 0;
    loop {
        let (id, sealed) = call.store().endpoint_headers(place.app, &name).await?;
        let next = change(open_headers(&call, id, &sealed))?;
        let next = seal_headers(&call, next)(id);
        match call.store().set_endpoint_headers(place.app, id, sealed, next).await {
            Ok(()) => return Ok(Reply::no_content()),
            Err(StoreError::Busy { .. }) if tries < RACES_MAX => tries += 1,
            Err(e) => return Err(e.into()),
        }
    }
}

fn open_headers(call: &Call, id: EndpointId, sealed: &[u8]) -> Result<Headers, Problem> {
    if sealed.is_empty() {
        return Ok(Headers::new());
    }
    let plain = call.shared.config.secret_box.open(sealed, &headers_aad(id)).map_err(|e| Problem::failed(&e))?;
    serde_json::from_slice(&plain).map_err(|e| Problem::failed(&e))
}
