//! What is signed verifies, and nothing else does.

use super::*;

/// Flips bit `bit` of `bytes`, counted from the first byte's lowest.
fn flip(bytes: &mut [u8], bit: usize) {
    bytes[bit / 8] ^= 1 << (bit % 8);
}

/// All that differ from `received` by one bit in one of its parts.
fn all_flips(received: &Received) -> impl Iterator<Item = Received> + '_ {
    let parts: [fn(&mut Received) -> &mut Vec<u8>; 4] =
        [|r| &mut r.id, |r| &mut r.timestamp, |r| &mut r.signature, |r| &mut r.body];
    parts.into_iter().flat_map(move |part| {
        let bits = part(&mut received.clone()).len() * 8;
        (0..bits).map(move |bit| {
            let mut flipped = received.clone();
            flip(part(&mut flipped), bit);
            flipped
        })
    })
}

#[test]
fn no_bit_of_a_v1_request_can_be_flipped() {
    let secret = secret(SignatureType::Hmac256, 1);
    let received = sign(std::slice::from_ref(&secret), ID, NOW_S, br#"{"type":"a.b"}"#);
    assert_eq!(check(&secret.shown(), &received), Ok(()));
    for flipped in all_flips(&received) {
        assert!(check(&secret.shown(), &flipped).is_err(), "{flipped:?}");
    }
}

#[test]
fn no_bit_of_a_v1a_request_can_be_flipped() {
    let secret = secret(SignatureType::Ed25519, 2);
    let received = sign(std::slice::from_ref(&secret), ID, NOW_S, br#"{"type":"a.b"}"#);
    assert_eq!(check(&secret.shown(), &received), Ok(()));
    for flipped in all_flips(&received) {
        assert!(check(&secret.shown(), &flipped).is_err(), "{flipped:?}");
    }
}

#[test]
fn each_live_key_verifies_during_a_rotation_and_a_dropped_one_does_not() {
    let types = [SignatureType::Hmac256, SignatureType::Ed25519, SignatureType::Hmac256, SignatureType::Ed25519];
    let mut live: Vec<_> = types.into_iter().zip(10..).map(|(kind, seed)| secret(kind, seed)).collect();
    let dropped = live.split_off(2);
    let received = sign(&live, ID, NOW_S, b"{}");
    for secret in &live {
        assert_eq!(check(&secret.shown(), &received), Ok(()));
    }
    for secret in &dropped {
        assert_eq!(check(&secret.shown(), &received), Err(VerifyError::NoMatchingSignature));
    }
}

#[test]
fn a_rotation_with_all_ten_old_keys_still_verifies_under_the_oldest() {
    let keys: Vec<_> = (0..11).map(|seed| secret(SignatureType::Hmac256, 100 + seed)).collect();
    let received = sign(&keys, ID, NOW_S, b"{}");
    assert_eq!(check(&keys[10].shown(), &received), Ok(()));
}

#[test]
fn a_header_is_appended_to_what_is_there_without_growing_twice() {
    let keys = [secret(SignatureType::Hmac256, 1), secret(SignatureType::Ed25519, 2)];
    let mut out = String::from("kept");
    SigningKeys::new(&keys).sign_into(ID, NOW_S, b"{}", &mut out);
    let capacity = out.capacity();
    out.truncate(4);
    SigningKeys::new(&keys).sign_into(ID, NOW_S, b"{}", &mut out);
    assert!(out.starts_with("keptv1,"), "{out}");
    assert_eq!(out.capacity(), capacity);
}

#[test]
fn without_keys_nothing_is_appended() {
    assert!(sign(&[], ID, NOW_S, b"{}").signature.is_empty());
}

#[test]
fn any_timestamp_can_be_signed() {
    let secret = secret(SignatureType::Hmac256, 3);
    for timestamp_s in [i64::MIN, -1, 0, i64::MAX] {
        assert_eq!(sign(std::slice::from_ref(&secret), ID, timestamp_s, b"").signature.len(), 47);
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_signed_verifies_under_each_of_its_keys(
        id in "[A-Za-z0-9_-]{1,64}",
        body in proptest::collection::vec(any::<u8>(), 0..600),
        types in proptest::collection::vec(any_signature_type(), 1..5),
        seed in any::<u64>(),
    ) {
        let mut fill = filler(seed);
        let keys: Vec<_> = types.into_iter().map(|kind| EndpointSecret::generate(kind, &mut fill)).collect();
        let received = sign(&keys, &id, NOW_S, &body);
        for key in &keys {
            prop_assert_eq!(check(&key.shown(), &received), Ok(()));
        }
        let all = VerifyKeys::new(&keys);
        let headers = SignedHeaders::find(|name| match name {
            "svix-id" => Some(received.id.as_slice()),
            "svix-timestamp" => Some(received.timestamp.as_slice()),
            "svix-signature" => Some(received.signature.as_slice()),
            _ => None,
        }).unwrap();
        prop_assert_eq!(all.verify(&headers, &body, NOW_S, 0), Ok(()));
    }

    #[test]
    fn a_flipped_bit_is_refused(
        id in "[A-Za-z0-9_-]{1,64}",
        body in proptest::collection::vec(any::<u8>(), 1..600),
        kind in any_signature_type(),
        seed in any::<u64>(),
        part in 0..4_usize,
        bit in any::<prop::sample::Index>(),
    ) {
        let secret = secret(kind, seed);
        let mut received = sign(std::slice::from_ref(&secret), &id, NOW_S, &body);
        let bytes = match part {
            0 => &mut received.id,
            1 => &mut received.timestamp,
            2 => &mut received.signature,
            _ => &mut received.body,
        };
        let bit = bit.index(bytes.len() * 8);
        flip(bytes, bit);
        prop_assert!(check(&secret.shown(), &received).is_err());
    }

    #[test]
    fn another_key_of_the_same_kind_does_not_verify(kind in any_signature_type(), seed in any::<u64>()) {
        let received = sign(&[secret(kind, seed)], ID, NOW_S, b"{}");
        let other = secret(kind, seed.wrapping_add(1));
        prop_assert_eq!(check(&other.shown(), &received), Err(VerifyError::NoMatchingSignature));
    }
}
