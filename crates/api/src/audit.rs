//! The audit log's side of dispatch: what a route's success is called, and on what.
//!
//! **Invariant:** each route that changes something has a name here but those of the hot path; an entry holds names and ids,
//! never a body.

use crate::auth::Caller;
use crate::call::{Params, Shared};
use crate::reply::Reply;
use crate::routes::{Access, ROUTES, Route, Verb};
use crate::scopes::tail;
use domain::IdCodec;
use http::StatusCode;
use serde::Deserialize;
use std::net::IpAddr;
use std::sync::LazyLock;
use store::NewAuditEntry;

/// What programs do all day: their objects are their record.
const UNRECORDED: [&str; 6] = [
    "app/{app_id}/msg",
    "app/{app_id}/msg/batch",
    "app/{app_id}/poller/",
    // These only read.
    "app/{app_id}/endpoint/{endpoint_id}/verify",
    "app/{app_id}/endpoint/{endpoint_id}/replay/estimate",
    "conversion",
];
/// Characters of an object's name at most.
const OBJECT_MAX: usize = 300;

/// By the index of the table: `endpoint.update`; `None` for what is not recorded.
static ACTIONS: LazyLock<Vec<Option<String>>> = LazyLock::new(|| ROUTES.iter().map(action).collect());

fn action(route: &Route) -> Option<String> {
    let path = tail(route.path);
    let unrecorded = UNRECORDED.iter().any(|u| if u.ends_with('/') { path.starts_with(u) } else { path == *u });
    if route.verb == Verb::Get || route.access == Access::Public || unrecorded {
        return None;
    }
    let parts: Vec<&str> = path.split('/').collect();
    let is_param = |part: &&str| part.starts_with('{');
    let mut nouns: Vec<&str> = parts.iter().copied().filter(|p| !is_param(p)).collect();
    // What is below an application or a message is known by its own name.
    if nouns.len() > 1 && nouns.first() == Some(&"app") {
        nouns.remove(0);
    }
    if nouns.len() > 1 && nouns.first() == Some(&"msg") {
        nouns.remove(0);
    }
    let ends_in_param = parts.last().is_some_and(is_param);
    let has_items =
        || ROUTES.iter().any(|r| r.path.strip_prefix(route.path).is_some_and(|rest| rest.starts_with("/{")));
    let verb = match route.verb {
        Verb::Delete => Some("delete"),
        Verb::Put | Verb::Patch => Some("update"),
        // To a collection; or else its last part says what is done.
        _ if has_items() => Some("create"),
        _ if ends_in_param || parts.len() > 1 => None,
        _ => Some("create"),
    };
    nouns.extend(verb);
    Some(nouns.join("."))
}

/// A change on its way: what is known of it before its handler runs.
pub(crate) struct Change {
    action: &'static str,
    caller: Caller,
    params: Params,
    path: String,
    address: Option<IpAddr>,
}

#[derive(Deserialize)]
struct Made {
    id: Option<String>,
    name: Option<String>,
}

impl Change {
    /// `None` for a route whose success is not recorded: costs one look-up. `from` finds where the call came from.
    pub fn of(
        index: usize,
        caller: &Caller,
        params: &Params,
        path: &str,
        from: impl FnOnce() -> Option<IpAddr>,
    ) -> Option<Change> {
        let action = ACTIONS.get(index)?.as_deref()?;
        let address = caller.address.or_else(from);
        Some(Change { action, caller: caller.clone(), params: params.clone(), path: path.to_owned(), address })
    }

    /// What to write down of it, if it succeeded.
    pub fn entry(self, codec: &IdCodec, reply: &Reply) -> Option<NewAuditEntry> {
        if !reply.status.is_success() || reply.repeated {
            return None;
        }
        let named: Vec<&str> = (0..3).map(|i| self.params.get(i)).filter(|p| !p.is_empty()).collect();
        let (object, above) = match named.split_last() {
            Some((last, above)) if !self.action.ends_with(".create") => ((*last).to_owned(), above),
            _ => {
                let made: Option<Made> = serde_json::from_slice(&reply.body).ok();
                let name = made.and_then(|m| m.id.or(m.name));
                (name.unwrap_or_else(|| self.path.clone()), named.as_slice())
            }
        };
        Some(NewAuditEntry {
            org: self.caller.org,
            actor: self.caller.actor(codec),
            // A PUT makes what wasn't there.
            action: match self.action.strip_suffix(".update") {
                Some(noun) if reply.status == StatusCode::CREATED => format!("{noun}.create"),
                _ => self.action.to_owned(),
            },
            object: object.chars().take(OBJECT_MAX).collect(),
            detail: (!above.is_empty()).then(|| format!("in {}", above.join(" / "))),
            address: self.address.map(|ip| ip.to_string()),
        })
    }
}

