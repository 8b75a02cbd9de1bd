//! What a multipart form is made of: names and sizes of its parts (RFC 7578), for a person to look at.
//!
//! **Invariant:** reads the body once, keeps none of it, and gives up (`None`) on what it doesn't understand.

use serde::Serialize;

const PARTS_MAX: usize = 100;
const PART_HEAD_MAX: usize = 8 * 1024;

/// One part of a form.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Part {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Bytes of its content.
    pub length: usize,
}

/// The parts of `body`, a form with this content type.
pub(crate) fn parts(content_type: &str, body: &[u8]) -> Option<Vec<Part>> {
    let boundary = parameter(content_type, "boundary").filter(|b| (1..=70).contains(&b.len()))?;
    let opening = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(opening.as_bytes())?;
    let mut out = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(out);
        }
        rest = rest.strip_prefix(b"\r\n")?;
        let head_len = find(rest.get(..rest.len().min(PART_HEAD_MAX))?, b"\r\n\r\n")?;
        let head = std::str::from_utf8(rest.get(..head_len)?).ok()?;
        // The end of the head may be where the next boundary begins: an empty part.
        let content = rest.get(head_len + 2..)?;
        let end = find(content, between.as_bytes())?;
        if out.len() == PARTS_MAX {
            return None;
        }
        out.push(part(head, end.saturating_sub(2))?);
        rest = content.get(end + between.len()..)?;
    }
}

fn part(head: &str, length: usize) -> Option<Part> {
    let value = |name: &str| {
        let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
        lines.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    let disposition = value("content-disposition")?;
    Some(Part {
        name: parameter(disposition, "name")?,
        filename: parameter(disposition, "filename"),
        content_type: value("content-type").map(str::to_owned),
        length,
    })
}

/// A parameter of a header's value, quoted or not.
fn parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let (text, next) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => {
                let end = quoted.find('"')?;
                (quoted.get(..end)?, quoted.get(end + 1..)?)
            }
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after.get(..end)?.trim(), after.get(end..)?)
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(text.to_owned());
        }
        rest = next.trim_start().strip_prefix(';')?;
    }
}

fn find(within: &[u8], wanted: &[u8]) -> Option<usize> {
    within.windows(wanted.len()).position(|w| w == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TYPE: &str = "multipart/form-data; charset=utf-8; boundary=\"b 1\"";

    #[test]
    fn parts_are_named_and_measured() {
        let body = b"--b 1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n12\r\n3\r\n--b 1\r\n\
            content-disposition: form-data; name=f; filename=\"x;y.png\"\r\nContent-Type: image/png\r\n\r\n\r\n--b 1--\r\n";
        let want = [
            Part { name: "a".into(), filename: None, content_type: None, length: 5 },
            Part {
                name: "f".into(),
                filename: Some("x;y.png".into()),
                content_type: Some("image/png".into()),
                length: 0,
            },
        ];
        assert_eq!(parts(TYPE, body).unwrap(), want);
    }

    #[test]
    fn a_form_without_its_end_or_its_boundary_is_given_up() {
        let open = b"--b 1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n123";
        assert_eq!(parts(TYPE, open), None);
        assert_eq!(parts("multipart/form-data", open), None);
        assert_eq!(parts("multipart/form-data; boundary=", open), None);
        assert_eq!(parts(TYPE, b""), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(kind in ".{0,40}", body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parts(&kind, &body);
            let mut begun = b"--b 1\r\n".to_vec();
            begun.extend(body);
            let _ = parts(TYPE, &begun);
        }
    }
}
