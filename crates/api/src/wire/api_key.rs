//! API keys and entries of the audit log on the wire.

use super::fields::Fields;
use super::{read, time};
use crate::problem::Problem;
use domain::{IdCodec, Timestamp};
use serde::Serialize;
use store::{ApiKey, AuditEntry, Scope};

const NAME_MAX: usize = 100;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiKeyOut {
    pub id: String,
    name: String,
    scopes: Vec<&'static str>,
    created_at: String,
    created_by: String,
    expires_at: Option<String>,
    /// To about a minute.
    last_used_at: Option<String>,
    revoked_at: Option<String>,
}

/// A key that was just made: the only time that its token is shown.
#[derive(Serialize)]
pub(crate) struct MadeKey {
    #[serde(flatten)]
    pub key: ApiKeyOut,
    pub token: String,
}

impl ApiKeyOut {
    pub fn of(key: ApiKey, codec: &IdCodec) -> Self {
        ApiKeyOut {
            id: codec.text(key.id),
            name: key.name,
            scopes: key.scopes.iter().map(|s| s.as_str()).collect(),
            created_at: time::text(key.id.created_at()),
            created_by: key.created_by,
            expires_at: key.expires_at.map(time::text),
            last_used_at: key.last_used_at.map(time::text),
            revoked_at: key.revoked_at.map(time::text),
        }
    }
}

pub(crate) struct NewKey {
    pub name: String,
    pub scopes: Vec<Scope>,
    pub expires_at: Option<Timestamp>,
}

/// Name and scopes have to be there; a key without an end lasts until it is revoked.
pub(crate) fn read_new(body: &[u8], now: Timestamp) -> Result<NewKey, Problem> {
    let mut f = Fields::parse(body)?;
    let name = f.require(&["name"], |v| {
        let name = read::name(v)?;
        let fits = name.chars().count() <= NAME_MAX && !name.chars().any(char::is_control);
        if fits { Ok(name.trim().to_owned()) } else { Err("must be at most 100 characters, on one line".into()) }
    });
    let scopes = f.require(&["scopes"], |v| {
        let names = read::strings(v)?;
        let scopes: Option<Vec<Scope>> = names.iter().map(|n| Scope::parse(n)).collect();
        let mut scopes = scopes.filter(|s| !s.is_empty()).ok_or_else(rule)?;
        scopes.sort_unstable();
        scopes.dedup();
        Ok(scopes)
    });
    let expires_at = f
        .take(&["expiresAt"], |v| {
            let at = read::timestamp(v)?;
            // Tokens know whole seconds.
            let at = Timestamp(at.seconds() * 1000);
            if at > now { Ok(at) } else { Err("must be in the future".into()) }
        })
        .value();
    f.finish()?;
    Ok(NewKey { name, scopes, expires_at })
}

fn rule() -> std::borrow::Cow<'static, str> {
    let names: Vec<&str> = Scope::EACH.into_iter().map(Scope::as_str).collect();
    format!("must be a list of one or more of {}", names.join(", ")).into()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditOut {
    id: String,
    timestamp: String,
    actor: String,
    action: String,
    object: String,
    detail: Option<String>,
    address: Option<String>,
}

impl AuditOut {
    pub fn of(entry: AuditEntry, codec: &IdCodec) -> Self {
        AuditOut {
            id: codec.text(entry.id),
            timestamp: time::text(entry.at()),
            actor: entry.actor,
            action: entry.action,
            object: entry.object,
            detail: entry.detail,
            address: entry.address,
        }
    }
}
