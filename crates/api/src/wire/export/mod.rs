//! Exports of captured requests: NDJSON, CSV, HAR and cURL commands.
//!
//! **Invariant:** written row by row into a buffer, so that an export of any length takes the memory of a page; what a
//! stranger sent can't leave the place that it has in the format.

pub(super) mod csv;
pub(crate) mod curl;
mod har;

use super::request::request_out;
use domain::IdCodec;
use store::CapturedRequest;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// One JSON object a line, as the API shows a request.
    Ndjson,
    /// RFC 4180.
    Csv,
    /// HTTP Archive 1.2.
    Har,
    /// A shell script of one command for each request.
    Curl,
}

impl Format {
    pub fn parse(text: &str) -> Option<Format> {
        Some(match text {
            "ndjson" => Format::Ndjson,
            "csv" => Format::Csv,
            "har" => Format::Har,
            "curl" => Format::Curl,
            _ => return None,
        })
    }
    /// The content type.
    pub fn kind(self) -> &'static str {
        match self {
            Format::Ndjson => "application/x-ndjson",
            Format::Csv => "text/csv; charset=utf-8; header=present",
            Format::Har => "application/json",
            Format::Curl => "text/x-shellscript; charset=utf-8",
        }
    }
    pub fn extension(self) -> &'static str {
        match self {
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
            Format::Har => "har",
            Format::Curl => "sh",
        }
    }
}

/// An export that is being written.
pub(crate) struct Export {
    format: Format,
    codec: IdCodec,
    /// The URL that requests came to, without what followed the token.
    url: String,
    rows: u64,
}

impl Export {
    pub fn new(format: Format, codec: IdCodec, url: String) -> Self {
        Export { format, codec, url, rows: 0 }
    }

    /// What stands before all rows.
    pub fn begin(&self, out: &mut Vec<u8>) {
        match self.format {
            Format::Ndjson => {}
            Format::Csv => csv::head(out),
            Format::Har => har::head(out),
            Format::Curl => out.extend_from_slice(b"#!/bin/sh\n"),
        }
    }

    pub fn row(&mut self, request: &CapturedRequest, out: &mut Vec<u8>) {
        let shown = request_out(&self.codec, request, None);
        match self.format {
            Format::Ndjson => {
                json(&shown, out);
                out.push(b'\n');
            }
            Format::Csv => csv::row(&shown, out),
            Format::Har => {
                if self.rows > 0 {
                    out.extend_from_slice(b",\n");
                }
                har::row(&shown, &self.url, out);
            }
            Format::Curl => curl::row(request, &self.url, out),
        }
        self.rows += 1;
    }

    /// What stands after all rows.
    pub fn end(&self, out: &mut Vec<u8>) {
        if self.format == Format::Har {
            out.extend_from_slice(b"\n]}}\n");
        }
    }
}

/// Appends JSON. Our wire types have string keys and no failing fields, and a `Vec` takes all.
fn json<T: serde::Serialize>(value: &T, out: &mut Vec<u8>) {
    if let Err(cause) = serde_json::to_writer(out, value) {
        tracing::error!(%cause, "a row could not be written as JSON");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use domain::{RequestHead, RequestId, SourceId};
    use serde_json::Value;
    use store::Verdict;

    pub(super) fn captured(method: &str, target: &str, headers: &[(&str, &[u8])], body: &[u8]) -> CapturedRequest {
        let remote = "192.0.2.1".parse().unwrap();
        CapturedRequest {
            id: RequestId(7 << 40),
            source: SourceId(6 << 40),
            head: RequestHead::new(method, target, remote, true, headers.iter().copied()).unwrap(),
            verdict: Verdict::Captured,
            status: 200,
            duplicates: 0,
            event_type: None,
            message: None,
            messages: 0,
            body_len: u32::try_from(body.len()).unwrap(),
            body: Some(Bytes::copy_from_slice(body)),
        }
    }

    /// The whole export of these requests.
    pub(super) fn export(format: Format, requests: &[CapturedRequest]) -> String {
        let mut export = Export::new(format, IdCodec::new([1; 16]), "https://hooks.example.com/in/tok".into());
        let mut out = Vec::new();
        export.begin(&mut out);
        requests.iter().for_each(|r| export.row(r, &mut out));
        export.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn ndjson_has_one_object_a_line_whatever_the_body_holds() {
        let requests = [captured("POST", "/a", &[], b"x\ny\r\n\xe2\x80\xa8"), captured("GET", "", &[], b"")];
        let text = export(Format::Ndjson, &requests);
        let lines: Vec<Value> = text.split_terminator('\n').map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(
            (lines.len(), &lines[0]["body"], &lines[1]["method"]),
            (2, &"x\ny\r\n\u{2028}".into(), &"GET".into())
        );
    }

    #[test]
    fn an_export_of_nothing_is_whole() {
        assert_eq!(export(Format::Ndjson, &[]), "");
        assert_eq!(export(Format::Curl, &[]), "#!/bin/sh\n");
        assert_eq!(export(Format::Csv, &[]).lines().count(), 1);
        let har: Value = serde_json::from_str(&export(Format::Har, &[])).unwrap();
        assert_eq!(har["log"]["entries"], serde_json::json!([]));
    }
}
