//! CSV (RFC 4180), to be opened in a spreadsheet.
//!
//! **Invariant:** no cell begins with a character that makes a spreadsheet read a formula (OWASP "CSV Injection"): such
//! a cell gets a `'` before it.

use super::super::request::RequestOut;

const COLUMNS: [&str; 17] = [
    "id",
    "timestamp",
    "method",
    "path",
    "query",
    "remoteAddress",
    "contentType",
    "verdict",
    "reason",
    "status",
    "duplicates",
    "eventType",
    "messageId",
    "bodyLength",
    "headers",
    "body",
    "bodyBase64",
];

pub(super) fn head(out: &mut Vec<u8>) {
    write(COLUMNS.iter().copied(), out);
}

pub(super) fn row(r: &RequestOut<'_>, out: &mut Vec<u8>) {
    let headers = serde_json::to_string(&r.headers).unwrap_or_default();
    let (status, duplicates, length) = (r.status.to_string(), r.duplicates.to_string(), r.body_length.to_string());
    let cells: [&str; COLUMNS.len()] = [
        &r.id,
        &r.timestamp,
        r.method,
        r.path,
        r.query,
        &r.remote_address,
        r.content_type.as_deref().unwrap_or_default(),
        r.verdict,
        r.reason.unwrap_or_default(),
        &status,
        &duplicates,
        r.event_type.unwrap_or_default(),
        r.message_id.as_deref().unwrap_or_default(),
        &length,
        &headers,
        r.body.body.unwrap_or_default(),
        r.body.body_base64.as_deref().unwrap_or_default(),
    ];
    write(cells.into_iter(), out);
}

/// Appends a record.
pub(in crate::wire) fn write<'a>(cells: impl Iterator<Item = &'a str>, out: &mut Vec<u8>) {
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_cell(cell, out);
    }
    out.extend_from_slice(b"\r\n");
}

fn write_cell(cell: &str, out: &mut Vec<u8>) {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if !cell.contains(['"', ',', '\r', '\n']) {
        out.extend_from_slice(guard.as_bytes());
        out.extend_from_slice(cell.as_bytes());
        return;
    }
    out.push(b'"');
    out.extend_from_slice(guard.as_bytes());
    out.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::tests::{captured, export};
    use super::*;

    fn cell(text: &str) -> String {
        let mut out = Vec::new();
        write_cell(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_cell_is_quoted_where_it_must_be_and_is_no_formula() {
        for (text, want) in [
            ("", ""),
            ("a b", "a b"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\nb", "\"a\nb\""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""),
        ] {
            assert_eq!(cell(text), want, "{text:?}");
        }
    }

    #[test]
    fn each_row_has_each_column_and_ends_with_crlf() {
        let headers: [(&str, &[u8]); 1] = [("x-a", b"1")];
        let text = export(Format::Csv, &[captured("POST", "/p", &headers, b"=cmd"), captured("PUT", "", &[], b"\xff")]);
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        assert_eq!((lines.len(), lines[0].split(',').count()), (3, COLUMNS.len()));
        assert!(
            lines[1].contains(",POST,/p,,192.0.2.1,,captured,,200,0,,,4,\"[[\"\"x-a\"\",\"\"1\"\"]]\",'=cmd,"),
            "{}",
            lines[1]
        );
        assert!(lines[2].ends_with(",[],,/w=="), "{}", lines[2]);
    }
}
