//! The signature debugger: pasted headers, body and secret, and why the signature fails.
//!
//! **Invariant:** nothing of it is stored or logged, and the secret is not in the answer.

use crate::answer::part as path_part;
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::form::Form;
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use http::Method;
use serde_json::{Value, json};
use signing::explain::{Question, explain};
use signing::providers::{Inbound, Provider};
use tokio::sync::Semaphore;
use zeroize::Zeroize as _;

/// Headers that are read of what is pasted.
const HEADERS_MAX: usize = 200;
/// Requests that are explained at once.
static TURNS: Semaphore = Semaphore::const_new(2);

struct Finding {
    text: String,
    fix: String,
}

struct Verdict {
    valid: bool,
    explained: bool,
    findings: Vec<Finding>,
}

#[derive(Template)]
#[template(path = "tools/verify.html")]
struct Page {
    frame: Frame,
    /// `/apps/app_.../endpoints/ep_...`, whose secrets are tried; empty if the secret is pasted.
    endpoint: String,
    message: String,
    provider: String,
    headers: String,
    body: String,
    url: String,
    verdict: Option<Verdict>,
    errors: Refusal,
}

impl Page {
    fn providers(&self) -> &'static [Provider] {
        Provider::all()
    }
    /// The page of what it was opened from.
    fn subject(&self) -> &str {
        self.endpoint.rsplit('/').next().unwrap_or_default()
    }
}

const STANDARD: &str = "standard-webhooks";

fn page(call: &Call, form: &Form) -> Page {
    Page {
        frame: call.frame("Signature debugger", Section::None),
        endpoint: form.get("endpoint").to_owned(),
        message: form.get("message").to_owned(),
        provider: form.some("provider").unwrap_or(STANDARD).to_owned(),
        headers: form.raw("headers").to_owned(),
        // Forms write every line break as CR LF; bodies seldom have it.
        body: form.raw("body").replace("\r\n", "\n"),
        url: form.get("url").to_owned(),
        verdict: None,
        errors: Refusal::of(""),
    }
}

/// The API's paths of an endpoint's page: the application's id and the endpoint's.
fn parts(endpoint: &str) -> Option<(String, String)> {
    let rest = endpoint.strip_prefix("/apps/")?;
    let (app, endpoint) = rest.split_once("/endpoints/")?;
    Some((path_part(app), path_part(endpoint)))
}

pub(crate) async fn show(call: Call) -> Result<Reply, Fault> {
    let form = call.query();
    let mut page = page(&call, &form);
    if let Some((app, endpoint)) = parts(&page.endpoint)
        && !page.message.is_empty()
        && call.me.may_resend()
    {
        // What was sent, for comparison: who debugs pastes over it what came.
        let path = format!("/api/v1/app/{app}/msg/{}/endpoint/{endpoint}/request", path_part(&page.message));
        if let Ok(request) = call.api(Method::GET, &path, None).await {
            page.body = request.get("body").and_then(Value::as_str).unwrap_or_default().to_owned();
            page.headers = header_lines(request.get("headers"), |name| name.starts_with("webhook-"));
        }
    }
    if let (Some(holder), Some(request)) = (form.some("bin").or(form.some("source")), form.some("request")) {
        captured(&call, form.has("bin"), holder, request, &mut page).await?;
    }
    Reply::page(&page)
}

/// A request that a bin or a source took.
async fn captured(call: &Call, is_bin: bool, holder: &str, request: &str, page: &mut Page) -> Result<(), Fault> {
    let below = if is_bin { "/api/v1/bin" } else { "/ingest/api/v1/source" };
    let path = format!("{below}/{}/request/{}", path_part(holder), path_part(request));
    let found = call.api(Method::GET, &path, None).await?;
    page.headers = header_lines(found.get("headers"), |_| true);
    page.body = found.get("body").and_then(Value::as_str).unwrap_or_default().to_owned();
    page.url = found.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(())
}

/// Pairs, or an object, as lines.
fn header_lines(headers: Option<&Value>, wanted: impl Fn(&str) -> bool) -> String {
    let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
    let pairs: Vec<(String, String)> = match headers {
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(|pair| match pair {
                Value::Array(pair) => Some((text(pair.first()?), text(pair.get(1)?))),
                pair => Some((text(pair.get("name")?), text(pair.get("value")?))),
            })
            .collect(),
        Some(Value::Object(map)) => map.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        _ => Vec::new(),
    };
    pairs.iter().filter(|(name, _)| wanted(name)).map(|(name, value)| format!("{name}: {value}\n")).collect()
}

