//! Captured requests, of sources and bins alike.
//!
//! **Invariant:** operations and schemas of `handlers/{request,export,stream}.rs` and `wire/request.rs`; the same handlers
//! answer under two paths.

use super::messages::STREAM;
use super::shared::{ORDER, PAGE, TIMES, WITH_CONTENT};
use super::table::Type::{self, Bool, Id, Int, List, Map, Object, Page, Text, Time, Words};
use super::table::{Content, Param, Schema, TEXT_MAP, TEXTS, Tag, delete, get, null, opt, post, q, req};

const PART: Schema = Schema::new(
    "RequestPart",
    "A part of a multipart form.",
    &[
        req("name", Text, "Its name").eg(r#""file""#),
        opt("filename", Text, "The name of its file").eg(r#""a.pdf""#),
        opt("contentType", Text, "What it says it is").eg(r#""application/pdf""#),
        req("size", Int, "Bytes").eg("1024"),
    ],
);
const VERDICT: Type = Words(&["accepted", "held", "refused", "handshake", "captured"]);
const VALUES: Type = Map(&TEXTS);
pub(super) const OUT: Schema = Schema::new(
    "RequestOut",
    "A request as it came.",
    &[
        req("id", Id("req"), "Its id"),
        req("sourceId", Id("src"), "The source or bin"),
        req("timestamp", Time, "When it arrived"),
        req("method", Text, "Its method").eg(r#""POST""#),
        req("path", Text, "What followed the source's token, raw").eg(r#""""#),
        req("query", Text, "Raw, without the question mark").eg(r#""""#),
        req("queryParams", VALUES, "The same, decoded").eg("{}"),
        req("remoteAddress", Text, "Who sent it").eg(r#""203.0.113.7""#),
        req("headers", List(&TEXTS), "Pairs of name and value, in order")
            .eg(r#"[["content-type","application/json"]]"#),
        opt("contentType", Text, "What its body says it is").eg(r#""application/json""#),
        req("verdict", VERDICT, "What was made of it"),
        opt("reason", Text, "Why it was refused").eg(r#""the signature doesn't match""#),
        req("status", Int, "What it was answered").eg("200"),
        req("duplicates", Int, "Copies that came later").eg("0"),
        opt("eventType", Text, "Its event type").eg(r#""push""#),
        opt("messageId", Id("msg"), "The first message made of it"),
        req("messages", Int, "How many were made of it").eg("1"),
        req("bodyLength", Int, "Bytes of the whole body").eg("17"),
        opt("body", Text, "The body, if it is text").eg(r#""{\"action\":\"opened\"}""#),
        opt("bodyBase64", Text, "The body, if it isn't").eg(r#""AAEC""#),
        opt("bodyTruncated", Bool, "Only the beginning is shown"),
        opt("form", VALUES, "The fields of a form").eg(r#"{"a":["1"]}"#),
        opt("parts", List(&Object(&PART)), "The parts of a multipart form"),
    ],
);
const LOG: Schema = Schema::new(
    "IngestLogOut",
    "A refused request.",
    &[
        req("id", Id("req"), "Its id"),
        req("source_id", Id("src"), "The source"),
        req("status_code", Int, "What it was answered").eg("401"),
        req("error_text", Text, "Why").eg(r#""the signature doesn't match""#),
        req("headers", TEXT_MAP, "Its headers").eg("{}"),
        req("payload", Text, "Its body; 32 KiB at most").eg(r#""{}""#),
        req("created_at", Time, "When it arrived"),
        req("updated_at", Time, "The same"),
    ],
);
const AGAIN: Schema = Schema::new(
    "RequestAgainOut",
    "What was made of it.",
    &[req("id", Id("req"), "The request"), null("messageId", Id("msg"), "The first message made of it, if any was")],
);

pub(super) const FILTER: &[Param] = &[q("verdict", VERDICT, "Only those that this was made of")];
const FORMAT: &[Param] = &[q(
    "format",
    Words(&["ndjson", "csv", "har", "curl"]),
    "`ndjson` unless said otherwise; `har` is HTTP Archive 1.2",
)];
const FILES: Content = Content::File(&["application/x-ndjson", "text/csv", "application/json", "text/x-shellscript"]);

macro_rules! family {
    ($base:literal, $id:literal, $($more:expr),*) => {
        &[
            get(concat!($base, "/request"), concat!("v1.", $id, ".list"), "List requests", "Newest first. Bodies are cut at 32 KiB.")
                .query(&[PAGE, ORDER, FILTER, TIMES, WITH_CONTENT])
                .ok(Page(&OUT)),
            delete(concat!($base, "/request"), concat!("v1.", $id, ".delete-all"), "Delete all requests", "Those that there are now.")
                .nothing(),
            get(concat!($base, "/request/{request_id}"), concat!("v1.", $id, ".get"), "Get a request", "With its whole body.")
                .ok(Object(&OUT)),
            delete(concat!($base, "/request/{request_id}"), concat!("v1.", $id, ".delete"), "Delete a request", "Messages made of it stay.")
                .nothing(),
            get(concat!($base, "/request/{request_id}/raw"), concat!("v1.", $id, ".raw"), "Download the body", "The very bytes that came.")
                .answer(200, Content::File(&["application/octet-stream"])),
            post(concat!($base, "/request/{request_id}/accept"), concat!("v1.", $id, ".accept"), "Accept a request", "Takes a refused or held request as verified. A second call changes nothing.")
                .accepted(Object(&AGAIN)),
            post(concat!($base, "/request/{request_id}/replay"), concat!("v1.", $id, ".replay"), "Replay a request", "Makes new messages of an accepted or captured request.")
                .accepted(Object(&AGAIN)),
            get(concat!($base, "/export"), concat!("v1.", $id, ".export"), "Export requests", "All that the filter finds, as one file.")
                .query(&[FORMAT, ORDER, FILTER, TIMES])
                .answer(200, FILES),
            get(concat!($base, "/request/stream"), concat!("v1.", $id, ".stream"), "Stream requests", "Server-sent events, one for each request: `request`, with its whole body.")
                .query(&[FILTER, STREAM])
                .answer(200, Content::Events),
            $($more),*
        ]
    };
}

pub(super) const TAG: Tag = Tag {
    name: "Captured requests",
    doc: "Every request that reached a source is kept as it came, whatever became of it.",
    ops: family![
        "/ingest/api/v1/source/{source_id}",
        "ingest.request",
        get(
            "/ingest/api/v1/source/{source_id}/log",
            "v1.ingest.log.list",
            "List refused requests",
            "As the Svix API words them. Newest first."
        )
        .query(&[PAGE, ORDER])
        .ok(Page(&LOG)),
        get(
            "/api/v1/listen",
            "v1.listen",
            "Stream requests of several sources",
            "Of up to 100 sources, or of all; bins only where they are named."
        )
        .query(&[&[q("source", List(&Text), "A source, by id or uid; repeated")], FILTER, STREAM])
        .answer(200, Content::Events)
        .errors(&[404])
    ],
};

pub(super) const OF_BINS: Tag = Tag {
    name: "Bin requests",
    doc: "What a bin caught; the same operations as of a source's requests.",
    ops: family!["/api/v1/bin/{bin_id}", "bin.request",],
};
