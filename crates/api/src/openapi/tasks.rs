//! Background tasks, replays, and the live tail.
//!
//! **Invariant:** operations and schemas of `handlers/{task,tail}.rs` and `wire/{task,tail}.rs`.

use super::shared::PAGE;
use super::table::Type::{self, Bool, Codes, Id, Int, IntIn, List, Object, Page, Text, Time, Words};
use super::table::{Content, Field, Param, Schema, TEXTS, Tag, get, may, null, post, q, req};

const WHICH: Type = Words(&["failed", "missing", "delivered", "everything"]);
const CLASS: Type = Codes(&[0, 100, 200, 300, 400, 500]);
const FILTER: Schema = Schema::new(
    "ReplayFilter",
    "Which messages a task is about.",
    &[
        req("which", WHICH, "By what became of them"),
        req("eventTypes", TEXTS, "Only these, or patterns such as `invoice.*`; all if empty").eg("[]"),
        null("channel", Text, "Only with this channel").eg("null"),
        null("tag", Text, "Only with this tag").eg("null"),
        null("statusCodeClass", CLASS, "Only where the last answer was of this class").eg("null"),
        req("since", Time, "From here on"),
        null("until", Time, "Up to here").eg("null"),
    ],
);
const TYPE_COUNT: Schema = Schema::new(
    "EventTypeCount",
    "Messages of a type.",
    &[req("eventType", Text, "The type").eg(r#""order.paid""#), req("count", Int, "How many").eg("120")],
);
const SAMPLE: Schema = Schema::new(
    "ReplaySample",
    "One of the messages.",
    &[
        req("id", Id("msg"), "The message"),
        req("eventType", Text, "Its type").eg(r#""order.paid""#),
        req("timestamp", Time, "When it was accepted"),
    ],
);
const ESTIMATE: Schema = Schema::new(
    "ReplayEstimateOut",
    "What a replay would send.",
    &[
        req("count", Int, "Messages").eg("120"),
        req("atLeast", Bool, "There are more: the look ended early").eg("false"),
        req("eventTypes", List(&Object(&TYPE_COUNT)), "By type"),
        req("checked", Int, "Messages looked at").eg("500"),
        req("alreadyDelivered", Int, "Of those to be sent, how many the endpoint has taken before").eg("0"),
        req("sample", List(&Object(&SAMPLE)), "Some of them"),
        null("estimatedSeconds", Int, "How long it takes at the speed asked for").eg("12"),
    ],
);
const DATA: Schema = Schema::new(
    "BackgroundTaskData",
    "What it is about, and how far it came.",
    &[
        req("appId", Id("app"), "The application"),
        req("endpointId", Id("ep"), "The endpoint"),
        req("messagesSent", Int, "Deliveries made or brought back so far").eg("120"),
        null("total", Int, "How many there will be; null when nobody counted").eg("200"),
        req("totalIsAtLeast", Bool, "There are more").eg("false"),
        req("delivered", Int, "Of those made: taken").eg("118"),
        req("failed", Int, "Failed for good").eg("1"),
        req("canceled", Int, "Canceled").eg("0"),
        req("waiting", Int, "On their way").eg("1"),
        req("progressPercent", Int, "Of the work of making them").eg("60"),
        null("speedPerSecond", Int, "Deliveries a second, at most").eg("null"),
        null("secondsLeft", Int, "Until all are made, at that speed").eg("null"),
        req("filter", Object(&FILTER), "Which messages"),
        null("estimate", Object(&ESTIMATE), "What was counted before the start").eg("null"),
    ],
);
pub(super) const OUT: Schema = Schema::new(
    "BackgroundTaskOut",
    "Work that goes on by itself.",
    &[
        req("id", Id("qtask"), "Its id"),
        req("status", Words(&["running", "finished", "failed"]), "How it stands, in the words of the Svix API"),
        req("state", Words(&["running", "paused", "finished", "failed", "canceled"]), "How it stands"),
        req("task", Words(&["endpoint.recover", "endpoint.replay", "endpoint.bulk-replay"]), "What it does"),
        req("data", Object(&DATA), "What it is about"),
        req("createdAt", Time, "When it began"),
        req("updatedAt", Time, "When it last moved"),
    ],
);
pub(super) const WINDOW_IN: Schema = Schema::new(
    "RecoverIn",
    "A window of time.",
    &[req("since", Time, "Messages from here on"), may("until", Time, "Messages up to here; now without it")],
);
const FILTER_IN: &[Field] = &[
    req("since", Time, "From here on"),
    may("until", Time, "Up to here; now without it"),
    may("eventTypes", TEXTS, "Only these, or patterns such as `invoice.*`"),
    may("channel", Text, "Only with this channel"),
    may("tag", Text, "Only with this tag"),
    may("statusCodeClass", CLASS, "Only where the last answer was of this class"),
];
const BASE: Schema = Schema::new("ReplayBase", "", FILTER_IN);
pub(super) const REPLAY_IN: Schema = Schema::new(
    "ReplayIn",
    "Which messages, and how fast.",
    &[
        may("which", WHICH, "By what became of them; `failed` unless said otherwise"),
        may("speedPerSecond", IntIn(1, 100_000), "Deliveries a second, at most"),
    ],
)
.with(&BASE);
pub(super) const BULK_IN: Schema = Schema::new(
    "BulkReplayIn",
    "Which messages, as the Svix API says it.",
    &[may("status", Codes(&[0, 2]), "0 those that were delivered, 2 those that failed; all without it")],
)
.with(&BASE);
pub(super) const ESTIMATED: Type = Object(&ESTIMATE);

const REPORT: Schema = Schema::new(
    "TaskReportRow",
    "What became of one message.",
    &[
        req("msgId", Id("msg"), "The message"),
        null("eventType", Text, "Its type").eg(r#""order.paid""#),
        req("state", STATES, "What became of it"),
        null("responseStatusCode", Int, "What the endpoint answered last").eg("200"),
        req("timestamp", Time, "When"),
    ],
);
const STATES: Type = Words(&["waiting", "delivered", "failed", "canceled"]);

const TAIL: &[Param] = &[
    q(
        "status",
        Text,
        "`accepted`, `delivered`, `failed`, `retrying`, `held`, `refused`, `handshake`, `captured`; with commas",
    ),
    q("type", Text, "Only these event types, or patterns such as `invoice.*`; with commas"),
    q("direction", Words(&["in", "out"]), "Only what came in, or went out"),
    q("iterator", Text, "Go on after this event; the header `Last-Event-ID` means the same"),
];
const ONE: &str = "/api/v1/background-task/{task_id}";
const LIST_QUERY: &[Param] = &[
    q("status", Text, "Only those that stand so"),
    q("state", Text, "The same, in our words"),
    q("task", Text, "Only those that do this"),
];

pub(super) const TAG: Tag = Tag {
    name: "Background tasks",
    doc: "Recoveries and replays run in the background, and go on after a restart. An application's token sees its own.",
    ops: &[
        get("/api/v1/background-task", "v1.background-task.list", "List tasks", "Newest first.")
            .query(&[PAGE, LIST_QUERY])
            .ok(Page(&OUT))
            .sdk("background-task.list"),
        get(ONE, "v1.background-task.get", "Get a task", "How far it came.")
            .ok(Object(&OUT))
            .sdk("background-task.get"),
        get(
            "/api/v1/background-task/{task_id}/report",
            "v1.background-task.report",
            "Read a task's report",
            "What became of each message; as JSON pages, or whole as CSV.",
        )
        .query(&[
            PAGE,
            &[
                q("state", STATES, "Only those that became this"),
                q("format", Words(&["json", "csv"]), "`json` unless said otherwise"),
            ],
        ])
        .answer(200, Content::Rows(&REPORT)),
        post(
            "/api/v1/background-task/{task_id}/pause",
            "v1.background-task.pause",
            "Pause a task",
            "It makes no more deliveries until it is resumed.",
        )
        .ok(Object(&OUT)),
        post(
            "/api/v1/background-task/{task_id}/resume",
            "v1.background-task.resume",
            "Resume a task",
            "It goes on where it was.",
        )
        .ok(Object(&OUT)),
        post(
            "/api/v1/background-task/{task_id}/cancel",
            "v1.background-task.cancel",
            "Cancel a task",
            "What it made and wasn't sent yet is canceled.",
        )
        .ok(Object(&OUT)),
    ],
};

pub(super) const LIVE: Tag = Tag {
    name: "Live tail",
    doc: "What happens just now, for eyes: messages that are accepted, attempts, requests that come in. It samples where there is \
          too much, and says so.",
    ops: &[
        get(
            "/api/v1/tail",
            "v1.tail",
            "Watch the organisation",
            "Server-sent events: `accepted`, `attempt`, `received`, `skipped`.",
        )
        .query(&[&[q("app", Text, "Only this application's, by id or uid")], TAIL])
        .answer(200, Content::Events),
        get(
            "/api/v1/app/{app_id}/tail",
            "v1.application.tail",
            "Watch an application",
            "The same, of one application.",
        )
        .query(&[TAIL])
        .answer(200, Content::Events),
    ],
};
