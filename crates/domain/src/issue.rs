//! Issues: what goes wrong between Postrider and a receiver, by kind, with its cause and what mends it.
//!
//! **Invariant:** a kind is read from an attempt as it is recorded (status code, and the explanation that stands in for a
//! response), so that any attempt can be explained, however old. Kinds keep their codes for ever.

use crate::outcome::{Outcome, RefusedRule, Stage, TlsFailure, Unreachable};

/// What kind of failure an attempt was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum IssueKind {
    /// The host name doesn't resolve.
    Dns = 1,
    /// Nobody takes the connection.
    Connect = 2,
    /// No connection within the time.
    ConnectTimeout = 3,
    /// Connected, but no answer within the time.
    ResponseTimeout = 4,
    /// The TLS handshake failed for a reason that has no kind of its own.
    Tls = 5,
    TlsExpired = 6,
    TlsNotYetValid = 7,
    TlsWrongName = 8,
    TlsUntrusted = 9,
    /// The connection ended before an answer.
    Closed = 10,
    /// The answer is no HTTP, or breaks a limit.
    BadResponse = 11,
    Proxy = 12,
    /// 3xx: redirects are not followed.
    Redirect = 13,
    /// 401.
    Unauthorized = 14,
    /// 403.
    Forbidden = 15,
    /// 404.
    NotFound = 16,
    /// 405.
    MethodNotAllowed = 17,
    /// 410: the receiver unsubscribed.
    Gone = 18,
    /// 413.
    PayloadTooLarge = 19,
    /// 429.
    RateLimited = 20,
    /// Any other 4xx.
    ClientError = 21,
    /// 502, 503 or 504: something before the receiver's program answers for it.
    Unavailable = 22,
    /// Any other 5xx.
    ServerError = 23,
    /// The address is not one that this server sends to.
    BlockedAddress = 24,
    HttpsOnly = 25,
    /// The endpoint's secret can't be opened.
    Secret = 26,
    Other = 27,
}

/// A kind in plain words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// A few words.
    pub title: &'static str,
    /// What happened, in a sentence.
    pub cause: &'static str,
    /// What to do about it, in a sentence or two.
    pub fix: &'static str,
}

