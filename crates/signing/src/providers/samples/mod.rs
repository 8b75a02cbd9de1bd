//! Realistic events of providers, for `postrider trigger` and for simulating what a source receives.
//!
//! The shapes follow each provider's documentation; `{{id}}`, `{{now_s}}`, `{{now_ms}}` and `{{now_iso}}` are filled in.
//!
//! **Invariant:** nobody's real data.

use jiff::Timestamp;
use serde_json::json;

/// One event.
pub struct Sample {
    /// The provider's name, as in a source's `type`.
    pub provider: &'static str,
    /// As the provider calls it.
    pub event: &'static str,
    pub content_type: &'static str,
    template: &'static str,
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

macro_rules! samples {
    ($($provider:literal $event:literal $content_type:ident $file:literal;)*) => {
        &[$(Sample { provider: $provider, event: $event, content_type: $content_type, template: include_str!($file) }),*]
    };
}

/// By provider; the first of each is its default.
pub const SAMPLES: &[Sample] = samples! {
    "calendly" "invitee.created" JSON "calendly_invitee_created.json";
    "clerk" "user.created" JSON "clerk_user_created.json";
    "github" "push" JSON "github_push.json";
    "github" "issues" JSON "github_issues.json";
    "github" "pull_request" JSON "github_pull_request.json";
    "github" "ping" JSON "github_ping.json";
    "gitlab" "Push Hook" JSON "gitlab_push.json";
    "hubspot" "contact.creation" JSON "hubspot_contact_creation.json";
    "intercom" "conversation.user.created" JSON "intercom_conversation.json";
    "linear" "Issue" JSON "linear_issue.json";
    "paddle" "transaction.completed" JSON "paddle_transaction.json";
    "pagerduty" "incident.triggered" JSON "pagerduty_incident.json";
    "resend" "email.delivered" JSON "resend_email_delivered.json";
    "shopify" "orders/create" JSON "shopify_order.json";
    "slack" "app_mention" JSON "slack_app_mention.json";
    "slack" "url_verification" JSON "slack_url_verification.json";
    "square" "payment.updated" JSON "square_payment.json";
    "standard-webhooks" "user.created" JSON "standard_webhooks.json";
    "stripe" "invoice.paid" JSON "stripe_invoice_paid.json";
    "stripe" "payment_intent.succeeded" JSON "stripe_payment_intent.json";
    "stripe" "checkout.session.completed" JSON "stripe_checkout.json";
    "twilio" "message" FORM "twilio_message.txt";
    "typeform" "form_response" JSON "typeform_response.json";
    "zoom" "meeting.started" JSON "zoom_meeting_started.json";
};

impl Sample {
    /// The sample with this name, or the provider's first.
    pub fn find(provider: &str, event: Option<&str>) -> Option<&'static Sample> {
        SAMPLES.iter().find(|s| s.provider == provider && event.is_none_or(|event| s.event == event))
    }

    /// The samples of a provider, by its own name.
    pub fn of(provider: &str) -> impl Iterator<Item = &'static Sample> {
        SAMPLES.iter().filter(move |sample| sample.provider == provider)
    }

    /// The body of one event that happens at `now_ms` (Unix milliseconds).
    pub fn body(&self, id: &str, now_ms: i64) -> String {
        self.template
            .trim_end()
            .replace("{{id}}", id)
            .replace("{{now_s}}", &now_ms.div_euclid(1000).to_string())
            .replace("{{now_ms}}", &now_ms.to_string())
            .replace("{{now_iso}}", &iso(now_ms))
    }
}

/// The body of an event of which there is no sample: what any JSON webhook may look like.
pub fn plain(event_type: &str, id: &str, now_ms: i64) -> String {
    let data = json!({"message": "An example, sent by Postrider"});
    json!({"id": id, "type": event_type, "timestamp": iso(now_ms), "data": data}).to_string()
}

/// RFC 3339 with milliseconds; empty beyond the years that jiff knows.
fn iso(now_ms: i64) -> String {
    Timestamp::from_millisecond(now_ms).map(|at| format!("{at:.3}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sample_is_complete_and_well_formed() {
        for sample in SAMPLES {
            let body = sample.body("abc123", 1_800_000_000_000);
            assert!(!body.contains("{{"), "{} {}", sample.provider, sample.event);
            assert!(body.contains("abc123"), "{} {}: each event has its own id", sample.provider, sample.event);
            if sample.content_type == JSON {
                serde_json::from_str::<serde_json::Value>(&body).unwrap();
            }
        }
    }

    #[test]
    fn times_are_written_in_milliseconds() {
        assert_eq!(iso(1_800_000_000_000), "2027-01-15T08:00:00.000Z");
        let plain: serde_json::Value = serde_json::from_str(&plain("a\"b", "1", 1_800_000_000_001)).unwrap();
        assert_eq!(
            (plain["type"].as_str(), plain["timestamp"].as_str()),
            (Some("a\"b"), Some("2027-01-15T08:00:00.001Z"))
        );
    }

    #[test]
    fn a_provider_without_an_event_gives_its_first() {
        assert_eq!(Sample::find("github", None).unwrap().event, "push");
        assert_eq!(Sample::find("github", Some("issues")).unwrap().event, "issues");
        assert!(Sample::find("github", Some("nothing")).is_none());
    }
}
