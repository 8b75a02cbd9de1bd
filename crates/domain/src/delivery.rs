//! A delivery: one message on its way to one endpoint.
//!
//! **Invariant:** a delivery is exactly one of leased, due, dead or settled; only the store moves it.

use crate::ids::{EndpointId, MessageId};

/// Names a delivery: the message, the endpoint, and 0 for the scheduled delivery or n for the n-th created by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryKey {
    pub message: MessageId,
    pub endpoint: EndpointId,
    pub ordinal: u32,
}

/// Why a delivery exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cause {
    /// The endpoint subscribed to the message.
    Subscribed = 0,
    /// A person asked to send it again: one attempt, no retries.
    Resend = 1,
    /// A recover task brought it back from the dead letters.
    Recover = 2,
    /// A test event.
    Example = 3,
}

impl Cause {
    /// Whether a person started it (`triggerType` 1 in the API).
    pub fn is_manual(self) -> bool {
        !matches!(self, Cause::Subscribed)
    }
    pub fn from_code(code: i64) -> Option<Cause> {
        [Cause::Subscribed, Cause::Resend, Cause::Recover, Cause::Example].into_iter().find(|c| *c as i64 == code)
    }
}

/// Why a delivery will not be tried again unless a person asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum DeadReason {
    /// Every attempt of the schedule failed.
    Exhausted = 1,
    /// The endpoint answered 410 Gone.
    Gone = 2,
    /// The endpoint was deleted.
    EndpointDeleted = 3,
    /// The payload expired or was deleted before delivery.
    ContentDeleted = 4,
}

impl DeadReason {
    pub fn from_code(code: i64) -> Option<DeadReason> {
        [Self::Exhausted, Self::Gone, Self::EndpointDeleted, Self::ContentDeleted]
            .into_iter()
            .find(|c| *c as i64 == code)
    }
}
