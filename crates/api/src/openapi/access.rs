//! Tokens for the portal.
//!
//! **Invariant:** operations and schemas of `handlers/auth.rs`.

use super::applications::IN as APPLICATION_IN;
use super::shared::TOKEN_URL;
use super::table::Type::{Bool, IntIn, List, Object, Words};
use super::table::{Field, Schema, TEXTS, Tag, Type, may, post};

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
];
const BASE: Schema = Schema::new("AccessBase", "", FIELDS);
const IN: Schema = Schema::new(
    "AppPortalAccessIn",
    "What the token may do, and for how long.",
    &[may("application", Object(&APPLICATION_IN), "Makes the application, where the uid in the path names none")],
)
.with(&BASE);
pub(super) const SOURCE_IN: Schema = Schema::new("SourceAccessIn", "What the token may do, and for how long.", FIELDS);

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
    ],
};
