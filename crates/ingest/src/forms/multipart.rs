//! `multipart/form-data` bodies, read whole and within bounds.
//!
//! **Invariant:** a file's bytes are a part of the body's, not a copy; a body that ends before its closing boundary is
//! refused. Time grows with the length of the body, whatever is in it.
//!
//! Source: RFC 7578, RFC 2046 section 5.1.1, and what browsers send
//! (<https://html.spec.whatwg.org/#multipart-form-data>).

use super::entry::{Entry, Given, Refusal, Upload, check_name, legible, text, too_many};
use super::urlencoded::percent_decoded;
use bytes::Bytes;

/// Bytes of the headers of one part at most.
const HEAD_LEN_MAX: usize = 8_192;
/// RFC 2046 section 5.1.1.
const BOUNDARY_LEN_MAX: usize = 70;
/// Characters of a file's name or content type at most.
const CLAIM_CHARS_MAX: usize = 255;

/// The boundary, of the parameters of the content type.
pub(super) fn boundary(parameters: &str) -> Result<String, Refusal> {
    let text = parameter(parameters, "boundary").ok_or_else(|| bad("has no boundary in its content type"))?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b);
    let fits = (1..=BOUNDARY_LEN_MAX).contains(&text.len()) && text.bytes().all(allowed) && !text.ends_with(' ');
    if fits { Ok(text) } else { Err(bad("has a boundary that is none")) }
}

pub(super) fn read(body: &Bytes, boundary: &str, fields_max: usize) -> Result<Vec<Entry>, Refusal> {
    let delimiter = format!("\r\n--{boundary}");
    let delimiter = delimiter.as_bytes();
    // The first one needs no line end before it; what is before it means nothing.
    let opening = delimiter.get(2..).unwrap_or_default();
    let mut rest = match body.strip_prefix(opening) {
        Some(rest) => rest,
        None => after(body, delimiter).ok_or_else(|| bad("has no part in it"))?.1,
    };
    let mut entries = Vec::new();
    // After the closing boundary nothing means anything.
    while !rest.starts_with(b"--") {
        if entries.len() == fields_max {
            return Err(too_many(fields_max));
        }
        let part = unpadded(rest).strip_prefix(b"\r\n").ok_or_else(|| bad("has a broken boundary"))?;
        // The head is looked for within its bound, so that a body without one costs no more.
        let window = part.get(..HEAD_LEN_MAX.min(part.len())).unwrap_or_default();
        let (head, _) = after(window, b"\r\n\r\n").ok_or_else(|| bad("has a part whose headers don't end"))?;
        let value = part.get(head.len() + 4..).unwrap_or_default();
        let (value, next) = after(value, delimiter).ok_or_else(|| bad("is cut off"))?;
        entries.push(entry(head, value, body)?);
        rest = next;
    }
    Ok(entries)
}

/// Some pad the line of a boundary.
fn unpadded(line: &[u8]) -> &[u8] {
    let blanks = line.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    line.get(blanks..).unwrap_or_default()
}

fn entry(head: &[u8], value: &[u8], body: &Bytes) -> Result<Entry, Refusal> {
    let head = std::str::from_utf8(head).map_err(|_| Refusal::validation("The headers of a part are not UTF-8"))?;
    let header = |wanted: &str| {
        let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
        lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    let disposition = header("content-disposition").ok_or_else(|| bad("has a part without a disposition"))?;
    let (kind, parameters) = disposition.split_once(';').unwrap_or((disposition, ""));
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Err(bad("has a part that is no field"));
    }
    let name = parameter(parameters, "name").ok_or_else(|| bad("has a part without a name"))?;
    check_name(&name)?;
    let plain = parameter(parameters, "filename");
    let Some(file_name) = extended(parameters).or(plain) else {
        let value = text(value.to_vec(), &name)?;
        return Ok(Entry { name, value: Given::Text(value) });
    };
    let content_type = header("content-type").unwrap_or_default();
    let is_legible = !content_type.is_empty() && content_type.bytes().all(|b| (0x20..0x7f).contains(&b));
    let content_type = if is_legible { content_type } else { "application/octet-stream" };
    let upload = Upload {
        name: base_name(&file_name),
        content_type: legible(content_type, CLAIM_CHARS_MAX),
        content: body.slice_ref(value),
    };
    Ok(Entry { name, value: Given::File(upload) })
}

