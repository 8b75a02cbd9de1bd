//! Sources: URLs that receive.
//!
//! **Invariant:** operations and schemas of `handlers/source.rs`, `wire/source.rs` and `wire/options.rs`.

use super::access::SOURCE_IN;
use super::shared::{ORDER, PAGE, TOKEN_URL};
use super::table::Type::{Bool, Id, Int, IntIn, Json, List, Object, Page, Text, Time, Url, Words};
use super::table::{Field, Schema, TEXT_MAP, TEXTS, Tag, Type, delete, get, may, null, opt, patch, post, put, req};

const DELIVERY: Type = Words(&["pass-through", "message"]);
const DEDUP_BY: Type = Words(&["provider", "body", "fields", "nothing"]);
const STATE: Type = Words(&["live", "paused", "disabled"]);

const RESPONSE: Schema = Schema::new(
    "SourceResponse",
    "What accepted requests are answered.",
    &[
        null("status", Int, "Null: as the provider expects").eg("202"),
        null("body", Text, "Null: as the provider expects").eg(r#""ok""#),
        req("headers", TEXT_MAP, "Headers of the answer").eg("{}"),
    ],
);
const DEDUP: Schema = Schema::new(
    "SourceDedup",
    "How copies of an event are known.",
    &[
        req("by", DEDUP_BY, "What tells that two are the same"),
        opt("fields", TEXTS, "Rules, where `by` is `fields`").eg(r#"["header:x-id"]"#),
        req("windowSeconds", Int, "How long an event is remembered").eg("259200"),
    ],
);
pub(super) const OPTIONS: Schema = Schema::new(
    "SourceOptions",
    "How requests become messages, and what they are answered.",
    &[
        req("delivery", DELIVERY, "As the original request, or as a JSON envelope"),
        req("response", Object(&RESPONSE), "What accepted requests are answered"),
        req("dedup", Object(&DEDUP), "How copies are known"),
        opt("eventType", Text, "Where the event type is").eg(r#""header:x-event""#),
        opt("verifyUrl", Url, "The URL that the provider signs").eg(r#""https://hooks.example.com/in/x""#),
        opt("bodyLimit", Int, "Bytes of a body").eg("65536"),
        opt("requestsKept", Int, "Newest requests that are kept").eg("1000"),
        req("delayMs", Int, "Milliseconds before the answer").eg("0"),
        req("failureRate", Int, "Per cent of requests that a bin answers 500").eg("0"),
    ],
);
const RESPONSE_IN: Schema = Schema::new(
    "SourceResponseIn",
    "What accepted requests are answered.",
    &[
        may("status", IntIn(200, 599), "Instead of what the provider expects"),
        may("body", Text, "64 KiB at most"),
        may("headers", TEXT_MAP, "50 at most"),
    ],
);
const DEDUP_IN: Schema = Schema::new(
    "SourceDedupIn",
    "How copies of an event are known.",
    &[
        may("by", DEDUP_BY, "What tells that two are the same"),
        may("fields", TEXTS, "Rules: `header:<name>`, `json:/<pointer>`, `query:<name>`, `form:<name>`"),
        may("windowSeconds", IntIn(0, 2_592_000), "How long an event is remembered; three days by default"),
    ],
);
pub(super) const OPTIONS_IN: Schema = Schema::new(
    "SourceOptionsIn",
    "How requests become messages, and what they are answered.",
    &[
        may("delivery", DELIVERY, "As the original request (default), or as a JSON envelope"),
        may("response", Object(&RESPONSE_IN), "What accepted requests are answered"),
        may("dedup", Object(&DEDUP_IN), "How copies are known"),
        may("eventType", Text, "A rule, or `text:<event type>`"),
        may("verifyUrl", Url, "The URL that the provider signs, if it isn't the source's"),
        may("bodyLimit", IntIn(1, 4_294_967_296), "Bytes of a body"),
        may("requestsKept", IntIn(1, 1_000_000), "Newest requests that are kept"),
        may("delayMs", IntIn(0, 30_000), "Milliseconds before the answer"),
        may("failureRate", IntIn(0, 100), "Per cent of requests that a bin answers 500"),
    ],
);

const VERIFICATION: Schema = Schema::new(
    "SourceVerification",
    "How its requests are verified.",
    &[
        req("scheme", Text, "The kind whose rules apply").eg(r#""github""#),
        req("insecure", Bool, "Nothing is verified: it takes everything").eg("false"),
    ],
);
pub(super) const OUT: Schema = Schema::new(
    "SourceOut",
    "A URL that receives webhooks of one provider.",
    &[
        req("id", Id("src"), "Its id"),
        null("uid", Text, "Your own name for it").eg(r#""github""#),
        req("name", Text, "For people").eg(r#""GitHub""#),
        req("type", Text, "The provider").eg(r#""github""#),
        req("config", Json, "Public keys and switches; never secrets").eg("{}"),
        req("ingestUrl", Url, "Where the provider sends to").eg(r#""https://hooks.example.com/in/0k3J...""#),
        req("metadata", TEXT_MAP, "Anything you want to keep with it").eg("{}"),
        req("options", Object(&OPTIONS), "How its requests become messages"),
        req("state", STATE, "What it does"),
        req("appId", Id("app"), "The application whose endpoints its requests go to"),
        req("verification", Object(&VERIFICATION), "How its requests are verified"),
        req("createdAt", Time, "When it was made"),
        req("updatedAt", Time, "When it was last changed"),
    ],
);
const REST: &[Field] = &[
    may("uid", Text, "1 to 60 characters of `a-z A-Z 0-9 - _`"),
    may("config", Json, "The provider's secrets and settings: `{\"secret\": \"...\"}` for most"),
    may("metadata", TEXT_MAP, "String values; 4 KiB together"),
    may("options", Object(&OPTIONS_IN), "How its requests become messages"),
    may("state", STATE, "`paused` stores and holds; `disabled` refuses"),
];
const BASE: Schema = Schema::new("SourceBase", "", REST);
const IN: Schema = Schema::new(
    "IngestSourceIn",
    "A source, written whole. A PUT without `config` keeps the old one.",
    &[req("name", Text, "For people; 256 characters"), req("type", Text, "A kind of *List kinds*")],
)
.with(&BASE);
const PATCH: Schema = Schema::new(
    "IngestSourcePatch",
    "What changes. What is left out stays; `null` clears.",
    &[opt("name", Text, "For people"), may("type", Text, "A kind of *List kinds*")],
)
.with(&BASE);
pub(super) const PROMOTE: Schema = Schema::new(
    "BinPromoteIn",
    "What the bin becomes.",
    &[
        req("type", Text, "A kind of *List kinds*"),
        may("config", Json, "The provider's secrets and settings"),
        may("name", Text, "For people"),
        may("options", Object(&OPTIONS_IN), "How its requests become messages"),
    ],
);
const ROTATE: Schema = Schema::new(
    "RotateTokenIn",
    "How long the old URL works.",
    &[may("gracePeriodSeconds", IntIn(0, 172_800), "48 hours unless said otherwise")],
);
const ROTATED: Schema = Schema::new(
    "RotateTokenOut",
    "The new URL.",
    &[req("ingestUrl", Url, "Where the provider is to send to").eg(r#""https://hooks.example.com/in/7Hq2...""#)],
);
const SIMULATE: Schema = Schema::new(
    "SourceSimulateIn",
    "Which event to simulate.",
    &[may("eventType", Text, "One of the kind's `samples` (the first unless said otherwise), or any of yours")],
);
const SIMULATED: Schema = Schema::new(
    "SourceSimulateOut",
    "What became of it.",
    &[
        null("requestId", Id("req"), "The stored request; null where it was refused before it was stored"),
        req("eventType", Text, "What was sent").eg(r#""push""#),
        req("responseStatusCode", Int, "What the provider would have been answered").eg("200"),
    ],
);
const KIND: Schema = Schema::new(
    "SourceKind",
    "A provider that sources can be for.",
    &[
        req("name", Text, "What `type` says").eg(r#""github""#),
        req("title", Text, "For people").eg(r#""GitHub""#),
        req("aliases", TEXTS, "Other names that `type` may say").eg("[]"),
        req("docs", Text, "Where the provider describes its webhooks").eg(r#""https://docs.github.com/webhooks""#),
        req("insecure", Bool, "Verifies nothing, ever").eg("false"),
        req("secretOptional", Bool, "Verifies nothing unless it has a secret").eg("false"),
        req("needs", TEXTS, "What `config` has to have").eg(r#"["secret"]"#),
        req("samples", TEXTS, "Events that can be simulated as they are").eg(r#"["push"]"#),
    ],
);
const KINDS: Schema =
    Schema::new("SourceKinds", "All kinds.", &[req("data", List(&Object(&KIND)), "The kinds, by name")]);

const LIST: &str = "/ingest/api/v1/source";
const ONE: &str = "/ingest/api/v1/source/{source_id}";
const EXAMPLE: &str = r#"{"name":"GitHub","type":"github","config":{"secret":"It's a secret to everybody"}}"#;

pub(super) const TAG: Tag = Tag {
    name: "Sources",
    doc: "A source is a URL for one provider. Requests to it are verified, stored, answered, made into messages of an \
          application of the source's own, and forwarded to the source's endpoints.",
    ops: &[
        get(LIST, "v1.ingest.source.list", "List sources", "All sources, oldest first.")
            .query(&[PAGE, ORDER])
            .ok(Page(&OUT)),
        post(
            LIST,
            "v1.ingest.source.create",
            "Create a source",
            "Makes a source; `ingestUrl` is what the provider is told.",
        )
        .body(&IN, EXAMPLE)
        .created(Object(&OUT)),
        get(ONE, "v1.ingest.source.get", "Get a source", "One source, by id or uid.").ok(Object(&OUT)),
        put(ONE, "v1.ingest.source.upsert", "Put a source", "Writes it whole, or makes it if its uid is new.")
            .body(&IN, EXAMPLE)
            .ok(Object(&OUT))
            .created(Object(&OUT)),
        patch(
            ONE,
            "v1.ingest.source.patch",
            "Change a source",
            "Changes what the body names; `config` and `options` are replaced whole.",
        )
        .body(&PATCH, r#"{"state":"paused"}"#)
        .ok(Object(&OUT)),
        delete(ONE, "v1.ingest.source.delete", "Delete a source", "With its requests and endpoints. Its URL is gone.")
            .nothing(),
        post(
            "/ingest/api/v1/source/{source_id}/token/rotate",
            "v1.ingest.source.rotate-token",
            "Rotate the URL",
            "A new URL; the old one works until its time is over.",
        )
        .body(&ROTATE, r#"{"gracePeriodSeconds":3600}"#)
        .ok(Object(&ROTATED)),
        post(
            "/ingest/api/v1/source/{source_id}/simulate",
            "v1.ingest.source.simulate",
            "Simulate an event",
            "Sends an example to the source as its provider would, signed with the source's own secret. It is verified, stored and \
             forwarded like any other.",
        )
        .body(&SIMULATE, r#"{"eventType":"push"}"#)
        .ok(Object(&SIMULATED)),
        post(
            "/ingest/api/v1/source/{source_id}/dashboard",
            "v1.ingest.authentication.consumer-portal-access",
            "Open a source's portal",
            "A token that reaches this source's endpoints and requests.",
        )
        .body(&SOURCE_IN, r#"{"readOnly":true}"#)
        .ok(Object(&TOKEN_URL)),
        get("/api/v1/source-type", "v1.source-type.list", "List kinds", "The providers that sources can be for.")
            .ok(Object(&KINDS)),
    ],
};
