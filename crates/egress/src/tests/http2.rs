//! HTTP/2, where the operator turned it on.

use super::support::*;
use super::tls::Authority;
use crate::CourierConfig;
use domain::{Outcome, Stage};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

fn acceptor(authority: &Authority) -> TlsAcceptor {
    let mut config = authority.server_config(&["localhost"]);
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

fn bench(authority: &Authority, request_timeout: Duration) -> Bench {
    Bench::new(CourierConfig { http2: true, extra_ca_file: Some(authority.file()), request_timeout, ..patient() })
}

fn https(server: &Server) -> String {
    format!("https://localhost:{}/hook?a", server.address.port())
}

#[tokio::test]
async fn attempts_share_one_connection() {
    let authority = Authority::new();
    let acceptor = acceptor(&authority);
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let notes = heard.clone();
    let server = Server::run(move |peer| {
        let (acceptor, notes) = (acceptor.clone(), notes.clone());
        async move {
            let Ok(tls) = acceptor.accept(peer.tcp).await else { return };
            let service = service_fn(move |request: http::Request<Incoming>| {
                let notes = notes.clone();
                async move {
                    let line =
                        format!("{} {:?} {:?}", request.uri(), request.version(), request.headers()["webhook-id"]);
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    notes.lock().push(format!("{line} {}", String::from_utf8_lossy(&body)));
                    Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from_static(b"ok"))))
                }
            });
            let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(tls), service)
                .await;
        }
    })
    .await;
    let bench = bench(&authority, Duration::from_secs(15));
    let target = bench.target(&https(&server));
    assert_eq!(&*bench.attempt(&target).await.response, b"ok");
    let (a, b) = tokio::join!(bench.attempt(&target), bench.attempt(&target));
    assert_eq!((a.outcome, b.outcome), (responded(200), responded(200)));
    assert_eq!(server.connection_count(), 1);
    let want = format!("{} HTTP/2.0 \"msg_1\" {{\"hello\":\"world\"}}", https(&server));
    assert_eq!(*heard.lock(), [want.clone(), want.clone(), want]);
}

#[tokio::test]
async fn a_flood_of_pings_ends_at_the_deadline() {
    let authority = Authority::new();
    let acceptor = acceptor(&authority);
    let server = Server::run(move |peer| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(tls) = acceptor.accept(peer.tcp).await else { return };
            let (mut read, mut write) = tokio::io::split(tls);
            let _ = write.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
            let drain = async { while matches!(read.read(&mut [0; 4096]).await, Ok(1..)) {} };
            let flood =
                async { while write.write_all(&[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]).await.is_ok() {} };
            tokio::select! { () = drain => (), () = flood => () }
        }
    })
    .await;
    let outcome = bench(&authority, Duration::from_millis(200)).outcome(&https(&server)).await;
    assert!(
        matches!(outcome, Outcome::TimedOut { stage: Stage::Response } | Outcome::Unreachable { .. }),
        "{outcome:?}"
    );
}