/// Before the answer leaves. The change is made: what goes wrong here is for the log, not for its sender.
pub(crate) async fn write(shared: &Shared, entry: NewAuditEntry) {
    let action = entry.action.clone();
    if let Err(cause) = shared.store.audit(entry).await {
        tracing::error!(%cause, action, "a change could not be written into the audit log");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(verb: Verb, path: &str) -> Option<&'static str> {
        let index = ROUTES.iter().position(|r| r.verb == verb && r.path == path);
        ACTIONS[index.unwrap_or_else(|| panic!("{path}"))].as_deref()
    }

    #[test]
    fn every_change_has_a_name_but_those_of_the_hot_path() {
        let mut unrecorded = Vec::new();
        for (route, action) in ROUTES.iter().zip(ACTIONS.iter()) {
            match action {
                None if route.verb != Verb::Get => unrecorded.push(tail(route.path)),
                None => {}
                Some(action) => {
                    assert_ne!(route.verb, Verb::Get, "{}", route.path);
                    assert!(action.contains('.') && !action.contains('{'), "{action}");
                }
            }
        }
        let meant = [
            "app/{app_id}/msg",
            "app/{app_id}/msg/batch",
            "app/{app_id}/endpoint/{endpoint_id}/verify",
            "app/{app_id}/endpoint/{endpoint_id}/replay/estimate",
            "app/{app_id}/poller/{sink_id}/consumer/{consumer_id}/seek",
            "conversion",
        ];
        assert_eq!(unrecorded, meant);
    }

    #[test]
    fn an_action_is_a_noun_and_what_happened_to_it() {
        for (verb, path, action) in [
            (Verb::Post, "/api/v1/app", "app.create"),
            (Verb::Patch, "/api/v1/app/{app_id}", "app.update"),
            (Verb::Post, "/api/v1/app/{app_id}/endpoint", "endpoint.create"),
            (Verb::Put, "/api/v1/app/{app_id}/endpoint/{endpoint_id}", "endpoint.update"),
            (Verb::Delete, "/api/v1/app/{app_id}/endpoint/{endpoint_id}", "endpoint.delete"),
            (Verb::Put, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/headers", "endpoint.headers.update"),
            (Verb::Post, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/secret/rotate", "endpoint.secret.rotate"),
            (Verb::Post, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/recover", "endpoint.recover"),
            (Verb::Post, "/api/v1/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/resend", "endpoint.resend"),
            (Verb::Delete, "/api/v1/app/{app_id}/msg/{msg_id}/content", "content.delete"),
            (Verb::Post, "/api/v1/auth/app-portal-access/{app_id}", "auth.app-portal-access"),
            (Verb::Post, "/api/v1/auth/logout", "auth.logout"),
            (Verb::Post, "/ingest/api/v1/source", "source.create"),
            (Verb::Post, "/ingest/api/v1/source/{source_id}/endpoint", "source.endpoint.create"),
            (Verb::Post, "/ingest/api/v1/source/{source_id}/token/rotate", "source.token.rotate"),
            (Verb::Delete, "/api/v1/bin/{bin_id}/share", "bin.share.delete"),
            (Verb::Post, "/api/v1/bin/{bin_id}/share", "bin.share"),
            (Verb::Post, "/api/v1/link/import", "link.import.create"),
            (Verb::Post, "/api/v1/api-key", "api-key.create"),
            (Verb::Delete, "/api/v1/api-key/{key_id}", "api-key.delete"),
            (Verb::Post, "/api/v1/operational-webhook/endpoint", "operational-webhook.endpoint.create"),
        ] {
            assert_eq!(of(verb, path), Some(action), "{path}");
        }
    }
}
