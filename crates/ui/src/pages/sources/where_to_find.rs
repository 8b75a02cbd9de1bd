//! Where a provider shows the secret that it signs with.
//!
//! From the providers' own pages, which the table of providers links. **Invariant:** says nothing of providers that it
//! doesn't know.

/// Empty for a provider that it knows nothing of: then its page is linked alone.
pub(super) fn secret(provider: &str) -> &'static str {
    match provider {
        "stripe" => {
            "In Stripe's dashboard: Developers, Webhooks, choose the endpoint (or add it with the URL of the next step), \
             Signing secret, Reveal. It begins with whsec_. Test and live mode have different ones."
        }
        "github" => {
            "You choose it yourself: in the repository or organisation, Settings, Webhooks, Add webhook, Secret. Take the \
             content type application/json there. Any long random text will do; write the same here."
        }
        "gitlab" => "You choose it yourself: in the project, Settings, Webhooks, Secret token. Write the same here.",
        "shopify" => {
            "In Shopify's admin: Settings, Notifications, Webhooks; the text below the list says what they are signed with. \
             For webhooks of an app it is the app's client secret."
        }
        "slack" => "At api.slack.com/apps: your app, Basic Information, App Credentials, Signing Secret.",
        "twilio" => "In Twilio's console, on its first page: Account Info, Auth Token.",
        "typeform" => "You choose it yourself: in the form, Connect, Webhooks, Edit, Secret. Write the same here.",
        "discord" => "In Discord's developer portal: your application, General Information, Public Key.",
        "paddle" => "In Paddle: Developer tools, Notifications, the destination's menu, Edit destination, Secret key.",
        "square" => "In Square's developer console: your application, Webhooks, Subscriptions, Signature key.",
        "zoom" => "In Zoom's app marketplace: your app, Feature, Access, Secret Token.",
        "linear" => "In Linear: Settings, API, Webhooks, the webhook, Signing secret.",
        "intercom" => "In Intercom's developer hub: your app, Basic information, Client secret.",
        "hubspot" => {
            "In HubSpot: Settings, Integrations, Private Apps (or your developer account's app), Auth, Client secret."
        }
        "woocommerce" => "In WooCommerce: Settings, Advanced, Webhooks, the webhook, Secret. You may choose it.",
        "calendly" => "The signing key that you gave when the webhook subscription was made by Calendly's API.",
        "sendgrid" => "In SendGrid: Settings, Mail Settings, Event Webhook, Signed Event Webhook, Verification Key.",
        "clerk" | "resend" | "svix" | "standard-webhooks" => {
            "On the page of the endpoint, under Signing Secret. It begins with whsec_."
        }
        "vercel" => {
            "Shown once, when the webhook is made: Team settings, Webhooks. For integrations it is the client secret."
        }
        "sentry" => "In Sentry: Settings, Custom Integrations, your integration, Client Secret.",
        "telegram" => "You choose it yourself: it is secret_token in the call of setWebhook.",
        "meta" => "In Meta's app dashboard: App settings, Basic, App secret.",
        _ => "",
    }
}
