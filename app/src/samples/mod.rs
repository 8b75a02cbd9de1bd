//! Realistic events of providers, for `postrider trigger`.
//!
//! The shapes follow each provider's documentation; `{{id}}`, `{{now_s}}`, `{{now_ms}}` and `{{now_iso}}` are filled in.
//!
//! **Invariant:** nobody's real data.

use domain::Timestamp;

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

    /// The body of one event.
    pub fn body(&self, id: &str, now: Timestamp) -> String {
        self.template
            .trim_end()
            .replace("{{id}}", id)
            .replace("{{now_s}}", &now.seconds().to_string())
            .replace("{{now_ms}}", &now.millis().to_string())
            .replace("{{now_iso}}", &now.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sample_is_complete_and_well_formed() {
        for sample in SAMPLES {
            let body = sample.body("abc123", Timestamp(1_800_000_000_000));
            assert!(!body.contains("{{"), "{} {}", sample.provider, sample.event);
            assert!(body.contains("abc123"), "{} {}: each event has its own id", sample.provider, sample.event);
            if sample.content_type == JSON {
                serde_json::from_str::<serde_json::Value>(&body).unwrap();
            }
        }
    }

    #[test]
    fn a_provider_without_an_event_gives_its_first() {
        assert_eq!(Sample::find("github", None).unwrap().event, "push");
        assert_eq!(Sample::find("github", Some("issues")).unwrap().event, "issues");
        assert!(Sample::find("github", Some("nothing")).is_none());
    }
}
