//! Endpoints of the operational webhooks: the same handlers over the organisation's own application.

use super::endpoint::{self, Place, Types};
use super::secret;
use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;

async fn place(call: &Call) -> Result<Place, Problem> {
    let app = call.store().operational_app(call.caller.org).await?;
    Ok(Place { app, param: 0, types: Types::Operational })
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
pub(crate) async fn rotate(call: Call) -> Result<Reply, Problem> {
    let place = place(&call).await?;
    secret::rotate_in(call, place).await
}