const TEXTS: &[(IssueKind, &str, Explanation)] = &[
    (
        IssueKind::Dns,
        "dns",
        Explanation {
            title: "The host name does not resolve",
            cause: "The domain in the endpoint's URL has no address: it is misspelt, expired, or its DNS is broken.",
            fix: "Check the spelling of the URL. If it is right, ask the receiver to mend their DNS; waiting messages are retried.",
        },
    ),
    (
        IssueKind::Connect,
        "connect",
        Explanation {
            title: "Connection refused",
            cause: "The host exists, but nothing there takes connections on that port, or a firewall resets them.",
            fix: "Ask the receiver whether their server runs and its firewall lets this server in. Check the port in the URL.",
        },
    ),
    (
        IssueKind::ConnectTimeout,
        "connect-timeout",
        Explanation {
            title: "Timed out while connecting",
            cause: "The host did not answer in time: it is down, overloaded, or a firewall drops packets silently.",
            fix: "Ask the receiver whether their server is up and its firewall allows this server's address.",
        },
    ),
    (
        IssueKind::ResponseTimeout,
        "response-timeout",
        Explanation {
            title: "Timed out while waiting for the answer",
            cause: "The receiver took the request, but did not answer before the deadline.",
            fix: "The receiver should answer 2xx at once and do the work afterwards, for example from a queue.",
        },
    ),
    (
        IssueKind::Tls,
        "tls",
        Explanation {
            title: "TLS: the handshake failed",
            cause: "No secure connection could be made: the receiver's TLS version, ciphers or certificate are not acceptable.",
            fix: "Ask the receiver to check their TLS set-up: TLS 1.2 or newer, and a complete certificate chain.",
        },
    ),
    (
        IssueKind::TlsExpired,
        "tls-expired",
        Explanation {
            title: "TLS: certificate expired",
            cause: "The receiver's certificate is no longer valid.",
            fix: "Ask the receiver to renew their certificate. Waiting messages are retried, and arrive once it is renewed.",
        },
    ),
    (
        IssueKind::TlsNotYetValid,
        "tls-not-yet-valid",
        Explanation {
            title: "TLS: certificate not valid yet",
            cause: "The receiver's certificate begins in the future, or this server's clock is wrong.",
            fix: "Check this server's clock. If it is right, ask the receiver to install a certificate that is valid now.",
        },
    ),
    (
        IssueKind::TlsWrongName,
        "tls-wrong-name",
        Explanation {
            title: "TLS: certificate for another name",
            cause: "The receiver's certificate does not name the host in the endpoint's URL.",
            fix: "Use the host name that the certificate is for, or ask the receiver for one that names this host.",
        },
    ),
    (
        IssueKind::TlsUntrusted,
        "tls-untrusted",
        Explanation {
            title: "TLS: certificate not trusted",
            cause: "The receiver's certificate is self-signed, from a private authority, or its chain is incomplete.",
            fix: "Ask the receiver for the full chain of a public authority. For a private one, set egress-ca-file.",
        },
    ),
    (
        IssueKind::Closed,
        "closed",
        Explanation {
            title: "The connection closed before an answer",
            cause: "The receiver, or something before it, closed the connection without an HTTP response.",
            fix: "Ask the receiver to look for crashes, restarts, or limits of a proxy or load balancer at those times.",
        },
    ),
    (
        IssueKind::BadResponse,
        "bad-response",
        Explanation {
            title: "The answer is not valid HTTP",
            cause: "What came back is no HTTP response, or its head is larger than is accepted.",
            fix: "Check that the URL's port speaks HTTP (and https where the URL says so), and that its headers are not huge.",
        },
    ),
    (
        IssueKind::Proxy,
        "proxy",
        Explanation {
            title: "The proxy failed",
            cause: "The proxy that this server sends through refused or broke the connection.",
            fix: "Check the proxy of this installation, and whether it allows the endpoint's host and port.",
        },
    ),
    (
        IssueKind::Redirect,
        "redirect",
        Explanation {
            title: "Redirected: not followed",
            cause: "The receiver answered with a redirect. Webhooks are not redirected, so that they go only where you said.",
            fix: "Change the endpoint's URL to where it redirects. Often https is missing, www, or a slash at the end.",
        },
    ),
    (
        IssueKind::Unauthorized,
        "unauthorized",
        Explanation {
            title: "401: the receiver refuses our credentials",
            cause: "The receiver wants credentials and got none, or wrong ones; or it fails to verify the signature.",
            fix: "Check the endpoint's custom headers, and that the receiver verifies with this endpoint's current secret.",
        },
    ),
    (
        IssueKind::Forbidden,
        "forbidden",
        Explanation {
            title: "403: the receiver forbids it",
            cause: "The receiver, or a firewall or bot filter before it, does not let this request in.",
            fix: "Ask the receiver to allow this server's address and user agent, and to exempt the path from CSRF checks.",
        },
    ),
    (
        IssueKind::NotFound,
        "not-found",
        Explanation {
            title: "404: nothing at this path",
            cause: "The host answers, but there is nothing at the path in the URL.",
            fix: "Check the path in the endpoint's URL: the route was moved, renamed, or not yet deployed.",
        },
    ),
    (
        IssueKind::MethodNotAllowed,
        "method-not-allowed",
        Explanation {
            title: "405: POST is not allowed",
            cause: "There is something at this URL, but it does not take POST requests.",
            fix: "Check the URL: it may be that of a page. The receiver's route has to accept POST.",
        },
    ),
    (
        IssueKind::Gone,
        "gone",
        Explanation {
            title: "410 Gone: it unsubscribed",
            cause: "The receiver says that this URL will not come back. The endpoint was disabled.",
            fix: "Delete the endpoint, or give it a new URL and enable it again.",
        },
    ),
    (
        IssueKind::PayloadTooLarge,
        "payload-too-large",
        Explanation {
            title: "413: the message is too large",
            cause: "The receiver takes only smaller bodies.",
            fix: "Ask the receiver to raise the limit of their server or proxy, or send smaller messages.",
        },
    ),
    (
        IssueKind::RateLimited,
        "rate-limited",
        Explanation {
            title: "429: too many requests",
            cause: "The receiver takes fewer messages a second than it gets. Sending to it slows down by itself.",
            fix: "Give the endpoint a rate limit that the receiver can take, or ask them to raise theirs.",
        },
    ),
    (
        IssueKind::ClientError,
        "client-error",
        Explanation {
            title: "The receiver rejects the message",
            cause: "The receiver answered with a 4xx: it understood the request and refused it.",
            fix: "Read the response body of the attempt: it often says what is missing. Then mend the receiver, or the message.",
        },
    ),
    (
        IssueKind::Unavailable,
        "unavailable",
        Explanation {
            title: "The receiver is unavailable",
            cause: "502, 503 or 504: a proxy answered, because the program behind it is down, restarting or too slow.",
            fix: "Ask the receiver whether their service is up. Waiting messages are retried; recover those that failed.",
        },
    ),
    (
        IssueKind::ServerError,
        "server-error",
        Explanation {
            title: "The receiver's program fails",
            cause: "The receiver answered with a 5xx: its program broke while handling the message.",
            fix: "Give the receiver the time and the id of an attempt to find in their logs. Recover the messages once it is mended.",
        },
    ),
    (
        IssueKind::BlockedAddress,
        "blocked-address",
        Explanation {
            title: "Private address refused",
            cause: "The URL leads to a private, local or otherwise reserved address, which this server does not send to.",
            fix: "Use a public URL. For a receiver in your own network, allow its subnet with the setting allow-subnets.",
        },
    ),
    (
        IssueKind::HttpsOnly,
        "https-only",
        Explanation {
            title: "Only https is allowed",
            cause: "This installation sends to https URLs alone, and the endpoint's is http.",
            fix: "Change the endpoint's URL to https.",
        },
    ),
    (
        IssueKind::Secret,
        "secret",
        Explanation {
            title: "The endpoint's secret can't be opened",
            cause: "The secret was encrypted with another key than this installation has now.",
            fix: "Restore the secrets file that belongs to this database, or rotate the endpoint's secret.",
        },
    ),
    (
        IssueKind::Other,
        "other",
        Explanation {
            title: "Another failure",
            cause: "The attempt failed in a way that has no name here.",
            fix: "Look at the attempt: its response says what came back.",
        },
    ),
];

