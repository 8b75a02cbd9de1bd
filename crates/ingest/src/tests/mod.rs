//! Tests of the whole data plane, and what tests share.

mod reading;
pub(crate) mod support;
