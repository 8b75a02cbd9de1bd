//! Schemes that a table can't say: one module each, with the rule and its source at its head.
//!
//! **Invariant:** [`build`] knows every name that the table marks as special; each judge fails closed.

mod adyen;
mod aws_sns;
mod box_com;
mod braintree;
mod contentful;
mod dropbox_sign;
mod form;
mod json;
mod kudosity;
mod mac;
mod mailgun;
mod mandrill;
mod microsoft_graph;
mod multipart;
mod paddle_classic;
mod paypal;
mod plivo;
mod pusher;
mod rsa;
#[cfg(test)]
mod tests;
mod time;
mod twilio;
mod x509;

use super::config::Config;
use super::{ConfigError, Inbound, Materials, Refusal};

/// A scheme in code, with its keys.
pub(crate) trait Judge: Send + Sync {
    fn judge(&self, request: &Inbound<'_>, materials: &dyn Materials) -> Result<(), Refusal>;
}

/// The judge of a special scheme, with the keys of a configuration.
pub(crate) fn build(scheme: &str, config: Config<'_>) -> Result<Box<dyn Judge>, ConfigError> {
    Ok(match scheme {
        "adyen" => Box::new(adyen::Adyen::new(config)?),
        "aws_sns" => Box::new(aws_sns::AwsSns::new(config)?),
        "box" => Box::new(box_com::BoxCom::new(config)?),
        "braintree" => Box::new(braintree::Braintree::new(config)?),
        "contentful" => Box::new(contentful::Contentful::new(config)?),
        "dropbox_sign" => Box::new(dropbox_sign::DropboxSign::new(config)?),
        "kudosity" => Box::new(kudosity::Kudosity::new(config)?),
        "mailgun" => Box::new(mailgun::Mailgun::new(config)?),
        "mandrill" => Box::new(mandrill::Mandrill::new(config)?),
        "microsoft_graph" => Box::new(microsoft_graph::MicrosoftGraph::new(config)?),
        "paddle_classic" => Box::new(paddle_classic::PaddleClassic::new(config)?),
        "paypal" => Box::new(paypal::PayPal::new(config)?),
        "plivo_v3" => Box::new(plivo::PlivoV3::new(config)?),
        "pusher" => Box::new(pusher::Pusher::new(config)?),
        "twilio" => Box::new(twilio::Twilio::new(config)?),
        _ => return Err(ConfigError::new("type", format!("there is no scheme {scheme}"))),
    })
}
