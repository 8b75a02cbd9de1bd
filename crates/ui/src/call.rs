//! One request on its way to a page: who asks, for what, with which form.
//!
//! **Invariant:** a [`Call`] exists only for a person whose session and right were checked, and, if it may change anything, whose
//! form came from a page of ours.

use crate::backend::Actor;
use crate::config::UiConfig;
use crate::fault::{Fault, Refusal};
use crate::form::Form;
use crate::open_issues::OpenIssues;
use crate::pages::accounts::Logins;
use crate::session::{SignedIn, cookie};
use crate::view::frame::{Frame, Section, Theme, Undo};
use axum::body::Body;
use bytes::Bytes;
use domain::{IdCodec, Timestamp};
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use std::net::IpAddr;
use std::sync::Arc;
use store::Store;

/// Bytes of an answer of the API that a page reads at most.
/// A body of 5 MiB may be six times as long as a JSON text.
const ANSWER_MAX: usize = 40 << 20;

/// What all requests share.
pub(crate) struct Shared {
    pub store: Store,
    pub config: UiConfig,
    pub open_issues: OpenIssues,
    pub logins: Logins,
}

/// What a request says, whoever sent it.
pub(crate) struct Visit {
    pub shared: Arc<Shared>,
    pub params: Vec<String>,
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub address: Option<IpAddr>,
    /// The token of the session's cookie, whether it is one or not.
    pub session: Option<String>,
}

pub(crate) struct Call {
    pub visit: Visit,
    pub me: SignedIn,
    /// The token that its forms must carry.
    pub csrf: String,
    /// For the menu.
    pub open_issues: u64,
}

impl Visit {
    pub fn store(&self) -> &Store {
        &self.shared.store
    }
    pub fn codec(&self) -> &IdCodec {
        self.shared.store.codec()
    }
    pub fn now(&self) -> Timestamp {
        self.shared.store.clock().now()
    }
    /// A parameter of the path, decoded; empty if there is none.
    pub fn param(&self, i: usize) -> &str {
        self.params.get(i).map_or("", String::as_str)
    }
    pub fn query(&self) -> Form {
        Form::parse(self.uri.query().unwrap_or_default().as_bytes())
    }
    pub fn form(&self) -> Form {
        Form::parse(&self.body)
    }
    /// htmx asks for a part of the page.
    pub fn is_fragment(&self) -> bool {
        self.headers.contains_key("hx-request")
    }
    pub fn path(&self) -> &str {
        self.uri.path()
    }
    /// Path and query: where to come back to.
    pub fn here(&self) -> &str {
        self.uri.path_and_query().map_or("/", |p| p.as_str())
    }
    /// Where this server is found by who asks, without a slash at the end.
    pub fn origin(&self) -> String {
        match &self.shared.config.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => {
                let host = self.headers.get(HOST).and_then(|h| h.to_str().ok()).unwrap_or("localhost");
                format!("http://{host}")
            }
        }
    }
    /// The frame of a page that needs nobody.
    pub fn frame(&self, title: impl Into<String>) -> Frame {
        Frame {
            title: title.into(),
            section: Section::None,
            me: None,
            csrf: String::new(),
            theme: Theme::of(cookie(&self.headers, "theme")),
            notice: cookie(&self.headers, "notice").and_then(crate::reply::read_notice),
            undo: None,
            query: String::new(),
            here: self.here().to_owned(),
            version: self.shared.config.version,
            issues: 0,
        }
    }
}

impl std::ops::Deref for Call {
    type Target = Visit;
    fn deref(&self) -> &Visit {
        &self.visit
    }
}

impl Call {
    /// What surrounds the page: title, menu, who is signed in.
    pub fn frame(&self, title: impl Into<String>, section: Section) -> Frame {
        let undo = cookie(&self.headers, "undo").and_then(crate::reply::read_notice).and_then(|text| Undo::read(&text));
        Frame {
            section,
            undo,
            me: Some(self.me.clone()),
            csrf: self.csrf.clone(),
            issues: self.open_issues,
            ..self.visit.frame(title)
        }
    }

    /// Where this server is found by others: by its settings, else by what the organisation says, else by who asks.
    pub fn origin(&self) -> String {
        let profile = self.store().profile(self.me.org);
        match (&self.shared.config.public_url, &profile.public_url) {
            (None, Some(url)) => url.clone(),
            _ => self.visit.origin(),
        }
    }

    fn actor(&self) -> Actor {
        Actor {
            org: self.me.org,
            org_text: self.me.org_text.clone(),
            name: format!("person:{}", self.me.email),
            address: self.address,
        }
    }

    /// Calls the API as this person. `path` begins with `/api/v1/` and may have a query; its parts are encoded.
    pub async fn api(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Fault> {
        let response = self.api_response(method, path, body).await?;
        value(response).await
    }

    /// A stream of the API, which ends with the session that opened it.
    pub async fn api_stream(&self, path: &str) -> Result<Response<Body>, Fault> {
        let response = self.api_file(path).await?;
        let (store, person, session) = (self.store().clone(), self.me.person, self.me.session);
        Ok(response.map(|body| crate::watched::body(body, store, person, session)))
    }

    /// The same, with a body that isn't JSON.
    pub async fn api_upload(
        &self,
        method: Method,
        path: &str,
        kind: &'static str,
        body: Bytes,
    ) -> Result<Value, Fault> {
        value(self.send(method, path, Some(kind), Body::from(body)).await?).await
    }

    /// The same, for answers that aren't JSON: files, images, streams.
    pub async fn api_response(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response<Body>, Fault> {
        let kind = body.map(|_| "application/json");
        let body = body.map_or_else(Body::empty, |value| Body::from(value.to_string()));
        self.send(method, path, kind, body).await
    }

    /// A file or a stream of the API, to be passed on: what it refuses is a fault.
    pub async fn api_file(&self, path: &str) -> Result<Response<Body>, Fault> {
        let response = self.api_response(Method::GET, path, None).await?;
        match response.status().is_success() {
            true => Ok(response),
            false => Err(value(response).await.err().unwrap_or(Fault::Failed)),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        kind: Option<&'static str>,
        body: Body,
    ) -> Result<Response<Body>, Fault> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|_| Fault::not_found("thing"))?;
        let headers = request.headers_mut();
        if let Some(kind) = kind {
            headers.insert(CONTENT_TYPE, http::HeaderValue::from_static(kind));
        }
        for name in [HOST, ACCEPT, HeaderName::from_static("last-event-id")] {
            if let Some(value) = self.headers.get(&name) {
                headers.insert(name, value.clone());
            }
        }
        Ok(self.shared.config.backend.call(self.actor(), request).await)
    }
}

/// The JSON of an answer of the API; what it refuses is a fault.
pub(crate) async fn value(response: Response<Body>) -> Result<Value, Fault> {
    let status = response.status();
    let bytes = collect(response.into_body()).await?;
    let value = match bytes.is_empty() {
        true => Value::Null,
        false => serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    };
    match status {
        status if status.is_success() => Ok(value),
        StatusCode::NOT_FOUND => Err(Fault::NotFound(Refusal::read(status, &value).detail)),
        _ => Err(Fault::Refused(Refusal::read(status, &value))),
    }
}

async fn collect(body: Body) -> Result<Bytes, Fault> {
    Limited::new(body, ANSWER_MAX).collect().await.map(|all| all.to_bytes()).map_err(|cause| {
        tracing::error!(%cause, "an answer of the API could not be read");
        Fault::Failed
    })
}