/// `Name: value` lines; a line that begins as curl's or a JSON's is read, too.
fn read_headers(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(|line| line.trim().trim_end_matches([',', '\\']).trim());
    let bare = lines
        .map(|line| line.strip_prefix("-H ").or(line.strip_prefix("< ")).or(line.strip_prefix("> ")).unwrap_or(line));
    let unquoted = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
    bare.map(|line| line.trim().trim_matches('\''))
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (unquoted(name).to_ascii_lowercase(), value.trim().to_owned()))
        .map(|(name, value)| {
            let value = if value.starts_with('"') && value.ends_with('"') { unquoted(&value) } else { value };
            (name, value)
        })
        .filter(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic()))
        .take(HEADERS_MAX)
        .collect()
}

pub(crate) async fn judge(call: Call) -> Result<Reply, Fault> {
    let form = call.form();
    let mut page = page(&call, &form);
    let headers = read_headers(&page.headers);
    if headers.is_empty() {
        page.errors = Refusal::field("headers", "Paste the request's headers, one Name: value a line");
        return Reply::page_with(page.errors.status, &page);
    }
    let secret = form.get("secret");
    let verdict = match parts(&page.endpoint).filter(|_| secret.is_empty()) {
        Some((app, endpoint)) => by_endpoint(&call, &app, &endpoint, &headers, &page).await,
        None => by_secret(&call, secret, headers, &page).await,
    };
    match verdict {
        Ok(verdict) => {
            page.verdict = Some(verdict);
            Reply::page(&page)
        }
        Err(Fault::Refused(errors)) => {
            let status = errors.status;
            page.errors = errors;
            Reply::page_with(status, &page)
        }
        Err(other) => Err(other),
    }
}

async fn by_endpoint(
    call: &Call,
    app: &str,
    endpoint: &str,
    headers: &[(String, String)],
    page: &Page,
) -> Result<Verdict, Fault> {
    let mut body = json!({"headers": headers, "body": page.body});
    if let (Value::Object(fields), false) = (&mut body, page.message.is_empty()) {
        fields.insert("msgId".to_owned(), json!(page.message));
    }
    let found = call.api(Method::POST, &format!("/api/v1/app/{app}/endpoint/{endpoint}/verify"), Some(&body)).await?;
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let is = |name: &str| found.get(name) == Some(&Value::Bool(true));
    let findings = found.get("findings").and_then(Value::as_array).into_iter().flatten();
    let findings = findings.map(|f| Finding { text: text(f, "text"), fix: text(f, "fix") }).collect();
    Ok(Verdict { valid: is("valid"), explained: is("explained"), findings })
}

async fn by_secret(call: &Call, secret: &str, headers: Vec<(String, String)>, page: &Page) -> Result<Verdict, Fault> {
    let provider =
        Provider::find(&page.provider).ok_or_else(|| Refusal::field("provider", "There is no such provider"))?;
    let url = if page.url.is_empty() { call.origin() } else { page.url.clone() };
    let now_ms = call.now().millis();
    let mut config = json!({ "secret": secret });
    if let (Value::Object(fields), true) = (&mut config, provider.name != STANDARD) {
        // Providers with public keys have no other secret.
        fields.insert("publicKey".to_owned(), json!(secret));
    }
    let body = page.body.clone();
    let Ok(_turn) = TURNS.acquire().await else { return Err(Fault::Failed) };
    // A body of a megabyte is hashed a dozen times: not on a thread that answers others.
    let found = tokio::task::spawn_blocking(move || {
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
        let request = Inbound { method: "POST", url: &url, headers: &headers, body: body.as_bytes(), now_ms };
        let found = explain(&Question { provider, config: &config, request, others: &[], original: None });
        for name in ["secret", "publicKey"] {
            if let Some(Value::String(text)) = config.get_mut(name) {
                text.zeroize();
            }
        }
        found
    });
    let found = found.await.map_err(|cause| {
        tracing::error!(%cause, "a request could not be explained");
        Fault::Failed
    })?;
    let findings = found.findings.into_iter().map(|f| Finding { text: f.text, fix: f.fix }).collect();
    Ok(Verdict { valid: found.is_valid, explained: found.is_complete, findings })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_people_paste_them() {
        let text = "Webhook-Id: msg_1\n-H 'webhook-timestamp: 17' \\\n  \"webhook-signature\": \"v1,a=\",\n< x-a: b: c\nnothing\n";
        let want =
            [("webhook-id", "msg_1"), ("webhook-timestamp", "17"), ("webhook-signature", "v1,a="), ("x-a", "b: c")];
        assert_eq!(read_headers(text), want.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }
}
