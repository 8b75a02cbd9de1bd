//! Schemes whose signature is a JSON Web Token (RFC 7519) with a hash of the body among its claims, and two relatives:
//! a detached JSON Web Signature (TrueLayer), and what MessageBird sent before its tokens.
//!
//! `provider` asks [`build`] for the judge of a source.
//!
//! **Invariant:** the algorithms are the configuration's, never the token's choice beyond them; `none` is no algorithm.

mod algorithm;
mod claims;
mod der;
mod key;
mod keys;
mod legacy;
mod schemes;
#[cfg(test)]
mod tests;
mod token;
mod truelayer;

use super::config::Config;
use super::special::Judge;
use super::{ConfigError, Inbound, Materials, Refusal};
use algorithm::Algorithm;
use claims::Rules;
use keys::Keys;
use token::Token;

/// The judge of a JWT scheme, with the keys of a configuration; `None` when `scheme` is none of these.
// Until `provider` asks for it.
#[allow(dead_code)]
pub(crate) fn build(scheme: &str, config: Config<'_>) -> Option<Result<Box<dyn Judge>, ConfigError>> {
    fn boxed(judge: impl Judge + 'static) -> Box<dyn Judge> {
        Box::new(judge)
    }
    Some(match scheme {
        "plaid" => schemes::plaid(config).map(boxed),
        "messagebird" => schemes::messagebird(config).map(boxed),
        "messagebird_legacy" => legacy::MessageBird::new(config).map(boxed),
        "vonage" => schemes::vonage(config).map(boxed),
        "qstash" => schemes::qstash(config).map(boxed),
        "fusionauth" => schemes::fusionauth(config).map(boxed),
        "truelayer" => truelayer::TrueLayer::new(config).map(boxed),
        "jwt" => schemes::generic(config).map(boxed),
        _ => return None,
    })
}

/// Judges requests that carry a token.
struct Bearer {
    /// Its lower-case name.
    header: String,
    /// Whether `Bearer ` stands before the token: it must in `authorization`, and may elsewhere.
    needs_prefix: bool,
    algorithms: Vec<Algorithm>,
    keys: Keys,
    rules: Rules,
}

impl Judge for Bearer {
    /// The signature is judged last: until then nothing is fetched, and no signature costs more than a hash.
    fn judge(&self, request: &Inbound<'_>, materials: &dyn Materials) -> Result<(), Refusal> {
        let value = named(request, &self.header)?;
        let token = match value.split_at_checked(7) {
            Some((word, token)) if word.eq_ignore_ascii_case(b"Bearer ") => token,
            _ if self.needs_prefix => {
                return Err(Refusal::Malformed("the header does not begin with `Bearer `".into()));
            }
            _ => value,
        };
        let token = Token::parse(token)?;
        let algorithm = token.algorithm(&self.algorithms)?;
        self.rules.check(&token.claims()?, request)?;
        self.keys.verify(&token, algorithm, token.signed, materials, request.now_ms)
    }
}

/// The only value of a header by its lower-case name.
fn named<'a>(request: &Inbound<'a>, name: &str) -> Result<&'a [u8], Refusal> {
    request.header_named(name).map_err(|doubled| match doubled {
        Some(()) => Refusal::Doubled(name.to_owned().into()),
        None => Refusal::Missing(name.to_owned().into()),
    })
}
