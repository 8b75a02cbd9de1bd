//! Applications.
//!
//! **Invariant:** operations and schemas of `handlers/application.rs` and `wire/application.rs`.

use super::shared::{ORDER, PAGE};
use super::table::Type::{self, Bool, Id, IntIn, Object, Page, Text, Time};
use super::table::{Schema, TEXT_MAP, Tag, delete, get, may, null, opt, patch, post, put, q, req};

pub(super) const RATE: Type = IntIn(1, 65_535);

pub(super) const OUT: Schema = Schema::new(
    "ApplicationOut",
    "An application: usually one of your customers. Messages are sent to it, and reach its endpoints.",
    &[
        req("id", Id("app"), "Its id"),
        null("uid", Text, "Your own name for it, unique in the organisation").eg(r#""customer-42""#),
        req("name", Text, "For people").eg(r#""Acme""#),
        null("throttleRate", Type::Int, "Messages a second that are delivered to all its endpoints together")
            .eg("null"),
        null("rateLimit", Type::Int, "The same as `throttleRate`").eg("null").old(),
        req("metadata", TEXT_MAP, "Anything you want to keep with it").eg(r#"{"plan":"pro"}"#),
        req("createdAt", Time, "When it was made"),
        req("updatedAt", Time, "When it was last changed"),
    ],
);

const UID: &str = "Your own name for it: 1 to 256 characters of `a-z A-Z 0-9 - _ .`";
pub(super) const IN: Schema = Schema::new(
    "ApplicationIn",
    "An application, written whole.",
    &[
        req("name", Text, "For people"),
        may("uid", Text, UID),
        may("throttleRate", RATE, "Messages a second, at most"),
        may("rateLimit", RATE, "Another name for `throttleRate`").old(),
        may("metadata", TEXT_MAP, "String values; 4 KiB together"),
    ],
);
const PATCH: Schema = Schema::new(
    "ApplicationPatch",
    "What changes. What is left out stays; `null` clears.",
    &[
        opt("name", Text, "For people"),
        may("uid", Text, UID),
        may("throttleRate", RATE, "Messages a second, at most"),
        may("rateLimit", RATE, "Another name for `throttleRate`").old(),
        may("metadata", TEXT_MAP, "Replaced whole"),
    ],
);

const LIST: &str = "/api/v1/app";
const ONE: &str = "/api/v1/app/{app_id}";

pub(super) const TAG: Tag = Tag {
    name: "Applications",
    doc: "An application is whom you send to: usually one of your customers. It has endpoints, and messages. \
          Wherever `{app_id}` stands, the id or your own `uid` will do.",
    ops: &[
        get(LIST, "v1.application.list", "List applications", "All applications of the organisation.")
            .query(&[PAGE, ORDER])
            .ok(Page(&OUT))
            .sdk("application.list"),
        post(
            LIST,
            "v1.application.create",
            "Create an application",
            "Makes an application. A `uid` that is taken is 409.",
        )
        .query(&[&[q("get_if_exists", Bool, "Answer 200 with the application that has this `uid`, instead of 409")]])
        .body(&IN, r#"{"name":"Acme","uid":"customer-42","metadata":{"plan":"pro"}}"#)
        .created(Object(&OUT))
        .ok(Object(&OUT))
        .sdk("application.create"),
        get(ONE, "v1.application.get", "Get an application", "One application, by id or uid.")
            .ok(Object(&OUT))
            .sdk("application.get"),
        put(ONE, "v1.application.update", "Put an application", "Writes it whole, or makes it if its uid is new.")
            .body(&IN, r#"{"name":"Acme Ltd","metadata":{"plan":"team"}}"#)
            .ok(Object(&OUT))
            .created(Object(&OUT))
            .sdk("application.update"),
        patch(ONE, "v1.application.patch", "Change an application", "Changes what the body names.")
            .body(&PATCH, r#"{"name":"Acme Ltd","throttleRate":100}"#)
            .ok(Object(&OUT))
            .sdk("application.patch"),
        delete(
            ONE,
            "v1.application.delete",
            "Delete an application",
            "With its endpoints. What waits for them is not sent.",
        )
        .nothing()
        .sdk("application.delete"),
    ],
};
