//! A message as a cURL command that an endpoint takes: with a signature of now.
//!
//! The API makes it (`.../msg/{msg}/endpoint/{endpoint}/request`), so that secrets stay there. **Invariant:** the command is text:
//! show it escaped, and put it on the clipboard as it is.

use crate::call::Call;
use crate::fault::Fault;
use http::Method;

/// The command that sends the message to the endpoint again, by hand, signed at this moment (receivers take it for some minutes).
/// Each is an id or a uid. Values of sensitive custom headers are left out, and the command says so. Refused when the payload
/// expired.
pub(crate) async fn of_message(call: &Call, app: &str, message: &str, endpoint: &str) -> Result<String, Fault> {
    let [app, message, endpoint] = [app, message, endpoint].map(path_part);
    let path = format!("/api/v1/app/{app}/msg/{message}/endpoint/{endpoint}/request");
    let answer = call.api(Method::GET, &path, None).await?;
    Ok(answer.get("curl").and_then(|curl| curl.as_str()).unwrap_or_default().to_owned())
}

/// Text as one segment of a path: everything but RFC 3986's unreserved characters is percent-encoded.
pub(crate) fn path_part(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => {
                use std::fmt::Write as _;
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_path_stays_one() {
        assert_eq!(path_part("invoice.paid"), "invoice.paid");
        assert_eq!(path_part("a/../b?c#d é"), "a%2F..%2Fb%3Fc%23d%20%C3%A9");
    }
}
