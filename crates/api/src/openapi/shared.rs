//! What many operations have in common: parameters of lists, schemas that several answer with.
//!
//! **Invariant:** a name is defined once; two schemas never share one.

use super::table::Type::{Bool, IntIn, List, Text, Time, Words};
use super::table::{Param, Schema, TEXT_MAP, TEXTS, Type, may, null, q, req};

pub(super) const PAGE: &[Param] = &[
    q("limit", IntIn(1, 250), "Rows of a page; 50 unless said otherwise"),
    q("iterator", Text, "Where to go on: the `iterator` (or `prevIterator`) of the last page"),
];
pub(super) const ORDER: &[Param] = &[q("order", Words(&["ascending", "descending"]), "By time of creation")];
pub(super) const EVENT_TYPES: &[Param] =
    &[q("event_types", List(&Text), "Only these event types; repeated, or with commas")];
pub(super) const CHANNEL: &[Param] = &[q("channel", Text, "Only messages with this channel")];
pub(super) const TAG: &[Param] = &[q("tag", Text, "Only messages with this tag")];
pub(super) const TIMES: &[Param] = &[q("before", Time, "Only what is older"), q("after", Time, "Only what is newer")];
pub(super) const WITH_CONTENT: &[Param] = &[q("with_content", Bool, "`false` leaves payloads and bodies out")];
pub(super) const WINDOW: &[Param] =
    &[q("since", Time, "The beginning of the window"), q("until", Time, "Its end, not in it itself")];

pub(super) const EMPTY: Schema = Schema::new("Empty", "An object without members.", &[]);

/// What a `Page` wraps its rows in, but for `data`.
pub(super) const LIST: Schema = Schema::new(
    "List",
    "A page of a list.",
    &[
        null("iterator", Text, "Pass it to get the next page"),
        null("prevIterator", Text, "Pass it as `iterator` to get the page before"),
        req("done", Bool, "There is nothing after this page"),
    ],
);

const PLACE: Type = List(&Text);
const COMPLAINT: Schema = Schema::new(
    "Complaint",
    "What is wrong with one field.",
    &[
        req("loc", PLACE, "Where it is: `body` or `query`, then names").eg(r#"["body","url"]"#),
        req("msg", Text, "What is expected").eg(r#""is required""#),
        req("type", Text, "The kind of complaint").eg(r#""value_error""#),
    ],
);
pub(super) const PROBLEM: Schema = Schema::new(
    "Problem",
    "What went wrong.",
    &[
        req("code", Text, "For programs").eg(r#""not_found""#),
        req("detail", Text, "For people").eg(r#""endpoint not found""#),
    ],
);
pub(super) const VALIDATION: Schema = Schema::new(
    "ValidationProblem",
    "What is wrong with a body or a query: all complaints at once.",
    &[req("detail", List(&Type::Object(&COMPLAINT)), "The complaints")],
);

pub(super) const TOKEN_URL: Schema = Schema::new(
    "AppPortalAccessOut",
    "A token of one application, and the page that it opens.",
    &[
        req("url", Type::Url, "Opens the portal; the token is in its fragment")
            .eg(r##""https://hooks.example.com/portal#key=eyJ...""##),
        req("token", Text, "The token itself").eg(r#""eyJhbGciOiJIUzI1NiJ9...""#),
    ],
);

pub(super) const SECRET: Schema = Schema::new(
    "EndpointSecretOut",
    "The secret that an endpoint's requests are signed with.",
    &[req("key", Text, "`whsec_...`, or `whsk_...`/`whpk_...` for asymmetric ones")
        .eg(r#""whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD""#)],
);
pub(super) const ROTATE: Schema = Schema::new(
    "EndpointSecretRotateIn",
    "A new secret, and how long the old one signs too.",
    &[
        may("key", Text, "The new secret; a random one without it"),
        may(
            "gracePeriodSeconds",
            IntIn(0, 604_800),
            "The old secret signs as well for so long; a day unless said otherwise",
        ),
    ],
);
pub(super) const HEADERS: Schema = Schema::new(
    "EndpointHeadersOut",
    "Headers that every request to the endpoint carries.",
    &[
        req("headers", TEXT_MAP, "Names to values").eg(r#"{"x-tenant":"acme"}"#),
        req("sensitive", TEXTS, "Names of those whose values can't be read back").eg(r#"["authorization"]"#),
    ],
);
pub(super) const HEADERS_IN: Schema = Schema::new(
    "EndpointHeadersIn",
    "The whole set of headers.",
    &[req("headers", TEXT_MAP, "Names to values; 50 at most. Those that the sender sets itself are refused")],
);
