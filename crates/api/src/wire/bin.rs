//! Bins on the wire: inspectors of requests.
//!
//! **Invariant:** a bin ends by itself unless its owner says that it doesn't.

use super::fields::{Fields, Patch};
use super::source::{self, ingest_url};
use super::{endpoint, options, read, time};
use crate::problem::Problem;
use domain::target::TargetRules;
use domain::{IdCodec, SourceOptions};
use serde::Serialize;
use store::Source;

const DAY_S: u64 = 86_400;
const MINUTE_S: u64 = 60;
/// How long a bin lives at most, and unless said otherwise, in seconds.
const EXPIRES_S_MAX: u64 = 90 * DAY_S;
const EXPIRES_S_DEFAULT: u64 = 7 * DAY_S;
const REQUESTS_KEPT_DEFAULT: u32 = 1_000;
const NAME_DEFAULT: &str = "Bin";

/// A new bin.
pub(crate) struct BinIn {
    pub name: String,
    pub uid: Option<String>,
    /// Seconds that it lives; `None` for as long as it isn't deleted.
    pub expires_in_s: Option<u64>,
    pub options: SourceOptions,
    pub forward_url: Option<String>,
}

pub(crate) fn read_new(body: &[u8], rules: &TargetRules) -> Result<BinIn, Problem> {
    let mut f = Fields::parse(body)?;
    let name = f.take(&["name"], source::name).value().unwrap_or_else(|| NAME_DEFAULT.to_owned());
    let uid = f.take(&["uid"], source::uid).value();
    let expires_in_s = take_expiry(&mut f).unwrap_or(Some(EXPIRES_S_DEFAULT));
    let kept = f.take(&["requestsKept"], options::requests_kept).value();
    let mut options = options::take(&mut f).value().unwrap_or_default();
    options.requests_kept = kept.or(options.requests_kept).or(Some(REQUESTS_KEPT_DEFAULT));
    let forward_url = f.take(&["forwardUrl"], endpoint::target(rules)).value();
    f.finish()?;
    Ok(BinIn { name, uid, expires_in_s, options, forward_url })
}

/// What a PATCH changes. `None` keeps; `Some(None)` clears.
pub(crate) struct BinChanges {
    pub name: Option<String>,
    pub uid: Option<Option<String>>,
    pub expires_in_s: Option<Option<u64>>,
    pub options: Option<SourceOptions>,
    pub requests_kept: Option<u32>,
    pub forward_url: Option<Option<String>>,
}

pub(crate) fn read_changes(body: &[u8], rules: &TargetRules) -> Result<BinChanges, Problem> {
    let mut f = Fields::parse(body)?;
    let name = f.take(&["name"], source::name);
    if name == Patch::Null {
        f.complain("name", "can't be cleared");
    }
    let changes = BinChanges {
        name: name.value(),
        uid: f.take(&["uid"], source::uid).clearable(),
        expires_in_s: take_expiry(&mut f),
        requests_kept: f.take(&["requestsKept"], options::requests_kept).or_reset(REQUESTS_KEPT_DEFAULT),
        options: options::take(&mut f).or_reset(SourceOptions::default()),
        forward_url: f.take(&["forwardUrl"], endpoint::target(rules)).clearable(),
    };
    f.finish()?;
    Ok(changes)
}

impl BinChanges {
    /// The options from now on: given ones replace the old ones, but for how many requests are kept, which a bin always
    /// has a number for.
    pub fn options_after(&mut self, old: &SourceOptions) -> Option<SourceOptions> {
        if self.options.is_none() && self.requests_kept.is_none() {
            return None;
        }
        let mut options = self.options.take().unwrap_or_else(|| old.clone());
        options.requests_kept = self.requests_kept.or(options.requests_kept).or(old.requests_kept);
        Some(options)
    }
}

fn take_expiry(f: &mut Fields) -> Option<Option<u64>> {
    f.take(&["expiresIn"], read::integer(MINUTE_S..=EXPIRES_S_MAX)).clearable()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BinOut {
    id: String,
    uid: Option<String>,
    name: String,
    url: String,
    options: SourceOptions,
    requests_kept: Option<u32>,
    forward_url: Option<String>,
    /// The public page of requests, while it is shared.
    share_url: Option<String>,
    app_id: String,
    expires_at: Option<String>,
    created_at: String,
    updated_at: String,
}

impl BinOut {
    pub fn of(s: Source, forward_url: Option<String>, origin: &str, codec: &IdCodec) -> Self {
        BinOut {
            id: codec.text(s.id),
            uid: s.uid,
            name: s.name,
            url: ingest_url(origin, &s.token),
            requests_kept: s.options.requests_kept,
            options: s.options,
            forward_url,
            share_url: s.share.map(|token| share_url(origin, &token)),
            app_id: codec.text(s.app),
            expires_at: s.expires_at.map(time::text),
            created_at: time::text(s.id.created_at()),
            updated_at: time::text(s.updated_at),
        }
    }
}

/// The page of a shared bin; its JSON is below `/api/v1/share/`.
pub(crate) fn share_url(origin: &str, token: &str) -> String {
    format!("{origin}/share/{token}")
}

#[derive(Serialize)]
pub(crate) struct ShareOut {
    pub url: String,
    pub token: String,
}

/// What the public sees of a shared bin: nothing to post to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SharedOut {
    pub name: String,
    pub created_at: String,
    pub expires_at: Option<String>,
}

impl SharedOut {
    pub fn of(s: Source) -> Self {
        SharedOut { name: s.name, created_at: time::text(s.id.created_at()), expires_at: s.expires_at.map(time::text) }
    }
}
