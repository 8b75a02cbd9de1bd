//! Endpoints of applications, of sources, and of the organisation itself.
//!
//! **Invariant:** operations and schemas of `handlers/{endpoint,secret,task}.rs` and `wire/{endpoint,headers}.rs`; the same
//! handlers answer under three paths.

use super::applications::RATE;
use super::messages::OUT as MESSAGE;
use super::shared::{HEADERS, HEADERS_IN, ORDER, PAGE, ROTATE, SECRET, WINDOW};
use super::table::Type::{self, Bool, Id, Int, IntIn, Object, Page, Text, Time, Url};
use super::table::{Content, Schema, TEXT_MAP, TEXTS, Tag, delete, get, may, null, opt, patch, post, put, req};
use super::tasks::{BULK_IN, ESTIMATED, OUT as TASK, REPLAY_IN, WINDOW_IN};

pub(super) const OUT: Schema = Schema::new(
    "EndpointOut",
    "A URL that messages are sent to, and which ones.",
    &[
        req("id", Id("ep"), "Its id"),
        null("uid", Text, "Your own name for it").eg(r#""main""#),
        req("url", Url, "Where it is").eg(r#""https://example.com/webhooks""#),
        req("description", Text, "For people").eg(r#""""#),
        req("disabled", Bool, "Gets nothing, and what was waiting is canceled").eg("false"),
        req("paused", Bool, "Its queue waits; new messages go on being queued").eg("false"),
        null("pausedAt", Time, "Since when").eg("null"),
        null("channels", TEXTS, "Only messages with one of these; null for all").eg("null"),
        null("eventTypes", TEXTS, "Only these event types; null for all").eg(r#"["order.paid"]"#),
        null("filterTypes", TEXTS, "The same as `eventTypes`").eg(r#"["order.paid"]"#).old(),
        null("throttleRate", Int, "Messages a second, at most").eg("null"),
        null("rateLimit", Int, "The same as `throttleRate`").eg("null").old(),
        req("version", Int, "A number of yours").eg("1"),
        req("metadata", TEXT_MAP, "Anything you want to keep with it").eg("{}"),
        req("createdAt", Time, "When it was made"),
        req("updatedAt", Time, "When it was last changed"),
        null("failingSince", Time, "Since when every attempt has failed").eg("null"),
        opt("firstPer", Text, "Takes only the first message for each value at this path").eg(r#""data.link""#),
    ],
);

const TYPES: &str = "Only these event types; each must exist. All without it";
const FIRST_PER: &str = "Take only the first message for each value at this path into the payload, such as `data.link`";
const IN: Schema = Schema::new(
    "EndpointIn",
    "An endpoint, written whole.",
    &[
        req("url", Url, "Where messages go: `https://`, or `http://` where the settings allow it"),
        may("uid", Text, "Your own name for it"),
        may("description", Text, "For people"),
        may("version", IntIn(1, 1_000_000), "A number of yours"),
        may("disabled", Bool, "Gets nothing"),
        may("paused", Bool, "Its queue waits"),
        may("eventTypes", TEXTS, TYPES),
        may("filterTypes", TEXTS, "Another name for `eventTypes`").old(),
        may("channels", TEXTS, "Only messages with one of these; 10 at most"),
        may("throttleRate", RATE, "Messages a second, at most"),
        may("rateLimit", RATE, "Another name for `throttleRate`").old(),
        may("metadata", TEXT_MAP, "String values; 4 KiB together"),
        may("headers", TEXT_MAP, "Headers that every request carries"),
        may("secret", Text, "Your own signing secret; a random one without it"),
        may("firstPer", Text, FIRST_PER),
    ],
);
const PATCH: Schema = Schema::new(
    "EndpointPatch",
    "What changes. What is left out stays; `null` clears.",
    &[
        opt("url", Url, "Where messages go"),
        may("uid", Text, "Your own name for it"),
        may("description", Text, "For people"),
        may("version", IntIn(1, 1_000_000), "A number of yours"),
        may("disabled", Bool, "Gets nothing"),
        may("paused", Bool, "Its queue waits"),
        may("eventTypes", TEXTS, TYPES),
        may("filterTypes", TEXTS, "Another name for `eventTypes`").old(),
        may("channels", TEXTS, "Only messages with one of these"),
        may("throttleRate", RATE, "Messages a second, at most"),
        may("rateLimit", RATE, "Another name for `throttleRate`").old(),
        may("metadata", TEXT_MAP, "Replaced whole"),
        may("firstPer", Text, FIRST_PER),
    ],
);
const VERIFY_IN: Schema = Schema::new(
    "VerifyIn",
    "A request as the receiver got it.",
    &[
        req("headers", Type::List(&TEXTS), "Pairs of name and value"),
        may("body", Text, "Its body, if it is text"),
        may("bodyBase64", Text, "Its body, if it isn't"),
        may("msgId", Text, "The message that it should be, to compare with"),
    ],
);
const FINDING: Schema = Schema::new(
    "VerifyFinding",
    "What is wrong.",
    &[
        req("code", Text, "For programs").eg(r#""timestamp-old""#),
        req("text", Text, "What was found").eg(r#""...""#),
        req("fix", Text, "What helps").eg(r#""...""#),
    ],
);
const VERIFIED: Schema = Schema::new(
    "VerifyOut",
    "Whether the signature is good, and if not, why.",
    &[
        req("valid", Bool, "It is good"),
        req("explained", Bool, "The findings are the whole reason"),
        req("findings", Type::List(&Object(&FINDING)), "What was found").eg("[]"),
    ],
);
const HEADERS_PATCH: Schema = Schema::new(
    "EndpointHeadersPatchIn",
    "Headers that change.",
    &[
        req("headers", Type::Map(&Type::Any), "Names to values; `null` removes one"),
        may("deleteHeaders", TEXTS, "Names of headers to remove"),
    ],
);
pub(super) const EXAMPLE_IN: Schema = Schema::new(
    "EventExampleIn",
    "Which example.",
    &[req("eventType", Text, "An event type with an example in its schema, or `svix.ping`")],
);
const STATS: Schema = Schema::new(
    "EndpointStats",
    "Deliveries of an endpoint, counted.",
    &[
        req("success", Int, "Delivered").eg("1204"),
        req("pending", Int, "Waiting for their time").eg("2"),
        req("sending", Int, "Being sent just now").eg("0"),
        req("fail", Int, "Failed for good").eg("3"),
        req("canceled", Int, "Canceled, as the endpoint was disabled").eg("0"),
    ],
);

const URL_EXAMPLE: &str = r#"{"url":"https://example.com/webhooks","uid":"main","eventTypes":["order.paid"]}"#;
const PLAIN_EXAMPLE: &str = r#"{"url":"https://example.com/webhooks"}"#;
const HEADERS_EXAMPLE: &str = r#"{"headers":{"x-tenant":"acme"}}"#;
const ROTATE_EXAMPLE: &str = r#"{"gracePeriodSeconds":86400}"#;

/// The operations that endpoints have wherever they are.
macro_rules! family {
    ($base:literal, $id:literal, $sdk:literal, $put:literal, $set_headers:literal, $example:expr, rotate: $rotate:expr, $($more:expr),*) => {
        &[
            get($base, concat!("v1.", $id, ".list"), "List endpoints", "All endpoints, oldest first.")
                .query(&[PAGE, ORDER])
                .ok(Page(&OUT))
                .sdk(concat!($sdk, ".list")),
            post($base, concat!("v1.", $id, ".create"), "Create an endpoint", "Makes an endpoint. It gets what is sent from now on.")
                .body(&IN, $example)
                .created(Object(&OUT))
                .sdk(concat!($sdk, ".create")),
            get(concat!($base, "/{endpoint_id}"), concat!("v1.", $id, ".get"), "Get an endpoint", "One endpoint, by id or uid.")
                .ok(Object(&OUT))
                .sdk(concat!($sdk, ".get")),
            put(concat!($base, "/{endpoint_id}"), concat!("v1.", $id, ".", $put), "Put an endpoint", "Writes it whole, or makes it if its uid is new. Secret and headers stay.")
                .body(&IN, $example)
                .ok(Object(&OUT))
                .created(Object(&OUT))
                .sdk(concat!($sdk, ".", $put)),
            delete(concat!($base, "/{endpoint_id}"), concat!("v1.", $id, ".delete"), "Delete an endpoint", "What waits for it is not sent.")
                .nothing()
                .sdk(concat!($sdk, ".delete")),
            get(concat!($base, "/{endpoint_id}/headers"), concat!("v1.", $id, ".get-headers"), "Get headers", "The headers that its requests carry. Values of sensitive ones can't be read back.")
                .ok(Object(&HEADERS))
                .sdk(concat!($sdk, ".get-headers")),
            put(concat!($base, "/{endpoint_id}/headers"), concat!("v1.", $id, ".", $set_headers), "Set headers", "Replaces all of them.")
                .body(&HEADERS_IN, HEADERS_EXAMPLE)
                .nothing()
                .sdk(concat!($sdk, ".", $set_headers)),
            get(concat!($base, "/{endpoint_id}/secret"), concat!("v1.", $id, ".get-secret"), "Get the secret", "What its requests are signed with.")
                .ok(Object(&SECRET))
                .sdk(concat!($sdk, ".get-secret")),
            $rotate(
                post(concat!($base, "/{endpoint_id}/secret/rotate"), concat!("v1.", $id, ".rotate-secret"), "Rotate the secret", "Requests are signed with both until the old one's time is over.")
                    .body(&ROTATE, ROTATE_EXAMPLE)
                    .nothing()
                    .sdk(concat!($sdk, ".rotate-secret")),
            ),
            $($more),*
        ]
    };
}

const fn with_key(op: super::table::Op) -> super::table::Op {
    op.ok(Object(&SECRET))
}
const fn as_it_is(op: super::table::Op) -> super::table::Op {
    op
}

pub(super) const TAG: Tag = Tag {
    name: "Endpoints",
    doc: "An endpoint is a URL of an application that messages are sent to. It may take some event types and channels only, \
          and has a secret of its own that its requests are signed with.",
    ops: family![
        "/api/v1/app/{app_id}/endpoint", "endpoint", "endpoint", "update", "update-headers", URL_EXAMPLE,
        rotate: with_key,
        patch("/api/v1/app/{app_id}/endpoint/{endpoint_id}", "v1.endpoint.patch", "Change an endpoint", "Changes what the body names.")
            .body(&PATCH, r#"{"description":"Orders","throttleRate":50}"#)
            .ok(Object(&OUT))
            .sdk("endpoint.patch"),
        patch("/api/v1/app/{app_id}/endpoint/{endpoint_id}/headers", "v1.endpoint.patch-headers", "Change headers", "Adds, replaces and removes some.")
            .body(&HEADERS_PATCH, r#"{"headers":{"x-tenant":"acme"},"deleteHeaders":["x-old"]}"#)
            .nothing()
            .sdk("endpoint.patch-headers"),
        get("/api/v1/app/{app_id}/endpoint/{endpoint_id}/stats", "v1.endpoint.get-stats", "Count deliveries", "By what became of them, in a window if one is given.")
            .query(&[WINDOW])
            .ok(Object(&STATS))
            .sdk("endpoint.get-stats"),
        post("/api/v1/app/{app_id}/endpoint/{endpoint_id}/send-example", "v1.endpoint.send-example", "Send an example", "Sends the example of an event type to this endpoint alone.")
            .body(&EXAMPLE_IN, r#"{"eventType":"svix.ping"}"#)
            .ok(Object(&MESSAGE))
            .errors(&[400])
            .sdk("endpoint.send-example"),
        post("/api/v1/app/{app_id}/endpoint/{endpoint_id}/recover", "v1.endpoint.recover", "Recover failed messages", "Sends again what failed since a time. A background task.")
            .body(&WINDOW_IN, r#"{"since":"2026-11-01T00:00:00Z"}"#)
            .accepted(Object(&TASK))
            .sdk("endpoint.recover"),
        post("/api/v1/app/{app_id}/endpoint/{endpoint_id}/replay-missing", "v1.endpoint.replay-missing", "Replay missing messages", "Sends what the endpoint never got since a time. A background task.")
            .body(&WINDOW_IN, r#"{"since":"2026-11-01T00:00:00Z"}"#)
            .accepted(Object(&TASK))
            .sdk("endpoint.replay-missing"),
        post(
            "/api/v1/app/{app_id}/endpoint/{endpoint_id}/bulk-replay",
            "v1.endpoint.bulk-replay",
            "Replay many messages",
            "As the Svix API has it. A background task."
        )
        .body(&BULK_IN, r#"{"since":"2026-11-01T00:00:00Z","status":2}"#)
        .accepted(Object(&TASK))
        .sdk("endpoint.bulk-replay"),
        post(
            "/api/v1/app/{app_id}/endpoint/{endpoint_id}/replay",
            "v1.endpoint.replay",
            "Replay messages",
            "Sends what the filter finds, no faster than you say. A background task."
        )
        .body(&REPLAY_IN, r#"{"which":"failed","since":"2026-11-01T00:00:00Z","speedPerSecond":50}"#)
        .accepted(Object(&TASK)),
        post(
            "/api/v1/app/{app_id}/endpoint/{endpoint_id}/replay/estimate",
            "v1.endpoint.replay-estimate",
            "Estimate a replay",
            "Counts what a replay would send, and sends nothing."
        )
        .body(&REPLAY_IN, r#"{"which":"failed","since":"2026-11-01T00:00:00Z"}"#)
        .ok(ESTIMATED),
        post(
            "/api/v1/app/{app_id}/endpoint/{endpoint_id}/pause",
            "v1.endpoint.pause",
            "Pause an endpoint",
            "Messages go on being queued, none is sent until it is resumed."
        )
        .ok(Object(&OUT)),
        post(
            "/api/v1/app/{app_id}/endpoint/{endpoint_id}/resume",
            "v1.endpoint.resume",
            "Resume an endpoint",
            "Sends what has queued up."
        )
        .ok(Object(&OUT)),
        post(
            "/api/v1/app/{app_id}/endpoint/{endpoint_id}/verify",
            "v1.endpoint.verify",
            "Explain a signature",
            "Says whether a request that a receiver got is signed well, and if not, why: clock, altered body, wrong secret."
        )
        .body(
            &VERIFY_IN,
            r#"{"headers":[["webhook-id","msg_1"],["webhook-timestamp","1769860800"],["webhook-signature","v1,AAAA"]],"body":"{}"}"#
        )
        .ok(Object(&VERIFIED))
    ],
};

const TRANSFORMATION: Schema = Schema::new(
    "TransformationOut",
    "There are no transformations here: what an endpoint without one has.",
    &[null("code", Text, "Always null").eg("null"), req("enabled", Bool, "Always false").eg("false")],
);
const TRANSFORMATION_IN: Schema = Schema::new(
    "TransformationPatch",
    "Anything but `null` and `false` is refused.",
    &[may("code", Text, "Not supported"), may("enabled", Bool, "Not supported")],
);
const TRANSFORM: &str = "/ingest/api/v1/source/{source_id}/endpoint/{endpoint_id}/transformation";

pub(super) const OF_SOURCES: Tag = Tag {
    name: "Source endpoints",
    doc: "Where a source's requests are forwarded to. They are endpoints of an application of the source's own, so that \
          everything else about them is found under `/api/v1/app/{appId}`.",
    ops: family![
        "/ingest/api/v1/source/{source_id}/endpoint", "ingest.endpoint",
        "", "upsert", "set-headers", PLAIN_EXAMPLE,
        rotate: as_it_is,
        get(TRANSFORM, "v1.ingest.endpoint.transformation.get", "Get the transformation", "There is none.").ok(Object(&TRANSFORMATION)),
        patch(TRANSFORM, "v1.ingest.endpoint.transformation.patch", "Change the transformation", "Takes what changes nothing.")
            .body(&TRANSFORMATION_IN, r#"{"enabled":false}"#)
            .answer(204, Content::None)
            .errors(&[400])
    ],
};

pub(super) const OPERATIONAL: Tag = Tag {
    name: "Operational webhooks",
    doc: "Endpoints of the organisation itself: Postrider tells them when an endpoint fails, is disabled, or was changed. \
          What it sends is under *Webhooks we send*.",
    ops: family![
        "/api/v1/operational-webhook/endpoint",
        "operational-webhook.endpoint",
        "",
        "upsert",
        "set-headers",
        r#"{"url":"https://example.com/ops","eventTypes":["endpoint.disabled","message.attempt.exhausted"]}"#,
        rotate: as_it_is,
    ],
};
