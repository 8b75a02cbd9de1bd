//! The readers that the schemes share: multipart bodies, strict JSON, distinguished encoding.

use super::super::super::{Inbound, Refusal};
use super::super::{form, json, multipart, rsa, time};

fn parts(content_type: &str, body: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Refusal> {
    let headers = [("content-type", content_type.as_bytes())];
    let request = Inbound { method: "POST", url: "https://a.example/", headers: &headers, body, now_ms: 0 };
    Ok(multipart::read(&request)?.iter().map(|part| (part.name.to_owned(), part.value.to_vec())).collect())
}

const TYPE: &str = "multipart/form-data; boundary=\"a b\"";

#[test]
fn a_multipart_body_is_read_byte_for_byte() {
    let body = b"--X\r\ncontent-disposition: form-data; name=\"one\"\r\n\r\n\r\n--Y\r\n\r\n--X\r\nContent-Type: text/plain\r\n\
        Content-Disposition: Form-Data; name=\"two\"; filename=\"f\"\r\n\r\n\xff\0\r\n--X--";
    let read = parts("Multipart/Form-Data; charset=utf-8; Boundary=X", body).unwrap();
    assert_eq!(read, [("one".into(), b"\r\n--Y\r\n".to_vec()), ("two".into(), b"\xff\0".to_vec())]);
}

#[test]
fn a_broken_multipart_body_is_refused() {
    let part = "Content-Disposition: form-data; name=\"a\"\r\n\r\nv";
    let good = "multipart/form-data; boundary=X";
    for (content_type, body) in [
        (TYPE, String::new()),
        ("multipart/form-data", format!("--X\r\n{part}\r\n--X--")),
        ("multipart/form-data; boundary=", format!("--\r\n{part}\r\n----")),
        ("multipart/form-data; boundary=X; boundary=Y", format!("--X\r\n{part}\r\n--X--")),
        ("multipart/mixed; boundary=X", format!("--X\r\n{part}\r\n--X--")),
        (good, String::new()),
        (good, "--X".into()),
        (good, format!("preamble\r\n--X\r\n{part}\r\n--X--")),
        (good, format!("--X\r\n{part}\r\n--X")),
        (good, format!("--X\r\n{part}\r\n--XY--")),
        (good, format!("--X\r\n{part}")),
        (good, format!("--X\r\n{part}\r\n--X--epilogue")),
        (good, "--X\r\n\r\n\r\nv\r\n--X--".into()),
        (good, "--X\r\nContent-Disposition: form-data\r\n\r\nv\r\n--X--".into()),
        (good, "--X\r\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n--X--".into()),
        (good, "--X\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nv\r\n--X--".into()),
        (good, format!("--X\r\nContent-Disposition: form-data; name=\"b\"\r\n{part}\r\n--X--")),
        (good, format!("--X\r\nA: {}\r\n{part}\r\n--X--", "a".repeat(9000))),
        (good, format!("--X\r\n{part}\r\n").repeat(1001) + "--X--"),
    ] {
        let read = parts(content_type, body.as_bytes());
        assert!(matches!(read, Err(Refusal::Malformed(_))), "{content_type} {body:.120} {read:?}");
    }
}

#[test]
fn json_keeps_its_values_and_refuses_doubled_names() {
    let text = r#"{"a":[1,-2,2.5,true,null,"x\u00e9"],"b":{"a":18446744073709551615}}"#;
    assert_eq!(json::read(text.as_bytes()).unwrap(), serde_json::from_str::<serde_json::Value>(text).unwrap());
    for bad in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#, "{}x", "", "{", "\u{feff}{}"] {
        assert!(matches!(json::read(bad.as_bytes()), Err(Refusal::Malformed(_))), "{bad}");
    }
    assert!(json::read(&b"[".repeat(100_000)).is_err());
}

#[test]
fn form_fields_are_decoded_to_bytes_in_order() {
    let read = form::read(b"a=1&&b=%ff+%2B&=x&c&a=2==").unwrap();
    let want: [(&[u8], &[u8]); 5] = [(b"a", b"1"), (b"b", b"\xff +"), (b"", b"x"), (b"c", b""), (b"a", b"2==")];
    assert!(read.iter().map(|(n, v)| (n.as_slice(), v.as_slice())).eq(want));
}

#[test]
fn lengths_in_distinguished_encoding_have_one_form() {
    let next = |bytes: &[u8]| rsa::Der(bytes).next().map(|(tag, content)| (tag, content.len()));
    assert_eq!(next(&[0x04, 2, 7, 7, 9]), Some((4, 2)));
    assert_eq!(next(&[&[0x04, 0x81, 0x80][..], &[0; 128]].concat()), Some((4, 128)));
    for bad in [&[][..], &[4], &[4, 1], &[4, 0x80], &[4, 0x81, 1, 7], &[4, 0x82, 0, 0x81], &[4, 0x84, 0, 0, 0, 1, 7]] {
        assert_eq!(next(bad), None, "{bad:?}");
    }
}

#[test]
fn numbers_are_plain_digits() {
    assert_eq!(time::digits(b"1760000000"), Some(1_760_000_000));
    for bad in [&b""[..], b"+1", b"-1", b"01", b"1.0", b"1e9", b" 1", b"99999999999999999999"] {
        assert_eq!(time::digits(bad), None);
    }
    assert_eq!(time::check(i64::MIN, i64::MAX, 10, 10).unwrap_err().code(), "timestamp_stale");
    assert_eq!(time::check(i64::MAX, i64::MIN, 10, 10).unwrap_err().code(), "timestamp_future");
}

#[test]
fn a_public_key_is_exactly_its_encoding() {
    // SEQUENCE { SEQUENCE { rsaEncryption, NULL }, BIT STRING of a key }
    let key: &[u8] = &[
        0x30, 0x13, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03,
        0x02, 0x00, 0x07,
    ];
    assert!(rsa::PublicKey::from_spki(key).is_some());
    assert!(rsa::PublicKey::from_spki(&[key, &[0]].concat()).is_none());
    for at in [0, 2, 4, 6, 14, 17, 19] {
        let mut other = key.to_vec();
        other[at] ^= 0x40;
        assert!(rsa::PublicKey::from_spki(&other).is_none(), "byte {at}");
    }
}
