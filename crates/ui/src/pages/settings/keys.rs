//! API keys: made with scopes, shown once, revoked at once.
//!
//! **Invariant:** all of it goes through the API's own routes.

use super::Tab;
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::pages::accounts::Errors;
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use domain::Timestamp;
use http::Method;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use store::Scope;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    id: String,
    name: String,
    scopes: Vec<String>,
    created_at: String,
    created_by: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
    revoked_at: Option<String>,
}

impl Key {
    fn time(text: &Option<String>) -> Option<Timestamp> {
        text.as_deref().and_then(Timestamp::parse_rfc3339)
    }
    fn created(&self) -> Timestamp {
        Timestamp::parse_rfc3339(&self.created_at).unwrap_or_default()
    }
    fn used(&self) -> Option<Timestamp> {
        Self::time(&self.last_used_at)
    }
    fn expires(&self) -> Option<Timestamp> {
        Self::time(&self.expires_at)
    }
    fn maker(&self) -> &str {
        self.created_by.strip_prefix("person:").unwrap_or(&self.created_by)
    }
    fn state(&self, now: &Timestamp) -> v::Html {
        if self.revoked_at.is_some() {
            v::badge(v::Tone::Idle, "revoked")
        } else if self.expires().is_some_and(|t| t <= *now) {
            v::badge(v::Tone::Idle, "expired")
        } else {
            v::badge(v::Tone::Good, "active")
        }
    }
    fn is_live(&self) -> bool {
        self.revoked_at.is_none()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    data: Vec<Key>,
    iterator: Option<String>,
    done: bool,
}

#[derive(Template)]
#[template(path = "settings/keys.html")]
struct Page {
    frame: Frame,
    now: Timestamp,
    keys: Vec<Key>,
    next: String,
    name: String,
    chosen: Vec<String>,
    expires: String,
    /// The token of a key that was just made.
    token: String,
    origin: String,
    errors: Errors,
}

/// Name, value, words.
const LIFETIMES: [(&str, &str); 4] = [("", "Never"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year")];

impl Page {
    fn has(&self, scope: &Scope) -> bool {
        self.chosen.iter().any(|c| c == scope.as_str())
    }
}

async fn page(call: &Call) -> Result<Page, Fault> {
    let query = call.query();
    let after = query.get("after");
    // An iterator is letters and digits: nothing of it needs to be encoded, and what isn't is left out.
    let after: String = after.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let iterator = if after.is_empty() { String::new() } else { format!("&iterator={after}") };
    let list = call.api(Method::GET, &format!("/api/v1/api-key?limit=100{iterator}"), None).await?;
    let list: List = serde_json::from_value(list).map_err(|_| Fault::Failed)?;
    Ok(Page {
        frame: call.frame("API keys", Section::Settings),
        now: call.now(),
        next: list.iterator.filter(|_| !list.done).unwrap_or_default(),
        keys: list.data,
        name: String::new(),
        chosen: vec!["messages:send".to_owned(), "read".to_owned()],
        expires: String::new(),
        token: String::new(),
        origin: call.origin(),
        errors: Errors::default(),
    })
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    Reply::page(&page(&call).await?)
}

pub(crate) async fn create(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let chosen: Vec<String> = form.all("scope").map(str::to_owned).collect();
    let days = form.get("expires").parse::<u64>().ok();
    let expires = days.map(|days| call.now().plus(Duration::from_secs(days.saturating_mul(86_400))).to_string());
    let body = json!({"name": form.get("name"), "scopes": chosen, "expiresAt": expires});
    let made = call.api(Method::POST, "/api/v1/api-key", Some(&body)).await;
    let mut page = page(&call).await?;
    match made {
        Ok(made) => {
            page.token = made.get("token").and_then(|t| t.as_str()).unwrap_or_default().to_owned();
            Reply::page(&page)
        }
        Err(Fault::Refused(refusal)) => {
            page.name = form.get("name").to_owned();
            page.chosen = chosen;
            page.expires = form.get("expires").to_owned();
            page.errors = errors(&refusal);
            Reply::page_with(refusal.status, &page)
        }
        Err(other) => Err(other),
    }
}

fn errors(refusal: &Refusal) -> Errors {
    let mut errors = Errors::default();
    if !refusal.at("name").is_empty() {
        errors.add("name", "Give it a name that says who uses it");
    }
    if !refusal.at("scopes").is_empty() {
        errors.add("scopes", "Choose at least one");
    }
    if errors.is_empty() {
        errors.add("name", refusal.detail.clone());
    }
    errors
}

#[derive(Template)]
#[template(path = "settings/revoke_key.html")]
struct RevokePage {
    frame: Frame,
    now: Timestamp,
    key: Key,
    errors: Errors,
}

async fn revoke_page(call: &Call) -> Result<RevokePage, Fault> {
    let id: domain::KeyId = call.codec().read(call.param(0)).ok_or_else(|| Fault::not_found("API key"))?;
    let key = call.store().api_key(call.me.org, id).await?;
    let text = |t: Option<Timestamp>| t.map(|t| t.to_string());
    Ok(RevokePage {
        frame: call.frame("Revoke a key", Section::Settings),
        now: call.now(),
        key: Key {
            id: call.codec().text(key.id),
            name: key.name,
            scopes: key.scopes.iter().map(|s| s.as_str().to_owned()).collect(),
            created_at: key.id.created_at().to_string(),
            created_by: key.created_by,
            expires_at: text(key.expires_at),
            last_used_at: text(key.last_used_at),
            revoked_at: text(key.revoked_at),
        },
        errors: Errors::default(),
    })
}

pub(crate) async fn ask_revoke(call: Call) -> Result<Reply, Fault> {
    Reply::page(&revoke_page(&call).await?)
}

pub(crate) async fn revoke(call: Call) -> Result<Reply, Fault> {
    let mut page = revoke_page(&call).await?;
    if call.form().get("confirm") != page.key.name {
        page.errors.add("confirm", "Type the key's name to confirm");
        return Reply::page_with(http::StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    call.api(Method::DELETE, &format!("/api/v1/api-key/{}", page.key.id), None).await?;
    Ok(Reply::see("/settings/keys").notice(&format!("“{}” is revoked: it works nowhere any more.", page.key.name)))
}
