//! The webhooks that Postrider makes itself: about endpoints, and of links and forms.
//!
//! **Invariant:** what `store` (settle, endpoints) and `ingest` (links, forms) write; the order of the table is that of the page.

use super::table::Type::{self, Bool, Id, Int, Json, List, Map, Number, Object, Text, Time, Url};
use super::table::{Field, Schema, TEXTS, null, opt, req};

/// An event that is sent, and what its `data` is.
pub(super) struct Webhook {
    pub event: &'static str,
    pub doc: &'static str,
    pub data: &'static Schema,
}

const APP: &[Field] = &[
    req("appId", Id("app"), "The application"),
    null("appUid", Text, "Your own name for it").eg(r#""customer-42""#),
    req("endpointId", Id("ep"), "The endpoint"),
];
const OF_APP: Schema = Schema::new("OperationalBase", "", APP);
const ENDPOINT: Schema = Schema::new(
    "EndpointEventData",
    "The endpoint that changed.",
    &[null("endpointUid", Text, "Your own name for it").eg(r#""main""#)],
)
.with(&OF_APP);
const DISABLED: Schema = Schema::new(
    "EndpointDisabledEventData",
    "The endpoint that was disabled, and since when it failed.",
    &[
        opt("endpointUid", Text, "Your own name for it").eg(r#""main""#),
        opt("failSince", Time, "Since when every attempt has failed"),
        opt("trigger", Text, "What disabled it").eg(r#""automatic""#),
    ],
)
.with(&OF_APP)
.open();
const LAST: Schema = Schema::new(
    "LastAttempt",
    "The last attempt.",
    &[
        req("id", Id("atmpt"), "Its id"),
        req("responseStatusCode", Int, "What was answered; 0 if nothing was").eg("500"),
        req("timestamp", Time, "When"),
    ],
);
const ATTEMPT: Schema = Schema::new(
    "MessageAttemptEventData",
    "The message, and its last attempt.",
    &[
        req("msgId", Id("msg"), "The message"),
        null("msgEventId", Text, "Your own id of it").eg(r#""order-1007-paid""#),
        req("attemptCount", Int, "Attempts so far").eg("4"),
        req("lastAttempt", Object(&LAST), "The last of them"),
    ],
)
.with(&OF_APP);
const UTM: Type = Map(&Type::Any);

const VISIT: &[Field] = &[
    null("referrer", Url, "The page that they came from").eg(r#""https://news.example.org/""#),
    null("referrerHost", Text, "Its site").eg(r#""news.example.org""#),
    req("utm", UTM, "`source`, `medium`, `campaign`, `term`, `content`; each may be null").eg(r#"{"source":"mail"}"#),
    null("device", Text, "`phone`, `tablet`, `desktop` ...").eg(r#""phone""#),
    null("os", Text, "The operating system").eg(r#""iOS""#),
    null("browser", Text, "The browser").eg(r#""Safari""#),
    null("country", Text, "ISO 3166-1, if a table of countries is installed").eg(r#""DE""#),
    req("bot", Bool, "No person").eg("false"),
    null("visitor", Text, "The same for a visitor within a day; can't be traced back").eg(r#""5f1d2c3b4a596877""#),
    req("doNotTrack", Bool, "They asked not to be tracked").eg("false"),
    req("first", Bool, "The first ever").eg("true"),
    req("firstHuman", Bool, "The first of a person").eg("true"),
    req("unique", Bool, "The first of this visitor today").eg("true"),
];
const VISITOR: Schema = Schema::new("Visit", "Who came.", VISIT);
const CLICKED: Schema = Schema::new(
    "LinkClickedData",
    "A click.",
    &[
        req("click", Text, "Its id").eg(r#""2yZwUhtgs5Ai8T9yRQJXA0P1k2L""#),
        req("link", Id("link"), "The link"),
        req("slug", Text, "The last part of its URL").eg(r#""spring""#),
        req("url", Url, "Its URL").eg(r#""https://hooks.example.com/l/spring""#),
        req("target", Url, "Where it leads to").eg(r#""https://example.com/sale""#),
        req("tags", TEXTS, "Its tags").eg(r#"["mail"]"#),
    ],
)
.with(&VISITOR);
const CONVERTED: Schema = Schema::new(
    "LinkConvertedData",
    "What came of a click.",
    &[
        req("click", Text, "The click's id").eg(r#""2yZwUhtgs5Ai8T9yRQJXA0P1k2L""#),
        req("clickedAt", Time, "When it was"),
        req("link", Id("link"), "The link"),
        req("slug", Text, "The last part of its URL").eg(r#""spring""#),
        req("target", Url, "Where it leads to").eg(r#""https://example.com/sale""#),
        req("tags", TEXTS, "Its tags").eg(r#"["mail"]"#),
        req("name", Text, "What it is called").eg(r#""signup""#),
        null("value", Number, "What it is worth").eg("19.9"),
        null("currency", Text, "Its currency").eg(r#""EUR""#),
        null("externalId", Text, "Yours").eg(r#""order-1007""#),
        req("bot", Bool, "Always false").eg("false"),
    ],
)
.open();
const FILE: Schema = Schema::new(
    "SubmittedFile",
    "A file of a submission.",
    &[
        req("id", Id("file"), "Its id"),
        req("field", Text, "The field").eg(r#""cv""#),
        req("name", Text, "What it was called").eg(r#""cv.pdf""#),
        req("contentType", Text, "What it says it is").eg(r#""application/pdf""#),
        req("size", Int, "Bytes").eg("52311"),
        req("url", Url, "Where it is").eg(r#""https://hooks.example.com/f/file/...""#),
    ],
);
const SUBMITTED: Schema = Schema::new(
    "FormSubmittedData",
    "A submission.",
    &[
        req("form", Id("form"), "The form"),
        req("formName", Text, "What it is called").eg(r#""Contact""#),
        req("fields", Json, "What was filled in").eg(r#"{"email":"ada@example.org","message":"Hello"}"#),
        req("files", List(&Object(&FILE)), "What was attached").eg("[]"),
        null("origin", Text, "The site that the form is on").eg(r#""https://www.example.com""#),
    ],
)
.with(&VISITOR);

pub(super) const WEBHOOKS: &[Webhook] = &[
    Webhook { event: "endpoint.created", doc: "An endpoint was made.", data: &ENDPOINT },
    Webhook { event: "endpoint.updated", doc: "An endpoint was changed.", data: &ENDPOINT },
    Webhook { event: "endpoint.deleted", doc: "An endpoint was deleted.", data: &ENDPOINT },
    Webhook { event: "endpoint.enabled", doc: "An endpoint that was disabled gets messages again.", data: &ENDPOINT },
    Webhook {
        event: "endpoint.disabled",
        doc: "An endpoint was disabled, because it failed for too long or answered 410.",
        data: &DISABLED,
    },
    Webhook {
        event: "message.attempt.failing",
        doc: "A message has failed four times, and is tried again.",
        data: &ATTEMPT,
    },
    Webhook { event: "message.attempt.exhausted", doc: "A message failed: every retry did.", data: &ATTEMPT },
    Webhook { event: "message.attempt.recovered", doc: "A message that had failed was delivered.", data: &ATTEMPT },
    Webhook { event: "link.clicked", doc: "Somebody clicked a link.", data: &CLICKED },
    Webhook { event: "link.converted", doc: "A click was worth something.", data: &CONVERTED },
    Webhook { event: "form.submitted", doc: "Somebody filled in a form.", data: &SUBMITTED },
];
