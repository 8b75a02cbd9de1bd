//! What every store promises, as stories told through its handle alone: one file for each subject.
//!
//! A backend runs them all with [`suite!`] and a [`Fixture`] that opens it.
//! **Invariant:** no SQL, no sleeping; time moves only when a story moves it.

use crate::{OpenError, Store, StoreConfig};
use domain::{Clock, IdCodec, Rng, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

pub mod accept;
pub mod app_search;
pub mod applications;
pub mod books;
pub mod endpoints;
pub mod event_types;
pub mod failing;
pub mod figures;
pub mod first_per;
pub mod forms;
pub mod imports;
pub mod issues;
pub mod keys;
pub mod lanes;
pub mod leases;
pub mod links;
pub mod lists;
pub mod operational;
pub mod own_events;
pub mod paused;
pub mod people;
pub mod portal;
pub mod pull;
pub mod receive;
pub mod replays;
pub mod requests;
pub mod restart;
pub mod retention;
pub mod search;
pub mod sources;
pub mod tail;
pub mod tasks;
pub mod watch;
pub mod world;

pub use world::World;

/// Opens the store under test.
pub trait Fixture: Send {
    /// The store of this fixture: new the first time, the same one again after it was closed. `config` has every limit;
    /// where the data is, is the fixture's business.
    fn open(
        &self,
        config: StoreConfig,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<(Store, crate::LeaseStream), OpenError>;
}

/// A clock that stands still until it is told to move.
pub struct ManualClock {
    ms: AtomicI64,
    us: AtomicU64,
}

/// When every story begins: 2026-11-21T08:00:00Z.
pub const START: Timestamp = Timestamp(1_795_248_000_000);

impl Default for ManualClock {
    fn default() -> Self {
        ManualClock { ms: AtomicI64::new(START.0), us: AtomicU64::new(1) }
    }
}
impl ManualClock {
    pub fn advance(&self, by: Duration) {
        self.ms.fetch_add(by.as_millis() as i64, SeqCst);
        self.us.fetch_add(by.as_micros() as u64, SeqCst);
    }
    /// The wall clock alone is set, as an operator or NTP does.
    pub fn set(&self, t: Timestamp) {
        self.ms.store(t.0, SeqCst);
    }
}
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.ms.load(SeqCst))
    }
    fn monotonic_us(&self) -> u64 {
        self.us.load(SeqCst)
    }
}

/// The same numbers in each run (splitmix64).
pub struct SeededRng(AtomicU64);
impl SeededRng {
    pub fn new(seed: u64) -> Self {
        SeededRng(AtomicU64::new(seed))
    }
}
impl Rng for SeededRng {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, SeqCst);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Generous limits; a story that needs a tight one sets it.
pub fn config() -> StoreConfig {
    const DAY: Duration = Duration::from_secs(86_400);
    StoreConfig {
        path: Default::default(),
        codec: IdCodec::new([7; 16]),
        lane_capacity: 1000,
        memory_in_flight: 64 << 20,
        idempotency_window: 10_000,
        idempotency_retention: Duration::from_secs(12 * 3600),
        payload_retention: 30 * DAY,
        message_retention: 90 * DAY,
        attempt_retention: 90 * DAY,
        request_retention: 90 * DAY,
        first_seen_retention: 365 * DAY,
        dedup_window_keys: 10_000,
        visitors_remembered: 10_000,
        link_cache: 10_000,
        stat_minute_retention: 400 * DAY,
        session_lifetime: Duration::from_secs(14 * 86_400),
        audit_retention: Duration::from_secs(400 * 86_400),
        endpoint_disable_after: 5 * DAY,
        tail_rows_per_second: 1000,
        disk_reserve: 0,
        vfs: None,
    }
}

