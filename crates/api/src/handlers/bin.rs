//! Bins: inspectors of requests, and their public share links.

use super::endpoint::seal_secret;
use super::{request, source};
use crate::call::{Call, Visit};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::bin::{BinOut, ShareOut, SharedOut, read_changes, read_new, share_url};
use crate::wire::fields::Fields;
use crate::wire::list::{self, ListOut};
use crate::wire::query::Query;
use crate::wire::source::{UNVERIFIED, check_config, read_promotion};
use domain::{SourceState, Timestamp};
use http::StatusCode;
use signing::providers::SecretConfig;
use std::time::Duration;
use store::{EndpointFields, EndpointRef, Ref, Source, SourceFields, SourcePatch, StoreError};

/// The uid of the endpoint that a bin's `forwardUrl` makes.
const FORWARD: &str = "forward";

pub(crate) async fn list(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let codec = call.codec();
    let page = list::page(&query, codec, query.order()?)?;
    let found = call.store().sources(call.caller.org, true, page).await?;
    let mut bins = Vec::with_capacity(found.data.len());
    for bin in found.data {
        bins.push(out(&call, bin).await?);
    }
    let found = store::Page { data: bins, last: found.last, first: found.first, done: found.done };
    Ok(Reply::ok(&ListOut::of(found, |bin| bin, |id| codec.text(id))))
}

pub(crate) async fn create(call: Call) -> Result<Reply, Problem> {
    let new = read_new(&call.body, &call.shared.config.target_rules)?;
    let fields = SourceFields {
        uid: new.uid,
        name: new.name,
        kind: UNVERIFIED.to_owned(),
        options: new.options,
        is_bin: true,
        forwards: new.forward_url.is_some(),
        expires_at: new.expires_in_s.map(|s| in_seconds(&call, s)),
        ..SourceFields::default()
    };
    let config = source::seal(&call.shared, SecretConfig::empty());
    let token = source::token(&call.shared);
    let made = call.store().create_source(call.caller.org, fields, token, config).await?;
    if let Some(url) = new.forward_url {
        set_forward(&call, &made, Some(url)).await?;
    }
    Ok(Reply::created(true, &out(&call, made).await?))
}

pub(crate) async fn get(call: Call) -> Result<Reply, Problem> {
    let bin = of_path(&call).await?;
    Ok(Reply::ok(&out(&call, bin).await?))
}

pub(crate) async fn patch(call: Call) -> Result<Reply, Problem> {
    let mut changes = read_changes(&call.body, &call.shared.config.target_rules)?;
    let bin = of_path(&call).await?;
    let options = changes.options_after(&bin.options);
    let forwards = changes.forward_url.as_ref().map(Option::is_some);
    let patch = SourcePatch {
        uid: changes.uid,
        name: changes.name,
        options,
        forwards,
        expires_at: changes.expires_in_s.map(|s| s.map(|s| in_seconds(&call, s))),
        ..SourcePatch::default()
    };
    let changed = call.store().patch_source(call.caller.org, &Ref::Id(bin.id), patch).await?;
    // After what can be refused.
    if let Some(url) = changes.forward_url {
        set_forward(&call, &changed, url).await?;
    }
    Ok(Reply::ok(&out(&call, changed).await?))
}

pub(crate) async fn delete(call: Call) -> Result<Reply, Problem> {
    let bin = of_path(&call).await?;
    call.store().delete_source(call.caller.org, &Ref::Id(bin.id)).await?;
    Ok(Reply::no_content())
}

/// Turns a bin into a source with the same URL, and its requests. The share link ends: what a provider sends is nothing
/// for the public.
pub(crate) async fn promote(call: Call) -> Result<Reply, Problem> {
    let mut f = Fields::parse(&call.body)?;
    let promotion = read_promotion(&mut f);
    let config = promotion.config.unwrap_or_else(SecretConfig::empty);
    if let Some(provider) = promotion.kind {
        check_config(&mut f, provider, &config);
    }
    f.finish()?;
    let bin = of_path(&call).await?;
    let patch = SourcePatch {
        name: promotion.name,
        kind: promotion.kind.map(|p| p.name.clone()),
        config: Some(source::seal(&call.shared, config)),
        options: promotion.options,
        state: Some(SourceState::Live),
        is_bin: Some(false),
        forwards: Some(true),
        expires_at: Some(None),
        share: Some(None),
        ..SourcePatch::default()
    };
    let made = call.store().patch_source(call.caller.org, &Ref::Id(bin.id), patch).await?;
    Ok(Reply::created(true, &source::out(&call, made)))
}

