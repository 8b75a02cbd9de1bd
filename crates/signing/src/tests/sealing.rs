//! Secrets at rest.

use super::*;
use crate::{MasterKeyError, SealError, SecretBox, format_master_key, parse_master_key};

const KEY: [u8; 32] = [3; 32];
const PLAIN: &[u8] = b"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const ROW: &[u8] = b"endpoint_secret/ep_1/0";

fn sealed() -> Vec<u8> {
    SecretBox::new(KEY).seal(PLAIN, ROW, &mut filler(1))
}

fn open(sealed: &[u8], row: &[u8]) -> Result<Vec<u8>, SealError> {
    SecretBox::new(KEY).open(sealed, row).map(|plain| plain.to_vec())
}

#[test]
fn what_is_sealed_opens_in_its_row() {
    assert_eq!(open(&sealed(), ROW).unwrap(), PLAIN);
}

#[test]
fn a_sealed_value_is_a_version_a_nonce_and_the_ciphertext() {
    let sealed = sealed();
    let mut nonce = [0; 24];
    filler(1)(&mut nonce);
    assert_eq!(sealed[0], 1);
    assert_eq!(sealed[1..25], nonce);
    assert_eq!(sealed.len(), 1 + 24 + PLAIN.len() + 16);
    assert!(!sealed.windows(8).any(|window| PLAIN.windows(8).any(|part| part == window)));
}

#[test]
fn a_value_moved_to_another_row_does_not_open() {
    assert_eq!(open(&sealed(), b"endpoint_secret/ep_2/0"), Err(SealError::Refused));
    assert_eq!(open(&sealed(), b""), Err(SealError::Refused));
}

#[test]
fn another_master_key_does_not_open() {
    let opened = SecretBox::new([4; 32]).open(&sealed(), ROW);
    assert_eq!(opened, Err(SealError::Refused));
}

#[test]
fn no_bit_of_a_sealed_value_can_be_flipped_and_none_of_its_bytes_lost() {
    let sealed = sealed();
    for bit in 0..sealed.len() * 8 {
        let mut flipped = sealed.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&flipped, ROW).is_err(), "bit {bit}");
    }
    for len in 0..sealed.len() {
        assert!(open(&sealed[..len], ROW).is_err(), "{len} bytes");
    }
    assert_eq!(open(&[], ROW), Err(SealError::Truncated));
    assert_eq!(open(&sealed[..40], ROW), Err(SealError::Truncated));
    assert_eq!(open(&[2; 60], ROW), Err(SealError::UnknownVersion(2)));
}

/// RFC draft-irtf-cfrg-xchacha-03, appendix A.3.1.
#[test]
fn the_cipher_is_xchacha20_poly1305_of_the_draft() {
    let key: [u8; 32] = std::array::from_fn(|at| 0x80 + at as u8);
    let plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                  sunscreen would be it.";
    let aad = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
    let sealed = SecretBox::new(key).seal(plain, &aad, &mut |nonce| {
        nonce.iter_mut().zip(0x40..).for_each(|(byte, value)| *byte = value);
    });
    assert_eq!(sealed[25..33], [0xbd, 0x6d, 0x17, 0x9d, 0x3e, 0x83, 0xd4, 0x3b]);
    let tag = [0xc0, 0x87, 0x59, 0x24, 0xc1, 0xc7, 0x98, 0x79, 0x47, 0xde, 0xaf, 0xd8, 0x78, 0x0a, 0xcf, 0x49];
    assert_eq!(sealed[sealed.len() - 16..], tag);
}

#[test]
fn a_master_key_is_read_back_from_its_text_and_from_a_file_with_a_newline() {
    let text = format_master_key(&KEY);
    assert_eq!(text.as_str(), "prk_AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=");
    assert_eq!(*parse_master_key(&text).unwrap(), KEY);
    assert_eq!(*parse_master_key(&format!("{}\r\n", *text)).unwrap(), KEY);
}

#[test]
fn what_is_not_a_master_key_is_refused() {
    let text = format_master_key(&KEY);
    for odd in ["", "prk_", &text[4..], &text[..text.len() - 1], &format!("{}=", *text), &text.replace('A', "-")] {
        assert_eq!(parse_master_key(odd).err(), Some(MasterKeyError), "{odd}");
    }
    // 44 characters, but only 31 bytes.
    let short = format!("prk_{}==", "A".repeat(42));
    assert_eq!(parse_master_key(&short).err(), Some(MasterKeyError));
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn anything_sealed_opens_again_and_never_looks_the_same_twice(
        plain in proptest::collection::vec(any::<u8>(), 0..300),
        row in proptest::collection::vec(any::<u8>(), 0..40),
        seed in any::<u64>(),
    ) {
        let sealer = SecretBox::new(KEY);
        let mut fill = filler(seed);
        let (first, second) = (sealer.seal(&plain, &row, &mut fill), sealer.seal(&plain, &row, &mut fill));
        prop_assert_ne!(&first, &second);
        prop_assert_eq!(open(&first, &row), Ok(plain.clone()));
        prop_assert_eq!(open(&second, &row), Ok(plain));
    }
}
