//! Links: redirects, their clicks, and conversions by pixel.
//!
//! **Invariant:** a redirect waits for one look-up, never for the disk; it leads where the link's owner said, and nowhere
//! else.

mod event;
mod pixel;
mod recorder;
mod redirect;

pub(crate) use recorder::Recorder;
#[cfg(test)]
pub(crate) use recorder::Sink;

use crate::answer::Answer;
use bytes::Bytes;
use http::header::ALLOW;
use http::{Method, Response};
use http_body_util::Full;

/// For people: what a short link that leads nowhere shows. Nothing of the request is in it.
macro_rules! page {
    ($title:literal, $text:literal) => {
        concat!(
            "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">",
            "<meta name=\"robots\" content=\"noindex\"><title>",
            $title,
            "</title>\n<h1>",
            $title,
            "</h1>\n<p>",
            $text,
            "</p>\n"
        )
    };
}

const UNKNOWN: &str = page!("Link not found", "There is no link at this address.");
const EXPIRED: &str = page!("Link expired", "This link was valid for a time that is over.");
const NO_METHOD: &str = page!("Method not allowed", "This address can be opened, and nothing else.");

/// Whether a request only wants to see something.
fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn method_not_allowed() -> Response<Full<Bytes>> {
    Answer::page(405, NO_METHOD).with_header(ALLOW, "GET, HEAD").into_response(None)
}
