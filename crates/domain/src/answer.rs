//! Which headers a source's owner may set in the answers to its requests.
//!
//! **Invariant:** one list for the API, which refuses, and for `ingest`, which sends: what is taken is sent.

/// Headers that nobody sets but the server, in order: those of the connection (RFC 9110 section 7.6.1), those that change
/// what a browser does with, or keeps for, the whole host, and our own.
pub const ANSWER_HEADERS_OWNED: [&str; 29] = [
    "accept-ch",
    "alt-svc",
    "cache-control",
    "clear-site-data",
    "connection",
    "content-encoding",
    "content-length",
    "content-security-policy",
    "date",
    "keep-alive",
    "nel",
    "origin-agent-cluster",
    "postrider-request-id",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "public-key-pins",
    "refresh",
    "report-to",
    "reporting-endpoints",
    "service-worker-allowed",
    "set-cookie",
    "set-cookie2",
    "strict-transport-security",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-content-type-options",
];

/// Whether an answer may have this header, by its lower-case name.
pub fn is_answer_header(name: &str) -> bool {
    ANSWER_HEADERS_OWNED.binary_search(&name).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_in_lower_case_and_found_whole() {
        assert!(ANSWER_HEADERS_OWNED.is_sorted());
        assert!(ANSWER_HEADERS_OWNED.iter().all(|name| !is_answer_header(name) && *name == name.to_lowercase()));
        assert!(
            ["content-type", "location", "retry-after", "x-anything", ""].iter().all(|name| is_answer_header(name))
        );
    }
}
