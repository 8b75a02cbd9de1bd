//! Bins: inspectors of requests.
//!
//! **Invariant:** operations and schemas of `handlers/bin.rs` and `wire/bin.rs`.

use super::requests::{FILTER, OUT as REQUEST};
use super::shared::{ORDER, PAGE, TIMES, WITH_CONTENT};
use super::sources::{OPTIONS, OPTIONS_IN, OUT as SOURCE, PROMOTE};
use super::table::Type::{Id, Int, IntIn, Object, Page, Text, Time, Url};
use super::table::{Field, Schema, Tag, delete, get, may, null, opt, patch, post, req};

const OUT: Schema = Schema::new(
    "BinOut",
    "A URL that takes every request, for looking at.",
    &[
        req("id", Id("src"), "Its id"),
        null("uid", Text, "Your own name for it").eg("null"),
        req("name", Text, "For people").eg(r#""Bin""#),
        req("url", Url, "Where to send to").eg(r#""https://hooks.example.com/in/0k3J...""#),
        req("options", Object(&OPTIONS), "What requests are answered"),
        null("requestsKept", Int, "Newest requests that are kept").eg("1000"),
        null("forwardUrl", Url, "Where requests are forwarded to").eg("null"),
        null("shareUrl", Url, "The public page of requests, while it is shared").eg("null"),
        req("appId", Id("app"), "The application whose messages its requests become"),
        null("expiresAt", Time, "When it ends"),
        req("createdAt", Time, "When it was made"),
        req("updatedAt", Time, "When it was last changed"),
    ],
);
const REST: &[Field] = &[
    may("uid", Text, "1 to 60 characters of `a-z A-Z 0-9 - _`"),
    may("expiresIn", IntIn(60, 7_776_000), "Seconds from now; `null` for no end. A week unless said otherwise"),
    may("requestsKept", IntIn(1, 1_000_000), "1,000 unless said otherwise"),
    may("options", Object(&OPTIONS_IN), "What requests are answered"),
    may("forwardUrl", Url, "Forward requests to it, too"),
];
const BASE: Schema = Schema::new("BinBase", "", REST);
const IN: Schema = Schema::new("BinIn", "A new bin.", &[may("name", Text, "For people; 256 characters")]).with(&BASE);
const PATCH: Schema =
    Schema::new("BinPatch", "What changes. What is left out stays.", &[opt("name", Text, "For people")]).with(&BASE);
const SHARE: Schema = Schema::new(
    "BinShareOut",
    "A public, read-only link.",
    &[
        req("url", Url, "The link, a page for people").eg(r#""https://hooks.example.com/share/9Zb1...""#),
        req("token", Text, "What is secret in it").eg(r#""9Zb1...""#),
    ],
);
const SHARED: Schema = Schema::new(
    "SharedBinOut",
    "What the public sees of a bin.",
    &[
        req("name", Text, "Its name").eg(r#""Bin""#),
        req("createdAt", Time, "When it was made"),
        null("expiresAt", Time, "When it ends"),
    ],
);

const LIST: &str = "/api/v1/bin";
const ONE: &str = "/api/v1/bin/{bin_id}";

pub(super) const TAG: Tag = Tag {
    name: "Bins",
    doc: "A bin is a URL that takes everything and verifies nothing: for looking at what somebody sends. It ends by itself, \
          unless you say otherwise.",
    ops: &[
        get(LIST, "v1.bin.list", "List bins", "All bins, oldest first.").query(&[PAGE, ORDER]).ok(Page(&OUT)),
        post(LIST, "v1.bin.create", "Create a bin", "Makes a bin; `url` takes requests at once.")
            .body(&IN, r#"{"name":"What does it send?","expiresIn":86400}"#)
            .created(Object(&OUT)),
        get(ONE, "v1.bin.get", "Get a bin", "One bin, by id or uid.").ok(Object(&OUT)),
        patch(ONE, "v1.bin.patch", "Change a bin", "Changes what the body names.")
            .body(&PATCH, r#"{"name":"Orders","expiresIn":null}"#)
            .ok(Object(&OUT)),
        delete(ONE, "v1.bin.delete", "Delete a bin", "With its requests.").nothing(),
        post(
            "/api/v1/bin/{bin_id}/promote",
            "v1.bin.promote",
            "Make it a source",
            "With the same URL and requests, live, without an end.",
        )
        .body(&PROMOTE, r#"{"type":"generic-webhook","name":"Orders"}"#)
        .created(Object(&SOURCE)),
        post(
            "/api/v1/bin/{bin_id}/share",
            "v1.bin.share",
            "Share a bin",
            "A public link, the same until it is revoked.",
        )
        .created(Object(&SHARE)),
        delete("/api/v1/bin/{bin_id}/share", "v1.bin.unshare", "Stop sharing", "The link ends.").nothing(),
        get("/api/v1/share/{share_token}", "v1.share.get", "Read a shared bin", "What its link shows.")
            .ok(Object(&SHARED)),
        get("/api/v1/share/{share_token}/request", "v1.share.request.list", "List its requests", "Newest first.")
            .query(&[PAGE, ORDER, FILTER, TIMES, WITH_CONTENT])
            .ok(Page(&REQUEST)),
        get(
            "/api/v1/share/{share_token}/request/{request_id}",
            "v1.share.request.get",
            "Get one of its requests",
            "With its whole body.",
        )
        .ok(Object(&REQUEST)),
    ],
};
