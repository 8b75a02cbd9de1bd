//! The audit log.

use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::api_key::AuditOut;
use crate::wire::list::{self, ListOut};
use store::{AuditFilter, Order};

/// Newest first. A page may be shorter than its limit although more follows.
pub(crate) async fn list(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let codec = call.codec();
    let page = list::page(&query, codec, query.order_or(Order::Descending)?)?;
    let text = |name: &str| query.get(name).map(str::to_owned);
    let filter = AuditFilter {
        actor: text("actor"),
        action: text("action"),
        object: text("object"),
        before: query.time("before")?,
        after: query.time("after")?,
    };
    let entries = call.store().audit_entries(call.caller.org, page, filter).await?;
    Ok(Reply::ok(&ListOut::of(entries, |e| AuditOut::of(e, codec), |id| codec.text(id))))
}
