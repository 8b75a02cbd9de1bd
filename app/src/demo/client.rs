//! A small client of the API, one connection a call.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

pub struct Client {
    server: SocketAddr,
    authorization: String,
}

impl Client {
    pub fn new(server: SocketAddr, token: &str) -> Self {
        Client { server, authorization: format!("Bearer {token}") }
    }

    /// The answer's JSON (null when it has no body); an error names the call and says what the server said.
    pub async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        self.try_call(method, path, body).await.map_err(|e| format!("{method} {path}: {e}"))
    }

    async fn try_call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let stream = TcpStream::connect(self.server).await.map_err(|e| e.to_string())?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
        let driver = tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.server.to_string())
            .header("authorization", &self.authorization)
            .header("content-type", "application/json")
            .body(Full::new(body.map(|b| Bytes::from(b.to_string())).unwrap_or_default()))
            .map_err(|e| e.to_string())?;
        let response = sender.send_request(request).await.map_err(|e| e.to_string())?;
        let status = response.status();
        let bytes = response.into_body().collect().await.map_err(|e| e.to_string())?.to_bytes();
        driver.abort();
        if !status.is_success() {
            return Err(format!("{status} {}", String::from_utf8_lossy(&bytes)));
        }
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|e| e.to_string())
    }
}
