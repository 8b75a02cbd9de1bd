//! A test event, and what became of it.
//!
//! **Invariant:** the page says how it went without scripts, too: by reloading it.

use super::actions::back;
use super::{endpoint_api, endpoint_of, endpoint_path};
use crate::call::Call;
use crate::fault::Fault;
use crate::reply::Reply;
use crate::view::{self as v, Html};
use domain::MessageId;
use http::Method;
use serde_json::{Value, json};
use store::{AttemptFilter, Endpoint, Order, PageQuery, Ref};

/// Needs no example of its own.
const PING: &str = "svix.ping";
const LISTED_MAX: u32 = 250;

/// What became of a test.
pub(crate) enum Test {
    /// Its place is asked again.
    Waiting {
        path: String,
    },
    Done {
        code: u16,
        ms: u64,
        success: bool,
        text: String,
        message: String,
    },
}

impl Test {
    /// The panel; it asks for itself until it is done.
    pub fn panel(&self) -> Html {
        let escaped = domain::html::escaped;
        match self {
            Test::Waiting { path } => Html(format!(
                "<div class=\"waiting\" id=\"test\" role=\"status\" hx-get=\"{}\" hx-trigger=\"every 1s\" hx-swap=\"outerHTML\" hx-target=\"#test\">\
                 <span class=\"pulse\"></span>Test event is on its way, waiting for the answer… <a class=\"no-js\" href=\"\">Reload</a></div>",
                escaped(path)
            )),
            Test::Done { code, ms, success, text, message } => {
                let (class, icon) = if *success { ("waiting done", "check") } else { ("notice bad", "cross") };
                let code = if *code == 0 { "no answer".to_owned() } else { code.to_string() };
                let took = v::took(ms);
                let text = if text.is_empty() { String::new() } else { format!(": {}", escaped(text)) };
                Html(format!(
                    "<div class=\"{class}\" id=\"test\" role=\"status\">{}<span><b>{code}</b> in {took}{text} · <a href=\"/messages/{}\">what was sent</a></span></div>",
                    v::icon(icon),
                    escaped(message)
                ))
            }
        }
    }
}

/// Types that it takes, and the ping.
pub(super) async fn types(call: &Call, endpoint: &Endpoint) -> Result<Vec<String>, Fault> {
    let page = PageQuery { limit: LISTED_MAX, cursor: None, order: Order::Ascending };
    let all = call.store().event_types(call.me.org, page, false).await?.data;
    let is_taken = |name: &String| endpoint.event_types.as_ref().is_none_or(|types| types.contains(name));
    let mut types: Vec<String> = all.into_iter().map(|t| t.name).filter(is_taken).collect();
    types.insert(0, PING.to_owned());
    Ok(types)
}

pub(crate) async fn send(call: Call) -> Result<Reply, Fault> {
    let (_, endpoint) = endpoint_of(&call).await?;
    let body = json!({"eventType": call.form().get("type")});
    let made = call.api(Method::POST, &format!("{}/send-example", endpoint_api(&call, &endpoint)), Some(&body)).await;
    let path = endpoint_path(&call, &endpoint);
    match made {
        Ok(message) => {
            let id = message.get("id").and_then(Value::as_str).unwrap_or_default();
            Ok(Reply::see(&format!("{path}?test={id}")))
        }
        Err(fault) => back(fault, &path),
    }
}

/// The panel alone.
pub(crate) async fn panel(call: Call) -> Result<Reply, Fault> {
    let (_, endpoint) = endpoint_of(&call).await?;
    let found = look(&call, &endpoint, call.param(2)).await?.ok_or_else(|| Fault::not_found("message"))?;
    Ok(Reply::html(http::StatusCode::OK, found.panel().0))
}

/// What became of a message at the endpoint; `None` if there is no such message.
pub(super) async fn look(call: &Call, endpoint: &Endpoint, message: &str) -> Result<Option<Test>, Fault> {
    let Some(id) = call.codec().read::<MessageId>(message) else { return Ok(None) };
    let page = PageQuery { limit: 1, cursor: None, order: Order::Descending };
    let filter = AttemptFilter { endpoint: Some(endpoint.id), with_content: true, ..AttemptFilter::default() };
    let attempts = match call.store().attempts_by_message(endpoint.app, &Ref::Id(id), page, filter).await {
        Err(store::StoreError::NotFound(_)) => return Ok(None),
        other => other?,
    };
    let path = format!("{}/test/{message}", endpoint_path(call, endpoint));
    Ok(Some(match attempts.data.into_iter().next() {
        None => Test::Waiting { path },
        Some(attempt) => {
            let response = attempt.response.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
            Test::Done {
                code: attempt.status_code,
                ms: attempt.duration_us / 1000,
                success: attempt.success,
                text: response.chars().take(200).collect(),
                message: message.to_owned(),
            }
        }
    }))
}
