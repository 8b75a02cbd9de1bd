//! The live tail of an organisation, or of one application.
//!
//! **Invariant:** an application's viewer sees rows of that application only, and how many of them were left out.

use crate::call::{Call, named};
use crate::live::{open_tail, watched};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::query::Query;
use crate::wire::tail::TailFilter;
use domain::{AppId, AttemptId, MessageId, RequestId, Seq, TypedId};

pub(crate) async fn of_organisation(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let app = match query.get("app") {
        None => None,
        Some(text) => {
            let unknown = || Problem::query("app", "is no application's id or uid");
            let name = named::<AppId>(call.codec(), text).ok_or_else(unknown)?;
            Some(call.store().route(call.caller.org, &name).await.map_err(|_| unknown())?.app)
        }
    };
    open(&call, &query, app)
}

pub(crate) async fn of_app(call: Call) -> Result<Reply, Problem> {
    let app = call.app().await?;
    open(&call, &call.query(), Some(app))
}

fn open(call: &Call, query: &Query<'_>, app: Option<AppId>) -> Result<Reply, Problem> {
    let filter = TailFilter::read(query)?;
    let after = after(call, query)?;
    let tail = call.store().tail(call.caller.org, app, after);
    let permit = call.shared.live.permit(&call.caller)?;
    let body = open_tail(call.shared.clone(), permit, call.caller.org, tail, filter);
    Ok(Reply::events(watched(call, body)))
}

/// The row that the client saw last.
fn after(call: &Call, query: &Query<'_>) -> Result<Option<Seq>, Problem> {
    let header = call.headers.get("last-event-id").map(|id| id.to_str().unwrap_or("?")).filter(|id| !id.is_empty());
    let Some(text) = header.or_else(|| query.get("iterator")) else { return Ok(None) };
    let codec = call.codec();
    let seq = (codec.read::<MessageId>(text).map(|id| id.seq()))
        .or_else(|| codec.read::<AttemptId>(text).map(|id| id.seq()))
        .or_else(|| codec.read::<RequestId>(text).map(|id| id.seq()));
    seq.map(Some).ok_or_else(|| Problem::query("iterator", "is not the id of an event of this stream"))
}
