//! A connection's bytes, plain or encrypted, and a note of whether any came in or went out.
//!
//! **Invariant:** no protocol here.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

pub(crate) enum Wire {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Whether bytes moved. The exchange clears both before it sends.
#[derive(Default)]
pub(crate) struct Traffic {
    /// Set by each byte that comes in.
    heard: AtomicBool,
    /// Set by each byte that goes out.
    said: AtomicBool,
}

impl Traffic {
    pub(crate) fn clear(&self) {
        self.heard.store(false, Ordering::Relaxed);
        self.said.store(false, Ordering::Relaxed);
    }
    pub(crate) fn has_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }
    /// Whether bytes went out since this was asked last. For the one task that drives the connection.
    pub(crate) fn take_said(&self) -> bool {
        let said = self.said.load(Ordering::Relaxed);
        if said {
            self.said.store(false, Ordering::Relaxed);
        }
        said
    }
    fn wrote(&self, polled: &Poll<io::Result<usize>>) {
        if matches!(polled, Poll::Ready(Ok(1..))) {
            self.said.store(true, Ordering::Relaxed);
        }
    }
}

/// A connection to a receiver.
pub(crate) struct Stream {
    wire: Wire,
    /// What was dialled.
    peer: SocketAddr,
    traffic: Arc<Traffic>,
}

impl Stream {
    pub(crate) fn new(wire: Wire, peer: SocketAddr) -> Self {
        Stream { wire, peer, traffic: Arc::default() }
    }
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }
    pub(crate) fn traffic(&self) -> Arc<Traffic> {
        self.traffic.clone()
    }
    /// Whether HTTP/2 was negotiated.
    pub(crate) fn is_http2(&self) -> bool {
        match &self.wire {
            Wire::Tcp(_) => false,
            Wire::Tls(tls) => tls.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = match &mut self.wire {
            Wire::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Wire::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        };
        if buf.filled().len() > before {
            self.traffic.heard.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = match &mut self.wire {
            Wire::Tcp(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Wire::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        };
        self.traffic.wrote(&polled);
        polled
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = match &mut self.wire {
            Wire::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Wire::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        };
        self.traffic.wrote(&polled);
        polled
    }
    fn is_write_vectored(&self) -> bool {
        match &self.wire {
            Wire::Tcp(tcp) => tcp.is_write_vectored(),
            Wire::Tls(tls) => tls.is_write_vectored(),
        }
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Tcp(tcp) => Pin::new(tcp).poll_flush(cx),
            Wire::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Wire::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
