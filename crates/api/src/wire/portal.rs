//! What the portal's page begins with, and its test inboxes, on the wire.

use serde::Serialize;
use store::Brand;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PortalOut {
    pub app: PortalAppOut,
    /// The brand's, or the organisation's.
    pub name: String,
    pub capabilities: Vec<&'static str>,
    /// When the token ends; `None` for one that doesn't.
    pub expires_at: Option<String>,
    pub origin: String,
    pub brand: BrandOut,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PortalAppOut {
    pub id: String,
    pub uid: Option<String>,
    pub name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BrandOut {
    /// A `data:` URL.
    logo: Option<String>,
    /// `#rrggbb`.
    accent: Option<String>,
    font: Option<String>,
    /// `None`: as the visitor's system says.
    dark: Option<bool>,
    unbranded: bool,
}

impl BrandOut {
    pub fn of(brand: &Brand) -> Self {
        BrandOut {
            logo: brand.logo.clone(),
            accent: brand.accent.clone(),
            font: brand.font.clone(),
            dark: brand.dark,
            unbranded: brand.unbranded,
        }
    }
}

/// A bin for who has no URL yet.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InboxOut {
    pub id: String,
    /// For an endpoint.
    pub url: String,
    pub created_at: String,
    pub expires_at: Option<String>,
}