/// `filename*`, which RFC 7578 forbids and some clients send.
fn extended(parameters: &str) -> Option<String> {
    let value = parameter(parameters, "filename*")?;
    let (charset, rest) = value.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    if charset.eq_ignore_ascii_case("utf-8") { percent_decoded(encoded) } else { None }
}

/// A file's name without folders, of whichever system.
fn base_name(claimed: &str) -> String {
    let base = claimed.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    if matches!(base, "." | "..") { String::new() } else { legible(base, CLAIM_CHARS_MAX) }
}

/// A parameter of a header: `; name=value; name="a \"quoted\" value"`.
fn parameter(parameters: &str, wanted: &str) -> Option<String> {
    let mut rest = parameters;
    loop {
        rest = rest.trim_start_matches([';', ' ', '\t']);
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = after.find(';').unwrap_or(after.len());
                let (value, after) = after.split_at_checked(end)?;
                (value.trim().to_owned(), after)
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after;
    }
}

/// The text up to the closing quote, and what follows. A backslash that escapes nothing is a folder's.
fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out.replace("%22", "\""), quoted.get(at + 1..)?)),
            '\\' => match chars.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, escaped)) => out.push(escaped),
                None => out.push('\\'),
            },
            _ => out.push(c),
        }
    }
    None
}

/// What is before and after the first `needle`, which has its first byte nowhere else: so each byte is looked at twice at
/// most.
fn after<'a>(hay: &'a [u8], needle: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let first = needle.first()?;
    let mut from = 0;
    loop {
        let at = from + hay.get(from..)?.iter().position(|b| b == first)?;
        if let Some(tail) = hay.get(at..)?.strip_prefix(needle) {
            return Some((hay.get(..at)?, tail));
        }
        from = at + 1;
    }
}