impl IssueKind {
    /// Of a failed attempt as it is recorded: its status code (0 for none), and its response, or the explanation that
    /// stands in for it.
    pub fn of_attempt(status_code: u16, response: &[u8]) -> IssueKind {
        match status_code {
            0 => of_explanation(response).unwrap_or(IssueKind::Other),
            401 => IssueKind::Unauthorized,
            403 => IssueKind::Forbidden,
            404 => IssueKind::NotFound,
            405 => IssueKind::MethodNotAllowed,
            410 => IssueKind::Gone,
            413 => IssueKind::PayloadTooLarge,
            429 => IssueKind::RateLimited,
            502..=504 => IssueKind::Unavailable,
            300..=399 => IssueKind::Redirect,
            400..=499 => IssueKind::ClientError,
            500..=599 => IssueKind::ServerError,
            _ => IssueKind::Other,
        }
    }

    /// Of an outcome; `None` for a success.
    pub fn of(outcome: &Outcome) -> Option<IssueKind> {
        Some(match outcome {
            o if o.is_success() => return None,
            Outcome::Responded { status, .. } => IssueKind::of_attempt(*status, b""),
            Outcome::TimedOut { stage: Stage::Resolve | Stage::Connect | Stage::Tls } => IssueKind::ConnectTimeout,
            Outcome::TimedOut { stage: Stage::Response } => IssueKind::ResponseTimeout,
            Outcome::Unreachable { why } => match why {
                Unreachable::Dns => IssueKind::Dns,
                Unreachable::Connect => IssueKind::Connect,
                Unreachable::Tls(TlsFailure::Expired) => IssueKind::TlsExpired,
                Unreachable::Tls(TlsFailure::NotYetValid) => IssueKind::TlsNotYetValid,
                Unreachable::Tls(TlsFailure::WrongName) => IssueKind::TlsWrongName,
                Unreachable::Tls(TlsFailure::Untrusted) => IssueKind::TlsUntrusted,
                Unreachable::Tls(TlsFailure::Other) => IssueKind::Tls,
                Unreachable::Closed => IssueKind::Closed,
                Unreachable::BadResponse => IssueKind::BadResponse,
                Unreachable::Proxy => IssueKind::Proxy,
            },
            Outcome::Refused { rule: RefusedRule::Url | RefusedRule::Address } => IssueKind::BlockedAddress,
            Outcome::Refused { rule: RefusedRule::HttpsOnly } => IssueKind::HttpsOnly,
            Outcome::Refused { rule: RefusedRule::Secret } => IssueKind::Secret,
        })
    }

