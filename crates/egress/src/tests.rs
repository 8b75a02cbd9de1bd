//! Tests of the Courier against the address corpus and hostile receivers, over real sockets on loopback.
//!
//! Where each behaviour of `tests/ssrf/receivers.json` is tested (`every_hostile_behaviour_has_its_place` keeps the
//! list complete):

mod http2;
mod inbox;
mod names;
mod passage;
mod pool;
mod receivers;
mod requests;
mod stages;
mod support;
mod targets;
mod tls;

/// The id of a behaviour, and its test here or the reason why it is tested elsewhere.
const PLACES: &[(&str, &str)] = &[
    ("rcv-001", "receivers::a_black_hole_fails_at_the_connect_limit"),
    ("rcv-003", "receivers::a_receiver_that_never_reads_fails_at_the_deadline"),
    ("rcv-007", "names::a_resolver_that_never_answers_fails_at_its_own_limit"),
    ("rcv-009", "names::a_thousand_addresses_are_tried_up_to_sixteen"),
    ("rcv-010", "nowhere: DNSSEC validation is not compiled in, so there is no NSEC3 to loop on"),
    ("rcv-012", "tls::a_self_signed_receiver_fails_until_its_ca_is_trusted"),
    ("rcv-013", "tls::a_certificate_for_another_name_fails"),
    ("rcv-014", "tls::a_receiver_that_speaks_only_tls_1_0_fails"),
    ("rcv-016", "tls::a_dripped_handshake_fails_at_the_connect_limit"),
    ("rcv-017", "tls::a_huge_certificate_chain_fails"),
    ("rcv-018", "tls::a_flood_of_session_tickets_fails"),
    ("rcv-019", "receivers::a_dripped_status_line_fails_at_the_deadline"),
    ("rcv-021", "receivers::heads_beyond_their_limits_fail"),
    ("rcv-022", "receivers::heads_beyond_their_limits_fail"),
    ("rcv-023", "receivers::endless_informational_responses_fail"),
    ("rcv-028", "receivers::a_body_whose_framing_is_not_http_fails"),
    ("rcv-032", "receivers::only_statuses_from_100_to_599_are_responses"),
    ("rcv-035", "receivers::a_stalled_body_does_not_undo_the_verdict"),
    ("rcv-036", "receivers::an_endless_body_is_cut_and_its_connection_dropped"),
    ("rcv-038", "receivers::compressed_bodies_are_kept_raw"),
    ("rcv-039", "receivers::compressed_bodies_are_kept_raw"),
    ("rcv-040", "receivers::a_body_of_any_bytes_is_kept_as_it_came"),
    ("rcv-041", "elsewhere: redaction belongs to the attempt view; the bytes are kept as they came"),
    ("rcv-042", "elsewhere: escaping belongs to the attempt view"),
    ("rcv-044", "tls::http_1_1_is_negotiated_with_a_receiver_that_offers_http_2"),
    ("rcv-045", "http2::a_flood_of_pings_ends_at_the_deadline"),
    ("rcv-047", "receivers::retry_after_comes_with_the_outcome; the clamp is domain::retry's"),
    ("rcv-048", "receivers::retry_after_comes_with_the_outcome; values are domain::retry_after's"),
    ("rcv-049", "elsewhere: the engine disables; the status is passed on like any"),
    ("rcv-050", "elsewhere: the engine stops at the first success"),
    ("rcv-051", "receivers::an_answer_after_the_deadline_is_a_timeout"),
    ("rcv-052", "receivers::cookies_are_never_sent_back"),
    ("rcv-054", "receivers::a_kept_alive_connection_closed_on_the_next_request_is_replaced_once"),
    ("rcv-055", "elsewhere: lanes isolate endpoints, in the engine"),
];

#[test]
fn every_hostile_behaviour_has_its_place() {
    #[derive(serde::Deserialize)]
    struct Case {
        id: String,
    }
    let cases: Vec<Case> = serde_json::from_str(include_str!("../tests/ssrf/receivers.json")).unwrap();
    let wanted: Vec<_> = cases.iter().map(|c| c.id.as_str()).collect();
    let placed: Vec<_> = PLACES.iter().map(|(id, _)| *id).collect();
    assert_eq!(wanted, placed);
}
