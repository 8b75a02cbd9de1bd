//! The search box on top of every page: an id of any kind jumps to its page, anything else is searched in the messages.
//!
//! **Invariant:** it never says whether something of another organisation exists.

use crate::call::Call;
use crate::fault::Fault;
use crate::pages::common::query;
use crate::reply::Reply;
use domain::{
    AppId, AttemptId, EndpointId, FormId, IssueId, KeyId, LinkId, MessageId, PersonId, RequestId, SourceId, TaskId, Uid,
};
use store::{Ref, StoreError};

pub(crate) async fn jump(call: Call) -> Result<Reply, Fault> {
    let params = call.query();
    let q = params.get("q");
    let to = match place(&call, q).await {
        Ok(Some(to)) => to,
        // Gone, or somebody else's: the search says that nothing was found.
        Ok(None) | Err(Fault::NotFound(_)) => format!("/messages{}", query(&[("q", q)])),
        Err(fault) => return Err(fault),
    };
    Ok(Reply::see(&to))
}

/// The page of what `text` names.
async fn place(call: &Call, text: &str) -> Result<Option<String>, Fault> {
    let (store, org, codec) = (call.store(), call.me.org, call.codec());
    if let Some(id) = codec.read::<MessageId>(text) {
        store.find_message(org, id).await?;
        return Ok(Some(format!("/messages/{text}")));
    }
    if let Some(id) = codec.read::<AttemptId>(text) {
        let message = store.message_of_attempt(org, id).await?;
        return Ok(Some(format!("/messages/{}#{text}", codec.text(message))));
    }
    if let Some(id) = codec.read::<AppId>(text) {
        store.app(org, &Ref::Id(id)).await?;
        return Ok(Some(format!("/apps/{text}")));
    }
    if let Some(id) = codec.read::<EndpointId>(text) {
        let endpoint = store.find_endpoint(org, id).await?;
        return Ok(Some(format!("/apps/{}/endpoints/{text}", codec.text(endpoint.app))));
    }
    if let Some(id) = codec.read::<SourceId>(text) {
        return Ok(Some(source(call, id).await?));
    }
    if let Some(id) = codec.read::<RequestId>(text) {
        let source_id = store.source_of_request(org, id).await?;
        return Ok(Some(format!("{}?request={text}", source(call, source_id).await?)));
    }
    if codec.read::<LinkId>(text).is_some() {
        return Ok(Some(format!("/links/{text}")));
    }
    if codec.read::<FormId>(text).is_some() {
        return Ok(Some(format!("/forms/{text}")));
    }
    if codec.read::<IssueId>(text).is_some() {
        return Ok(Some(format!("/issues/{text}")));
    }
    if codec.read::<TaskId>(text).is_some() {
        return Ok(Some(format!("/tasks/{text}")));
    }
    if codec.read::<KeyId>(text).is_some() {
        return Ok(Some("/settings/keys".to_owned()));
    }
    if codec.read::<PersonId>(text).is_some() {
        return Ok(Some("/settings/team".to_owned()));
    }
    named(call, text).await
}

async fn source(call: &Call, id: SourceId) -> Result<String, Fault> {
    let found = call.store().source(call.me.org, &Ref::Id(id)).await?;
    let family = if found.is_bin { "inspector" } else { "sources" };
    Ok(format!("/{family}/{}", call.codec().text(id)))
}

/// What a person named: an application or source by its uid, an event type, a link by its slug.
async fn named(call: &Call, text: &str) -> Result<Option<String>, Fault> {
    if !Uid::is_valid(text) {
        return Ok(None);
    }
    let (store, org, codec) = (call.store(), call.me.org, call.codec());
    let uid = || text.to_owned();
    if let Some(app) = if_there(store.app(org, &Ref::Uid(uid())).await)? {
        return Ok(Some(format!("/apps/{}", codec.text(app.id))));
    }
    if let Some(source) = if_there(store.source(org, &Ref::Uid(uid())).await)? {
        let family = if source.is_bin { "inspector" } else { "sources" };
        return Ok(Some(format!("/{family}/{}", codec.text(source.id))));
    }
    if if_there(store.event_type(org, text).await)?.is_some() {
        return Ok(Some(format!("/event-types/{text}")));
    }
    if let Some(link) = store.link_route(text).await? {
        // Slugs are the installation's: only one's own is told of.
        if if_there(store.link(org, link.link).await)?.is_some() {
            return Ok(Some(format!("/links/{}", codec.text(link.link))));
        }
    }
    Ok(None)
}

fn if_there<T>(found: Result<T, StoreError>) -> Result<Option<T>, Fault> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(StoreError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
