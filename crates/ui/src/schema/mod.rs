//! JSON Schemas of event types: guessed from payloads, compared, shown as a table, and made into examples.
//!
//! **Invariant:** pure functions of JSON values; depth and number of fields are bounded.

mod check;
mod example;
mod formats;
mod infer;
mod lint;
mod scrub;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use {
    check::complaints,
    example::example,
    infer::infer,
    lint::{Change, lint},
    scrub::scrubbed,
    table::{Row, rows},
};

/// Deeper than this nothing is looked at.
const DEPTH_MAX: usize = 24;
