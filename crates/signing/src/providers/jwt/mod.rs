//! Schemes whose signature is a JSON Web Token (RFC 7519) with a hash of the body among its claims.
//!
//! **Invariant:** the algorithm is the configuration's, never the token's; `none` is no algorithm.

use super::ConfigError;
use super::config::Config;
use super::special::Judge;

/// The judge of a JWT scheme, with the keys of a configuration; `None` when `scheme` is none of these.
#[allow(dead_code)]
pub(crate) fn build(_scheme: &str, _config: Config<'_>) -> Option<Result<Box<dyn Judge>, ConfigError>> {
    None
}
