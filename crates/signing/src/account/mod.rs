//! What lets people in: hashes of their passwords, and one-time tickets.
//!
//! **Invariant:** as everywhere in this crate: chance and time are arguments, and what is secret is wiped when dropped.

mod password;
mod ticket;

pub use password::{PASSWORD_LEN_MAX, PASSWORD_LEN_MIN, PasswordError, hash_password, password_matches};
pub use ticket::{Purpose, Ticket, TicketError, TicketKey};
