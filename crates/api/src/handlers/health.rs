//! Pages that need no token: whether the server lives, is ready, and what it counted.

use crate::call::Shared;
use crate::problem::Problem;
use crate::reply::Reply;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Page {
    /// The Svix API's health check.
    Alive,
    /// The process answers.
    Live,
    /// The store takes writes.
    Ready,
    /// Prometheus text.
    Metrics,
}

pub(crate) async fn show(page: Page, shared: &Shared) -> Result<Reply, Problem> {
    match page {
        Page::Alive => Ok(Reply::no_content()),
        Page::Live => Ok(Reply::ok(&serde_json::json!({"status": "ok"}))),
        Page::Ready => {
            shared.store.ready().await?;
            Ok(Reply::ok(&serde_json::json!({"status": "ready"})))
        }
        Page::Metrics => Ok(Reply::text(
            shared.metrics.text(shared.config.limits.max_streams.saturating_sub(shared.live.free()))
                + &crate::metrics::store_text(shared.store.metrics())
                + &(shared.config.metrics)(),
        )),
    }
}
