//! The formats that a submission comes in, and which of them a request has.
//!
//! **Invariant:** the content type decides; what a form can't be sent as is refused with a text that says what to do.

use super::entry::{Entry, Refusal};
use super::{json, multipart, urlencoded};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

#[derive(Debug, PartialEq)]
pub(super) enum Format {
    Urlencoded,
    Multipart { boundary: String },
    Json,
}

impl Format {
    pub fn of(headers: &HeaderMap) -> Result<Format, Refusal> {
        let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (essence, parameters) = value.split_once(';').unwrap_or((value, ""));
        let essence = essence.trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/x-www-form-urlencoded" => Ok(Format::Urlencoded),
            "application/json" => Ok(Format::Json),
            "multipart/form-data" => Ok(Format::Multipart { boundary: multipart::boundary(parameters)? }),
            "text/plain" => Err(Refusal::unsupported(
                "Forms with enctype text/plain can't be read reliably: leave the enctype out, or use multipart/form-data",
            )),
            _ => Err(Refusal::unsupported(
                "A submission is application/x-www-form-urlencoded, multipart/form-data or application/json",
            )),
        }
    }

    /// The fields of a body, as they were sent.
    pub fn read(&self, body: &Bytes, fields_max: usize) -> Result<Vec<Entry>, Refusal> {
        match self {
            Format::Urlencoded => urlencoded::read(body, fields_max),
            Format::Multipart { boundary } => multipart::read(body, boundary, fields_max),
            Format::Json => json::read(body, fields_max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn of(value: &str) -> Result<Format, u16> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_str(value).unwrap())]);
        Format::of(&headers).map_err(|refusal| refusal.problem.status)
    }

    #[test]
    fn a_submission_is_what_its_content_type_says() {
        assert_eq!(of("Application/X-WWW-Form-Urlencoded; charset=utf-8"), Ok(Format::Urlencoded));
        assert_eq!(of("application/json;charset=UTF-8"), Ok(Format::Json));
        assert_eq!(of("multipart/form-data; boundary=x"), Ok(Format::Multipart { boundary: "x".into() }));
        assert_eq!(of("multipart/form-data"), Err(400));
        for other in ["text/plain", "text/plain;charset=UTF-8", "text/html", "multipart/mixed; boundary=x", ""] {
            assert_eq!(of(other), Err(415), "{other}");
        }
        assert_eq!(Format::of(&HeaderMap::new()).unwrap_err().problem.status, 415);
    }
}
