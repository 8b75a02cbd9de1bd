//! Whether a request was signed by an endpoint and, if not, why.
//!
//! **Invariant:** nothing of the request is stored or logged, and no secret is in the answer.

use super::endpoint::Place;
use super::secret;
use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::fields::Fields;
use crate::wire::{read, time};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;
use signing::explain::{Question, explain};
use signing::providers::{Inbound, Provider};
use tokio::sync::Semaphore;
use zeroize::{Zeroize, Zeroizing};

const HEADERS_MAX: usize = 200;
/// Requests that are explained at once.
static TURNS: Semaphore = Semaphore::const_new(2);

#[derive(Serialize)]
struct VerdictOut {
    valid: bool,
    /// The findings are the whole reason.
    explained: bool,
    findings: Vec<FindingOut>,
}

#[derive(Serialize)]
struct FindingOut {
    code: &'static str,
    text: String,
    fix: String,
}

struct Asked {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    message: Option<String>,
}

fn read_body(body: &[u8]) -> Result<Asked, Problem> {
    let mut f = Fields::parse(body)?;
    let headers = f.require(&["headers"], |v| {
        let Value::Array(pairs) = v else { return Err("must be a list of [name, value]".into()) };
        if pairs.len() > HEADERS_MAX {
            return Err(format!("there may be {HEADERS_MAX} at most").into());
        }
        let pair = |pair: Value| serde_json::from_value::<(String, String)>(pair).ok();
        let pairs: Option<Vec<_>> = pairs.into_iter().map(pair).collect();
        let pairs = pairs.ok_or("must be a list of [name, value]")?;
        Ok(pairs.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
    });
    let text = f.take(&["body"], read::string).value();
    let encoded =
        f.take(&["bodyBase64"], |v| STANDARD.decode(read::string(v)?).map_err(|_| "must be base64".into())).value();
    let message = f.take(&["msgId"], read::string).value();
    f.finish()?;
    let body = encoded.or(text.map(String::into_bytes)).unwrap_or_default();
    Ok(Asked { headers, body, message })
}

pub(crate) async fn endpoint(call: Call) -> Result<Reply, Problem> {
    let place = Place::of(&call).await?;
    let asked = read_body(&call.body)?;
    let endpoint = call.store().endpoint(place.app, &call.endpoint(place.param)?).await?;
    let secrets = secret::all_of(&call, place.app, endpoint.id).await?;
    let shown: Vec<(String, Zeroizing<String>)> = secrets
        .iter()
        .map(|(secret, until)| match until {
            Some(until) => (format!("the endpoint's old secret, valid until {}", time::text(*until)), secret.shown()),
            None => ("the endpoint's present secret".to_owned(), secret.shown()),
        })
        .collect();
    let original = match &asked.message {
        Some(id) => {
            let id = crate::call::named(call.codec(), id).ok_or_else(|| Problem::field("msgId", "is not an id"))?;
            call.store().message(place.app, &id, true).await?.payload
        }
        None => None,
    };
    let Some(provider) = Provider::find("standard-webhooks") else {
        return Err(Problem::failed(&"the table of providers has no Standard Webhooks"));
    };
    let Ok(_turn) = TURNS.acquire().await else { return Err(Problem::failed(&"a semaphore was closed")) };
    let now_ms = call.shared.now().millis();
    // A body of a megabyte is hashed a dozen times: not on a thread that answers others.
    let found = tokio::task::spawn_blocking(move || {
        let headers: Vec<(&str, &[u8])> = asked.headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
        let request = Inbound { method: "POST", url: &endpoint.url, headers: &headers, body: &asked.body, now_ms };
        let others: Vec<(&str, &str)> =
            shown.iter().skip(1).map(|(name, secret)| (name.as_str(), secret.as_str())).collect();
        let secret = shown.first().map(|(_, secret)| secret.to_string()).unwrap_or_default();
        let mut config = serde_json::json!({ "secret": secret });
        let question = Question { provider, config: &config, request, others: &others, original: original.as_deref() };
        let found = explain(&question);
        if let Some(Value::String(text)) = config.get_mut("secret") {
            text.zeroize();
        }
        found
    });
    let found = found.await.map_err(|cause| Problem::failed(&cause))?;
    let findings = found.findings.into_iter().map(|f| FindingOut { code: f.code, text: f.text, fix: f.fix });
    Ok(Reply::ok(&VerdictOut { valid: found.is_valid, explained: found.is_complete, findings: findings.collect() })
        .secret())
}
