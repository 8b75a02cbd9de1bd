//! The keys by which copies of an event are known: 16 bytes of a SHA-256.
//!
//! **Invariant:** two keys are equal only for the same kind of key over the same parts: each part is preceded by its length,
//! and one that is absent differs from one that is empty.

use sha2::{Digest, Sha256};

/// What a key is made of. The number is part of the hash: never give it another meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum KeyKind {
    /// The event id that the provider gave.
    Provider = 1,
    /// Fields that the source's owner chose.
    Fields,
    /// The body.
    Body,
    /// Method, target and body.
    Whole,
}

const DOMAIN: &[u8] = b"postrider event key 1";

/// A key over parts, any of which may be absent. `index` tells elements of a batch apart that share all parts.
pub(crate) fn key<'a>(kind: KeyKind, index: Option<usize>, parts: impl Iterator<Item = Option<&'a [u8]>>) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(DOMAIN);
    hash.update([kind as u8]);
    let mut add = |part: Option<&[u8]>| match part {
        Some(bytes) => {
            hash.update([1]);
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
        None => hash.update([0]),
    };
    add(index.map(|n| (n as u64).to_be_bytes()).as_ref().map(<[u8; 8]>::as_slice));
    parts.for_each(add);
    let digest = hash.finalize();
    let mut bytes = digest.iter().copied();
    std::array::from_fn(|_| bytes.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn keys_differ_in_kind_index_and_the_borders_between_parts() {
        let parts: [&[Option<&[u8]>]; 7] = [
            &[],
            &[None],
            &[Some(b"")],
            &[Some(b"ab")],
            &[Some(b"a"), Some(b"b")],
            &[Some(b"ab"), None],
            &[None, Some(b"ab")],
        ];
        let mut all = HashSet::new();
        for kind in [KeyKind::Provider, KeyKind::Fields, KeyKind::Body, KeyKind::Whole] {
            for index in [None, Some(0), Some(1)] {
                all.extend(parts.iter().map(|parts| key(kind, index, parts.iter().copied())));
            }
        }
        assert_eq!(all.len(), 4 * 3 * parts.len());
    }

    #[test]
    fn a_key_stays_the_same_over_versions() {
        let made = key(KeyKind::Provider, None, [Some(&b"evt_1"[..])].into_iter());
        let hex: String = made.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "8ee2cecbd23c3b82a33a0fad76173df4");
    }
}
