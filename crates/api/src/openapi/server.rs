//! The server itself.
//!
//! **Invariant:** operations of `handlers/health.rs` and of the document itself.

use super::table::Type::{Json, Object, Text};
use super::table::{Content, Schema, Tag, get, req};

const STATUS: Schema = Schema::new("ServerStatus", "How it stands.", &[req("status", Text, "A word").eg(r#""ok""#)]);

pub(super) const TAG: Tag = Tag {
    name: "Server",
    doc: "Whether it works. None of these needs a token.",
    ops: &[
        get("/api/v1/health", "v1.health.get", "Check health", "As the Svix API has it.").nothing().sdk("health.get"),
        get("/api/v1/health/ping", "v1.health.ping", "Ping", "The same.").nothing(),
        get("/livez", "livez", "Is it alive?", "The process answers.").ok(Object(&STATUS)),
        get("/readyz", "readyz", "Is it ready?", "The store takes writes; 503 otherwise.").ok(Object(&STATUS)),
        get("/metrics", "metrics", "Metrics", "Prometheus text; no label names a tenant.")
            .answer(200, Content::File(&["text/plain"])),
        get("/openapi.json", "openapi", "This document", "The API as OpenAPI 3.1, made from the server's own tables.")
            .ok(Json),
    ],
};
