//! Secrets as text.

use base64::{Engine, prelude::BASE64_STANDARD};

use super::*;
use crate::{SecretError, UnknownSignatureType};

fn refusal(text: &str) -> SecretError {
    EndpointSecret::parse(text).err().unwrap_or_else(|| panic!("{text} was taken"))
}

fn receiver_refusal(text: &str) -> SecretError {
    VerifyKeys::parse([text]).err().unwrap_or_else(|| panic!("{text} was taken"))
}

fn text(prefix: &str, bytes: &[u8]) -> String {
    format!("{prefix}{}", BASE64_STANDARD.encode(bytes))
}

#[test]
fn hmac_secrets_have_24_to_75_bytes() {
    for bytes in [24, 32, 64, 75] {
        let given = text("whsec_", &vec![7; bytes]);
        assert_eq!(EndpointSecret::parse(&given).ok().unwrap().reveal().as_str(), given);
    }
    assert_eq!(refusal(&text("whsec_", &[7; 23])), SecretError::HmacLength { bytes: 23 });
    assert_eq!(refusal("whsec_"), SecretError::HmacLength { bytes: 0 });
    assert_eq!(refusal(&text("whsec_", &[7; 76])), SecretError::NotBase64);
}

#[test]
fn what_is_not_a_secret_is_refused_for_its_reason() {
    let seed = [9; 32];
    let pair = secret(SignatureType::Ed25519, 4);
    let mut mismatched = BASE64_STANDARD.decode(&pair.reveal()["whsk_".len()..]).unwrap();
    mismatched[40] ^= 1;
    assert_eq!(refusal(""), SecretError::UnknownPrefix);
    assert_eq!(refusal("w"), SecretError::UnknownPrefix);
    assert_eq!(refusal("hwsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"), SecretError::UnknownPrefix);
    assert_eq!(refusal("C2FVsBQIhrscChlQIMV+b5sSYspob7oD"), SecretError::UnknownPrefix);
    assert_eq!(refusal(" whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"), SecretError::UnknownPrefix);
    assert_eq!(refusal("whsec_%"), SecretError::NotBase64);
    assert_eq!(refusal("whsec_C2FVsBQIhrscChlQIMV-b5sSYspob7oD"), SecretError::NotBase64);
    assert_eq!(refusal("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\n"), SecretError::NotBase64);
    assert_eq!(refusal(&pair.shown()), SecretError::PublicKey);
    assert_eq!(refusal(&text("whsk_", &mismatched)), SecretError::KeyPairMismatch);
    for bytes in [0, 31, 33, 63, 65] {
        assert_eq!(refusal(&text("whsk_", &vec![9; bytes])), SecretError::Ed25519Length { bytes });
    }
    assert_eq!(EndpointSecret::parse(&text("whsk_", &seed)).ok().unwrap().reveal().len(), "whsk_".len() + 88);
}

#[test]
fn a_seed_alone_is_the_same_key_as_the_pair() {
    let pair = secret(SignatureType::Ed25519, 5).reveal();
    let bytes = BASE64_STANDARD.decode(&pair["whsk_".len()..]).unwrap();
    let from_seed = EndpointSecret::parse(&text("whsk_", &bytes[..32])).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(from_seed.reveal(), pair);
}

#[test]
fn a_refusal_says_what_is_expected_and_not_what_was_given() {
    let given = text("whsec_", &[7; 20]);
    let said = refusal(&given).to_string();
    assert_eq!(said, "an HMAC secret (`whsec_`) is the base64 of 24 to 75 bytes; this one has 20");
    assert!(!said.contains(&given[6..]));
}

#[test]
fn a_receiver_takes_what_is_shown_and_refuses_what_only_the_sender_may_have() {
    let hmac = secret(SignatureType::Hmac256, 6);
    let pair = secret(SignatureType::Ed25519, 7);
    assert!(VerifyKeys::parse([hmac.shown().as_str(), &hmac.shown()["whsec_".len()..], &pair.shown()]).is_ok());
    assert_eq!(receiver_refusal(&pair.reveal()), SecretError::SecretKeyAtReceiver);
    assert_eq!(receiver_refusal("whsec_c2hvcnQ="), SecretError::HmacLength { bytes: 5 });
    assert_eq!(receiver_refusal(""), SecretError::HmacLength { bytes: 0 });
    assert_eq!(receiver_refusal("whpk_c2hvcnQ="), SecretError::BadPublicKey);
}

#[test]
fn a_public_key_of_small_order_is_refused() {
    let mut neutral = [0; 32];
    neutral[0] = 1;
    assert_eq!(receiver_refusal(&text("whpk_", &neutral)), SecretError::BadPublicKey);
    assert_eq!(receiver_refusal(&text("whpk_", &[0; 32])), SecretError::BadPublicKey);
}

#[test]
fn a_generated_secret_is_of_the_kind_asked_for_and_has_the_usual_length() {
    let hmac = secret(SignatureType::Hmac256, 8);
    assert_eq!(hmac.signature_type(), SignatureType::Hmac256);
    assert_eq!(hmac.shown().len(), "whsec_".len() + 32);
    assert_eq!(hmac.shown(), hmac.reveal());
    let pair = secret(SignatureType::Ed25519, 8);
    assert_eq!(pair.signature_type(), SignatureType::Ed25519);
    assert_eq!(pair.reveal().len(), "whsk_".len() + 88);
    assert_eq!(pair.shown().len(), "whpk_".len() + 44);
}

#[test]
#[should_panic(expected = "filled in nothing")]
fn a_source_of_randomness_that_does_nothing_makes_no_secret() {
    EndpointSecret::generate(SignatureType::Hmac256, &mut |_| {});
}

#[test]
fn signature_types_have_the_names_of_the_api() {
    for (name, kind) in [("hmac256", SignatureType::Hmac256), ("ed25519", SignatureType::Ed25519)] {
        assert_eq!(name.parse(), Ok(kind));
        assert_eq!(kind.as_str(), name);
    }
    assert_eq!("HMAC256".parse::<SignatureType>(), Err(UnknownSignatureType));
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_revealed_parses_to_the_same_secret(
        bytes in proptest::collection::vec(any::<u8>(), 24..=75),
        kind in any_signature_type(),
        seed in any::<u64>(),
    ) {
        let generated = secret(kind, seed).reveal();
        for given in [text("whsec_", &bytes).as_str(), &generated] {
            let parsed = EndpointSecret::parse(given).ok().unwrap();
            let revealed = parsed.reveal();
            prop_assert_eq!(revealed.as_str(), given);
        }
    }

    #[test]
    fn no_text_makes_parsing_panic(given in "(whsec_|whsk_|whpk_|prk_)?[A-Za-z0-9+/=]{0,110}|\\PC{0,40}") {
        if let Ok(secret) = EndpointSecret::parse(&given) {
            prop_assert!(EndpointSecret::parse(&secret.reveal()).is_ok());
        }
        let _either = VerifyKeys::parse([given.as_str()]).is_ok();
    }
}
