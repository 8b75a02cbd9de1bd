//! Many messages in one request, with one answer each.
//!
//! **Invariant:** what is wrong with one message is that one's answer; the others are accepted.

use super::message::{message_key, route_or_create, rules, utf8, with_content};
use crate::call::Call;
use crate::idempotency;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::message::{self, Draft, MessageIn, MessageRules};
use domain::AppRoute;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;
use store::{Accepted, NewMessage, StoreError};

/// Messages in one request at most.
const MESSAGES_MAX: usize = 1_000;

#[derive(Serialize)]
struct BatchOut {
    data: Vec<Option<Box<RawValue>>>,
}

#[derive(Serialize)]
struct ItemOut<'a> {
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<crate::problem::ProblemBody<'a>>,
}

/// A checked message and the beginning of its answer, or what is wrong with it.
type Item = Result<(NewMessage, String), Problem>;

pub(crate) async fn create(call: Call) -> Result<Reply, Problem> {
    let with_content = with_content(&call)?;
    let whole_key = idempotency::header(&call.headers)?;
    let messages = split(utf8(&call.body)?)?;
    let route = route_or_create(&call, None).await?;
    let rules = rules(&call);
    let items: Vec<Item> = messages
        .iter()
        .enumerate()
        .map(|(i, raw)| item(&call, &route, raw, &rules, whole_key.map(|k| (k, i)), with_content))
        .collect();

    let mut new = Vec::with_capacity(items.len());
    let answers: Vec<Result<String, Problem>> = items
        .into_iter()
        .map(|item| {
            item.map(|(message, answer)| {
                new.push(message);
                answer
            })
        })
        .collect();
    let mut accepted = call.store().accept_many(new).await.into_iter();
    let data = answers.into_iter().map(|answer| {
        let done = answer.and_then(|answer| finish(&call, answer, accepted.next(), with_content));
        write_item(done)
    });
    Ok(Reply::json(StatusCode::ACCEPTED, &BatchOut { data: data.collect() }))
}

/// `{"messages": [...]}`, or the list alone.
fn split(text: &str) -> Result<Vec<&RawValue>, Problem> {
    #[derive(Deserialize)]
    struct Wrapped<'a> {
        #[serde(borrow)]
        messages: Vec<&'a RawValue>,
    }
    let bad = |e: serde_json::Error| Problem::json(format!("The body is not a list of messages: {e}"));
    let messages = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map_err(bad)?
    } else {
        serde_json::from_str::<Wrapped<'_>>(text).map_err(bad)?.messages
    };
    if !(1..=MESSAGES_MAX).contains(&messages.len()) {
        return Err(Problem::field("messages", format!("must hold 1 to {MESSAGES_MAX} messages")));
    }
    Ok(messages)
}

fn item(
    call: &Call,
    route: &Arc<AppRoute>,
    raw: &RawValue,
    rules: &MessageRules,
    whole_key: Option<(&str, usize)>,
    with_content: bool,
) -> Item {
    let parsed = MessageIn::parse(raw.get())?;
    let draft: Draft = parsed.check(&call.body, rules)?;
    let answer = draft.open_answer(with_content);
    let mut new = draft.into_new(route.clone());
    new.key = match (&parsed.idempotency_key, whole_key) {
        // A message's own key means the same as on a request of its own.
        (Some(own), _) if (1..=256).contains(&own.0.len()) => Some(message_key(call, route, &own.0, &[])),
        (Some(_), _) => return Err(Problem::field("idempotencyKey", "must have 1 to 256 characters")),
        // The request's key covers each message at its place.
        (None, Some((whole, i))) => Some(message_key(call, route, whole, &(i as u64).to_le_bytes())),
        (None, None) => None,
    };
    Ok((new, answer))
}

fn finish(
    call: &Call,
    mut answer: String,
    accepted: Option<Result<Accepted, StoreError>>,
    with_content: bool,
) -> Result<String, Problem> {
    match accepted.ok_or_else(|| Problem::failed(&"the store gave too few answers to a batch"))?? {
        Accepted::New(id) => message::close(&mut answer, id, call.codec()),
        Accepted::Repeated(first) => {
            answer.clear();
            message::write_stored(&mut answer, &first, with_content, call.codec(), "");
        }
    }
    Ok(answer)
}

fn write_item(done: Result<String, Problem>) -> Option<Box<RawValue>> {
    let problem = done.as_ref().err().cloned();
    let item = ItemOut {
        status: problem.as_ref().map_or(StatusCode::ACCEPTED, Problem::status).as_u16(),
        message: done.ok().and_then(|text| RawValue::from_string(text).ok()),
        error: problem.as_ref().map(Problem::body),
    };
    serde_json::value::to_raw_value(&item).ok()
}