/// Every story, as tests of a backend: `suite!(fixture())`.
macro_rules! suite {
    ($fixture:expr) => {
        suite! { @ $fixture;
            applications:
                an_application_is_found_by_id_and_uid_in_its_own_organisation,
                a_taken_uid_is_a_conflict_or_the_one_that_has_it,
                put_creates_by_uid_and_replaces_everything,
                patch_keeps_what_it_leaves_out_and_clears_what_it_nulls,
                a_new_uid_names_the_application_at_once,
                a_deleted_application_is_gone_at_once_and_its_rows_in_slices,
                a_restart_in_the_middle_of_a_deletion_leaves_nothing_behind,
                an_organisation_has_one_hidden_application_for_operational_webhooks,
                a_revoked_token_stays_revoked;
            endpoints:
                an_endpoint_keeps_what_it_was_given,
                a_taken_endpoint_uid_is_a_conflict_in_its_application,
                put_endpoint_creates_by_uid_and_replaces_everything,
                a_change_is_seen_by_the_very_next_message,
                a_lease_can_be_checked_against_the_present_configuration,
                an_attempt_names_the_url_that_it_used,
                a_rotated_secret_signs_until_it_expires,
                headers_change_only_from_what_was_read,
                a_disabled_endpoint_keeps_its_queue_and_gets_nothing_new,
                a_deleted_endpoint_is_gone_at_once_and_its_queue_in_slices,
                leases_of_a_reaped_endpoint_are_forgotten_at_the_next_start,
                statistics_count_settled_deliveries_by_the_hour;
            event_types:
                an_event_type_keeps_what_it_was_given,
                a_taken_name_is_a_conflict_and_an_archived_one_is_revived,
                put_replaces_and_patch_keeps_what_it_leaves_out,
                the_first_unknown_name_is_told;
            accept:
                a_message_is_on_disk_as_it_came,
                ids_grow_while_the_clock_stands_still_or_is_set_back,
                a_message_goes_to_each_endpoint_that_takes_its_type_and_channel,
                a_message_for_one_endpoint_goes_there_whatever_it_takes,
                a_batch_is_answered_one_by_one_and_a_refused_message_leaves_the_others,
                an_sdk_made_key_brings_one_message_in_one_batch_later_and_over_a_restart,
                the_window_of_sdk_made_keys_is_bounded_and_never_wrong,
                a_chosen_key_is_remembered_until_it_expires_whatever_happens,
                many_requests_with_one_sdk_made_key_at_once_are_one_message,
                many_requests_with_one_chosen_key_at_once_are_one_message,
                a_kept_answer_is_given_until_it_expires,
                a_message_routed_before_its_endpoint_was_deleted_leaves_nothing_behind,
                below_the_disk_reserve_messages_are_refused_and_everything_else_goes_on;
            leases:
                a_delivery_is_born_leased_with_all_that_an_attempt_needs,
                a_delivered_message_has_its_attempt_and_nothing_else,
                a_retry_comes_when_it_is_due_and_not_before,
                each_way_to_settle_leaves_its_own_state,
                a_lost_lease_keeps_the_attempt_and_changes_nothing_else,
                a_resend_is_a_delivery_of_its_own,
                what_cannot_be_sent_again_says_so,
                a_forced_resend_goes_to_a_disabled_endpoint,
                a_waiting_delivery_whose_content_is_deleted_becomes_dead,
                an_attempt_that_noted_nothing_has_no_detail,
                the_content_of_an_attempt_can_be_deleted;
            lanes:
                what_finds_its_lane_full_waits_on_disk_until_room_returns,
                half_a_lane_stays_for_new_messages_while_a_backlog_drains,
                a_full_lane_is_nobody_elses_business,
                a_message_for_later_waits_for_its_time,
                work_that_is_due_sooner_than_what_is_known_wakes_its_lane,
                memory_in_flight_is_bounded_and_everything_arrives,
                a_payload_larger_than_the_memory_limit_is_delivered_alone,
                the_engine_can_narrow_a_lane_and_hold_it,
                enabling_an_endpoint_opens_its_lane_again,
                many_lanes_with_backlogs_are_all_served,
                an_idle_store_writes_nothing;
            failing:
                an_endpoint_that_only_failed_for_days_is_disabled,
                one_success_ends_the_failing,
                failing_and_working_in_one_transaction_ends_with_the_last,
                gone_disables_at_once,
                a_hook_that_is_gone_is_deleted,
                a_hook_is_not_deleted_for_what_its_old_target_said,
                with_zero_days_no_endpoint_is_disabled_for_failing;
            first_per:
                of_sixty_four_first_messages_at_once_one_is_delivered,
                each_value_is_delivered_once_and_over_a_restart,
                a_message_without_the_value_is_delivered_each_time,
                only_messages_that_an_endpoint_takes_count,
                endpoints_with_paths_of_their_own_each_see_their_first,
                another_path_forgets_what_was_seen,
                a_value_is_forgotten_after_its_retention,
                what_is_undone_was_not_seen,
                what_is_sent_by_hand_is_sent,
                a_replayed_request_reaches_who_has_seen_it;
            operational:
                changes_of_endpoints_are_told,
                an_organisation_that_does_not_listen_costs_nothing,
                a_failing_delivery_is_told_after_four_attempts_and_at_its_end,
                a_recovery_is_told,
                a_disabled_endpoint_is_told_with_its_reason,
                a_hook_that_is_gone_is_told_as_deleted,
                a_failing_listener_is_not_told_about_itself,
                a_finished_task_is_told;
            lists:
                applications_and_endpoints_are_walked_both_ways,
                event_types_are_walked_by_name,
                tasks_and_destinations_are_walked_both_ways,
                messages_are_walked_newest_first_and_filtered,
                attempts_are_walked_newest_first_and_filtered,
                attempts_of_a_message_are_walked_newest_first,
                a_rare_match_is_found_in_short_pages_both_ways,
                attempted_messages_are_filtered_by_status,
                an_unknown_owner_has_no_list;
            tasks:
                recover_brings_dead_deliveries_back_as_new_ones,
                a_task_moves_a_bounded_slice_at_a_time,
                every_dead_delivery_of_one_message_is_brought_back,
                messages_without_content_are_not_replayed,
                a_task_keeps_to_its_window,
                replay_creates_what_the_endpoint_never_saw,
                what_is_replayed_before_its_time_waits_for_it,
                messages_of_the_same_moment_are_in_the_window,
                a_recovered_delivery_without_content_dies_again,
                tasks_are_listed_newest_first_and_belong_to_an_organisation,
                a_task_of_a_deleted_endpoint_ends;
            paused:
                a_paused_endpoint_queues_everything_and_gets_it_in_order_when_it_is_resumed,
                what_was_leased_before_a_pause_waits_on_disk_when_it_is_given_back,
                pausing_twice_keeps_the_time_of_the_first_and_a_put_without_it_changes_nothing,
                a_resend_to_a_paused_endpoint_is_refused_unless_it_is_forced,
                the_time_of_a_pause_does_not_count_as_failing,
                an_endpoint_that_began_to_fail_while_it_was_paused_fails_since_it_was_resumed,
                a_disabled_endpoint_that_is_paused_gets_nothing_until_it_is_both_enabled_and_resumed,
                a_late_gone_from_the_old_url_leaves_the_new_one_enabled;
            replays:
                each_kind_of_replay_takes_its_own_messages_and_its_estimate_says_so,
                a_filter_takes_what_matches_all_of_it,
                a_task_makes_no_more_in_a_second_than_its_speed,
                a_paused_task_makes_nothing_until_it_is_resumed_and_a_canceled_one_nothing_more,
                several_tasks_go_on_side_by_side,
                a_report_tells_what_became_of_each_delivery,
                a_report_is_walked_both_ways_and_expires_with_its_task,
                everything_brings_one_delivery_for_each_message_whatever_it_left,
                tasks_of_an_application_are_its_own;
            tail:
                who_watches_sees_messages_attempts_and_requests_in_order,
                a_tail_is_of_one_organisation_or_of_one_application,
                who_comes_back_goes_on_where_he_was,
                more_than_its_share_is_counted_and_failures_are_preferred,
                who_is_late_is_told_that_he_missed_something,
                what_is_undone_is_not_seen;
            retention:
                payloads_go_before_messages_and_messages_before_nothing_is_left,
                a_message_can_ask_for_a_shorter_life_of_its_payload,
                what_is_not_delivered_is_never_deleted,
                a_dead_letter_of_a_message_that_is_kept_is_kept,
                a_sweep_deletes_a_bounded_slice_at_a_time,
                a_quiet_sweep_rests,
                finished_tasks_and_urls_of_gone_endpoints_go_too;
            sources:
                a_source_keeps_what_it_was_given,
                a_source_belongs_to_its_organisation,
                a_taken_source_uid_is_a_conflict,
                put_source_creates_by_uid_and_replaces_everything,
                patch_source_keeps_what_it_leaves_out_and_clears_what_it_nulls,
                a_share_token_opens_its_source_until_it_is_cleared,
                sources_and_bins_are_lists_of_their_own,
                the_configuration_of_a_source_changes_only_from_what_was_read,
                an_old_url_works_until_it_expires,
                a_source_has_at_most_three_old_urls,
                the_hot_path_sees_a_change_at_once_and_the_same_route_between,
                a_deleted_source_is_gone_at_once,
                expired_sources_are_deleted_a_bounded_slice_at_a_time,
                the_application_of_a_source_is_in_no_list_and_goes_only_with_it,
                numbers_of_sources_grow_over_a_restart_although_the_clock_was_set_back;
            links:
                a_link_keeps_what_it_was_given,
                a_link_belongs_to_its_organisation_and_its_slug_to_nobody_else,
                an_organisation_has_one_application_for_its_links_and_forms,
                a_link_is_only_of_an_ordinary_application_of_its_organisation,
                patch_link_keeps_what_it_leaves_out_and_clears_what_it_nulls,
                a_redirect_sees_a_change_at_once_and_the_same_route_between,
                more_links_than_fit_in_memory_are_all_found,
                links_are_in_memory_ahead_of_their_redirects_as_far_as_there_is_room,
                links_are_walked_both_ways_and_filtered,
                a_rare_tag_is_found_in_bounded_steps,
                links_go_with_their_application,
                numbers_of_links_grow_over_a_restart_although_the_clock_was_set_back;
            forms:
                a_form_keeps_what_it_was_given,
                a_form_belongs_to_its_organisation,
                patch_form_keeps_what_it_leaves_out,
                a_submission_sees_a_change_at_once,
                forms_are_walked_both_ways,
                forms_go_with_their_application;
            imports:
                good_rows_become_links_and_bad_ones_are_told_by_line,
                a_taken_slug_is_told_with_who_has_it,
                a_random_slug_is_as_short_as_is_free,
                a_line_is_dealt_with_once,
                a_stopped_import_goes_on_and_a_finished_one_does_not,
                an_import_belongs_to_its_organisation,
                imports_are_walked_both_ways,
                only_the_first_errors_of_an_import_are_kept_and_all_are_counted,
                an_import_and_its_errors_expire;
            pull:
                messages_are_pulled_oldest_first_from_where_one_left_off,
                a_rare_message_is_pulled_in_bounded_steps,
                pulled_messages_are_filtered,
                large_messages_are_pulled_a_few_at_a_time,
                a_consumer_stands_where_it_was_set;
            watch:
                a_message_wakes_those_who_watch_its_application,
                a_watch_of_many_topics_is_woken_by_each,
                everybody_who_waits_is_woken,
                those_who_watch_a_source_are_woken_when_it_is_deleted,
                a_watch_that_begins_while_a_transaction_runs_is_woken_by_its_commit,
                a_refused_message_wakes_nobody;
            receive:
                a_request_is_on_disk_as_it_came_and_its_message_goes_out_as_it_came,
                a_body_that_is_no_message_of_its_own_is_kept_with_the_request,
                sixty_four_copies_at_once_are_one_message,
                a_duplicate_gets_the_first_answer_and_is_counted,
                a_batch_keeps_only_the_events_that_are_new,
                an_event_is_known_when_all_its_keys_are,
                an_event_without_keys_is_always_new,
                keys_belong_to_their_source,
                a_key_is_forgotten_after_its_window,
                keys_are_remembered_over_restarts_whether_merged_or_not,
                what_is_refused_makes_nothing_and_registers_nothing,
                what_is_held_registers_its_keys_and_makes_nothing,
                without_a_route_keys_count_and_nothing_is_made,
                a_delivery_read_from_disk_passes_through_all_the_same,
                a_source_that_is_gone_gets_nothing,
                below_the_disk_reserve_requests_are_refused,
                only_new_messages_of_requests_are_counted;
            requests:
                requests_are_walked_both_ways_and_filtered,
                requests_of_several_sources_are_followed_in_order,
                a_refused_request_is_accepted_by_hand,
                a_held_request_is_released_once,
                an_accepted_request_is_replayed_past_its_keys,
                keys_accepted_by_hand_count_after_a_restart,
                held_requests_wait_for_their_source,
                a_deleted_request_takes_its_keys_along,
                requests_expire_with_their_keys_unless_they_are_needed,
                the_newest_requests_of_a_source_are_kept,
                a_deleted_source_leaves_nothing_in_slices,
                a_body_goes_with_its_message;
            own_events:
                an_event_is_a_message_of_its_application_with_its_deliveries,
                an_event_read_back_from_disk_is_sent_as_it_was,
                clicks_return_at_once_and_are_on_disk_when_the_store_is_closed,
                of_sixty_four_first_clicks_at_once_one_is_the_first,
                a_bots_click_is_nobodys_first_and_no_visitor,
                a_conversion_is_first_among_conversions,
                an_event_id_brings_one_event_in_its_application,
                what_is_refused_writes_nothing,
                a_visitor_counts_once_a_day,
                what_happened_once_is_known_after_a_restart,
                visitors_are_remembered_as_far_as_memory_allows,
                values_are_counted_of_people_and_cut,
                a_dimension_has_two_hundred_values_a_day,
                figures_are_exact_to_the_minute,
                minutes_that_expired_are_known_by_the_hour_and_by_the_day,
                own_events_are_listed_newest_first,
                large_events_are_listed_a_few_at_a_time,
                files_live_as_long_as_the_content_of_their_message,
                events_expire_with_other_messages_and_figures_stay,
                a_salt_lasts_a_day_and_is_the_same_for_all,
                below_the_disk_reserve_events_are_refused_and_clicks_lost;
            app_search:
                an_application_is_found_by_what_is_written_of_it,
                applications_are_sorted_by_name_and_by_their_last_message,
                failing_applications_are_found_and_lead_the_list,
                an_event_type_knows_the_endpoints_that_take_it,
                sources_are_counted_by_the_hour_and_by_what_became_of_requests;
            portal:
                tokens_of_an_application_end_together_and_stay_so,
                customers_have_three_inboxes_which_are_bins_that_expire,
                looking_for_an_organisation_makes_none;
            people:
                an_address_is_one_persons_whatever_its_case,
                a_change_keeps_what_it_leaves_out,
                the_last_owner_stays_one,
                of_two_first_owners_at_once_one_is_made,
                a_ticket_is_used_once,
                an_invitation_is_open_until_it_is_used_withdrawn_or_over,
                a_session_lasts_as_long_as_it_is_used,
                sessions_are_closed_one_by_one_all_at_once_and_with_their_person,
                a_new_password_ends_the_other_sessions,
                a_person_has_fifty_sessions_at_most,
                people_are_walked_both_ways;
            keys:
                a_key_is_kept_as_it_was_made,
                a_revoked_key_is_refused_at_once_and_for_ever,
                the_last_use_of_a_key_is_written_once_a_minute,
                keys_are_walked_both_ways,
                a_profile_is_its_organisations_and_survives,
                the_audit_log_is_filtered_by_each_of_its_columns,
                the_audit_log_is_walked_both_ways,
                old_entries_of_the_audit_log_expire;
            figures:
                what_happens_shows_at_once_and_stays,
                figures_are_on_disk_when_the_store_is_closed,
                a_killed_process_loses_what_was_not_written_and_nothing_else,
                an_undone_write_is_not_counted,
                steps_are_minutes_hours_and_days_and_empty_ones_are_there,
                minutes_are_kept_two_days_and_hours_longer,
                an_organisation_sees_its_own_figures,
                event_types_are_counted_by_the_hour,
                types_beyond_some_thousand_in_an_hour_count_as_others,
                requests_are_counted_by_verdict,
                the_queue_is_told_by_lane,
                a_clock_that_was_set_back_holds_no_figures_up;
            issues:
                failures_of_one_kind_are_one_issue,
                a_success_resolves_and_a_failure_opens_again,
                of_what_happens_within_a_second_the_last_counts,
                what_is_muted_stays_muted_until_a_person_opens_it,
                issues_are_filtered_and_walked_both_ways,
                issues_belong_to_their_organisation_and_go_with_their_endpoint;
            search:
                each_filter_finds_what_it_asks_for,
                a_message_with_many_failures_is_found_once_by_the_last,
                messages_of_others_are_not_found,
                a_search_for_something_rare_ends_and_goes_on_from_there,
                hours_without_a_type_are_skipped_and_none_that_had_it,
                recent_payloads_are_the_newest_that_are_kept;
            books:
                whatever_happens_everything_accepted_is_accounted_for;
            restart:
                leases_of_the_last_process_are_due_again,
                everything_queued_is_on_disk_when_close_returns,
                a_closed_store_refuses_and_its_leases_end,
                dropping_the_last_handle_ends_the_store,
                a_second_process_takes_the_leases_over;
        }
    };
    (@ $fixture:expr; $($subject:ident: $($story:ident),* $(,)?;)*) => {$(
        mod $subject {
            #[allow(unused_imports, reason = "a fixture may be anywhere")]
            use super::*;
            $(#[tokio::test]
            async fn $story() {
                crate::contract::$subject::$story(Box::new($fixture)).await
            })*
        }
    )*};
}
pub(crate) use suite;
