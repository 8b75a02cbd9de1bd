//! Links on the wire.
//!
//! **Invariant:** what passes here is a link that can be followed; the rules are in `link_rules`.

use super::fields::{Fields, Patch};
use super::link_rules::{self as rules, OwnHosts, REDIRECT_DEFAULT};
use super::read::{self, Read};
use super::{query::Query, time};
use crate::problem::Problem;
use domain::{IdCodec, Timestamp};
use serde::Serialize;
use serde_json::Value;
use store::{Link, LinkFields, LinkFilter, LinkPatch, Metadata};

/// A new link.
pub(crate) struct LinkIn {
    /// The application's id or uid; `None` for the one that the organisation has for links and forms.
    pub app: Option<String>,
    /// `None` for a random one.
    pub slug: Option<String>,
    /// Its slug and application are still to be filled in.
    pub fields: LinkFields,
}

pub(crate) fn read_new(body: &[u8], own: &OwnHosts, now: Timestamp) -> Result<LinkIn, Problem> {
    let mut f = Fields::parse(body)?;
    let fields = LinkFields {
        app: None,
        slug: String::new(),
        target: f.require(&["target"], target(own)),
        name: f.take(&["name"], name).value().unwrap_or_default(),
        redirect: f.take(&["redirect"], redirect).value().unwrap_or(REDIRECT_DEFAULT),
        tags: f.take(&["tags"], tags).value().unwrap_or_default(),
        metadata: f.take(&["metadata"], read::metadata).value().unwrap_or_default(),
        click_param: f.take(&["clickParam"], click_param).value(),
        disabled: f.take(&["disabled"], read::boolean).value().unwrap_or_default(),
        expires_at: f.take(&["expiresAt"], |v| expiry(v, now)).value(),
    };
    let slug = f.take(&["slug"], slug).value();
    let app = f.take(&["appId"], read::string).value();
    f.finish()?;
    Ok(LinkIn { app, slug, fields })
}

/// What a PATCH changes.
pub(crate) struct LinkChanges {
    /// `Some(None)`: the application that the organisation has for links and forms.
    pub app: Option<Option<String>>,
    /// Its application is still to be filled in.
    pub patch: LinkPatch,
}

pub(crate) fn read_changes(body: &[u8], own: &OwnHosts) -> Result<LinkChanges, Problem> {
    let mut f = Fields::parse(body)?;
    let target = f.take(&["target"], target(own));
    let slug = f.take(&["slug"], slug);
    for (name, value) in [("target", &target), ("slug", &slug)] {
        if *value == Patch::Null {
            f.complain(name, "can't be cleared");
        }
    }
    let patch = LinkPatch {
        app: None,
        slug: slug.value(),
        target: target.value(),
        name: f.take(&["name"], name).or_reset(String::new()),
        redirect: f.take(&["redirect"], redirect).or_reset(REDIRECT_DEFAULT),
        tags: f.take(&["tags"], tags).or_reset(Vec::new()),
        metadata: f.take(&["metadata"], read::metadata).or_reset(Metadata::new()),
        click_param: f.take(&["clickParam"], click_param).clearable(),
        disabled: f.take(&["disabled"], read::boolean).or_reset(false),
        // One that is over ends the link at once.
        expires_at: f.take(&["expiresAt"], read::timestamp).clearable(),
    };
    let app = f.take(&["appId"], read::string).clearable();
    f.finish()?;
    Ok(LinkChanges { app, patch })
}

pub(crate) fn filter(query: &Query<'_>) -> Result<LinkFilter, Problem> {
    Ok(LinkFilter { tag: query.checked("tag", rules::is_tag)?, slug: query.checked("slug", domain::is_slug)? })
}

fn target(own: &OwnHosts) -> impl FnOnce(Value) -> Read<String> {
    move |v| rules::target(&read::string(v)?, own)
}

/// A name that may be empty.
fn name(v: Value) -> Read<String> {
    rules::name(&read::string(v)?)
}

fn slug(v: Value) -> Read<String> {
    rules::slug(&read::string(v)?)
}

fn redirect(v: Value) -> Read<u16> {
    rules::redirect(v.as_u64().unwrap_or_default())
}

fn tags(v: Value) -> Read<Vec<String>> {
    rules::tags(read::strings(v)?)
}

fn click_param(v: Value) -> Read<String> {
    rules::click_param(&read::string(v)?)
}

fn expiry(v: Value, now: Timestamp) -> Read<Timestamp> {
    rules::expiry(&read::string(v)?, now)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LinkOut {
    id: String,
    url: String,
    slug: String,
    target: String,
    name: String,
    redirect: u16,
    tags: Vec<String>,
    metadata: Metadata,
    click_param: Option<String>,
    disabled: bool,
    expires_at: Option<String>,
    app_id: String,
    created_at: String,
    updated_at: String,
}

impl LinkOut {
    /// `origin` is where this server is found.
    pub fn of(l: Link, origin: &str, codec: &IdCodec) -> Self {
        LinkOut {
            id: codec.text(l.id),
            url: link_url(origin, &l.slug),
            slug: l.slug,
            target: l.target,
            name: l.name,
            redirect: l.redirect,
            tags: l.tags,
            metadata: l.metadata,
            click_param: l.click_param,
            disabled: l.disabled,
            expires_at: l.expires_at.map(time::text),
            app_id: codec.text(l.app),
            created_at: time::text(l.id.created_at()),
            updated_at: time::text(l.updated_at),
        }
    }
}

pub(crate) fn link_url(origin: &str, slug: &str) -> String {
    format!("{origin}/l/{slug}")
}
