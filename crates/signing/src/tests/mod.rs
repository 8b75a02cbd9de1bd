//! Behaviour seen from outside, through the crate's public API. `check` is the one door to verification.

mod providers;
mod round_trip;
mod sealing;
mod secrets;
mod vectors;
mod verification;

use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};

use crate::{EndpointSecret, SignatureType, SignedHeaders, SigningKeys, TOLERANCE_S_DEFAULT, VerifyError, VerifyKeys};

const NOW_S: i64 = 1_760_000_000;
const ID: &str = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W";

/// A signed request as it arrives. The parts are bytes, so that tests can break them anywhere.
#[derive(Clone, Debug)]
struct Received {
    id: Vec<u8>,
    timestamp: Vec<u8>,
    signature: Vec<u8>,
    body: Vec<u8>,
}

/// Verifies with `texts`, which are secrets as shown, at the time `now_s`, with the default tolerance.
fn check_at(texts: &[&str], received: &Received, now_s: i64) -> Result<(), VerifyError> {
    let keys = VerifyKeys::parse(texts.iter().copied()).unwrap();
    let headers = SignedHeaders::find(|name| match name {
        "webhook-id" => Some(received.id.as_slice()),
        "webhook-timestamp" => Some(received.timestamp.as_slice()),
        "webhook-signature" => Some(received.signature.as_slice()),
        _ => None,
    })?;
    keys.verify(&headers, &received.body, now_s, TOLERANCE_S_DEFAULT)
}

fn check(shown: &str, received: &Received) -> Result<(), VerifyError> {
    check_at(&[shown], received, NOW_S)
}

fn sign(secrets: &[EndpointSecret], id: &str, timestamp_s: i64, body: &[u8]) -> Received {
    let mut signature = String::new();
    SigningKeys::new(secrets).sign_into(id, timestamp_s, body, &mut signature);
    Received {
        id: id.into(),
        timestamp: timestamp_s.to_string().into(),
        signature: signature.into(),
        body: body.into(),
    }
}

/// A secret that depends on `seed` only.
fn secret(signature_type: SignatureType, seed: u64) -> EndpointSecret {
    EndpointSecret::generate(signature_type, &mut filler(seed))
}

/// A source of bytes that goes on: no two calls fill in the same.
fn filler(seed: u64) -> impl FnMut(&mut [u8]) {
    let mut state = seed;
    move |bytes| {
        for byte in bytes {
            // SplitMix64, whose finaliser spreads neighbouring seeds.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            *byte = (mixed >> 56) as u8;
        }
    }
}

fn any_signature_type() -> impl Strategy<Value = SignatureType> {
    prop_oneof![Just(SignatureType::Hmac256), Just(SignatureType::Ed25519)]
}

/// The same cases in each run, and no files left behind.
fn config() -> Config {
    Config { cases: 128, rng_seed: RngSeed::Fixed(1_614_265_330), failure_persistence: None, ..Config::default() }
}
