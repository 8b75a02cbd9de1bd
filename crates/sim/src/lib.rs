//! Seeded simulation of the store and the engine with faults.
//!
//! A world of producers, receivers, an operator, a clock and a disk that forgets is played on one thread, from a seed,
//! against the real SQLite store, its real writer and the real dispatcher. After each step the promises are checked.
//! Run one seed with `POSTRIDER_SIM_SEED=n cargo test -p postrider-sim`. **Invariant:** for tests only; nothing depends
//! on it.

mod chance;
mod check;
mod clock;
pub mod disk;
mod model;
mod process;
mod settings;
pub mod vfs;
mod world;

pub use settings::{Sabotage, Settings};
pub use world::{Failure, Image, Report, World};

#[cfg(test)]
mod tests;
