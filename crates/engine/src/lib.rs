//! The engine: takes leases from the store, has them attempted, and settles them.
//!
//! Started by `app`. **Invariant:** all state that must survive is the store's; what is here can be lost at any time.

mod dispatcher;
mod lane;
mod run;
mod throttle;

pub use dispatcher::{Configuration, Dispatcher, Job, Limits, Now, Step};
pub use run::{DURATION_BOUNDS_US, Engine, EngineMetrics, Prepare};
