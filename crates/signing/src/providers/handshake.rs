//! Requests by which a provider asks whether a URL is wanted, and what it expects in return.
//!
//! **Invariant:** pure; an echo is never HTML, and what has to be verified first is in [`after`].

use super::{Inbound, Verifier};

/// What a handshake is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// What to do with a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// Answer it.
    Answer(Reply),
    /// `GET` this URL (it was checked to be the provider's), then answer 200.
    Confirm { url: String },
    /// Keep this secret as the source's, then answer.
    Learn { secret: String, reply: Reply },
}

/// A handshake that comes unsigned: judged before the signature. `None` when this is no handshake.
pub fn before(_verifier: &Verifier, _request: &Inbound<'_>) -> Option<Handshake> {
    None
}

/// A handshake that comes signed: judged after the signature was found right. `None` when this is no handshake.
pub fn after(_verifier: &Verifier, _request: &Inbound<'_>) -> Option<Handshake> {
    None
}

/// The answer that a provider expects to an accepted event, where it isn't an empty 200: `[accepted]` (Adyen).
pub fn acknowledgement(_verifier: &Verifier) -> Option<Reply> {
    None
}
