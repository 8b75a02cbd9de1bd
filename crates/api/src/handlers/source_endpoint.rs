//! Endpoints of a source: the same handlers over the source's own application.

use super::endpoint::{self, Place, Types};
use super::secret;
use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::fields::{Fields, Patch};
use crate::wire::read;
use http::StatusCode;
use serde_json::json;

async fn place(call: &Call) -> Result<Place, Problem> {
    Ok(Place { app: call.source().await?.app, param: 1, types: Types::Any })
}

pub(crate) async fn list(call: Call) -> Result<Reply, Problem> {
    let place = place(&call).await?;
    endpoint::list_in(call, place).await
}
pub(crate) async fn create(call: Call) -> Result<Reply, Problem> {
    let place = place(&call).await?;
    endpoint::create_in(call, place).await
}
pub(crate) async fn get(call: Call) -> Result<Reply, Problem> {
    let place = place(&call).await?;
    endpoint::get_in(call, place).await
}
pub(crate) async fn put(call: Call) -> Result<Reply, Problem> {
    let place = place(&call).await?;
    endpoint::put_in(call, place).await
}
pub(crate) async fn delete(call: Call) -> Result<Reply, Problem> {
    let place = place(&call).await?;
    endpoint::delete_in(call, place).await
}
pub(crate) async fn get_headers(call: Call) -> Result<Reply, Problem> {
    let place = place(&call).await?;
    secret::get_headers_in(call, place).await
}
pub(crate) async fn put_headers(call: Call) -> Result<Reply, Problem> {
    let place = place(&call).await?;
    secret::put_headers_in(call, place).await
}
pub(crate) async fn get_secret(call: Call) -> Result<Reply, Problem> {
    let place = place(&call).await?;
    secret::get_in(call, place).await
}
pub(crate) async fn rotate_secret(call: Call) -> Result<Reply, Problem> {
    let place = place(&call).await?;
    secret::rotate_in(call, place).await
}

/// There are no transformations: what an endpoint without one answers.
pub(crate) async fn get_transformation(call: Call) -> Result<Reply, Problem> {
    let place = place(&call).await?;
    call.store().endpoint(place.app, &call.endpoint(place.param)?).await?;
    Ok(Reply::ok(&json!({"code": null, "enabled": false})))
}

/// Takes what changes nothing, and refuses what would have to run code.
pub(crate) async fn patch_transformation(call: Call) -> Result<Reply, Problem> {
    let place = place(&call).await?;
    let mut f = Fields::parse(&call.body)?;
    let has_code = matches!(f.take(&["code"], read::string), Patch::Value(_));
    let enabled = f.take(&["enabled"], read::boolean).value().unwrap_or_default();
    f.finish()?;
    call.store().endpoint(place.app, &call.endpoint(place.param)?).await?;
    if has_code || enabled {
        let detail = "This server has no transformations: messages are forwarded as they are";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "not_supported", detail));
    }
    Ok(Reply::no_content())
}
