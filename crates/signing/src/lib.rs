//! Signatures and secrets: Standard Webhooks signing and verification, endpoint secrets, and sealing secrets at rest.
//!
//! `egress` signs with [`SigningKeys`], the API parses and shows [`EndpointSecret`]s, the store's callers seal them
//! with a [`SecretBox`], and receivers check requests with [`VerifyKeys`].
//!
//! **Invariant:** this crate imports nothing of ours and does no I/O, but for `providers::vectors::judge`, which reads a
//! vector's body for the command line. It knows neither the time nor chance: the clock's
//! reading and the filler of random bytes are arguments. Nothing that holds a secret has `Debug`, `Display` or
//! `Serialize`, and all of it is wiped when dropped.

pub mod account;
pub mod explain;
pub mod providers;
mod seal;
mod secret;
mod sign;
#[cfg(test)]
mod tests;
mod verify;

pub use seal::{MasterKeyError, SealError, SecretBox, format_master_key, parse_master_key};
pub use secret::{EndpointSecret, SecretError, SignatureType, UnknownSignatureType};
pub use sign::SigningKeys;
pub use verify::{SIGNATURES_MAX, SignedHeaders, TOLERANCE_S_DEFAULT, VerifyError, VerifyKeys};

use zeroize::Zeroizing;

/// `N` bytes from the caller's source of randomness.
///
/// # Panics
/// When `fill` left them all zero: a source that does nothing must never become a key or a nonce.
fn random<const N: usize>(fill: &mut dyn FnMut(&mut [u8])) -> Zeroizing<[u8; N]> {
    let mut bytes = Zeroizing::new([0; N]);
    fill(bytes.as_mut_slice());
    assert!(bytes.iter().any(|byte| *byte != 0), "the source of randomness filled in nothing");
    bytes
}
