//! What routing needs to know of an application: its endpoints and what each subscribes to.
//!
//! **Invariant:** immutable; a change of configuration makes a new value.

use crate::ids::{AppId, EndpointId, OrgId};
use std::sync::Arc;

/// An application as the hot path sees it.
#[derive(Debug)]
pub struct AppRoute {
    pub org: OrgId,
    pub app: AppId,
    pub uid: Option<Box<str>>,
    /// Messages a second to all endpoints together, or no limit.
    pub throttle_rate: Option<u32>,
    pub endpoints: Vec<Arc<EndpointRoute>>,
}

/// An endpoint as the hot path sees it.
#[derive(Debug)]
pub struct EndpointRoute {
    pub app: AppId,
    pub endpoint: EndpointId,
    pub url: Box<str>,
    /// Counts the changes of `url`, so that an attempt can name the one it used.
    pub url_version: u32,
    pub disabled: bool,
    /// Since when what it is to get waits; `None` while it is served.
    pub paused_at: Option<crate::time::Timestamp>,
    pub subscription: Subscription,
    /// The path in the payload whose values it takes only the first message for, see [`is_payload_path`].
    pub first_per: Option<Box<str>>,
    /// Counts the changes of `first_per`.
    pub first_per_version: u32,
    /// Made by a subscription: a 410 deletes it.
    pub hook: bool,
    /// Messages a second, or no limit.
    pub throttle_rate: Option<u32>,
    /// The application's own limit, shared by its endpoints.
    pub app_throttle_rate: Option<u32>,
    /// Sealed JSON object of header name to value; empty when there are none.
    pub headers_sealed: Box<[u8]>,
    /// Sealed secrets, current first, then old ones with the time when they expire.
    pub secrets: Vec<SealedSecret>,
}

/// One secret of an endpoint, encrypted.
#[derive(Clone, Debug)]
pub struct SealedSecret {
    pub sealed: Box<[u8]>,
    /// Unix milliseconds after which it signs no more; `None` for the current one.
    pub expires_at: Option<crate::time::Timestamp>,
}

/// What binds sealed custom headers to their endpoint, so that a row can't be swapped for another's.
pub fn headers_aad(endpoint: EndpointId) -> [u8; 24] {
    aad(*b"endpoint-headers", endpoint)
}

/// What binds a sealed secret to its endpoint.
pub fn secret_aad(endpoint: EndpointId) -> [u8; 23] {
    aad(*b"endpoint-secret", endpoint)
}

/// `L` is `N` + 8: the label, then the endpoint's number, big-endian.
fn aad<const N: usize, const L: usize>(label: [u8; N], endpoint: EndpointId) -> [u8; L] {
    const { assert!(L == N + 8) };
    let mut bytes = label.into_iter().chain(endpoint.0.to_be_bytes());
    std::array::from_fn(|_| bytes.next().unwrap_or_default())
}

/// Which messages an endpoint takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// `None` takes all event types.
    pub event_types: Option<Box<[Box<str>]>>,
    /// `None` takes all messages; else one channel has to be the message's too.
    pub channels: Option<Box<[Box<str>]>>,
}

impl Subscription {
    pub fn takes<S: AsRef<str>>(&self, event_type: &str, channels: &[S]) -> bool {
        let typed = self.event_types.as_ref().is_none_or(|types| types.iter().any(|t| **t == *event_type));
        typed
            && self
                .channels
                .as_ref()
                .is_none_or(|mine| mine.iter().any(|m| channels.iter().any(|c| c.as_ref() == &**m)))
    }
}

/// Characters and names of a path at most.
const PATH_CHARS_MAX: usize = 256;
const PATH_NAMES_MAX: usize = 16;

/// Whether this is a path into a JSON payload: names of members, or indexes of lists, with dots between: `data.link`,
/// `data.items.0.id`. A member with a dot in its name can't be named. At most 256 characters and 16 names.
pub fn is_payload_path(path: &str) -> bool {
    path.chars().count() <= PATH_CHARS_MAX
        && path.split('.').count() <= PATH_NAMES_MAX
        && path.split('.').all(|name| !name.is_empty())
        && !path.contains(char::is_control)
}

impl AppRoute {
    /// The endpoints that a message goes to. Disabled endpoints take none.
    pub fn matching<'a, S: AsRef<str>>(
        &'a self,
        event_type: &'a str,
        channels: &'a [S],
    ) -> impl Iterator<Item = &'a Arc<EndpointRoute>> {
        self.endpoints.iter().filter(move |e| !e.disabled && e.subscription.takes(event_type, channels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(types: Option<&[&str]>, mine: Option<&[&str]>, event_type: &str, channels: &[&str], want: bool) {
        let own = |l: &[&str]| l.iter().map(|s| Box::from(*s)).collect::<Box<[Box<str>]>>();
        let s = Subscription { event_types: types.map(own), channels: mine.map(own) };
        assert_eq!(s.takes(event_type, channels), want, "{types:?} {mine:?} {event_type} {channels:?}");
    }

    #[test]
    fn sealed_values_are_bound_to_their_kind_and_endpoint() {
        assert_eq!(secret_aad(EndpointId(258)), *b"endpoint-secret\0\0\0\0\0\0\x01\x02");
        assert_eq!(headers_aad(EndpointId(-1)), *b"endpoint-headers\xff\xff\xff\xff\xff\xff\xff\xff");
    }

    #[test]
    fn a_path_is_names_with_dots_between() {
        let long = |n: usize| "x".repeat(n);
        for good in ["a", "data.link", "0", "data.0.id", "ä b", &long(256), &["a"; 16].join(".")] {
            assert!(is_payload_path(good), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", "a\n", "a\0", &long(257), &["a"; 17].join(".")] {
            assert!(!is_payload_path(bad), "{bad}");
        }
    }

    #[test]
    fn an_endpoint_takes_its_event_types_and_channels() {
        check(None, None, "a.b", &[], true);
        check(None, None, "a.b", &["x"], true);
        check(Some(&["a.b"]), None, "a.b", &[], true);
        check(Some(&["a"]), None, "a.b", &[], false);
        check(None, Some(&["x"]), "a", &[], false);
        check(None, Some(&["x", "y"]), "a", &["y"], true);
        check(Some(&["b"]), Some(&["y"]), "a", &["y"], false);
    }
}
