//! Sources: inbound URLs, and what verifies and forwards what comes to them.

use crate::call::{Call, Shared};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::fields::Fields;
use crate::wire::list::{self, ListOut};
use crate::wire::source::{
    self, KindOut, RotatedOut, SourceIn, SourceOut, check_config, ingest_url, read_changes, read_whole,
};
use domain::{SourceId, SourceState, source_config_aad};
use signing::providers::{Provider, SecretConfig};
use std::time::Duration;
use store::{Ref, Source, SourceFields, SourcePatch, SourceSealer, StoreError};
use zeroize::Zeroizing;

const TOKEN_LEN: usize = 32;

pub(crate) async fn list(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let codec = call.codec();
    let page = list::page(&query, codec, query.order()?)?;
    let sources = call.store().sources(call.caller.org, false, page).await?;
    Ok(Reply::ok(&ListOut::of(sources, |s| out(&call, s), |id| codec.text(id))))
}

pub(crate) async fn create(call: Call) -> Result<Reply, Problem> {
    let mut f = Fields::parse(&call.body)?;
    let mut new = read_whole(&mut f);
    let config = new.config.take().unwrap_or_else(SecretConfig::empty);
    if let Some(provider) = new.kind {
        check_config(&mut f, provider, &config);
    }
    f.finish()?;
    let token = token(&call.shared);
    let made = call.store().create_source(call.caller.org, fields(new), token, seal(&call.shared, config)).await?;
    Ok(Reply::created(true, &out(&call, made)))
}

pub(crate) async fn get(call: Call) -> Result<Reply, Problem> {
    let source = of_path(&call).await?;
    Ok(Reply::ok(&out(&call, source)))
}

pub(crate) async fn put(call: Call) -> Result<Reply, Problem> {
    let mut f = Fields::parse(&call.body)?;
    let mut new = read_whole(&mut f);
    let old = match call.source().await {
        // A bin would be overwritten by what creates a source of its uid.
        Ok(bin) if bin.is_bin => return Err(Problem::conflict("This is a bin: promote it")),
        Ok(old) => Some(old),
        Err(problem) if problem.status() == http::StatusCode::NOT_FOUND => None,
        Err(problem) => return Err(problem),
    };
    let given = new.config.take();
    if let Some(provider) = new.kind {
        // A PUT without a configuration keeps the secrets: they can't be read back to be written again.
        let kept = match (&given, &old) {
            (None, Some(old)) => Some(open(&call.shared, old)?),
            _ => None,
        };
        let empty = SecretConfig::empty();
        check_config(&mut f, provider, given.as_ref().or(kept.as_ref()).unwrap_or(&empty));
    }
    f.finish()?;
    match old {
        Some(old) => {
            // A PUT to a uid that says none must not take it away: the next one would make another source.
            let named = match call.source_ref()? {
                Ref::Uid(uid) => Some(uid),
                Ref::Id(_) => None,
            };
            let fields = fields(new);
            let patch = SourcePatch {
                uid: Some(fields.uid.or(named)),
                name: Some(fields.name),
                kind: Some(fields.kind),
                config: given.map(|config| seal(&call.shared, config)),
                options: Some(fields.options),
                metadata: Some(fields.metadata),
                state: Some(fields.state),
                ..SourcePatch::default()
            };
            change(&call, &old, patch).await
        }
        None => create_named(&call, new, given.unwrap_or_else(SecretConfig::empty)).await,
    }
}

/// Creates the source whose uid is in the path.
async fn create_named(call: &Call, new: SourceIn, config: SecretConfig) -> Result<Reply, Problem> {
    let name = call.source_ref()?;
    match &name {
        Ref::Uid(uid) if source::is_uid(uid) => {}
        // An id can't be chosen.
        _ => return Err(Problem::not_found("source not found")),
    }
    let (token, config) = (token(&call.shared), seal(&call.shared, config));
    let (made, is_new) = call.store().put_source(call.caller.org, &name, fields(new), token, config).await?;
    Ok(Reply::created(is_new, &out(call, made)))
}

