//! What a receiver is told, and what odd input comes to.

use super::*;
use crate::SIGNATURES_MAX;

/// A request signed with one HMAC and one Ed25519 key, and both keys as shown.
fn signed() -> (Received, String, String) {
    let keys = [secret(SignatureType::Hmac256, 1), secret(SignatureType::Ed25519, 2)];
    let shown = keys.each_ref().map(|key| key.shown().to_string());
    let [hmac, ed25519] = shown;
    (sign(&keys, ID, NOW_S, b"{}"), hmac, ed25519)
}

fn with_signature(signature: impl Into<Vec<u8>>) -> Result<(), VerifyError> {
    let (received, hmac, ed25519) = signed();
    check_at(&[&hmac, &ed25519], &Received { signature: signature.into(), ..received }, NOW_S)
}

fn items() -> (String, String) {
    let header = String::from_utf8(signed().0.signature).unwrap();
    let (v1, v1a) = header.split_once(' ').unwrap();
    (v1.to_owned(), v1a.to_owned())
}

#[test]
fn every_truncation_of_a_signature_is_refused() {
    let (v1, v1a) = items();
    for item in [v1, v1a] {
        assert_eq!(with_signature(item.as_str()), Ok(()));
        for len in 0..item.len() {
            assert!(with_signature(&item[..len]).is_err(), "{}", &item[..len]);
        }
    }
}

#[test]
fn odd_forms_of_a_valid_signature_are_refused() {
    let (v1, v1a) = items();
    let (mac, signature) = (&v1[3..], &v1a[4..]);
    let odd = [
        format!("v1,{mac}{mac}"),
        format!("v1,{mac}v1,{mac}"),
        format!("{v1},{v1}"),
        format!("{v1}\t{v1}"),
        format!("{v1}\n"),
        format!("{v1}00"),
        format!("v1,{}", mac.trim_end_matches('=')),
        format!("v1, {mac}"),
        format!("V1,{mac}"),
        format!("v1={mac}"),
        format!("v1a,{mac}"),
        format!("v1,{signature}"),
        format!("v1a,{signature}{signature}"),
        format!("v1a,{}", signature.trim_end_matches('=')),
        format!("v2,{mac}"),
        mac.to_owned(),
        signature.to_owned(),
        "v1,".to_owned(),
        "v1a,".to_owned(),
        " ".to_owned(),
        ",".to_owned(),
    ];
    for text in odd {
        assert_eq!(with_signature(text.as_str()), Err(VerifyError::NoUsableSignature), "{text}");
    }
    assert_eq!(with_signature(""), Err(VerifyError::MissingHeader("webhook-signature")));
    assert_eq!(with_signature([0xff, 0xfe]), Err(VerifyError::NoUsableSignature));
}

#[test]
fn a_repeated_signature_and_unknown_items_beside_it_do_no_harm() {
    let (v1, v1a) = items();
    for text in [format!("{v1} {v1}"), format!("v9,zzz  {v1a}"), format!("junk {v1} v1,AAAA")] {
        assert_eq!(with_signature(text.as_str()), Ok(()), "{text}");
    }
}

