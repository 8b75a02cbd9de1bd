//! Wire types: what the API reads and writes, by resource.
//!
//! **Invariant:** no store calls and no HTTP here; only texts in and texts out. Domain types are never serialised as
//! they are.

pub(crate) mod api_key;
pub(crate) mod app_search;
pub(crate) mod application;
pub(crate) mod attempt;
pub(crate) mod bin;
pub(crate) mod conversion;
pub(crate) mod csv;
pub(crate) mod endpoint;
pub(crate) mod event;
pub(crate) mod event_type;
pub(crate) mod event_type_import;
pub(crate) mod export;
pub(crate) mod fields;
pub(crate) mod figures;
pub(crate) mod form;
pub(crate) mod form_html;
pub(crate) mod headers;
pub(crate) mod hook;
pub(crate) mod import;
pub(crate) mod issue;
pub(crate) mod link;
pub(crate) mod link_rules;
pub(crate) mod list;
pub(crate) mod message;
pub(crate) mod multipart;
pub(crate) mod options;
pub(crate) mod own_event;
pub(crate) mod own_example;
pub(crate) mod own_stats;
pub(crate) mod portal;
pub(crate) mod query;
pub(crate) mod read;
pub(crate) mod request;
pub(crate) mod search;
pub(crate) mod source;
pub(crate) mod tail;
pub(crate) mod task;
pub(crate) mod time;
