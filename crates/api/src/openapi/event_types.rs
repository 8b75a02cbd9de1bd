//! Event types.
//!
//! **Invariant:** operations and schemas of `handlers/event_type.rs` and `wire/event_type.rs`.

use super::endpoints;
use super::shared::{ORDER, PAGE};
use super::table::Type::{Bool, Id, Int, Json, List, Map, Object, Page, Text, Time};
use super::table::{Schema, TEXTS, Tag, Type, delete, get, may, null, patch, post, put, q, req};

const OUT: Schema = Schema::new(
    "EventTypeOut",
    "A kind of event that you send.",
    &[
        req("name", Text, "Its name, which messages carry").eg(r#""order.paid""#),
        req("description", Text, "For people").eg(r#""An order was paid""#),
        req("archived", Bool, "Not offered any more").eg("false"),
        req("deprecated", Bool, "On its way out").eg("false"),
        null("schemas", Map(&Json), "JSON Schemas by version; null where they were not asked for")
            .eg(r#"{"1":{"type":"object","examples":[{"id":"order-1007"}]}}"#),
        null("featureFlags", TEXTS, "Only customers with one of them see it").eg("null"),
        null("featureFlag", Text, "The first of `featureFlags`").eg("null").old(),
        null("groupName", Text, "What it is listed under").eg(r#""order""#),
        req("createdAt", Time, "When it was made"),
        req("updatedAt", Time, "When it was last changed"),
    ],
);
const REST: &[super::table::Field] = &[
    may("archived", Bool, "Not offered any more"),
    may("deprecated", Bool, "On its way out"),
    may("schemas", Map(&Json), "JSON Schemas by version; `examples[0]` of version 1 is what *Send an example* sends"),
    may("featureFlags", TEXTS, "Only customers with one of them see it"),
    may("featureFlag", Text, "The same, for one").old(),
    may("groupName", Text, "What it is listed under"),
];
const BASE: Schema = Schema::new("EventTypeBase", "", REST);
const DESCRIPTION: super::table::Field = req("description", Text, "For people");
const IN: Schema = Schema::new(
    "EventTypeIn",
    "A new event type.",
    &[req("name", Text, "1 to 256 characters of `a-z A-Z 0-9 - _ .`"), DESCRIPTION],
)
.with(&BASE);
const UPDATE: Schema = Schema::new("EventTypeUpdate", "An event type, written whole.", &[DESCRIPTION]).with(&BASE);
const PATCH: Schema = Schema::new(
    "EventTypePatch",
    "What changes. What is left out stays; `null` clears.",
    &[may("description", Text, "For people")],
)
.with(&BASE);

const IMPORT_IN: Schema = Schema::new(
    "EventTypeImportOpenApiIn",
    "An OpenAPI document, as an object or as text.",
    &[
        may("spec", Json, "The document; its `webhooks` become event types"),
        may("specRaw", Text, "The same as text"),
        may("replaceAll", Bool, "Archive the types that are not in it"),
        may("dryRun", Bool, "Only say what would change"),
    ],
);
const FOUND: Schema = Schema::new(
    "EventTypeFromOpenApi",
    "An event type as the document has it.",
    &[
        req("name", Text, "Its name").eg(r#""order.paid""#),
        req("description", Text, "For people").eg(r#""An order was paid""#),
        req("deprecated", Bool, "On its way out").eg("false"),
        null("groupName", Text, "What it is listed under").eg("null"),
        null("featureFlags", TEXTS, "Only customers with one of them see it").eg("null"),
        null("schemas", Map(&Json), "JSON Schemas by version").eg("null"),
    ],
);
const IMPORTED_DATA: Schema = Schema::new(
    "EventTypeImportOpenApiOutData",
    "What changes.",
    &[
        req("modified", TEXTS, "Names of the types that changed").eg(r#"["order.paid"]"#),
        null("to_modify", Type::List(&Object(&FOUND)), "Of a dry run: what they would become").eg("null"),
    ],
);
const IMPORTED: Schema =
    Schema::new("EventTypeImportOpenApiOut", "What changed.", &[req("data", Object(&IMPORTED_DATA), "What changed")]);

const SUBSCRIBER: Schema = Schema::new(
    "SubscriberOut",
    "An endpoint that takes an event type.",
    &[
        req("appId", Id("app"), "Its application"),
        req("appName", Text, "What that is called").eg(r#""Acme""#),
        req("takesAll", Bool, "It takes every event type").eg("false"),
    ],
)
.with(&endpoints::OUT);
const SUBSCRIBERS: Schema = Schema::new(
    "SubscribersOut",
    "Who takes an event type.",
    &[
        req("data", List(&Object(&SUBSCRIBER)), "The endpoints, by id; disabled ones too"),
        null("iterator", Text, "Pass it to get the next page").eg("null"),
        null("prevIterator", Text, "Pass it as `iterator` to get the page before").eg("null"),
        req("done", Bool, "There is nothing after this page"),
        req("count", Int, "How many endpoints there are, counted up to 1,000").eg("31"),
        req("orMore", Bool, "There are more than were counted").eg("false"),
    ],
);

const LIST: &str = "/api/v1/event-type";
const ONE: &str = "/api/v1/event-type/{event_type_name}";

pub(super) const TAG: Tag = Tag {
    name: "Event types",
    doc: "The kinds of events that you send. Messages may have a type that isn't registered; endpoints can only be narrowed to \
          registered ones, and customers see those in the portal.",
    ops: &[
        get(LIST, "v1.event-type.list", "List event types", "By name.")
            .query(&[
                PAGE,
                ORDER,
                &[
                    q("include_archived", Bool, "Archived ones, too"),
                    q("with_content", Bool, "With their schemas"),
                ],
            ])
            .ok(Page(&OUT))
            .sdk("event-type.list"),
        post(LIST, "v1.event-type.create", "Create an event type", "A name that is taken is 409, unless that one was archived by a deletion.")
            .body(
                &IN,
                r#"{"name":"order.paid","description":"An order was paid","schemas":{"1":{"type":"object","examples":[{"id":"order-1007"}]}}}"#,
            )
            .created(Object(&OUT))
            .sdk("event-type.create"),
        get(ONE, "v1.event-type.get", "Get an event type", "With its schemas.").ok(Object(&OUT)).sdk("event-type.get"),
        put(ONE, "v1.event-type.update", "Put an event type", "Writes it whole, or makes it.")
            .body(&UPDATE, r#"{"description":"An order was paid in full"}"#)
            .ok(Object(&OUT))
            .created(Object(&OUT))
            .sdk("event-type.update"),
        patch(ONE, "v1.event-type.patch", "Change an event type", "Changes what the body names.")
            .body(&PATCH, r#"{"deprecated":true}"#)
            .ok(Object(&OUT))
            .sdk("event-type.patch"),
        delete(ONE, "v1.event-type.delete", "Delete an event type", "Archives it; messages of it can still be sent.")
            .query(&[&[q("expunge", Bool, "Delete it for good")]])
            .nothing()
            .sdk("event-type.delete"),
        get(
            "/api/v1/event-type/{event_type_name}/endpoint",
            "v1.event-type.endpoint.list",
            "List who takes an event type",
            "The endpoints of all applications that chose it, and those that take every type; what they say of channels aside.",
        )
        .query(&[PAGE, ORDER])
        .ok(Object(&SUBSCRIBERS)),
        post(
            "/api/v1/event-type/import/openapi",
            "v1.event-type.import-openapi",
            "Import from OpenAPI",
            "Makes, or changes, an event type of each webhook of an OpenAPI document.",
        )
        .body(
            &IMPORT_IN,
            r#"{"spec":{"openapi":"3.1.0","webhooks":{"order.shipped":{"post":{"description":"An order left"}}}},"dryRun":true}"#,
        )
        .ok(Object(&IMPORTED))
        .sdk("event-type.import-openapi"),
    ],
};
