//! Background tasks.
//!
//! **Invariant:** operations and schemas of `handlers/task.rs` and `wire/task.rs`.

use super::shared::PAGE;
use super::table::Type::{Id, Int, Object, Page, Time, Words};
use super::table::{Schema, Tag, Type, get, may, q, req};

const DATA: Schema = Schema::new(
    "BackgroundTaskData",
    "What it is about, and how far it came.",
    &[
        req("appId", Id("app"), "The application"),
        req("endpointId", Id("ep"), "The endpoint"),
        req("messagesSent", Int, "Deliveries made or brought back so far").eg("120"),
    ],
);
const STATUS: Type = Words(&["running", "finished", "failed"]);
const KIND: Type = Words(&["endpoint.recover", "endpoint.replay"]);
pub(super) const OUT: Schema = Schema::new(
    "BackgroundTaskOut",
    "Work that goes on by itself.",
    &[
        req("id", Id("qtask"), "Its id"),
        req("status", STATUS, "How it stands"),
        req("task", KIND, "What it does"),
        req("data", Object(&DATA), "What it is about"),
        req("updatedAt", Time, "When it last moved"),
    ],
);
pub(super) const WINDOW_IN: Schema = Schema::new(
    "RecoverIn",
    "A window of time.",
    &[req("since", Time, "Messages from here on"), may("until", Time, "Messages up to here; now without it")],
);

pub(super) const TAG: Tag = Tag {
    name: "Background tasks",
    doc: "Recoveries and replays run in the background, and go on after a restart.",
    ops: &[
        get("/api/v1/background-task", "v1.background-task.list", "List tasks", "Newest first.")
            .query(&[
                PAGE,
                &[
                    q("status", Type::Text, "Only those that stand so"),
                    q("task", Type::Text, "Only those that do this"),
                ],
            ])
            .ok(Page(&OUT))
            .sdk("background-task.list"),
        get("/api/v1/background-task/{task_id}", "v1.background-task.get", "Get a task", "How far it came.")
            .ok(Object(&OUT))
            .sdk("background-task.get"),
    ],
};