fn bad(what: &str) -> Refusal {
    Refusal::malformed(format!("The multipart body {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: &[u8]) -> Result<Vec<Entry>, Refusal> {
        read(&Bytes::copy_from_slice(body), "XX", 200)
    }
    fn part(disposition: &str, value: &str) -> String {
        format!("--XX\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{value}\r\n")
    }
    fn field(name: &str, value: &str) -> Entry {
        Entry { name: name.into(), value: Given::Text(value.into()) }
    }
    fn status(body: &str) -> u16 {
        parsed(body.as_bytes()).unwrap_err().problem.status
    }

    #[test]
    fn fields_and_files_are_read_as_browsers_send_them() {
        let body = format!(
            "{}{}--XX\r\ncontent-disposition: form-data; name=\"doc\"; filename=\"C:\\tmp\\a.pdf\"\r\n\
             Content-Type: application/pdf\r\n\r\n%PDF\r\n--X\r\n\0\r\n--XX--\r\nepilogue",
            part("name=\"a\"", "1\r\n2"),
            part("name=\"a\"", ""),
        );
        let upload = Upload {
            name: "a.pdf".into(),
            content_type: "application/pdf".into(),
            content: Bytes::from_static(b"%PDF\r\n--X\r\n\0"),
        };
        let file = Entry { name: "doc".into(), value: Given::File(upload) };
        assert_eq!(parsed(body.as_bytes()), Ok(vec![field("a", "1\r\n2"), field("a", ""), file]));
        assert_eq!(parsed(b"preamble\r\n--XX--"), Ok(vec![]));
        assert_eq!(parsed(b"--XX--"), Ok(vec![]));
        let padded = part("name=\"a\"", "1").replace("--XX\r\n", "--XX \t\r\n") + "--XX--";
        assert_eq!(parsed(padded.as_bytes()), Ok(vec![field("a", "1")]));
    }

    #[test]
    fn the_name_of_a_file_has_no_folders_and_no_tricks() {
        for (disposition, want) in [
            ("filename=\"a b.txt\"", "a b.txt"),
            ("filename=plain.txt", "plain.txt"),
            ("filename=\"../../etc/passwd\"", "passwd"),
            ("filename=\"..\"", ""),
            ("filename=\"a\\\"b%22c.txt\"", "a\"b\"c.txt"),
            ("filename=\"exe\u{202e}gpj.x\"", "exe\u{fffd}gpj.x"),
            ("filename=\"x\"; filename*=UTF-8''na%C3%AFve+1.txt", "naïve+1.txt"),
            ("filename=\"fallback\"; filename*=UTF-8''%ff", "fallback"),
            ("filename=\"\"", ""),
        ] {
            let body = part(&format!("name=f; {disposition}"), "") + "--XX--";
            let entries = parsed(body.as_bytes()).unwrap();
            assert!(matches!(&entries[0].value, Given::File(file) if file.name == want), "{disposition} {entries:?}");
        }
        let long = part(&format!("name=f; filename=\"{}\"", "é".repeat(400)), "") + "--XX--";
        let entries = parsed(long.as_bytes()).unwrap();
        assert!(matches!(&entries[0].value, Given::File(file) if file.name.chars().count() == 255));
    }

    #[test]
    fn what_is_no_multipart_body_is_refused() {
        let good = part("name=\"a\"", "1");
        for bad in [
            "",
            "a=1",
            "--XX",
            "--XX\r\n",
            "--XXY\r\n\r\n",
            good.as_str(),
            &format!("{good}--XX"),
            &format!("{good}--XX\r\n"),
            "--XX\r\n\r\nvalue\r\n--XX--",
            "--XX\r\nContent-Type: text/plain\r\n\r\nvalue\r\n--XX--",
            "--XX\r\nContent-Disposition: form-data\r\n\r\nvalue\r\n--XX--",
            "--XX\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nvalue\r\n--XX--",
            "--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\nvalue\r\n--XX--",
            &format!("--XX\r\nX-Long: {}\r\n\r\nv\r\n--XX--", "x".repeat(HEAD_LEN_MAX)),
            &good.replace("\r\n", "\n"),
        ] {
            assert_eq!(status(bad), 400, "{bad:?}");
        }
        for bad in ["name=\"a\nb\"", "name=\"\"", "name=\"\u{0}\""] {
            assert_eq!(status(&(part(bad, "1") + "--XX--")), 422, "{bad:?}");
        }
        assert_eq!(status(&(good.repeat(201) + "--XX--")), 422);
        assert_eq!(
            parsed(b"--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n\xff\r\n--XX--").unwrap_err().problem.status,
            422
        );
        assert_eq!(
            parsed(b"--XX\r\nContent-Disposition: form-data; name=\xff\r\n\r\n\r\n--XX--").unwrap_err().problem.status,
            422
        );
    }

    #[test]
    fn a_body_of_almost_boundaries_takes_no_longer_than_its_length() {
        let boundary = "-".repeat(BOUNDARY_LEN_MAX);
        let almost = format!("\r\n--{}", "-".repeat(BOUNDARY_LEN_MAX - 1)).repeat(100_000);
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\n{almost}\r\n--{boundary}--"
        );
        let entries = read(&Bytes::from(body), &boundary, 200).unwrap();
        assert!(matches!(&entries[0].value, Given::File(file) if file.content.len() == almost.len()));
    }

    #[test]
    fn a_boundary_is_short_and_plain() {
        assert_eq!(boundary(" boundary=----WebKitFormBoundaryabc").unwrap(), "----WebKitFormBoundaryabc");
        assert_eq!(boundary(" charset=utf-8; Boundary=\"a b\"").unwrap(), "a b");
        for bad in [
            "",
            "boundary=",
            "boundary=\"\"",
            "boundary=\"a",
            "boundary=a\u{e9}",
            &format!("boundary={}", "x".repeat(71)),
        ] {
            assert!(boundary(bad).is_err(), "{bad}");
        }
    }
}
