//! Messages: sending, reading, polling, streaming.
//!
//! **Invariant:** operations and schemas of `handlers/{message,batch,poller,stream}.rs` and `wire/message.rs`.

use super::applications::IN as APPLICATION_IN;
use super::shared::{CHANNEL, EVENT_TYPES, PAGE, PROBLEM, TAG as BY_TAG, TIMES, VALIDATION, WITH_CONTENT};
use super::table::Type::{self, Bool, Either, Id, IntIn, Json, List, Object, Page, Text, Time};
use super::table::{Content, Param, Schema, TEXTS, Tag, delete, get, may, null, opt, post, q, req};

pub(super) const OUT: Schema = Schema::new(
    "MessageOut",
    "A message: an event of one application.",
    &[
        req("id", Id("msg"), "Its id; receivers see it as `webhook-id`"),
        opt("eventId", Text, "Your own id of it").eg(r#""order-1007-paid""#),
        req("eventType", Text, "What happened").eg(r#""order.paid""#),
        opt("channels", TEXTS, "Only endpoints with one of them, or with none, get it").eg(r#"["project-1"]"#),
        opt("tags", TEXTS, "For finding it").eg(r#"["eu"]"#),
        opt("deliverAt", Time, "It is delivered no earlier"),
        req(
            "payload",
            Json,
            "What is delivered; `{\"expired\": true}` once it is kept no longer, `{}` where it was not asked for",
        )
        .eg(r#"{"id":"order-1007","total":1990}"#),
        req("timestamp", Time, "When it was accepted"),
    ],
);

const RAW: Schema = Schema::new(
    "TransformationsParams",
    "How the payload is sent.",
    &[may("rawPayload", Text, "Sent as it is, instead of `payload`")],
);
const IN_FIELDS: &[super::table::Field] = &[
    req("eventType", Text, "What happened: 1 to 256 characters of `a-z A-Z 0-9 - _ .`"),
    req("payload", Json, "A JSON object of at most 1 MiB (a setting). Delivered as the very bytes that you send"),
    may("eventId", Text, "Your own id of it, unique in the application"),
    may("channels", TEXTS, "At most 10, each of `a-z A-Z 0-9 - _ . : +`"),
    may("tags", TEXTS, "At most 8; for finding it"),
    may("deliverAt", Time, "Deliver no earlier; at most 90 days ahead"),
    may("payloadRetentionPeriod", IntIn(5, 90), "Days that the payload is kept"),
    may("payloadRetentionHours", IntIn(1, 2160), "The same in hours, rounded up to days"),
    may("transformationsParams", Object(&RAW), "For payloads that aren't JSON"),
];
pub(super) const IN: Schema = Schema {
    base: Some(&BASE),
    ..Schema::new(
        "MessageIn",
        "A message to send.",
        &[may("application", Object(&APPLICATION_IN), "Makes the application, where the uid in the path names none")],
    )
};
const BASE: Schema = Schema::new("MessageBase", "", IN_FIELDS);
const ITEM_IN: Schema = Schema {
    base: Some(&BASE),
    ..Schema::new(
        "BatchItemIn",
        "A message of a batch.",
        &[may("idempotencyKey", Text, "What the header means for a single message")],
    )
};
const BATCH_IN: Schema = Schema::new(
    "MessageBatchIn",
    "Up to 1,000 messages, or 4 MiB. The list alone will do, too.",
    &[req("messages", List(&Object(&ITEM_IN)), "The messages")],
);
const ITEM_OUT: Schema = Schema::new(
    "BatchItemOut",
    "What became of one message.",
    &[
        req("status", Type::Int, "The status that it would have had alone").eg("202"),
        opt("message", Object(&OUT), "The message, if it was accepted"),
        opt("error", Either(&[Object(&PROBLEM), Object(&VALIDATION)]), "What is wrong with it, if it was not"),
    ],
);
const BATCH_OUT: Schema = Schema::new(
    "MessageBatchOut",
    "One entry for each message, in order.",
    &[req("data", List(&Object(&ITEM_OUT)), "The entries")],
);

const POLLED: Schema = Schema::new(
    "PollingMessage",
    "A message as a poller gets it.",
    &[null("headers", Type::Map(&Text), "Always null").eg("null")],
)
.with(&OUT);
const POLL_OUT: Schema = Schema::new(
    "PollingEndpointOut",
    "A page of messages, oldest first.",
    &[
        req("data", List(&Object(&POLLED)), "The messages; may be empty although there is more"),
        req("iterator", Text, "Where to go on").eg(r#""msg_2yZwUhtgs5Ai8T9yRQJXA0P1k2L""#),
        req("done", Bool, "There is nothing more for now"),
    ],
);
const SEEK_IN: Schema = Schema::new(
    "PollingEndpointConsumerSeekIn",
    "Where to go.",
    &[req("after", Time, "Go on with what came after this")],
);
const SEEK_OUT: Schema = Schema::new(
    "PollingEndpointConsumerSeekOut",
    "The position.",
    &[req("iterator", Text, "The position now").eg(r#""msg_2yZwUhtgs5Ai8T9yRQJXA0P1k2L""#)],
);

const LIMIT: &[Param] = &[
    q("limit", IntIn(1, 250), "Messages of a page; 50 unless said otherwise"),
    q("iterator", Text, "Where to go on"),
    q("wait", IntIn(0, 30), "Seconds to hold an empty answer back until there is something"),
];
/// Where a stream begins.
pub(super) const STREAM: &[Param] = &[
    q("iterator", Text, "Go on after this event; the header `Last-Event-ID` means the same"),
    q("replay", IntIn(0, 250), "Begin with so many of the newest"),
    q("after", Time, "Begin at a time"),
    q("live", Bool, "For eyes: leave out what is too much, and say how much that was"),
];

const LIST: &str = "/api/v1/app/{app_id}/msg";
const ONE: &str = "/api/v1/app/{app_id}/msg/{msg_id}";
const POLLER: &str = "/api/v1/app/{app_id}/poller/{sink_id}";
const CONSUMER: &str = "/api/v1/app/{app_id}/poller/{sink_id}/consumer/{consumer_id}";
const SEEK: &str = "/api/v1/app/{app_id}/poller/{sink_id}/consumer/{consumer_id}/seek";

pub(super) const TAG: Tag = Tag {
    name: "Messages",
    doc: "A message is an event that you send to an application. It is acknowledged when it is on disk, with a delivery for \
          each endpoint that wants it; then it is delivered until each has taken it, or every retry is used up.",
    ops: &[
        post(
            LIST,
            "v1.message.create",
            "Send a message",
            "Accepts a message, and delivers it. With an `idempotency-key` a repetition makes no second one.",
        )
        .query(&[WITH_CONTENT])
        .body(
            &IN,
            r#"{"eventType":"order.paid","eventId":"order-1007-paid","payload":{"id":"order-1007","total":1990}}"#,
        )
        .accepted(Object(&OUT))
        .sdk("message.create"),
        post(
            "/api/v1/app/{app_id}/msg/batch",
            "v1.message.create-batch",
            "Send many messages",
            "What is wrong with one message doesn't hold up the others: each has its own answer.",
        )
        .query(&[WITH_CONTENT])
        .body(
            &BATCH_IN,
            r#"{"messages":[{"eventType":"order.paid","payload":{"id":"order-1007"},"idempotencyKey":"order-1007"}]}"#,
        )
        .accepted(Object(&BATCH_OUT)),
        get(LIST, "v1.message.list", "List messages", "Newest first.")
            .query(&[PAGE, EVENT_TYPES, CHANNEL, BY_TAG, TIMES, WITH_CONTENT])
            .ok(Page(&OUT))
            .sdk("message.list"),
        get(ONE, "v1.message.get", "Get a message", "One message, by its id or your `eventId`.")
            .query(&[WITH_CONTENT])
            .ok(Object(&OUT))
            .sdk("message.get"),
        delete(
            "/api/v1/app/{app_id}/msg/{msg_id}/content",
            "v1.message.expunge-content",
            "Delete a message's payload",
            "The message stays, its payload is gone at once. It can't be sent again.",
        )
        .nothing()
        .sdk("message.expunge-content"),
        get(
            "/api/v1/app/{app_id}/msg/stream",
            "v1.message.stream",
            "Stream messages",
            "Server-sent events, one for each message as it is committed: `message`, with what *Get a message* gives.",
        )
        .query(&[&[q("event_type", Text, "Only this event type")], EVENT_TYPES, CHANNEL, STREAM])
        .answer(200, Content::Events),
        get(
            POLLER,
            "v1.message.poller.poll",
            "Poll messages",
            "Oldest first. The sink is an endpoint, whose filters then apply, or any other name.",
        )
        .query(&[
            LIMIT,
            &[q("event_type", Text, "Only this event type")],
            CHANNEL,
            &[q("after", Time, "Where to begin, without an iterator")],
        ])
        .ok(Object(&POLL_OUT))
        .sdk("message.poller.poll"),
        get(
            CONSUMER,
            "v1.message.poller.consumer-poll",
            "Poll as a consumer",
            "The server keeps the position; passing the iterator acknowledges all up to it.",
        )
        .query(&[LIMIT])
        .ok(Object(&POLL_OUT))
        .sdk("message.poller.consumer-poll"),
        post(SEEK, "v1.message.poller.consumer-seek", "Move a consumer", "Sets its position to a time.")
            .body(&SEEK_IN, r#"{"after":"2026-01-31T12:00:00Z"}"#)
            .ok(Object(&SEEK_OUT))
            .sdk("message.poller.consumer-seek"),
    ],
};
