//! All about an endpoint that doesn't change from one attempt to the next.
//!
//! The engine prepares one for each version of an endpoint's configuration and keeps it with its lane.
//!
//! **Invariant:** immutable but for what a courier adds once, at the first attempt. Secrets are here in the clear, so
//! there is no `Debug`.

use crate::pool::Destination;
use domain::route::{EndpointRoute, headers_aad, secret_aad};
use domain::target::{TargetError, TargetRules, TargetUrl, is_sender_header};
use domain::{EndpointId, RefusedRule, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use signing::{EndpointSecret, SecretBox, SigningKeys};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use zeroize::Zeroizing;

/// An endpoint, ready to be sent to. Belongs to the courier that made the first attempt with it.
pub struct Target {
    pub(crate) endpoint: EndpointId,
    pub(crate) url: TargetUrl,
    pub(crate) custom_headers: HeaderMap,
    keys: KeyRing,
    pub(crate) wired: OnceLock<Wired>,
}

/// What depends on the courier's configuration: made once, cloned for each attempt.
pub(crate) struct Wired {
    pub(crate) destination: Arc<Destination>,
    /// All headers; the id, timestamp and signature are placeholders to be overwritten.
    pub(crate) headers: HeaderMap,
    /// Origin form, or absolute form for a proxy.
    pub(crate) uri: Uri,
    /// With scheme and authority, as HTTP/2 wants it.
    pub(crate) uri_http2: Uri,
}

impl Target {
    /// Opens the endpoint's secrets and judges its URL. The rule that it returns is what each attempt would come to
    /// until the endpoint or the configuration changes.
    pub fn prepare(route: &EndpointRoute, secrets: &SecretBox, rules: &TargetRules) -> Result<Target, RefusedRule> {
        let url = TargetUrl::parse(&route.url, rules).map_err(|refusal| {
            tracing::debug!(endpoint = route.endpoint.0, ?refusal, "the endpoint's URL is refused");
            match refusal {
                TargetError::HttpsOnly => RefusedRule::HttpsOnly,
                TargetError::Address(_) => RefusedRule::Address,
                _ => RefusedRule::Url,
            }
        })?;
        Ok(Target {
            endpoint: route.endpoint,
            url,
            custom_headers: open_headers(route, secrets)?,
            keys: KeyRing::open(route, secrets)?,
            wired: OnceLock::new(),
        })
    }

    /// A URL that nothing is signed for, and that no endpoint has.
    pub(crate) fn bare(url: TargetUrl) -> Target {
        let keys = KeyRing { expiring: Box::default(), lasting: SigningKeys::new(std::iter::empty()) };
        let (endpoint, custom_headers) = (EndpointId::default(), HeaderMap::new());
        Target { endpoint, url, custom_headers, keys, wired: OnceLock::new() }
    }

    /// The keys that sign at `now`.
    pub(crate) fn keys_at(&self, now: Timestamp) -> &SigningKeys {
        self.keys.at(now)
    }
}

fn open_headers(route: &EndpointRoute, secrets: &SecretBox) -> Result<HeaderMap, RefusedRule> {
    let mut headers = HeaderMap::new();
    if route.headers_sealed.is_empty() {
        return Ok(headers);
    }
    let plain = secrets.open(&route.headers_sealed, &headers_aad(route.endpoint)).map_err(|_| RefusedRule::Secret)?;
    let pairs: BTreeMap<String, String> = serde_json::from_slice(&plain).map_err(|_| RefusedRule::Secret)?;
    for (name, value) in pairs {
        let value = Zeroizing::new(value);
        // The API refuses the sender's own names; what was stored otherwise must not break the framing either.
        let name = HeaderName::from_bytes(name.as_bytes()).ok().filter(|n| !is_sender_header(n.as_str()));
        if let (Some(name), Ok(mut value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    Ok(headers)
}

/// The endpoint's keys, grouped by the time until which each group signs, so that choosing costs a comparison.
struct KeyRing {
    /// Ordered by time. In each the current key is first.
    expiring: Box<[(Timestamp, SigningKeys)]>,
    /// Those that never expire.
    lasting: SigningKeys,
}

impl KeyRing {
    fn open(route: &EndpointRoute, secrets: &SecretBox) -> Result<KeyRing, RefusedRule> {
        let aad = secret_aad(route.endpoint);
        let open = |sealed: &[u8]| {
            let plain = secrets.open(sealed, &aad).ok()?;
            EndpointSecret::parse(std::str::from_utf8(&plain).ok()?).ok()
        };
        let opened = route
            .secrets
            .iter()
            .map(|s| Some((open(&s.sealed)?, s.expires_at)))
            .collect::<Option<Vec<_>>>()
            .ok_or(RefusedRule::Secret)?;
        let signing_until = |until: Option<Timestamp>| {
            let valid = opened.iter().filter(|(_, expiry)| match (expiry, until) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(expiry), Some(until)) => *expiry >= until,
            });
            SigningKeys::new(valid.map(|(secret, _)| secret))
        };
        let mut ends: Vec<Timestamp> = opened.iter().filter_map(|(_, expiry)| *expiry).collect();
        ends.sort_unstable();
        ends.dedup();
        let expiring = ends.into_iter().map(|end| (end, signing_until(Some(end)))).collect();
        Ok(KeyRing { expiring, lasting: signing_until(None) })
    }

    fn at(&self, now: Timestamp) -> &SigningKeys {
        self.expiring.iter().find(|(until, _)| now < *until).map_or(&self.lasting, |(_, keys)| keys)
    }
}