/// A link under which everybody can read the bin's requests. The same one until it is revoked.
pub(crate) async fn share(call: Call) -> Result<Reply, Problem> {
    let bin = of_path(&call).await?;
    let token = match bin.share {
        Some(token) => token,
        None => {
            let token = source::token(&call.shared);
            set_share(&call, &bin, Some(token.clone())).await?;
            token
        }
    };
    Ok(Reply::created(true, &ShareOut { url: share_url(&call.origin(), &token), token }))
}

pub(crate) async fn unshare(call: Call) -> Result<Reply, Problem> {
    let bin = of_path(&call).await?;
    set_share(&call, &bin, None).await?;
    Ok(Reply::no_content())
}

async fn set_share(call: &Call, bin: &Source, share: Option<String>) -> Result<(), Problem> {
    let patch = SourcePatch { share: Some(share), ..SourcePatch::default() };
    call.store().patch_source(call.caller.org, &Ref::Id(bin.id), patch).await?;
    Ok(())
}

pub(crate) async fn shared(visit: Visit) -> Result<Reply, Problem> {
    let bin = visited(&visit).await?;
    Ok(Reply::ok(&SharedOut::of(bin)))
}

pub(crate) async fn shared_requests(visit: Visit) -> Result<Reply, Problem> {
    let bin = visited(&visit).await?;
    request::list_of(&visit.shared, &Query::parse(visit.uri.query()), bin.id).await
}

pub(crate) async fn shared_request(visit: Visit) -> Result<Reply, Problem> {
    let bin = visited(&visit).await?;
    let id = visit.shared.store.codec().read(visit.params.get(1));
    let id = id.ok_or_else(|| Problem::not_found("request not found"))?;
    request::get_of(&visit.shared, bin.id, id).await
}

async fn visited(visit: &Visit) -> Result<Source, Problem> {
    let gone = || Problem::not_found("There is no such share link, or no longer");
    match visit.shared.store.shared_source(visit.params.get(0)).await {
        Ok(bin) if bin.is_bin && !is_over(&bin, visit.shared.now()) => Ok(bin),
        Ok(_) | Err(StoreError::NotFound(_)) => Err(gone()),
        Err(e) => Err(e.into()),
    }
}

fn is_over(bin: &Source, now: Timestamp) -> bool {
    bin.expires_at.is_some_and(|t| t <= now)
}

/// The bin in the path.
async fn of_path(call: &Call) -> Result<Source, Problem> {
    match call.source().await {
        Ok(bin) if bin.is_bin => Ok(bin),
        Err(problem) if problem.status() != StatusCode::NOT_FOUND => Err(problem),
        _ => Err(Problem::not_found("bin not found")),
    }
}

fn in_seconds(call: &Call, seconds: u64) -> Timestamp {
    call.shared.now().plus(Duration::from_secs(seconds))
}

fn forward_endpoint() -> EndpointRef {
    Ref::Uid(FORWARD.to_owned())
}

async fn set_forward(call: &Call, bin: &Source, url: Option<String>) -> Result<(), Problem> {
    let store = call.store();
    let Some(url) = url else {
        return match store.delete_endpoint(bin.app, &forward_endpoint()).await {
            Ok(()) | Err(StoreError::NotFound(_)) => Ok(()),
            Err(e) => Err(e.into()),
        };
    };
    let fields = EndpointFields {
        uid: Some(FORWARD.to_owned()),
        url,
        description: "Where the bin forwards".to_owned(),
        ..EndpointFields::default()
    };
    store.put_endpoint(bin.app, &forward_endpoint(), fields, seal_secret(call, None), None).await?;
    Ok(())
}

async fn out(call: &Call, bin: Source) -> Result<BinOut, Problem> {
    let forward_url = match bin.forwards {
        false => None,
        true => match call.store().endpoint(bin.app, &forward_endpoint()).await {
            Ok(endpoint) => Some(endpoint.url),
            Err(StoreError::NotFound(_)) => None,
            Err(e) => return Err(e.into()),
        },
    };
    Ok(BinOut::of(bin, forward_url, &call.origin(), call.codec()))
}
