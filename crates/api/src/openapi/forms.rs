//! Forms.
//!
//! **Invariant:** operations and schemas of `handlers/{form,own}.rs` and `wire/form.rs`.

use super::links::{EVENT, EXPORT, EXPORTED, STATS, STATS_QUERY};
use super::shared::{ORDER, PAGE};
use super::table::Type::{self, Bool, Id, Int, IntIn, List, Object, Page, Text, Time, Url, Words};
use super::table::{Field, Schema, TEXT_MAP, TEXTS, Tag, delete, get, may, null, opt, patch, post, req};

const KIND: Type = Words(&["text", "email", "url", "tel", "number", "integer", "date", "checkbox", "choice", "file"]);
const FIELD: Schema = Schema::new(
    "FormField",
    "A field of a form.",
    &[
        req("name", Text, "Its name").eg(r#""email""#),
        req("type", KIND, "What its value must look like").eg(r#""email""#),
        req("required", Bool, "A submission without it is refused").eg("true"),
        req("multiple", Bool, "It may have several values").eg("false"),
        opt("maxLength", Int, "Characters of a value").eg("200"),
        opt("options", TEXTS, "The values of a choice").eg(r#"["a","b"]"#),
    ],
);
const FIELD_IN: Schema = Schema::new(
    "FormFieldIn",
    "A field of a form.",
    &[
        req("name", Text, "1 to 128 characters, no `_` first"),
        may("type", KIND, "`text` unless said otherwise"),
        may("required", Bool, "A submission without it is refused"),
        may("multiple", Bool, "It may have several values"),
        may("maxLength", IntIn(1, 100_000), "Characters of a value"),
        may("options", TEXTS, "The values of a choice"),
    ],
);
const OUT: Schema = Schema::new(
    "FormOut",
    "A URL that forms can post to.",
    &[
        req("id", Id("form"), "Its id"),
        req("url", Url, "Where forms post to").eg(r#""https://hooks.example.com/f/5tY2...""#),
        req("name", Text, "For you").eg(r#""Contact""#),
        req("fields", List(&Object(&FIELD)), "Fields with rules"),
        req("onlyKnownFields", Bool, "Refuses fields that aren't among them").eg("false"),
        null("honeypot", Text, "A field that people don't see: who fills it is dropped").eg(r#""_gotcha""#),
        req("ratePerMinute", Int, "Submissions a minute from one address; 0 is no limit").eg("10"),
        null("redirectUrl", Url, "Where a browser is sent afterwards").eg("null"),
        null("thankYou", Text, "The text of the page that it is shown instead").eg(r#""Thank you!""#),
        req("origins", TEXTS, "Sites whose scripts may post").eg(r#"["*"]"#),
        req("filesMax", Int, "Files of a submission").eg("0"),
        req("fileBytesMax", Int, "Bytes of one").eg("5242880"),
        req("metadata", TEXT_MAP, "Anything you want to keep with it").eg("{}"),
        req("disabled", Bool, "Takes nothing").eg("false"),
        req("appId", Id("app"), "The application that its events belong to"),
        req("html", Text, "A plain form to paste into a page").eg(r#""<form method=\"post\" ...>""#),
        req("createdAt", Time, "When it was made"),
        req("updatedAt", Time, "When it was last changed"),
    ],
);
const REST: &[Field] = &[
    may("fields", List(&Object(&FIELD_IN)), "Up to 100; all are taken without them"),
    may("onlyKnownFields", Bool, "Refuse fields that aren't among them"),
    may("honeypot", Text, "`_gotcha` unless said otherwise; `null` for none"),
    may("ratePerMinute", IntIn(0, 10_000), "Submissions a minute from one address"),
    may("redirectUrl", Url, "Where a browser is sent afterwards"),
    may("thankYou", Text, "The text of the page that it is shown instead"),
    may("origins", TEXTS, "`https://www.example.com`, or `*`"),
    may("filesMax", IntIn(0, 20), "Files of a submission"),
    may("fileBytesMax", Int, "Bytes of one"),
    may("metadata", TEXT_MAP, "String values; 4 KiB together"),
    may("disabled", Bool, "Takes nothing"),
    may("appId", Text, "The application that its events belong to, by id or uid"),
];
const BASE: Schema = Schema::new("FormBase", "", REST);
const IN: Schema = Schema::new("FormIn", "A new form.", &[req("name", Text, "For you; 256 characters")]).with(&BASE);
const PATCH: Schema = Schema::new(
    "FormPatch",
    "What changes. `fields` and `origins` are replaced whole.",
    &[opt("name", Text, "For you")],
)
.with(&BASE);

const LIST: &str = "/api/v1/form";
const ONE: &str = "/api/v1/form/{form_id}";

pub(super) const TAG: Tag = Tag {
    name: "Forms",
    doc: "A form on any page can post to its URL. Each submission is an event, `form.submitted`, that reaches endpoints as every \
          message does.",
    ops: &[
        get(LIST, "v1.form.list", "List forms", "All forms, oldest first.").query(&[PAGE, ORDER]).ok(Page(&OUT)),
        post(LIST, "v1.form.create", "Create a form", "Makes a form; `html` can be pasted into a page.")
            .body(
                &IN,
                r#"{"name":"Contact","fields":[{"name":"email","type":"email","required":true},{"name":"message","maxLength":5000}]}"#,
            )
            .created(Object(&OUT)),
        get(ONE, "v1.form.get", "Get a form", "One form.").ok(Object(&OUT)),
        patch(ONE, "v1.form.patch", "Change a form", "Changes what the body names.")
            .body(&PATCH, r#"{"thankYou":"Thank you! We answer within a day."}"#)
            .ok(Object(&OUT)),
        delete(ONE, "v1.form.delete", "Delete a form", "It takes nothing any more. Its events stay.").nothing(),
        get("/api/v1/form/{form_id}/stats", "v1.form.stats", "Count submissions", "Figures, by time and by who came.")
            .query(&[STATS_QUERY])
            .ok(Object(&STATS)),
        get("/api/v1/form/{form_id}/event", "v1.form.event.list", "List its events", "Newest first.").query(&[PAGE]).ok(Page(&EVENT)),
        get("/api/v1/form/{form_id}/export", "v1.form.export", "Export its events", "All of them, newest first, as one file.")
            .query(&[EXPORT])
            .answer(200, EXPORTED),
    ],
};