pub(crate) async fn patch(call: Call) -> Result<Reply, Problem> {
    let mut f = Fields::parse(&call.body)?;
    let changes = read_changes(&mut f);
    let old = of_path(&call).await?;
    if changes.kind.is_some() || changes.config.is_some() {
        let kept = match changes.config {
            Some(_) => None,
            None => Some(open(&call.shared, &old)?),
        };
        match (changes.kind.or_else(|| Provider::find(&old.kind)), changes.config.as_ref().or(kept.as_ref())) {
            (Some(provider), Some(config)) => check_config(&mut f, provider, config),
            _ => f.complain("type", "is required: this server doesn't know the source's present one"),
        }
    }
    f.finish()?;
    let patch = SourcePatch {
        uid: changes.uid,
        name: changes.name,
        kind: changes.kind.map(|p| p.name.clone()),
        config: changes.config.map(|config| seal(&call.shared, config)),
        options: changes.options,
        metadata: changes.metadata,
        state: changes.state,
        ..SourcePatch::default()
    };
    change(&call, &old, patch).await
}

async fn change(call: &Call, old: &Source, patch: SourcePatch) -> Result<Reply, Problem> {
    let changed = call.store().patch_source(call.caller.org, &Ref::Id(old.id), patch).await?;
    if changed.state == SourceState::Live
        && old.state != SourceState::Live
        && let Some(inbound) = &call.shared.config.inbound
    {
        inbound.nudge();
    }
    Ok(Reply::ok(&out(call, changed)))
}

pub(crate) async fn delete(call: Call) -> Result<Reply, Problem> {
    let source = of_path(&call).await?;
    call.store().delete_source(call.caller.org, &Ref::Id(source.id)).await?;
    Ok(Reply::no_content())
}

/// A new URL. The old one works until its time is over.
pub(crate) async fn rotate(call: Call) -> Result<Reply, Problem> {
    let grace_s = source::read_rotation(&call.body)?;
    let source = call.source().await?;
    let old_expires_at = call.shared.now().plus(Duration::from_secs(grace_s));
    let token = token(&call.shared);
    let store = call.store();
    let rotated = store.rotate_source_token(call.caller.org, &Ref::Id(source.id), token, old_expires_at).await?;
    Ok(Reply::ok(&RotatedOut { ingest_url: ingest_url(&call.origin(), &rotated.token) }))
}

/// The kinds that a source can have.
#[allow(clippy::unused_async, reason = "a handler is async")]
pub(crate) async fn kinds(_call: Call) -> Result<Reply, Problem> {
    let data: Vec<KindOut> = Provider::all().iter().map(KindOut::of).collect();
    Ok(Reply::ok(&serde_json::json!({ "data": data })))
}

/// The source in the path. A bin has operations of its own.
pub(super) async fn of_path(call: &Call) -> Result<Source, Problem> {
    let source = call.source().await?;
    if source.is_bin { Err(StoreError::NotFound("source").into()) } else { Ok(source) }
}

fn fields(new: SourceIn) -> SourceFields {
    SourceFields {
        uid: new.uid,
        name: new.name,
        kind: new.kind.map(|p| p.name.clone()).unwrap_or_default(),
        options: new.options,
        metadata: new.metadata,
        state: new.state,
        is_bin: false,
        forwards: true,
        expires_at: None,
    }
}

/// A source's wire form. A configuration that can't be opened shows as empty: the rest is worth seeing.
pub(super) fn out(call: &Call, source: Source) -> SourceOut {
    let config = open(&call.shared, &source).unwrap_or_else(|_| SecretConfig::empty());
    SourceOut::of(source, &config, &call.origin(), call.codec())
}

pub(super) fn seal(shared: &Shared, config: SecretConfig) -> SourceSealer {
    let mut fill = shared.fill();
    let secret_box = shared.config.secret_box.clone();
    Box::new(move |id: SourceId| secret_box.seal(&config.text(), &source_config_aad(id), &mut fill))
}

pub(super) fn open(shared: &Shared, source: &Source) -> Result<SecretConfig, Problem> {
    let opened = shared.config.secret_box.open(&source.config_sealed, &source_config_aad(source.id));
    let plain: Zeroizing<Vec<u8>> = opened.map_err(|e| Problem::failed(&e))?;
    serde_json::from_slice(&plain).map(SecretConfig::new).map_err(|e| Problem::failed(&e))
}

/// What a URL ends in: 190 bits that nobody guesses.
pub(super) fn token(shared: &Shared) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let rng = shared.store.rng();
    let mut token = String::with_capacity(TOKEN_LEN);
    let mut bytes = [0; TOKEN_LEN];
    while token.len() < TOKEN_LEN {
        rng.fill(&mut bytes);
        // Bytes beyond the last multiple of 62 would make some characters likelier.
        let even = bytes.iter().filter(|b| **b < 248);
        let digits = even.filter_map(|b| ALPHABET.get(usize::from(b % 62))).map(|c| char::from(*c));
        token.extend(digits.take(TOKEN_LEN - token.len()));
    }
    token
}
