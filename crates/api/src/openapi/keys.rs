//! API keys and the audit log.
//!
//! **Invariant:** operations and schemas of `handlers/{api_key,audit}.rs` and `wire/api_key.rs`.

use super::shared::{ORDER, PAGE, TIMES};
use super::table::Type::{self, Id, List, Object, Page, Text, Time, Words};
use super::table::{Field, Schema, Tag, delete, get, may, null, post, q, req};

const SCOPES: Type = List(&Words(&[
    "messages:send",
    "read",
    "endpoints:write",
    "event-types:write",
    "sources:write",
    "links:write",
    "resend",
    "portal",
    "*",
]));
const FIELDS: &[Field] = &[
    req("id", Id("key"), "Its id"),
    req("name", Text, "For people").eg(r#""Checkout""#),
    req("scopes", SCOPES, "What it may do").eg(r#"["messages:send"]"#),
    req("createdAt", Time, "When it was made"),
    req("createdBy", Text, "Who made it").eg(r#""person:ana@example.com""#),
    null("expiresAt", Time, "When it ends").eg("null"),
    null("lastUsedAt", Time, "To about a minute"),
    null("revokedAt", Time, "When it was revoked").eg("null"),
];
const KEY: Schema = Schema::new("ApiKeyOut", "An API key, without its token.", FIELDS);
const MADE: Schema = Schema::new(
    "NewApiKeyOut",
    "A key that was just made: the only time that its token is shown.",
    &[req("token", Text, "What `Authorization: Bearer` carries").eg(r#""eyJhbGciOiJIUzI1NiJ9...""#)],
)
.with(&KEY);
const IN: Schema = Schema::new(
    "ApiKeyIn",
    "A new key.",
    &[
        req("name", Text, "For people; 100 characters"),
        req("scopes", SCOPES, "What it may do; `*` is everything"),
        may("expiresAt", Time, "When it ends; never without it"),
    ],
);
const ENTRY: Schema = Schema::new(
    "AuditEntryOut",
    "Who changed what.",
    &[
        req("id", Id("audit"), "Its id"),
        req("timestamp", Time, "When"),
        req("actor", Text, "`person:<email>`, `key:<name>`, `token`, `portal:<application>`").eg(r#""key:Checkout""#),
        req("action", Text, "What was done").eg(r#""endpoint.update""#),
        req("object", Text, "To what").eg(r#""ep_2yZwUhtgs5Ai8T9yRQJXA0P1k2L""#),
        null("detail", Text, "More of it").eg("null"),
        null("address", Text, "From where").eg(r#""203.0.113.7""#),
    ],
);

pub(super) const TAG: Tag = Tag {
    name: "Keys and audit",
    doc: "Tokens of the organisation with a name, scopes and an end; and who changed what.",
    ops: &[
        get("/api/v1/api-key", "v1.api-key.list", "List API keys", "Newest first, revoked ones too.")
            .query(&[PAGE, ORDER])
            .ok(Page(&KEY)),
        post(
            "/api/v1/api-key",
            "v1.api-key.create",
            "Create an API key",
            "The answer is the only one that shows its token.",
        )
        .body(&IN, r#"{"name":"Checkout","scopes":["messages:send","read"]}"#)
        .created(Object(&MADE)),
        delete(
            "/api/v1/api-key/{key_id}",
            "v1.api-key.delete",
            "Revoke an API key",
            "It is refused at once, and stays in the list.",
        )
        .nothing(),
        get("/api/v1/audit", "v1.audit.list", "Read the audit log", "Newest first.")
            .query(&[
                PAGE,
                ORDER,
                &[
                    q("actor", Text, "Only what they did"),
                    q("action", Text, "Only what was done so"),
                    q("object", Text, "Only what was done to it"),
                ],
                TIMES,
            ])
            .ok(Page(&ENTRY)),
    ],
};
