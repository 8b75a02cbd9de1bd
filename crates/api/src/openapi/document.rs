//! The document: routes and operations together.
//!
//! **Invariant:** paths, verbs, access and scopes come from the table of routes; a route without an operation is not in the
//! document (and fails a test).

use super::json::{Json, object};
use super::schema::{Schemas, example};
use super::shared::{PROBLEM, VALIDATION};
use super::table::{Body, Content, Op, Tag, Type};
use super::webhooks::WEBHOOKS;
use crate::routes::{Access, ROUTES, Route, Verb};
use crate::scopes;

const ABOUT: &str = "Postrider sends webhooks, receives them, and makes them of clicks and forms. It speaks the Svix API: the \
                     official SDKs work unchanged, pointed at this server.";
const LICENSE: &str = env!("CARGO_PKG_LICENSE");
/// Errors by status: what they are called, and what they mean.
const ERRORS: [(u16, &str, &str); 10] = [
    (400, "BadRequest", "The query, the body or a header can't be read, or asks for what there is not"),
    (401, "Unauthenticated", "No token, or one that is not good any more"),
    (403, "Forbidden", "The token may not do this"),
    (404, "NotFound", "There is no such thing in the organisation"),
    (409, "Conflict", "It is taken, or in a state that forbids this"),
    (413, "TooLarge", "The body is too large"),
    (415, "Unsupported", "The body is of a kind that is not taken"),
    (422, "Invalid", "A field or parameter breaks a rule: all complaints at once"),
    (423, "InFlight", "A request with this idempotency key is in progress; see `Retry-After`"),
    (503, "Unavailable", "Nothing was stored: overloaded, or the disk is full; see `Retry-After`"),
];

