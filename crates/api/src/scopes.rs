//! Which scope of an API key each route needs.
//!
//! One pure function of a row of the table, so that a new route has a scope without asking: its noun's, or, for what nobody
//! thought of, [`Scope::All`]. **Invariant:** a key never reaches more than its scopes say; secrets and whatever lets others
//! in are never `read`.

use crate::routes::{Access, Route, Verb};
use store::Scope;

/// Beginnings of paths (after the API's prefix), and what changes below them need. The first that fits counts.
const WRITES: &[(&str, Scope)] = &[
    ("app/{app_id}/endpoint/{endpoint_id}/send-example", Scope::Resend),
    // Reads, and says what it thinks of what it is given.
    ("app/{app_id}/endpoint/{endpoint_id}/verify", Scope::Read),
    ("app/{app_id}/endpoint/{endpoint_id}/recover", Scope::Resend),
    ("app/{app_id}/endpoint/{endpoint_id}/replay", Scope::Resend),
    ("app/{app_id}/endpoint/{endpoint_id}/bulk-replay", Scope::Resend),
    ("app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/resend", Scope::Resend),
    // Where a poller stands is part of reading on.
    ("app/{app_id}/poller/", Scope::Read),
    // Deleting what was sent.
    ("app/{app_id}/msg/{msg_id}/", Scope::All),
    ("app/{app_id}/msg", Scope::MessagesSend),
    ("app", Scope::EndpointsWrite),
    ("hook", Scope::EndpointsWrite),
    ("operational-webhook/", Scope::EndpointsWrite),
    ("conversion", Scope::MessagesSend),
    ("event-type", Scope::EventTypesWrite),
    ("auth/", Scope::Portal),
    ("source/{source_id}/dashboard", Scope::Portal),
    ("source/{source_id}/request/{request_id}/", Scope::Resend),
    ("source/{source_id}/simulate", Scope::Resend),
    ("source", Scope::SourcesWrite),
    ("bin/{bin_id}/request/{request_id}/", Scope::Resend),
    ("bin", Scope::SourcesWrite),
    ("link", Scope::LinksWrite),
    ("form", Scope::LinksWrite),
    ("background-task/", Scope::Resend),
    ("task", Scope::Resend),
    ("issue", Scope::Resend),
];

/// What reading needs where that isn't [`Scope::Read`].
const READS: &[(&str, Scope)] = &[
    ("api-key", Scope::All),
    ("audit", Scope::All),
    // It is signed: as good as sending it.
    ("app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/request", Scope::Resend),
    ("app/{app_id}/endpoint/{endpoint_id}/secret", Scope::EndpointsWrite),
    ("operational-webhook/endpoint/{endpoint_id}/secret", Scope::EndpointsWrite),
    ("source/{source_id}/endpoint/{endpoint_id}/secret", Scope::SourcesWrite),
];

/// The scope; `None` where no organisation's token is asked for.
pub(crate) fn needed(route: &Route) -> Option<Scope> {
    if matches!(route.access, Access::Public | Access::OwnToken) {
        return None;
    }
    let path = tail(route.path);
    let found = |table: &[(&str, Scope)]| table.iter().find(|(start, _)| path.starts_with(start)).map(|(_, s)| *s);
    Some(match route.verb {
        Verb::Get => found(READS).unwrap_or(Scope::Read),
        _ => found(WRITES).unwrap_or(Scope::All),
    })
}

