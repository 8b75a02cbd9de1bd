//! The admin pages, the portal and the API reference: HTML made on the server, for people.
//!
//! `app` builds a [`Ui`] over the store and a [`Backend`] and merges its router into the API's. Inside, arrows go one way:
//! `view` (how a thing looks) <- `pages` (what each page says and does) <- `routes` (who may open it) <- `dispatch`.
//!
//! What a person changes goes through the REST API, in-process ([`Backend`]): so validation, tenancy and the audit log exist
//! once. Pages read the store themselves where the API has nothing to read.
//!
//! **Invariant:** imports domain, store and signing only. Every page works without JavaScript, loads nothing from elsewhere,
//! and shows what strangers wrote as text.

mod answer;
mod assets;
mod backend;
mod call;
mod config;
mod csrf;
mod curl;
mod dispatch;
mod fault;
mod form;
mod open_issues;
mod pages;
mod reply;
mod routes;
mod schema;
mod session;
mod snippets;
mod view;
mod watched;

#[cfg(test)]
mod tests;

pub use backend::{Actor, Backend, BoxFuture};
pub use config::{Reach, ShownSetting, UiConfig};
pub use dispatch::Ui;
pub use pages::accounts::is_email;
