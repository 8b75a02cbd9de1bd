//! Attempts, and what became of deliveries.
//!
//! **Invariant:** operations and schemas of `handlers/attempt.rs` and `wire/attempt.rs`.

use super::endpoints::OUT as ENDPOINT;
use super::messages::OUT as MESSAGE;
use super::shared::{CHANNEL, EMPTY, EVENT_TYPES, PAGE, TAG as BY_TAG, TIMES, WITH_CONTENT};
use super::table::Type::{Bool, Codes, Id, Int, List, Number, Object, Page, Text, Time, Url, Words};
use super::table::{Field, Param, Schema, TEXT_MAP, TEXTS, Tag, delete, get, null, opt, post, q, req};

const STATUSES: super::table::Type = Codes(&[0, 1, 2, 3, 4]);
const STATUS: Field = req("status", STATUSES, "0 success, 1 pending, 2 fail, 3 sending, 4 canceled");
const STATUS_TEXT: Field =
    req("statusText", Words(&["success", "pending", "fail", "sending", "canceled"]), "The same in a word");

const TIMINGS: Schema = Schema::new(
    "AttemptTimings",
    "How an attempt spent its time, in milliseconds. A stage is absent if it wasn't needed or reached.",
    &[
        opt("dnsMs", Number, "Looking the name up").eg("4.2"),
        opt("connectMs", Number, "TCP, and a proxy's tunnel").eg("11.03"),
        opt("tlsMs", Number, "The TLS handshake").eg("23.5"),
        opt("firstByteMs", Number, "From the end of the request to the head of the answer").eg("171.2"),
        opt(
            "bodyMs",
            Number,
            "Reading the answer's body. The verdict doesn't wait for it: it is not in `responseDurationMs`",
        )
        .eg("3.1"),
        req("totalMs", Number, "All of it").eg("213.5"),
        req("reused", Bool, "Whether the connection was open already").eg("false"),
        opt("httpVersion", Words(&["1.0", "1.1", "2"]), "Of the answer").eg(r#""1.1""#),
        opt("address", Text, "What was connected to (a proxy, if there is one). Not for an application's token")
            .eg(r#""203.0.113.9:443""#),
    ],
);
const OUT: Schema = Schema::new(
    "MessageAttemptOut",
    "One request to an endpoint, and what it answered.",
    &[
        req("id", Id("atmpt"), "Its id"),
        req("msgId", Id("msg"), "The message"),
        req("endpointId", Id("ep"), "The endpoint"),
        req("url", Url, "Where it went").eg(r#""https://example.com/webhooks""#),
        req("response", Text, "The beginning of the answer's body, or why there was none").eg(r#""ok""#),
        req("responseStatusCode", Int, "The answer's status; 0 if there was none").eg("200"),
        req("responseDurationMs", Int, "How long it took").eg("87"),
        STATUS,
        STATUS_TEXT,
        req("triggerType", Codes(&[0, 1]), "0 by schedule, 1 by hand"),
        req("timestamp", Time, "When it was made"),
        opt("timings", Object(&TIMINGS), "How it spent its time; absent for attempts made before this was recorded, and once the answer was deleted"),
        opt("responseHeaders", TEXT_MAP, "The answer's headers, up to a limit, if they were kept: by default of failed attempts, tests and resends. Values of cookies are masked").eg(r#"{"content-type":"text/plain","retry-after":"1800"}"#),
        opt("msg", Object(&MESSAGE), "The message, with `with_msg=true`"),
    ],
);
const DELIVERY: &[Field] = &[STATUS, STATUS_TEXT, null("nextAttempt", Time, "When it is tried next").eg("null")];
const ENDPOINT_MESSAGE: Schema =
    Schema::new("EndpointMessageOut", "A message, and what became of it at one endpoint.", DELIVERY).with(&MESSAGE);
const DESTINATION: Schema =
    Schema::new("MessageEndpointOut", "An endpoint, and what became of one message there.", DELIVERY).with(&ENDPOINT);

const SENT: Schema = Schema::new(
    "EndpointRequestOut",
    "A message as it is sent to an endpoint, signed anew.",
    &[
        req("method", Words(&["POST"]), "Its method"),
        req("url", Url, "Where it goes"),
        req("headers", List(&TEXTS), "Pairs of name and value").eg(r#"[["content-type","application/json"]]"#),
        req("hidden", TEXTS, "Headers that it has, too, and whose values can't be read back").eg("[]"),
        null("body", Text, "The body, if it is text").eg(r#""{}""#),
        opt("bodyBase64", Text, "The body, if it isn't").eg(r#""AAEC""#),
        req("curl", Text, "The same as a command for a shell").eg(r#""curl -X POST ...""#),
    ],
);

const FILTER: &[Param] = &[
    q("status", STATUSES, "0 success, 1 pending, 2 fail, 3 sending, 4 canceled"),
    q("status_code_class", Codes(&[0, 100, 200, 300, 400, 500]), "The class of the answer's status; 0 is no answer"),
];
const WITH_MSG: &[Param] = &[q("with_msg", Bool, "Show the message of each attempt")];

pub(super) const TAG: Tag = Tag {
    name: "Attempts",
    doc: "What happened to a message on its way: each request that was made, and where each delivery stands.",
    ops: &[
        get(
            "/api/v1/app/{app_id}/attempt/endpoint/{endpoint_id}",
            "v1.message-attempt.list-by-endpoint",
            "List attempts of an endpoint",
            "Newest first.",
        )
        .query(&[PAGE, FILTER, EVENT_TYPES, CHANNEL, BY_TAG, TIMES, WITH_CONTENT, WITH_MSG])
        .ok(Page(&OUT))
        .sdk("message-attempt.list-by-endpoint"),
        get(
            "/api/v1/app/{app_id}/attempt/msg/{msg_id}",
            "v1.message-attempt.list-by-msg",
            "List attempts of a message",
            "Newest first.",
        )
        .query(&[
            PAGE,
            FILTER,
            &[q("endpoint_id", Text, "Only this endpoint's")],
            EVENT_TYPES,
            CHANNEL,
            BY_TAG,
            TIMES,
            WITH_CONTENT,
            WITH_MSG,
        ])
        .ok(Page(&OUT))
        .sdk("message-attempt.list-by-msg"),
        get(
            "/api/v1/app/{app_id}/msg/{msg_id}/attempt/{attempt_id}",
            "v1.message-attempt.get",
            "Get an attempt",
            "One attempt, with what was answered.",
        )
        .ok(Object(&OUT))
        .sdk("message-attempt.get"),
        delete(
            "/api/v1/app/{app_id}/msg/{msg_id}/attempt/{attempt_id}/content",
            "v1.message-attempt.expunge-content",
            "Delete an answer",
            "The attempt stays, what the endpoint answered is gone.",
        )
        .nothing()
        .sdk("message-attempt.expunge-content"),
        get(
            "/api/v1/app/{app_id}/endpoint/{endpoint_id}/msg",
            "v1.message-attempt.list-attempted-messages",
            "List messages of an endpoint",
            "With what became of each. Newest first.",
        )
        .query(&[
            PAGE,
            &[q("status", STATUSES, "0 success, 1 pending, 2 fail, 3 sending, 4 canceled")],
            EVENT_TYPES,
            CHANNEL,
            BY_TAG,
            TIMES,
            WITH_CONTENT,
        ])
        .ok(Page(&ENDPOINT_MESSAGE))
        .sdk("message-attempt.list-attempted-messages"),
        get(
            "/api/v1/app/{app_id}/msg/{msg_id}/endpoint",
            "v1.message-attempt.list-attempted-destinations",
            "List endpoints of a message",
            "With what became of it at each.",
        )
        .query(&[PAGE])
        .ok(Page(&DESTINATION))
        .sdk("message-attempt.list-attempted-destinations"),
        post(
            "/api/v1/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/resend",
            "v1.message-attempt.resend",
            "Resend a message",
            "Sends it to this endpoint once more, now. Its scheduled retries stay.",
        )
        .query(&[&[q("force", Bool, "Also to an endpoint that is disabled")]])
        .accepted(Object(&EMPTY))
        .sdk("message-attempt.resend"),
        get(
            "/api/v1/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/request",
            "v1.message-attempt.request",
            "Show the request",
            "What this endpoint is sent for this message, signed anew; also as cURL.",
        )
        .ok(Object(&SENT))
        .errors(&[409]),
    ],
};
