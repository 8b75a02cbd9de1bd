//! Figures, issues, search: what is looked at, not what is sent.
//!
//! **Invariant:** operations and schemas of `handlers/{figures,issue,search}.rs` and `wire/{figures,issue,search,app_search}.rs`.

use super::applications;
use super::shared::PAGE;
use super::table::Type::{self, Bool, Id, Int, IntIn, List, Number, Object, Page, Text, Time, Url, Words};
use super::table::{Content, Field, Param, Schema, TEXTS, Tag, get, null, patch, q, req};

const STEP: Type = Words(&["minute", "hour", "day"]);
const LATENCY_FIELDS: &[Field] = &[
    null("p50Ms", Number, "Half of the attempts took no longer, in milliseconds").eg("41.2"),
    null("p95Ms", Number, "95 of 100 took no longer").eg("180.5"),
    null("p99Ms", Number, "99 of 100 took no longer").eg("420"),
];
const LATENCY: Schema = Schema::new("Latency", "How long attempts took; null without attempts.", LATENCY_FIELDS);
const STEP_OUT: Schema = Schema::new(
    "ThroughputStep",
    "What happened in one step.",
    &[
        req("at", Time, "Its beginning"),
        req("accepted", Int, "Messages that were accepted").eg("120"),
        req("delivered", Int, "Attempts that succeeded").eg("118"),
        req("retried", Int, "Attempts that failed, and are tried again").eg("2"),
        req("failed", Int, "Deliveries that failed for good").eg("0"),
        req("received", Int, "Requests that came in").eg("14"),
        req("refused", Int, "Of those, refused").eg("1"),
    ],
)
.with(&LATENCY);
const THROUGHPUT: Schema = Schema::new(
    "ThroughputOut",
    "What happened, step by step.",
    &[
        req("since", Time, "From here"),
        req("until", Time, "Up to here"),
        req("step", STEP, "The length of a step"),
        req("total", Object(&STEP_OUT), "All steps together"),
        req("series", List(&Object(&STEP_OUT)), "The steps"),
    ],
);
const LANE: Schema = Schema::new(
    "QueueEndpoint",
    "An endpoint with a queue.",
    &[
        req("appId", Id("app"), "Its application"),
        req("appName", Text, "What that is called").eg(r#""Acme""#),
        req("endpointId", Id("ep"), "The endpoint"),
        req("url", Url, "Where it is"),
        req("disabled", Bool, "Gets nothing").eg("false"),
        null("failingSince", Time, "Since when every attempt has failed"),
        req("waiting", Int, "Deliveries that wait").eg("12"),
        req("dead", Int, "Deliveries that failed for good").eg("3"),
        null("nextDueAt", Time, "When the next one is due"),
    ],
);
const QUEUE: Schema = Schema::new(
    "QueueOut",
    "What waits.",
    &[
        req("due", Int, "Deliveries that are due").eg("0"),
        req("later", Int, "Deliveries whose time will come").eg("12"),
        req("dead", Int, "Deliveries that failed for good").eg("3"),
        req("isEstimate", Bool, "Counted in part, as there are very many").eg("false"),
        null("oldestDueAt", Time, "Since when the oldest has been due"),
        req("endpoints", List(&Object(&LANE)), "Where they wait, most first"),
    ],
);
const HOUR: &[Field] = &[
    req("delivered", Int, "Attempts that succeeded").eg("118"),
    req("retried", Int, "Attempts that failed, and are tried again").eg("2"),
    req("failed", Int, "Deliveries that failed for good").eg("0"),
];
const HOUR_BASE: Schema = Schema::new("Outcomes", "What became of attempts.", HOUR);
const APP_HOUR: Schema = Schema::new(
    "ApplicationHour",
    "An hour of an application.",
    &[req("at", Time, "Its beginning"), req("messages", Int, "Messages").eg("120")],
)
.with(&HOUR_BASE);
const APP: Schema = Schema::new(
    "ApplicationFigures",
    "Figures of an application.",
    &[
        req("appId", Id("app"), "The application"),
        req("messages", Int, "Messages").eg("120"),
        null("lastMessageAt", Time, "When it had its last message"),
        req("series", List(&Object(&APP_HOUR)), "By the hour"),
    ],
)
.with(&HOUR_BASE);
const APPS: Schema = Schema::new(
    "ApplicationFiguresOut",
    "Figures of applications.",
    &[req("data", List(&Object(&APP)), "Each of them")],
);
const ENDPOINT_FIELDS: &[Field] = &[
    req("delivered", Int, "Attempts that succeeded").eg("118"),
    req("retried", Int, "Attempts that failed, and are tried again").eg("2"),
    req("failed", Int, "Deliveries that failed for good").eg("0"),
    null("p50Ms", Number, "Half of the attempts took no longer, in milliseconds").eg("41.2"),
    null("p95Ms", Number, "95 of 100 took no longer").eg("180.5"),
    null("p99Ms", Number, "99 of 100 took no longer").eg("420"),
];
const ENDPOINT_BASE: Schema =
    Schema::new("EndpointOutcomes", "What became of attempts, and how long they took.", ENDPOINT_FIELDS);
const ENDPOINT_HOUR: Schema =
    Schema::new("EndpointHour", "An hour of an endpoint.", &[req("at", Time, "Its beginning")]).with(&ENDPOINT_BASE);
const ENDPOINT: Schema = Schema::new(
    "EndpointFiguresOut",
    "Figures of an endpoint.",
    &[req("endpointId", Id("ep"), "The endpoint"), req("series", List(&Object(&ENDPOINT_HOUR)), "By the hour")],
)
.with(&ENDPOINT_BASE);
const TYPE: Schema = Schema::new(
    "EventTypeFigures",
    "Messages of one event type.",
    &[
        req("name", Text, "The type").eg(r#""order.paid""#),
        req("messages", Int, "How many").eg("120"),
        req("lastAt", Time, "When the last one was"),
        req("series", List(&Int), "How many in each hour").eg("[4,7,0]"),
    ],
);
const TYPES: Schema = Schema::new(
    "EventTypeFiguresOut",
    "Messages by event type.",
    &[
        req("since", Time, "The first hour of each series"),
        req("data", List(&Object(&TYPE)), "The types, most first"),
        req("other", Int, "Messages of types that were not counted one by one").eg("0"),
    ],
);

const ARRIVALS_FIELDS: &[Field] = &[
    req("received", Int, "Requests that came, copies of known events too").eg("120"),
    req("verified", Int, "Of those, the ones that were not refused").eg("118"),
    req("refused", Int, "Of those, refused").eg("2"),
    req("duplicates", Int, "Of those, dropped because their events had come before").eg("5"),
];
const ARRIVALS: Schema = Schema::new("Arrivals", "What became of requests.", ARRIVALS_FIELDS);
const SOURCE_HOUR: Schema =
    Schema::new("SourceHour", "An hour of a source.", &[req("at", Time, "Its beginning")]).with(&ARRIVALS);
const SOURCE: Schema = Schema::new(
    "SourceFigures",
    "Figures of a source.",
    &[
        req("sourceId", Id("src"), "The source"),
        req("held", Int, "Requests that wait until it goes on, now; counted up to 1,000").eg("0"),
        null("lastAt", Time, "When the last request came"),
        req("series", List(&Object(&SOURCE_HOUR)), "By the hour"),
    ],
)
.with(&ARRIVALS);
const SOURCES: Schema =
    Schema::new("SourceFiguresOut", "Figures of sources.", &[req("data", List(&Object(&SOURCE)), "Each of them")]);

const FOUND_APP: Schema = Schema::new(
    "FoundApplication",
    "An application, and how it does.",
    &[
        req("endpoints", Int, "Its endpoints").eg("3"),
        req("failingEndpoints", Int, "Of those, the ones whose every attempt fails").eg("1"),
        null("failingSince", Time, "Since when the longest of them has"),
        null("lastMessageAt", Time, "When it had its last message, to the minute"),
    ],
)
.with(&applications::OUT);
const APP_SEARCH: Schema = Schema::new(
    "ApplicationSearchOut",
    "A page of found applications.",
    &[
        req("data", List(&Object(&FOUND_APP)), "The applications, as they were sorted"),
        null("iterator", Text, "Pass it to get the next page").eg("null"),
        req("done", Bool, "There is nothing after this page"),
        null("lookedAt", Int, "How many it looked at before it became too long").eg("null"),
    ],
);

/// As [`domain::IssueKind`] names them.
pub(crate) const KINDS: &[&str] = &[
    "dns",
    "connect",
    "connect-timeout",
    "response-timeout",
    "tls",
    "tls-expired",
    "tls-not-yet-valid",
    "tls-wrong-name",
    "tls-untrusted",
    "closed",
    "bad-response",
    "proxy",
    "redirect",
    "unauthorized",
    "forbidden",
    "not-found",
    "method-not-allowed",
    "gone",
    "payload-too-large",
    "rate-limited",
    "client-error",
    "unavailable",
    "server-error",
    "blocked-address",
    "https-only",
    "secret",
    "other",
];
const ISSUE_STATE: Type = Words(&["open", "resolved", "muted"]);
const ISSUE: Schema = Schema::new(
    "IssueOut",
    "Failures of one endpoint, of one kind.",
    &[
        req("id", Id("iss"), "Its id"),
        req("kind", Text, "The kind of failure").eg(r#""unauthorized""#),
        req("title", Text, "The same for people").eg(r#""The endpoint refuses the request""#),
        req("cause", Text, "What usually causes it").eg(r#""...""#),
        req("fix", Text, "What usually helps").eg(r#""...""#),
        req("state", ISSUE_STATE, "How it stands"),
        req("appId", Id("app"), "The application"),
        null("appUid", Text, "Your own name for it").eg(r#""customer-42""#),
        req("appName", Text, "What it is called").eg(r#""Acme""#),
        req("endpointId", Id("ep"), "The endpoint"),
        req("url", Url, "Where it is"),
        req("endpointDisabled", Bool, "Gets nothing").eg("false"),
        null("failingSince", Time, "Since when every attempt has failed"),
        req("firstAt", Time, "The first failure"),
        req("lastAt", Time, "The last failure"),
        req("count", Int, "Attempts that failed so").eg("7"),
        req("msgId", Id("msg"), "A message, for example"),
        req("attemptId", Id("atmpt"), "An attempt, for example"),
        req("responseStatusCode", Int, "What was answered; 0 if nothing was").eg("401"),
        req("detail", Text, "The beginning of the answer, or why there was none").eg(r#""no""#),
    ],
);
const ISSUE_PATCH: Schema =
    Schema::new("IssuePatch", "How it stands.", &[req("state", ISSUE_STATE, "What it becomes")]);

const STATUSES: Schema = Schema::new(
    "FoundStatuses",
    "How many endpoints stand where.",
    &[
        req("delivered", Int, "Took it").eg("1"),
        req("pending", Int, "It is tried again").eg("0"),
        req("sending", Int, "Being sent just now").eg("0"),
        req("failed", Int, "Failed for good").eg("0"),
        req("canceled", Int, "Canceled").eg("0"),
    ],
);
const FOUND: Schema = Schema::new(
    "FoundMessage",
    "A message, without its payload.",
    &[
        req("id", Id("msg"), "Its id"),
        req("appId", Id("app"), "Its application"),
        null("appUid", Text, "Your own name for that").eg(r#""customer-42""#),
        req("appName", Text, "What that is called").eg(r#""Acme""#),
        req("eventType", Text, "What happened").eg(r#""order.paid""#),
        null("eventId", Text, "Your own id of it").eg(r#""order-1007-paid""#),
        req("channels", TEXTS, "Its channels").eg("[]"),
        req("tags", TEXTS, "Its tags").eg("[]"),
        req("timestamp", Time, "When it was accepted"),
        null("deliverAt", Time, "It is delivered no earlier").eg("null"),
        req("statuses", Object(&STATUSES), "What became of it"),
        null("lastStatusCode", Int, "Of the last attempt; 0 when no answer came").eg("200"),
    ],
);
const SEARCH: Schema = Schema::new(
    "SearchOut",
    "A page of found messages.",
    &[
        req("data", List(&Object(&FOUND)), "The messages, newest first"),
        null("iterator", Text, "Pass it to get the next page").eg("null"),
        null("prevIterator", Text, "Pass it as `iterator` to get the page before").eg("null"),
        req("done", Bool, "There is nothing after this page"),
        req("query", Text, "The search as it was understood").eg(r#""status:failed""#),
        null("lookedBackTo", Time, "How far back it got before it became too long").eg("null"),
    ],
);

const SINCE: &[Param] = &[q("since", Time, "From here; a day ago without it, a month at most")];

pub(super) const TAG: Tag = Tag {
    name: "Figures and issues",
    doc: "What happened, counted as it happens; failures grouped by endpoint and kind, with their cause and fix; and a search over \
          all messages.",
    ops: &[
        get(
            "/api/v1/figures/throughput",
            "v1.figures.throughput",
            "Throughput",
            "What happened, by the minute, hour or day.",
        )
        .query(&[&[
            q("since", Time, "From here"),
            q("until", Time, "Up to here"),
            q("step", STEP, "`minute` unless said otherwise"),
        ]])
        .ok(Object(&THROUGHPUT)),
        get("/api/v1/figures/queue", "v1.figures.queue", "Queue", "What waits, and where.").ok(Object(&QUEUE)),
        get(
            "/api/v1/figures/application",
            "v1.figures.application",
            "Figures of applications",
            "Of those that are named, or of those with the most messages.",
        )
        .query(&[
            SINCE,
            &[
                q("app_id", List(&Text), "An application, by id or uid; repeated"),
                q("limit", IntIn(1, 250), "How many; 50 unless said otherwise"),
            ],
        ])
        .ok(Object(&APPS))
        .errors(&[404]),
        get(
            "/api/v1/figures/event-type",
            "v1.figures.event-type",
            "Figures of event types",
            "How many messages of each, and when the last one was.",
        )
        .query(&[SINCE])
        .ok(Object(&TYPES)),
        get(
            "/api/v1/figures/endpoint/{endpoint_id}",
            "v1.figures.endpoint",
            "Figures of an endpoint",
            "By the hour. The endpoint's id, no uid.",
        )
        .query(&[SINCE])
        .ok(Object(&ENDPOINT)),
        get(
            "/api/v1/figures/source",
            "v1.figures.source",
            "Figures of sources",
            "Of those that are named, or of the newest ones, by the hour. A bin verifies nothing: none of its requests is refused.",
        )
        .query(&[
            SINCE,
            &[
                q("source_id", List(&Text), "A source or bin, by id or uid; repeated"),
                q("limit", IntIn(1, 250), "How many; 50 unless said otherwise"),
            ],
        ])
        .ok(Object(&SOURCES))
        .errors(&[404]),
        get("/api/v1/issue", "v1.issue.list", "List issues", "Last failure first.")
            .query(&[
                PAGE,
                &[
                    q("state", ISSUE_STATE, "Only those that stand so"),
                    q("kind", Words(KINDS), "Only those of this kind"),
                    q("app_id", Text, "Only this application's, by id or uid"),
                    q("endpoint_id", Id("ep"), "Only this endpoint's"),
                ],
            ])
            .ok(Page(&ISSUE))
            .errors(&[404]),
        get("/api/v1/issue/{issue_id}", "v1.issue.get", "Get an issue", "With its cause, and what helps.")
            .ok(Object(&ISSUE)),
        patch(
            "/api/v1/issue/{issue_id}",
            "v1.issue.patch",
            "Resolve or mute an issue",
            "It opens again by itself if it was resolved and the endpoint fails again.",
        )
        .body(&ISSUE_PATCH, r#"{"state":"resolved"}"#)
        .ok(Object(&ISSUE)),
        get(
            "/api/v1/search/message",
            "v1.search.message",
            "Search messages",
            "Over all applications: `status:failed type:invoice.* code:5xx app:acme after:2026-01-01`.",
        )
        .query(&[&[q("q", Text, "What to search for; everything without it")], PAGE])
        .answer(200, Content::Json(Object(&SEARCH)))
        .errors(&[404]),
        get(
            "/api/v1/search/application",
            "v1.search.application",
            "Search applications",
            "By part of a name, a uid or the metadata, whatever the case; an id finds its application. Looks at 20,000 \
             applications at a time, and says so when it ended there.",
        )
        .query(&[
            PAGE,
            &[
                q("q", Text, "What to search for; every application without it"),
                q("failing", Bool, "Only those with an endpoint whose every attempt fails"),
                q(
                    "sort",
                    Words(&["created", "name", "last-message", "failing"]),
                    "`created` unless said otherwise: newest first; last message first; the longest failing first",
                ),
            ],
        ])
        .ok(Object(&APP_SEARCH)),
    ],
};
