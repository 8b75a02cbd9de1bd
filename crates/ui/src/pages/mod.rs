//! What each page says and does, one module a page or a family of pages.
//!
//! **Invariant:** a handler reads or changes through the API or the store, fills a template, and knows nothing of HTTP beyond
//! its [`crate::call::Call`].

pub(crate) mod accounts;
pub(crate) mod answer;
pub(crate) mod audit;
pub(crate) mod common;
pub(crate) mod connect;
pub(crate) mod docs;
pub(crate) mod event_types;
pub(crate) mod find;
pub(crate) mod forms;
pub(crate) mod home;
pub(crate) mod inspector;
pub(crate) mod issues;
pub(crate) mod links;
pub(crate) mod listed;
pub(crate) mod live;
pub(crate) mod message;
pub(crate) mod messages;
pub(crate) mod portal;
pub(crate) mod replay;
pub(crate) mod requests;
pub(crate) mod sending;
pub(crate) mod settings;
pub(crate) mod share;
pub(crate) mod sources;
pub(crate) mod tasks;
pub(crate) mod theme;
pub(crate) mod told;
pub(crate) mod tools;