/// With `S` replaced by `S + L` the equation still holds, which would give each message a second signature.
#[test]
fn an_ed25519_signature_with_a_scalar_beyond_the_group_order_is_refused() {
    use base64::{Engine, prelude::BASE64_STANDARD};
    const GROUP_ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let (_, v1a) = items();
    let mut signature = BASE64_STANDARD.decode(&v1a[4..]).unwrap();
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(GROUP_ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    let text = format!("v1a,{}", BASE64_STANDARD.encode(signature));
    assert_eq!(with_signature(text), Err(VerifyError::NoMatchingSignature));
}

#[test]
fn more_signatures_than_a_sender_makes_are_refused() {
    let (v1, _) = items();
    let other = format!("v1,{}=", "A".repeat(43));
    let mut most = vec![other; SIGNATURES_MAX - 1];
    most.push(v1);
    assert_eq!(with_signature(most.join(" ")), Ok(()));
    most.push(String::new());
    assert_eq!(with_signature(most.join(" ")), Err(VerifyError::TooManySignatures));
}

#[test]
fn the_tolerance_includes_its_ends_in_both_directions() {
    let (received, hmac, _) = signed();
    let at = |now_s| check_at(&[&hmac], &received, now_s);
    assert_eq!(at(NOW_S + 300), Ok(()));
    assert_eq!(at(NOW_S - 300), Ok(()));
    assert_eq!(at(NOW_S + 301), Err(VerifyError::TooOld { age_s: 301, tolerance_s: 300 }));
    assert_eq!(at(NOW_S - 301), Err(VerifyError::TooNew { ahead_s: 301, tolerance_s: 300 }));
    assert!(matches!(at(i64::MAX), Err(VerifyError::TooOld { .. })));
    assert!(matches!(at(i64::MIN), Err(VerifyError::TooNew { .. })));
}

/// Each is signed as it stands, so that only the reading of the timestamp can refuse it.
#[test]
fn a_timestamp_is_read_only_in_the_form_that_a_signer_writes() {
    let hmac = secret(SignatureType::Hmac256, 1);
    for odd in
        ["+1760000000", "01760000000", "1760000000.0", "1.76e9", "1_760_000_000", " 1760000000", "-1", "0x1", "٣"]
    {
        let signature = sign_text(&hmac, odd);
        let received = Received { id: ID.into(), timestamp: odd.into(), signature, body: b"{}".into() };
        assert_eq!(check(&hmac.shown(), &received), Err(VerifyError::TimestampNotInteger), "{odd}");
    }
    for huge in ["999999999999999999", "1760000000000"] {
        let signature = sign_text(&hmac, huge);
        let received = Received { id: ID.into(), timestamp: huge.into(), signature, body: b"{}".into() };
        assert!(matches!(check(&hmac.shown(), &received), Err(VerifyError::TooNew { .. })), "{huge}");
    }
}

fn sign_text(secret: &EndpointSecret, timestamp: &str) -> Vec<u8> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use hmac::Mac;
    let key = BASE64_STANDARD.decode(&secret.reveal()["whsec_".len()..]).unwrap();
    let mac = crate::secret::keyed(&key).chain_update(format!("{ID}.{timestamp}.{{}}"));
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())).into()
}

#[test]
fn a_missing_or_empty_header_is_named() {
    let found = |present: &[(&str, &'static str)]| {
        SignedHeaders::find(|name| present.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_bytes()))
            .map(|_| ())
    };
    let missing = |name| Err(VerifyError::MissingHeader(name));
    assert_eq!(found(&[]), missing("webhook-id"));
    assert_eq!(found(&[("webhook-id", "a"), ("webhook-signature", "v1,x")]), missing("webhook-timestamp"));
    assert_eq!(
        found(&[("webhook-id", ""), ("webhook-timestamp", "1"), ("webhook-signature", "v1,x")]),
        missing("webhook-id")
    );
    assert_eq!(found(&[("svix-timestamp", "1"), ("svix-signature", "v1,x")]), missing("svix-id"));
    assert_eq!(found(&[("svix-id", "a"), ("svix-timestamp", "1"), ("svix-signature", "v1,x")]), Ok(()));
    // Two halves of different families are no request.
    assert_eq!(
        found(&[("svix-id", "a"), ("svix-timestamp", "1"), ("webhook-signature", "v1,x")]),
        missing("webhook-id")
    );
}

#[test]
fn with_no_keys_nothing_verifies() {
    let (received, ..) = signed();
    assert_eq!(check_at(&[], &received, NOW_S), Err(VerifyError::NoMatchingSignature));
}

#[test]
fn a_v1_mac_does_not_pass_for_an_ed25519_key_nor_the_other_way_round() {
    let (received, hmac, ed25519) = signed();
    let (v1, v1a) = items();
    let v1_only = Received { signature: v1.into(), ..received.clone() };
    let v1a_only = Received { signature: v1a.into(), ..received };
    assert_eq!(check(&ed25519, &v1_only), Err(VerifyError::NoMatchingSignature));
    assert_eq!(check(&hmac, &v1a_only), Err(VerifyError::NoMatchingSignature));
}
