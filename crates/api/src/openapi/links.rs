//! Links, their imports, conversions.
//!
//! **Invariant:** operations and schemas of `handlers/{link,import,conversion,own}.rs` and `wire/{link,import,conversion,own_stats}.rs`.

use super::shared::{ORDER, PAGE};
use super::table::Type::{self, Bool, Codes, Id, Int, IntIn, Json, List, Number, Object, Page, Text, Time, Url, Words};
use super::table::{
    Content, Field, Param, Schema, TEXT_MAP, TEXTS, Tag, delete, get, may, null, opt, patch, post, put, q, req,
};

const REDIRECT: Type = Codes(&[301, 302, 303, 307, 308]);
const OUT: Schema = Schema::new(
    "LinkOut",
    "A short URL that leads to a long one, and counts who goes there.",
    &[
        req("id", Id("link"), "Its id"),
        req("url", Url, "The short URL").eg(r#""https://hooks.example.com/l/spring""#),
        req("slug", Text, "Its last part").eg(r#""spring""#),
        req("target", Url, "Where it leads to").eg(r#""https://example.com/sale""#),
        req("name", Text, "For you").eg(r#""Spring sale""#),
        req("redirect", REDIRECT, "The status of the redirect").eg("302"),
        req("tags", TEXTS, "They are in its events").eg(r#"["mail"]"#),
        req("metadata", TEXT_MAP, "Anything you want to keep with it").eg("{}"),
        null("clickParam", Text, "The query parameter of the target that gets the click's id").eg("null"),
        req("disabled", Bool, "Leads nowhere").eg("false"),
        null("expiresAt", Time, "When it ends").eg("null"),
        req("appId", Id("app"), "The application that its events belong to"),
        req("createdAt", Time, "When it was made"),
        req("updatedAt", Time, "When it was last changed"),
    ],
);
const REST: &[Field] = &[
    may("name", Text, "For you; 256 characters"),
    may("redirect", REDIRECT, "302 unless said otherwise"),
    may("tags", TEXTS, "20 at most, each of 64 characters at most"),
    may("metadata", TEXT_MAP, "String values; 4 KiB together"),
    may("clickParam", Text, "A query parameter for the click's id: `a-z A-Z 0-9 _ . -`"),
    may("expiresAt", Time, "When it ends"),
    may("disabled", Bool, "Leads nowhere"),
    may("appId", Text, "The application that its events belong to, by id or uid"),
];
const BASE: Schema = Schema::new("LinkBase", "", REST);
const IN: Schema = Schema::new(
    "LinkIn",
    "A new link.",
    &[
        req("target", Url, "An absolute `http://` or `https://` URL"),
        may("slug", Text, "1 to 64 characters of `A-Z a-z 0-9 - _`; random without it"),
    ],
)
.with(&BASE);
const PATCH: Schema = Schema::new(
    "LinkPatch",
    "What changes. What is left out stays; `null` clears or resets.",
    &[opt("target", Url, "Where it leads to"), opt("slug", Text, "Its last part")],
)
.with(&BASE);

const COUNT: Schema = Schema::new(
    "ValueCount",
    "How often a value was seen.",
    &[req("value", Text, "The value").eg(r#""example.org""#), req("count", Int, "How often").eg("12")],
);
const COUNTS: Type = List(&Object(&COUNT));
const FIGURES: &[Field] = &[
    opt("clicks", Int, "Of links: by people").eg("120"),
    opt("submissions", Int, "Of forms: by people").eg("12"),
    req("bots", Int, "By bots").eg("9"),
    req("uniqueVisitors", Int, "Visitors; each once a day").eg("96"),
    opt("conversions", Int, "Of links").eg("7"),
];
const TOTALS: Schema = Schema::new("Figures", "Figures.", FIGURES);
const POINT: Schema =
    Schema::new("FiguresPoint", "The figures of one step.", &[req("at", Time, "The beginning of the step")])
        .with(&TOTALS);
pub(super) const STATS: Schema = Schema::new(
    "StatsOut",
    "Who came, when, from where.",
    &[
        req("since", Time, "From here"),
        req("until", Time, "Up to here"),
        req("step", STEP, "The length of a step"),
        req("series", List(&Object(&POINT)), "The steps"),
        req("referrers", COUNTS, "Sites they came from"),
        req("countries", COUNTS, "Countries"),
        req("devices", COUNTS, "Kinds of devices"),
        req("os", COUNTS, "Operating systems"),
        req("browsers", COUNTS, "Browsers"),
        req("utmSources", COUNTS, "`utm_source`"),
        req("utmMediums", COUNTS, "`utm_medium`"),
        req("utmCampaigns", COUNTS, "`utm_campaign`"),
    ],
)
.with(&TOTALS);
const STEP: Type = Words(&["minute", "hour", "day"]);
pub(super) const STATS_QUERY: &[Param] = &[
    q("since", Time, "From here; widened to whole minutes"),
    q("until", Time, "Up to here"),
    q("step", STEP, "`day` unless said otherwise"),
    q("top", IntIn(0, 200), "Values of each dimension; 10 unless said otherwise"),
];
pub(super) const EVENT: Schema = Schema::new(
    "OwnEventOut",
    "An event of a link or form.",
    &[
        req("id", Id("msg"), "Its message"),
        req("type", Words(&["link.clicked", "link.converted", "form.submitted"]), "What happened"),
        req("timestamp", Time, "When"),
        null("data", Json, "What is known of it; null once it is kept no longer")
            .eg(r#"{"country":"DE","device":"phone","bot":false}"#),
    ],
);
pub(super) const EXPORT: &[Param] = &[q("format", Words(&["ndjson", "csv"]), "`ndjson` unless said otherwise")];
pub(super) const EXPORTED: Content = Content::File(&["application/x-ndjson", "text/csv"]);

const ROW_ERROR: Schema = Schema::new(
    "ImportRowError",
    "A row that made no link.",
    &[req("line", Int, "Its line; the first is 1").eg("7"), req("text", Text, "Why").eg(r#""target is missing""#)],
);
const IMPORT: Schema = Schema::new(
    "ImportOut",
    "An import, and how far it came.",
    &[
        req("id", Id("imp"), "Its id"),
        req("name", Text, "For you").eg(r#""spring.csv""#),
        req("status", Words(&["running", "stopped", "finished"]), "A stopped one can be gone on with"),
        req("line", Int, "The last line that was dealt with").eg("120"),
        req("created", Int, "Links that were made").eg("118"),
        req("unchanged", Int, "Rows whose links were there").eg("0"),
        req("failed", Int, "Rows that made no link").eg("1"),
        req("errors", List(&Object(&ROW_ERROR)), "The first of them"),
        opt("ignoredColumns", TEXTS, "Columns that mean nothing here").eg("[]"),
        req("appId", Id("app"), "The application of its links"),
        req("createdAt", Time, "When it began"),
        req("updatedAt", Time, "When it last moved"),
    ],
);
const CSV: &str = "target,slug,name,tags\nhttps://example.com/sale,spring-sale,Spring sale,mail;spring\n";

const CONVERSION_IN: Schema = Schema::new(
    "ConversionIn",
    "What came of a click.",
    &[
        req("click", Text, "The click's id, as the target got it"),
        may("name", Text, "`conversion` unless said otherwise"),
        may("value", Number, "What it is worth"),
        may("currency", Text, "Three letters"),
        may("externalId", Text, "Yours: the same one is counted once"),
    ],
);
const CONVERSION: Schema = Schema::new(
    "ConversionOut",
    "A conversion.",
    &[
        req("click", Text, "The click's id").eg(r#""2yZwUhtgs5Ai8T9yRQJXA0P1k2L""#),
        req("link", Id("link"), "The link"),
        req("name", Text, "What it is called").eg(r#""signup""#),
        null("value", Number, "What it is worth").eg("19.9"),
        null("currency", Text, "Its currency").eg(r#""EUR""#),
        null("externalId", Text, "Yours").eg(r#""order-1007""#),
        null("messageId", Id("msg"), "The message that tells of it; null for a repetition"),
        req("repeated", Bool, "It was counted before").eg("false"),
    ],
);

const LIST: &str = "/api/v1/link";
const ONE: &str = "/api/v1/link/{link_id}";
const IMPORTS: &str = "/api/v1/link/import";
const AN_IMPORT: &str = "/api/v1/link/import/{import_id}";

pub(super) const TAG: Tag = Tag {
    name: "Links",
    doc: "Short URLs. Each click is an event, `link.clicked`, that reaches endpoints as every message does.",
    ops: &[
        get(LIST, "v1.link.list", "List links", "All links, oldest first.")
            .query(&[
                PAGE,
                ORDER,
                &[q("tag", Text, "Only links with this tag"), q("slug", Text, "The link with this slug")],
            ])
            .ok(Page(&OUT)),
        post(LIST, "v1.link.create", "Create a link", "A slug that another link has is 409.")
            .body(&IN, r#"{"target":"https://example.com/sale","name":"Spring sale","tags":["mail"]}"#)
            .created(Object(&OUT)),
        get(ONE, "v1.link.get", "Get a link", "One link.").ok(Object(&OUT)),
        patch(ONE, "v1.link.patch", "Change a link", "Changes what the body names, from the next click on.")
            .body(&PATCH, r#"{"target":"https://example.com/summer"}"#)
            .ok(Object(&OUT)),
        delete(ONE, "v1.link.delete", "Delete a link", "It leads nowhere any more. Its events stay.").nothing(),
        get("/api/v1/link/{link_id}/qr", "v1.link.qr", "Draw its QR code", "An image of its URL.")
            .query(&[&[
                q("format", Words(&["svg", "png"]), "`svg` unless said otherwise"),
                q("size", IntIn(64, 2048), "Pixels of a side; 512 unless said otherwise"),
                q("margin", IntIn(0, 16), "Modules around it; 4 unless said otherwise"),
                q("level", Words(&["L", "M", "Q", "H"]), "Of error correction; M unless said otherwise"),
            ]])
            .answer(200, Content::File(&["image/svg+xml", "image/png"])),
        get("/api/v1/link/{link_id}/stats", "v1.link.stats", "Count clicks", "Figures, by time and by who came.")
            .query(&[STATS_QUERY])
            .ok(Object(&STATS)),
        get("/api/v1/link/{link_id}/event", "v1.link.event.list", "List its events", "Newest first.")
            .query(&[PAGE])
            .ok(Page(&EVENT)),
        get(
            "/api/v1/link/{link_id}/export",
            "v1.link.export",
            "Export its events",
            "All of them, newest first, as one file.",
        )
        .query(&[EXPORT])
        .answer(200, EXPORTED),
        post(
            "/api/v1/conversion",
            "v1.conversion.create",
            "Record a conversion",
            "Tells that a click was worth something: `link.converted`.",
        )
        .body(
            &CONVERSION_IN,
            r#"{"click":"{click}","name":"signup","value":19.9,"currency":"EUR","externalId":"order-1007"}"#,
        )
        .accepted(Object(&CONVERSION))
        .ok(Object(&CONVERSION))
        .errors(&[404]),
        get(IMPORTS, "v1.link.import.list", "List imports", "All imports, oldest first.")
            .query(&[PAGE, ORDER])
            .ok(Page(&IMPORT)),
        post(IMPORTS, "v1.link.import.create", "Import links", "Makes a link of each row of a CSV file.")
            .query(&[&[q("name", Text, "For you"), q("appId", Text, "The application of its links, by id or uid")]])
            .csv(CSV)
            .created(Object(&IMPORT)),
        get(AN_IMPORT, "v1.link.import.get", "Get an import", "How far it came.").ok(Object(&IMPORT)),
        put(
            AN_IMPORT,
            "v1.link.import.resume",
            "Go on with an import",
            "Takes the same file again, and goes on where it stopped.",
        )
        .csv(CSV)
        .ok(Object(&IMPORT)),
        get(
            "/api/v1/link/import/{import_id}/error",
            "v1.link.import.error.list",
            "List failed rows",
            "By line; an iterator is a line.",
        )
        .query(&[PAGE])
        .ok(Page(&ROW_ERROR)),
    ],
};
