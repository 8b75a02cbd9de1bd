//! A receiver as a customer would write it: verifies the signature, answers, and can be made to fail.
//!
//! **Invariant:** it believes nothing but the signature.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use signing::{SignedHeaders, TOLERANCE_S_DEFAULT, VerifyKeys};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::clock::SystemClock;
use crate::commands::demo::say;

/// Bytes of a webhook at most.
const BODY_MAX: usize = 1 << 20;

pub struct Receiver {
    pub address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    hooks: Mutex<HashMap<String, Hook>>,
    changed: Notify,
}

#[derive(Default)]
struct Hook {
    keys: Option<VerifyKeys>,
    /// Requests to answer with 503 yet.
    failing: u32,
    /// Times that each undelivered message was seen.
    seen: HashMap<String, u32>,
}

impl Receiver {
    /// Listens on a free port of this machine.
    pub async fn start() -> io::Result<Receiver> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(shared.clone(), stream));
            }
        });
        Ok(Receiver { address, state })
    }

    /// From now on `/name` verifies with this secret.
    pub fn trust(&self, name: &str, secret: &str) -> Result<(), String> {
        let keys = VerifyKeys::parse([secret]).map_err(|e| format!("the secret of {name} is unusable: {e}"))?;
        self.state.hooks.lock().entry(name.to_owned()).or_default().keys = Some(keys);
        Ok(())
    }

    /// The next `times` requests to `/name` fail.
    pub fn fail_next(&self, name: &str, times: u32) {
        self.state.hooks.lock().entry(name.to_owned()).or_default().failing = times;
    }

    /// Returns once `/name` has had its failures and then everything it refused.
    pub async fn recovered(&self, name: &str) {
        loop {
            let changed = self.state.changed.notified();
            if self.state.hooks.lock().get(name).is_none_or(|h| h.failing == 0 && h.seen.is_empty()) {
                return;
            }
            changed.await;
        }
    }
}

async fn connection(state: Arc<State>, stream: TcpStream) {
    let service = service_fn(|request| answer(state.clone(), request));
    let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to the demo's receiver ended");
    }
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, BODY_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Ok(respond(StatusCode::PAYLOAD_TOO_LARGE, "too large")),
    };
    let name = head.uri.path().trim_start_matches('/').to_owned();
    let now_s = i64::try_from(SystemClock.unix_ms() / 1000).unwrap_or(i64::MAX);
    let headers = SignedHeaders::find(|n| head.headers.get(n).map(|v| v.as_bytes()));
    let id = head.headers.get("webhook-id").and_then(|v| v.to_str().ok()).unwrap_or("(no id)").to_owned();
    let response = {
        let mut hooks = state.hooks.lock();
        let Some(hook) = hooks.get_mut(&name) else { return Ok(respond(StatusCode::NOT_FOUND, "no such receiver")) };
        let verdict = match (&hook.keys, headers) {
            (Some(keys), Ok(signed)) => {
                keys.verify(&signed, &body, now_s, TOLERANCE_S_DEFAULT).map_err(|e| e.to_string())
            }
            (None, _) => Err("no secret is known yet".to_owned()),
            (_, Err(e)) => Err(e.to_string()),
        };
        hook.receive(&name, &id, body.len(), verdict)
    };
    state.changed.notify_waiters();
    Ok(response)
}

impl Hook {
    fn receive(&mut self, name: &str, id: &str, bytes: usize, verdict: Result<(), String>) -> Response<Full<Bytes>> {
        let attempt = self.seen.entry(id.to_owned()).or_insert(0);
        *attempt += 1;
        let attempt = *attempt;
        if let Err(why) = verdict {
            say(format_args!("received   {name:<10} {id}  attempt {attempt}  REFUSED: {why}"));
            return respond(StatusCode::UNAUTHORIZED, "the signature does not hold");
        }
        if self.failing > 0 {
            self.failing -= 1;
            say(format_args!(
                "received   {name:<10} {id}  attempt {attempt}  signature holds  -> 503, will be retried"
            ));
            return respond(StatusCode::SERVICE_UNAVAILABLE, "being deployed");
        }
        self.seen.remove(id);
        let how = if attempt > 1 { ", recovered" } else { "" };
        say(format_args!("received   {name:<10} {id}  attempt {attempt}  signature holds  -> 200, {bytes} bytes{how}"));
        respond(StatusCode::OK, "thank you")
    }
}

fn respond(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}
