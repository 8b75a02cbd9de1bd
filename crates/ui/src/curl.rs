//! A message as a cURL command that an endpoint takes: with a signature of now.
//!
//! The API makes it (`.../msg/{msg}/endpoint/{endpoint}/request`), so that secrets stay there. **Invariant:** the command is text:
//! show it escaped, and put it on the clipboard as it is.

use crate::answer::part;
use crate::call::Call;
use crate::fault::Fault;
use http::Method;

/// The command that sends the message to the endpoint again, by hand, signed at this moment (receivers take it for some minutes).
/// Each is an id or a uid. Values of sensitive custom headers are left out, and the command says so. Refused when the payload
/// expired.
pub(crate) async fn of_message(call: &Call, app: &str, message: &str, endpoint: &str) -> Result<String, Fault> {
    let [app, message, endpoint] = [app, message, endpoint].map(part);
    let path = format!("/api/v1/app/{app}/msg/{message}/endpoint/{endpoint}/request");
    let answer = call.api(Method::GET, &path, None).await?;
    // Pasted, a line end would run it at once.
    Ok(answer.get("curl").and_then(|curl| curl.as_str()).unwrap_or_default().trim_end().to_owned())
}
