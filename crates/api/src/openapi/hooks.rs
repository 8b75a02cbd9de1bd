//! Hooks, and the list to poll: what Zapier, Make and the like use.
//!
//! **Invariant:** operations and schemas of `handlers/{hook,event}.rs` and `wire/{hook,event}.rs`.

use super::shared::{CHANNEL, EVENT_TYPES, ORDER, PAGE};
use super::table::Type::{self, Bool, Id, IntIn, List, Object, Page, Text, Time, Url};
use super::table::{Field, Param, Schema, TEXTS, Tag, delete, get, may, null, opt, post, q, req};

const FIELDS: &[Field] = &[
    req("id", Id("ep"), "Its id; it is an endpoint, too"),
    req("appId", Id("app"), "The application that it hears"),
    req("url", Url, "Where events go").eg(r#""https://hooks.zapier.com/hooks/standard/1/2/""#),
    null("eventTypes", TEXTS, "Only these; null for all").eg(r#"["link.clicked"]"#),
    null("channels", TEXTS, "Only messages with one of these; null for all").eg("null"),
    opt("firstPer", Text, "Takes only the first message for each value at this path").eg(r#""data.link""#),
    req("disabled", Bool, "Gets nothing").eg("false"),
    req("createdAt", Time, "When it was made"),
];
const OUT: Schema = Schema::new("HookOut", "A subscription.", FIELDS);
const MADE: Schema = Schema::new(
    "NewHookOut",
    "A new subscription, with its secret.",
    &[req("secret", Text, "What its requests are signed with").eg(r#""whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD""#)],
)
.with(&OUT);
const IN: Schema = Schema::new(
    "HookIn",
    "A subscription.",
    &[
        req("targetUrl", Url, "Where events go; `hookUrl`, `url`, `target_url` and `hook_url` will do"),
        may("event", Text, "One event type"),
        may("eventTypes", TEXTS, "Several, instead of `event`; all without either"),
        may("appId", Text, "The application, by id or uid; links and forms without it"),
        may("channels", TEXTS, "Only messages with one of these"),
        may("firstPer", Text, "Only the first message for each value at this path"),
        may("secret", Text, "Your own signing secret"),
    ],
);
const EVENT: Schema = Schema::new(
    "FlatEvent",
    "A message as a flat object: its own members, and those of its payload's `data`.",
    &[
        req("id", Id("msg"), "The message"),
        req("type", Text, "What happened").eg(r#""link.clicked""#),
        req("timestamp", Text, "When").eg(r#""2026-01-31T12:00:00.000Z""#),
    ],
)
.open();

const APP: &[Param] = &[q("appId", Text, "The application, by id or uid; links and forms without it")];

pub(super) const TAG: Tag = Tag {
    name: "Hooks and events",
    doc: "What automation platforms use: they subscribe a URL when a user turns an automation on, take it back when it is turned \
          off, and poll a flat list for samples.",
    ops: &[
        get("/api/v1/hook", "v1.hook.list", "List hooks", "The hooks of an application, without secrets.")
            .query(&[PAGE, ORDER, APP])
            .ok(Page(&OUT))
            .errors(&[404]),
        post("/api/v1/hook", "v1.hook.create", "Subscribe", "Makes a hook. A 410 from its URL deletes it.")
            .body(&IN, r#"{"targetUrl":"https://hooks.zapier.com/hooks/standard/1/2/","event":"link.clicked"}"#)
            .created(Object(&MADE))
            .errors(&[404]),
        delete("/api/v1/hook/{hook_id}", "v1.hook.delete", "Unsubscribe", "Deletes the hook.").nothing(),
        get("/api/v1/event", "v1.event.list", "List events", "Newest first, as a bare list of flat objects.")
            .query(&[
                &[
                    q("event", List(&Text), "Only these event types; repeated, or with commas"),
                    q("limit", IntIn(1, 100), "50 unless said otherwise"),
                ],
                EVENT_TYPES,
                CHANNEL,
                APP,
            ])
            .ok(LIST)
            .errors(&[404]),
    ],
};
const LIST: Type = List(&Object(&EVENT));