    pub fn from_code(code: i64) -> Option<IssueKind> {
        IssueKind::all().find(|k| *k as i64 == code)
    }
    pub fn all() -> impl Iterator<Item = IssueKind> {
        TEXTS.iter().map(|(kind, ..)| *kind)
    }
    /// Its name in the API: `tls-expired`.
    pub fn name(self) -> &'static str {
        self.row().1
    }
    pub fn explanation(self) -> Explanation {
        self.row().2
    }

    fn row(self) -> (IssueKind, &'static str, Explanation) {
        const OTHER: (IssueKind, &str, Explanation) =
            (IssueKind::Other, "other", Explanation { title: "Another failure", cause: "", fix: "" });
        TEXTS.iter().find(|(kind, ..)| *kind == self).copied().unwrap_or(OTHER)
    }
}

/// The kind that an explanation was written for.
fn of_explanation(text: &[u8]) -> Option<IssueKind> {
    let explained = |o: &&Outcome| o.explanation().is_some_and(|e| e.as_bytes() == text);
    Outcome::WITHOUT_RESPONSE.iter().find(explained).and_then(IssueKind::of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_kind_is_read_back_from_the_explanation_of_each_outcome() {
        for outcome in Outcome::WITHOUT_RESPONSE {
            let text = outcome.explanation().unwrap();
            assert_eq!(Some(IssueKind::of_attempt(0, text.as_bytes())), IssueKind::of(outcome), "{outcome:?}");
        }
        assert_eq!(IssueKind::of_attempt(0, b"what a receiver would say"), IssueKind::Other);
    }

    #[test]
    fn status_codes_have_their_kinds() {
        for (status, kind) in [
            (301, IssueKind::Redirect),
            (308, IssueKind::Redirect),
            (400, IssueKind::ClientError),
            (401, IssueKind::Unauthorized),
            (410, IssueKind::Gone),
            (429, IssueKind::RateLimited),
            (500, IssueKind::ServerError),
            (503, IssueKind::Unavailable),
            (599, IssueKind::ServerError),
            (103, IssueKind::Other),
        ] {
            assert_eq!(IssueKind::of_attempt(status, b""), kind, "{status}");
        }
        assert_eq!(IssueKind::of(&Outcome::Responded { status: 204, retry_after: None }), None);
    }

    #[test]
    fn each_kind_has_a_code_a_name_and_an_explanation_of_its_own() {
        let codes: BTreeSet<u8> = IssueKind::all().map(|k| k as u8).collect();
        let names: BTreeSet<&str> = IssueKind::all().map(IssueKind::name).collect();
        assert_eq!((codes.len(), names.len()), (27, 27));
        for kind in IssueKind::all() {
            assert_eq!(IssueKind::from_code(kind as i64), Some(kind));
            let Explanation { title, cause, fix } = kind.explanation();
            assert!(title.len() > 5 && cause.ends_with('.') && fix.ends_with('.'), "{kind:?}");
        }
        assert_eq!(IssueKind::from_code(0), None);
    }
}
