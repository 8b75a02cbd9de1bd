//! What each page says and does, one module a page or a family of pages.
//!
//! **Invariant:** a handler reads or changes through the API or the store, fills a template, and knows nothing of HTTP beyond
//! its [`crate::call::Call`].

pub(crate) mod accounts;
pub(crate) mod audit;
pub(crate) mod docs;
pub(crate) mod home;
pub(crate) mod settings;
pub(crate) mod theme;