/// The document as JSON.
pub(super) fn write(tags: &[&'static Tag]) -> Json {
    let mut schemas = Schemas::default();
    let paths = paths(tags, &mut schemas);
    let webhooks = WEBHOOKS.iter().map(|w| (w.event.to_owned(), webhook(w, &mut schemas))).collect();
    let listed = |tag: &&Tag| object([("name", tag.name.into()), ("description", tag.doc.into())]);
    let components = components(&mut schemas);
    object([
        ("openapi", "3.1.0".into()),
        (
            "info",
            object([
                ("title", "Postrider".into()),
                ("version", env!("CARGO_PKG_VERSION").into()),
                ("description", ABOUT.into()),
                ("license", object([("name", LICENSE.into()), ("identifier", LICENSE.into())])),
            ]),
        ),
        ("servers", Json::List(vec![object([("url", "/".into())])])),
        ("tags", Json::List(tags.iter().map(listed).collect())),
        ("security", Json::List(vec![object([("token", Json::List(Vec::new()))])])),
        ("paths", paths),
        ("webhooks", Json::Object(webhooks)),
        ("components", components),
    ])
}

fn paths(tags: &[&'static Tag], schemas: &mut Schemas) -> Json {
    let mut paths: Vec<(String, Json)> = Vec::new();
    for tag in tags {
        for op in tag.ops {
            let Some(route) = ROUTES.iter().find(|r| r.path == op.path && r.verb == op.verb) else { continue };
            let verb = op.verb.as_str().to_ascii_lowercase();
            let operation = operation(tag, op, route, schemas);
            match paths.iter_mut().find(|(path, _)| path == op.path) {
                Some((_, Json::Object(verbs))) => verbs.push((verb, operation)),
                _ => paths.push((op.path.to_owned(), Json::Object(vec![(verb, operation)]))),
            }
        }
    }
    Json::Object(paths)
}

fn operation(tag: &Tag, op: &Op, route: &Route, schemas: &mut Schemas) -> Json {
    let public = matches!(route.access, Access::Public);
    object([
        ("operationId", op.id.into()),
        ("summary", op.title.into()),
        ("description", op.doc.into()),
        ("tags", Json::List(vec![tag.name.into()])),
    ])
    .and_some("security", public.then(|| Json::List(Vec::new())))
    .and("x-access", access(route.access))
    .and_some("x-capability", capability(route.access))
    .and_some("x-scope", scopes::needed(route).map(|scope| scope.as_str().into()))
    .and_some("x-sdk", op.sdk.map(Into::into))
    .and("parameters", parameters(op, route, schemas))
    .and_some("requestBody", request_body(op, schemas))
    .and("responses", responses(op, route, schemas))
}

fn access(access: Access) -> &'static str {
    match access {
        Access::Public => "public",
        Access::Org => "organisation",
        Access::App(_) => "application",
        Access::Shared(_) => "any",
        Access::OwnToken => "own",
    }
}

fn capability(access: Access) -> Option<Json> {
    match access {
        Access::App(capability) | Access::Shared(capability) => Some(format!("{capability:?}").into()),
        Access::Public | Access::Org | Access::OwnToken => None,
    }
}

/// What a parameter of a path is.
fn path_param(name: &str) -> (&'static str, &'static str) {
    match name {
        "app_id" => ("The application, by id or uid", "customer-42"),
        "endpoint_id" => ("The endpoint, by id or uid", "main"),
        "msg_id" => ("The message, by id or your `eventId`", "order-1007-paid"),
        "event_type_name" => ("The event type's name", "order.paid"),
        "source_id" => ("The source, by id or uid", "github"),
        "bin_id" => ("The bin, by id or uid", "my-bin"),
        "sink_id" => ("An endpoint, by id or uid, or any other name", "main"),
        "consumer_id" => ("Any name: its position is kept under it", "worker-1"),
        "share_token" => ("The token of the link", "9Zb1..."),
        "attempt_id" => ("The attempt's id", "atmpt_2yZwUhtgs5Ai8T9yRQJXA0P1k2L"),
        "task_id" => ("The task's id", "qtask_2yZwUhtgs5Ai8T9yRQJXA0P1k2L"),
        "request_id" => ("The request's id", "req_2yZwUhtgs5Ai8T9yRQJXA0P1k2L"),
        "link_id" => ("The link's id", "link_2yZwUhtgs5Ai8T9yRQJXA0P1k2L"),
        "form_id" => ("The form's id", "form_2yZwUhtgs5Ai8T9yRQJXA0P1k2L"),
        "import_id" => ("The import's id", "imp_2yZwUhtgs5Ai8T9yRQJXA0P1k2L"),
        "hook_id" => ("The hook's id", "ep_2yZwUhtgs5Ai8T9yRQJXA0P1k2L"),
        "key_id" => ("The key's id", "key_2yZwUhtgs5Ai8T9yRQJXA0P1k2L"),
        "issue_id" => ("The issue's id", "iss_2yZwUhtgs5Ai8T9yRQJXA0P1k2L"),
        "inbox_id" => ("The inbox's id", "src_2yZwUhtgs5Ai8T9yRQJXA0P1k2L"),
        _ => ("Its id", "..."),
    }
}

/// The names in a path, in order.
pub(super) fn path_params(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn parameters(op: &Op, route: &Route, schemas: &mut Schemas) -> Json {
    let mut out: Vec<Json> = path_params(op.path)
        .map(|name| {
            let (doc, example) = path_param(name);
            object([
                ("name", name.into()),
                ("in", "path".into()),
                ("required", true.into()),
                ("description", doc.into()),
                ("schema", object([("type", "string".into())])),
                ("example", example.into()),
            ])
        })
        .collect();
    for param in op.params() {
        out.push(object([
            ("name", param.name.into()),
            ("in", "query".into()),
            ("description", param.doc.into()),
            ("schema", schemas.of(param.kind, false)),
        ]));
    }
    if takes_key(op, route) {
        out.push(object([
            ("name", "idempotency-key".into()),
            ("in", "header".into()),
            ("description", "A repetition with the same key gets the first answer".into()),
            ("schema", object([("type", "string".into())])),
        ]));
    }
    Json::List(out)
}

fn takes_key(op: &Op, route: &Route) -> bool {
    op.verb == Verb::Post && !matches!(op.body, Body::Csv) && !matches!(route.access, Access::Public)
}

fn request_body(op: &Op, schemas: &mut Schemas) -> Option<Json> {
    let content = match op.body {
        Body::None => return None,
        Body::Json(schema) => {
            let reference = schemas.reference(schema, false);
            object([("application/json", object([("schema", reference), ("example", Json::Text(op.example))]))])
        }
        Body::Csv => {
            let schema = object([("type", "string".into())]);
            object([("text/csv", object([("schema", schema), ("example", op.example.into())]))])
        }
    };
    Some(object([("required", true.into()), ("content", content)]))
}

fn responses(op: &Op, route: &Route, schemas: &mut Schemas) -> Json {
    let mut out: Vec<(String, Json)> = Vec::new();
    for (status, content) in op.answers() {
        out.push((status.to_string(), response(status, content, schemas)));
    }
    for status in errors(op, route) {
        if let Some((_, name, _)) = ERRORS.iter().find(|(known, _, _)| *known == status) {
            let reference = object([("$ref", format!("#/components/responses/{name}").into())]);
            out.push((status.to_string(), reference));
        }
    }
    out.sort_by(|(a, _), (b, _)| a.cmp(b));
    out.push(("default".to_owned(), object([("$ref", "#/components/responses/Other".into())])));
    Json::Object(out)
}

fn response(status: u16, content: Content, schemas: &mut Schemas) -> Json {
    let doc = match status {
        201 => "Made",
        202 => "Accepted",
        204 => "Done",
        _ => "Fine",
    };
    let text = || object([("type", "string".into())]);
    let content = match content {
        Content::None => None,
        Content::Json(kind) => {
            let schema = schemas.of(kind, true);
            Some(object([("application/json", object([("schema", schema), ("example", example(kind))]))]))
        }
        Content::Rows(row) => {
            let (schema, example) = (schemas.of(Type::Page(row), true), example(Type::Page(row)));
            Some(object([
                ("application/json", object([("schema", schema), ("example", example)])),
                ("text/csv", object([("schema", text())])),
            ]))
        }
        Content::Events => Some(object([("text/event-stream", object([("schema", text())]))])),
        Content::File(kinds) => {
            let kinds = kinds.iter().map(|kind| ((*kind).to_owned(), object([("schema", text())])));
            Some(Json::Object(kinds.collect()))
        }
    };
    object([("description", doc.into())]).and_some("content", content)
}

/// The statuses of errors that an operation can have, beside those that any can.
fn errors(op: &Op, route: &Route) -> Vec<u16> {
    let mut out = op.errors.to_vec();
    let writes = op.verb != Verb::Get;
    let named = path_params(op.path).next().is_some();
    let has_body = !matches!(op.body, Body::None);
    if !matches!(route.access, Access::Public) {
        out.extend([401, 403, 503]);
    } else if named || op.path == "/readyz" {
        out.push(503);
    }
    let rules = [
        (named, 404),
        (writes, 409),
        (has_body, 413),
        (has_body, 415),
        (writes || op.params().next().is_some(), 422),
        (takes_key(op, route), 423),
        (takes_key(op, route) || op.params().next().is_some() || has_body, 400),
    ];
    out.extend(rules.into_iter().filter(|(applies, _)| *applies).map(|(_, status)| status));
    out.sort_unstable();
    out.dedup();
    out
}

fn webhook(webhook: &super::webhooks::Webhook, schemas: &mut Schemas) -> Json {
    let data = schemas.reference(webhook.data, true);
    let schema = object([
        ("type", "object".into()),
        (
            "properties",
            object([
                ("type", object([("const", webhook.event.into())])),
                ("timestamp", schemas.of(Type::Time, true)),
                ("data", data),
            ]),
        ),
        ("required", Json::List(vec!["type".into(), "timestamp".into(), "data".into()])),
    ]);
    let example = object([
        ("type", webhook.event.into()),
        ("timestamp", example(Type::Time)),
        ("data", example(Type::Object(webhook.data))),
    ]);
    let body = object([("schema", schema), ("example", example)]);
    let answer = object([("description", "Any 2xx takes it".into())]);
    let post = object([
        ("summary", webhook.event.into()),
        ("description", webhook.doc.into()),
        ("requestBody", object([("content", object([("application/json", body)]))])),
        ("responses", object([("2XX", answer)])),
    ]);
    object([("post", post)])
}

fn components(schemas: &mut Schemas) -> Json {
    for schema in [&PROBLEM, &VALIDATION] {
        schemas.reference(schema, true);
    }
    let either = || {
        let names = ["Problem", "ValidationProblem"];
        let refs = names.map(|name| object([("$ref", format!("#/components/schemas/{name}").into())]));
        object([("anyOf", Json::List(refs.into()))])
    };
    let error = |doc: &str, schema: Json| {
        object([("description", doc.into()), ("content", object([("application/json", object([("schema", schema)]))]))])
    };
    let plain = || object([("$ref", "#/components/schemas/Problem".into())]);
    let mut responses: Vec<(String, Json)> = ERRORS
        .iter()
        .map(|(status, name, doc)| ((*name).to_owned(), error(doc, if *status == 422 { either() } else { plain() })))
        .collect();
    responses.push(("Other".to_owned(), error("Something else: `code` says what", either())));
    let all = std::mem::take(&mut schemas.0).into_iter().map(|(name, schema)| (name.to_owned(), schema));
    let token = object([
        ("type", "http".into()),
        ("scheme", "bearer".into()),
        ("bearerFormat", "JWT".into()),
        ("description", "A token of the organisation, or of one application".into()),
    ]);
    object([
        ("securitySchemes", object([("token", token)])),
        ("responses", Json::Object(responses)),
        ("schemas", Json::Object(all.collect())),
    ])
}
