//! Tests of reading visitors as a whole.

mod known;
mod mmdb;
mod packaged;
mod reading;
