//! The HTTP/1.1 server: an accept loop over hyper with the limits that `axum::serve` can't set.
//!
//! **Invariant:** a connection holds a permit until it ends; after the shutdown signal none is accepted, and requests in
//! flight end within the drain limit; a peer that takes nothing is let go.

use crate::front::{self, Api};
use crate::timer::ConnectionTimer;
use crate::write_limit::WriteLimit;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Wait after a failed accept: out of file descriptors, mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `api` on `listener` until `shutdown`, then drains. Returns whether all requests in flight ended in time.
pub async fn serve(listener: TcpListener, api: Api, shutdown: impl Future<Output = ()>) -> bool {
    let limits = *api.limits();
    let connections = Arc::new(Semaphore::new(limits.max_connections));
    let graceful = GracefulShutdown::new();
    let builder = builder(&api);
    tokio::pin!(shutdown);
    loop {
        let next = async {
            // A full house leaves newcomers in the listener's queue.
            let permit = connections.clone().acquire_owned().await.ok();
            (listener.accept().await, permit)
        };
        let (stream, peer, permit) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            (accepted, permit) = next => match accepted {
                Ok((stream, peer)) => (stream, peer, permit),
                Err(cause) => {
                    tracing::warn!(%cause, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let connection = connection(&builder, stream, peer, api.clone());
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(cause) = connection.await {
                tracing::debug!(%cause, "a connection ended early");
            }
            drop(permit);
        });
    }
    drop(listener);
    api.close_streams();
    tokio::time::timeout(limits.drain_timeout, graceful.shutdown()).await.is_ok()
}

fn builder(api: &Api) -> http1::Builder {
    let limits = api.limits();
    let mut builder = http1::Builder::new();
    builder
        .header_read_timeout(limits.header_read_timeout)
        // Up to twice the limits, the API or `inbound` itself refuses, with a body that says why.
        .max_headers(limits.max_headers.max(limits.inbound_headers) * 2)
        .max_buf_size((limits.max_header_bytes.max(limits.inbound_header_bytes) * 2).max(16 * 1024))
        .keep_alive(true)
        .half_close(false);
    builder
}

type Connection<S> = http1::Connection<TokioIo<WriteLimit<TcpStream>>, S>;

fn connection(
    builder: &http1::Builder,
    stream: TcpStream,
    peer: SocketAddr,
    api: Api,
) -> Connection<
    impl hyper::service::Service<
        hyper::Request<Incoming>,
        Response = hyper::Response<axum::body::Body>,
        Error = Infallible,
        Future: Send,
    > + use<>,
> {
    if let Err(cause) = stream.set_nodelay(true) {
        tracing::debug!(%cause, "TCP_NODELAY could not be set");
    }
    let limit = api.limits().write_timeout;
    let open = api.connection_opened();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let _connected = &open;
        let api = api.clone();
        async move {
            let mut request = request;
            let response = match api.inbound(request.uri().path()) {
                Some(inbound) => {
                    let (parts, body) = request.into_parts();
                    match inbound.at_once(&parts, peer) {
                        Some(response) => response,
                        None => inbound.answer(hyper::Request::from_parts(parts, body), peer).await,
                    }
                }
                None => {
                    if !front::is_hot(&request) {
                        request.extensions_mut().insert(ConnectInfo(peer));
                    }
                    api.answer(request).await
                }
            };
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = builder.clone();
    builder.timer(ConnectionTimer::default());
    builder.serve_connection(TokioIo::new(WriteLimit::new(stream, limit)), service)
}
