//! Tokens for the portal, and what its page needs.
//!
//! **Invariant:** operations and schemas of `handlers/{auth,portal}.rs` and `wire/portal.rs`.

use super::applications::IN as APPLICATION_IN;
use super::requests::{FILTER, OUT as REQUEST};
use super::shared::{ORDER, PAGE, TIMES, TOKEN_URL, WITH_CONTENT};
use super::table::Type::{Bool, Id, IntIn, List, Object, Page, Text, Time, Url, Words};
use super::table::{Field, Schema, TEXTS, Tag, Type, delete, get, may, null, post, req};

const CAPABILITIES: Type = List(&Words(&[
    "ViewBase",
    "ViewEndpointSecret",
    "ManageEndpointSecret",
    "ManageTransformations",
    "CreateAttempts",
    "ManageEndpoint",
]));
const FIELDS: &[Field] = &[
    may("expiry", IntIn(3600, 604_800), "Seconds that the token works; a week unless said otherwise"),
    may("readOnly", Bool, "It may look, and change nothing"),
    may("capabilities", CAPABILITIES, "What it may do, instead of everything"),
    may("featureFlags", TEXTS, "Event types with one of these flags are shown, too"),
    may("sessionId", Text, "A name for this session, so that it can be ended alone: 1 to 64 of `a-z A-Z 0-9 @ _ -`"),
];
const BASE: Schema = Schema::new("AccessBase", "", FIELDS);
const IN: Schema = Schema::new(
    "AppPortalAccessIn",
    "What the token may do, and for how long.",
    &[may("application", Object(&APPLICATION_IN), "Makes the application, where the uid in the path names none")],
)
.with(&BASE);
pub(super) const SOURCE_IN: Schema = Schema::new("SourceAccessIn", "What the token may do, and for how long.", FIELDS);

const EXPIRE_IN: Schema = Schema::new(
    "ExpireAllIn",
    "Which sessions end, and when.",
    &[
        may("expiry", IntIn(0, 259_200), "Seconds until they end; at once without it"),
        may("sessionIds", TEXTS, "Only these sessions; all without it"),
    ],
);
const BRAND: Schema = Schema::new(
    "PortalBrand",
    "How the portal looks.",
    &[
        null("logo", Text, "A `data:` URL").eg("null"),
        null("accent", Text, "`#rrggbb`").eg(r##""#0b6e5a""##),
        null("font", Text, "A font's name").eg("null"),
        null("dark", Bool, "Null: as the visitor's system says").eg("null"),
        req("unbranded", Bool, "Without our name").eg("false"),
    ],
);
const PORTAL_APP: Schema = Schema::new(
    "PortalApplication",
    "The application.",
    &[
        req("id", Id("app"), "Its id"),
        null("uid", Text, "Your own name for it").eg(r#""customer-42""#),
        req("name", Text, "For people").eg(r#""Acme""#),
    ],
);
const PORTAL: Schema = Schema::new(
    "PortalOut",
    "What the portal's page begins with.",
    &[
        req("app", Object(&PORTAL_APP), "The application"),
        req("name", Text, "Whose portal it is").eg(r#""Example Inc""#),
        req("capabilities", CAPABILITIES, "What the token may do"),
        null("expiresAt", Time, "When the token ends"),
        req("origin", Url, "Where this server is found").eg(r#""https://hooks.example.com""#),
        req("brand", Object(&BRAND), "How it looks"),
    ],
);
const INBOX: Schema = Schema::new(
    "TestInboxOut",
    "A URL that takes requests for looking at, for who has none yet.",
    &[
        req("id", Id("src"), "Its id"),
        req("url", Url, "For an endpoint").eg(r#""https://hooks.example.com/in/0k3J...""#),
        req("createdAt", Time, "When it was made"),
        null("expiresAt", Time, "When it ends"),
    ],
);

const EXAMPLE: &str = r#"{"expiry":86400}"#;

pub(super) const TAG: Tag = Tag {
    name: "Portal access",
    doc: "Tokens for your customers. Each reaches one application, and opens the portal page for it.",
    ops: &[
        post(
            "/api/v1/auth/app-portal-access/{app_id}",
            "v1.authentication.app-portal-access",
            "Open the portal",
            "Makes a token of an application, and the URL of the portal with it.",
        )
        .body(&IN, EXAMPLE)
        .ok(Object(&TOKEN_URL))
        .sdk("authentication.app-portal-access"),
        post(
            "/api/v1/auth/dashboard-access/{app_id}",
            "v1.authentication.dashboard-access",
            "Open the portal (older name)",
            "The same as *Open the portal*.",
        )
        .body(&IN, EXAMPLE)
        .ok(Object(&TOKEN_URL))
        .sdk("authentication.dashboard-access"),
        post(
            "/api/v1/auth/logout",
            "v1.authentication.logout",
            "Log out",
            "Refuses the application token that it is called with, from then on.",
        )
        .nothing()
        .sdk("authentication.logout"),
        post(
            "/api/v1/auth/app/{app_id}/expire-all",
            "v1.authentication.expire-all",
            "Expire all tokens",
            "Refuses every token of the application that was made until now, or those of some sessions.",
        )
        .body(&EXPIRE_IN, r#"{"expiry":0}"#)
        .nothing()
        .sdk("authentication.expire-all"),
        get(
            "/api/v1/auth/portal",
            "v1.authentication.portal",
            "Who am I?",
            "What the portal's page begins with, of the token that asks.",
        )
        .ok(Object(&PORTAL))
        .errors(&[404]),
        get("/api/v1/app/{app_id}/test-inbox", "v1.test-inbox.list", "List test inboxes", "All of the application.")
            .ok(Page(&INBOX)),
        post(
            "/api/v1/app/{app_id}/test-inbox",
            "v1.test-inbox.create",
            "Create a test inbox",
            "A URL that takes requests for looking at; it ends after a week.",
        )
        .created(Object(&INBOX)),
        delete(
            "/api/v1/app/{app_id}/test-inbox/{inbox_id}",
            "v1.test-inbox.delete",
            "Delete a test inbox",
            "With its requests.",
        )
        .nothing(),
        get(
            "/api/v1/app/{app_id}/test-inbox/{inbox_id}/request",
            "v1.test-inbox.request.list",
            "List a test inbox's requests",
            "Newest first.",
        )
        .query(&[PAGE, ORDER, FILTER, TIMES, WITH_CONTENT])
        .ok(Page(&REQUEST)),
    ],
};
