//! Who may open what: every route, for every role, in one's own organisation and in another's.
//!
//! The rows are made from the table of routes. **Invariant:** a route whose path has a parameter that no row knows fails.

use super::{Answer, Who, World, token};
use crate::routes::{Access, ROUTES, Route, Verb};
use crate::session::Right;
use axum::body::Body;
use http::StatusCode;
use serde_json::{Value, json};
use std::collections::HashMap;

const EVERYBODY: [Who; 5] = [Who::Nobody, Who::Support, Who::Developer, Who::Owner, Who::Stranger];

/// Objects of `org_one`, by the name of the parameter that stands for them in a path.
async fn objects(world: &World) -> HashMap<&'static str, String> {
    let make = async |path: &str, body: Value| world.api(Who::Owner, "POST", path, body).await;
    let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
    let app = id(&make("/api/v1/app", json!({"name": "Acme"})).await);
    let endpoint = json!({"url": "https://example.com/hook"});
    let endpoint = id(&make(&format!("/api/v1/app/{app}/endpoint"), endpoint).await);
    make("/api/v1/event-type", json!({"name": "invoice.paid", "description": ""})).await;
    let message = json!({"eventType": "invoice.paid", "payload": {}});
    let message = id(&make(&format!("/api/v1/app/{app}/msg"), message).await);
    let mut found = HashMap::from([("app", app), ("endpoint", endpoint), ("message", message)]);
    found.insert("type", "invoice.paid".to_owned());
    super::more_objects(world, &mut found).await;
    found
}

/// The route's path with objects of `org_one` in it.
fn path(route: &Route, objects: &HashMap<&'static str, String>) -> String {
    let part = |part: &str| match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
        None => part.to_owned(),
        Some(name) => match objects.get(name) {
            Some(id) => id.clone(),
            None => panic!("{}: no row knows what {{{name}}} stands for: add it to `objects`", route.path),
        },
    };
    route.path.split('/').map(part).collect::<Vec<_>>().join("/")
}

fn verb(route: &Route) -> &'static str {
    match route.verb {
        Verb::Get => "GET",
        Verb::Post => "POST",
    }
}

fn has_right(who: Who, right: Right) -> bool {
    match who {
        Who::Nobody => false,
        Who::Owner | Who::Stranger => true,
        Who::Developer => right <= Right::Write,
        Who::Support => right <= Right::Resend,
    }
}

async fn ask(world: &World, who: Who, route: &Route, path: &str, csrf: bool) -> Answer {
    let request = world.request(who, verb(route), path);
    let request = match csrf {
        true => request.header("x-csrf", crate::csrf::token(token(who))),
        false => request,
    };
    world.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn every_route_is_for_whom_its_row_says_and_for_nobody_else() {
    let shared = World::new().await;
    let shared_objects = objects(&shared).await;
    for route in ROUTES {
        for who in EVERYBODY {
            let changes = route.verb == Verb::Post
                && match route.access {
                    Access::Public => true,
                    Access::Needs(right) => has_right(who, right) && who != Who::Stranger,
                };
            // Who signed out can't ask for the rest.
            if changes || route.path == "/logout" {
                // Anew for each: some delete what they are asked for.
                let world = World::new().await;
                let objects = objects(&world).await;
                check(&world, who, route, &objects).await;
            } else {
                check(&shared, who, route, &shared_objects).await;
            }
        }
    }
}

async fn check(world: &World, who: Who, route: &Route, objects: &HashMap<&'static str, String>) {
    let answer = ask(world, who, route, &path(route, objects), true).await;
    let row = format!("{} {} for {who:?}: {}", verb(route), route.path, answer.status);
    assert!(!answer.status.is_server_error(), "{row}\n{}", answer.body);
    let Access::Needs(right) = route.access else { return };
    if who == Who::Nobody {
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{row}");
        assert!(answer.location().starts_with("/login"), "{row} leads to {}", answer.location());
        return;
    }
    if !has_right(who, right) {
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{row}");
        answer.says("role").says_not("Acme");
        return;
    }
    if who == Who::Stranger {
        // What isn't his isn't there, and is not named.
        answer.says_not("Acme").says_not("example.com/hook");
        if route.path.contains('{') {
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{row}\n{}", answer.body);
        }
        return;
    }
    assert_ne!(answer.status, StatusCode::FORBIDDEN, "{row}");
    assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{row}");
    assert!(route.path == "/logout" || !answer.location().starts_with("/login"), "{row}");
    if route.verb == Verb::Get {
        assert_ne!(answer.status, StatusCode::NOT_FOUND, "{row}\n{}", answer.body);
    }
}

#[tokio::test]
async fn nothing_changes_without_the_forms_token_or_from_another_site() {
    let world = World::new().await;
    let objects = objects(&world).await;
    for route in ROUTES.iter().filter(|route| route.verb == Verb::Post) {
        let path = path(route, &objects);
        if matches!(route.access, Access::Needs(_)) {
            let answer = ask(&world, Who::Owner, route, &path, false).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{} without a token", route.path);
        }
        for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.test"), ("origin", "null")] {
            let request = world.request(Who::Owner, "POST", &path).header(name, value);
            let request = request.header("x-csrf", crate::csrf::token(token(Who::Owner)));
            let answer = world.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{} with {name}: {value}", route.path);
        }
    }
}

#[test]
fn what_changes_anything_needs_more_than_looking() {
    // Of one's own account, everybody may change everything.
    let own = |path: &str| path == "/logout" || path.starts_with("/account/");
    for route in ROUTES.iter().filter(|route| route.verb == Verb::Post && !own(route.path)) {
        assert_ne!(route.access, Access::Needs(Right::Read), "{}", route.path);
    }
}