/// A path without the API's prefix.
pub(crate) fn tail(path: &str) -> &str {
    path.strip_prefix("/api/v1/").or_else(|| path.strip_prefix("/ingest/api/v1/")).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::ROUTES;

    fn of(verb: Verb, path: &str) -> Scope {
        let route = ROUTES.iter().find(|r| r.verb == verb && r.path == path);
        needed(route.unwrap_or_else(|| panic!("{path}"))).unwrap()
    }

    #[test]
    fn each_route_that_takes_an_organisations_token_has_a_scope() {
        for route in ROUTES {
            let open = matches!(route.access, Access::Public | Access::OwnToken);
            assert_eq!(needed(route).is_none(), open, "{}", route.path);
        }
    }

    #[test]
    fn a_change_that_nobody_thought_of_needs_everything_and_shows_here() {
        let all: Vec<String> = ROUTES
            .iter()
            .filter(|r| needed(r) == Some(Scope::All))
            .map(|r| format!("{} {}", r.verb.as_str(), tail(r.path)))
            .collect();
        let meant = [
            "DELETE app/{app_id}/msg/{msg_id}/content",
            "DELETE app/{app_id}/msg/{msg_id}/attempt/{attempt_id}/content",
            "GET api-key",
            "POST api-key",
            "DELETE api-key/{key_id}",
            "GET audit",
        ];
        for route in &all {
            assert!(meant.contains(&route.as_str()), "{route}: add it to WRITES, or here if it is meant to need `*`");
        }
        assert_eq!(all.len(), meant.len());
    }

    #[test]
    fn reading_never_changes_and_never_shows_a_secret() {
        for route in ROUTES.iter().filter(|r| needed(r) == Some(Scope::Read)) {
            assert!(!route.path.contains("secret"), "{}", route.path);
            // A verdict on what was sent along, and a poller's position.
            let harmless = route.path.contains("/poller/") || route.path.ends_with("/verify");
            assert!(route.verb == Verb::Get || harmless, "{}", route.path);
        }
    }

    #[test]
    fn the_scope_is_the_one_of_what_is_changed() {
        for (verb, path, scope) in [
            (Verb::Post, "/api/v1/app/{app_id}/msg", Scope::MessagesSend),
            (Verb::Post, "/api/v1/app/{app_id}/msg/batch", Scope::MessagesSend),
            (Verb::Get, "/api/v1/app/{app_id}/msg", Scope::Read),
            (Verb::Post, "/api/v1/app", Scope::EndpointsWrite),
            (Verb::Patch, "/api/v1/app/{app_id}/endpoint/{endpoint_id}", Scope::EndpointsWrite),
            (Verb::Get, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/secret", Scope::EndpointsWrite),
            (Verb::Post, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/recover", Scope::Resend),
            (Verb::Post, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/replay-missing", Scope::Resend),
            (Verb::Post, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/replay/estimate", Scope::Resend),
            (Verb::Post, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/pause", Scope::EndpointsWrite),
            (Verb::Post, "/api/v1/auth/app/{app_id}/expire-all", Scope::Portal),
            (Verb::Post, "/api/v1/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/resend", Scope::Resend),
            (Verb::Post, "/api/v1/event-type", Scope::EventTypesWrite),
            (Verb::Post, "/api/v1/auth/app-portal-access/{app_id}", Scope::Portal),
            (Verb::Post, "/ingest/api/v1/source/{source_id}/dashboard", Scope::Portal),
            (Verb::Post, "/ingest/api/v1/source/{source_id}/token/rotate", Scope::SourcesWrite),
            (Verb::Post, "/ingest/api/v1/source/{source_id}/simulate", Scope::Resend),
            (Verb::Get, "/ingest/api/v1/source/{source_id}/endpoint/{endpoint_id}/secret", Scope::SourcesWrite),
            (Verb::Post, "/ingest/api/v1/source/{source_id}/request/{request_id}/replay", Scope::Resend),
            (Verb::Delete, "/ingest/api/v1/source/{source_id}/request/{request_id}", Scope::SourcesWrite),
            (Verb::Post, "/api/v1/bin", Scope::SourcesWrite),
            (Verb::Post, "/api/v1/link/import", Scope::LinksWrite),
            (Verb::Delete, "/api/v1/form/{form_id}", Scope::LinksWrite),
            (Verb::Get, "/api/v1/audit", Scope::All),
        ] {
            assert_eq!(of(verb, path), scope, "{path}");
        }
    }
}
