//! A socket that gives up on a peer that takes nothing.
//!
//! A stream's memory is bounded, as hyper asks for more only once what it has is written; this bounds the time.
//! **Invariant:** a timer exists only while a write is stuck, so the hot path has none.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

pub(crate) struct WriteLimit<S> {
    inner: S,
    limit: Duration,
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S> WriteLimit<S> {
    /// Fails writes that make no progress for `limit`.
    pub fn new(inner: S, limit: Duration) -> Self {
        WriteLimit { inner, limit, stuck: None }
    }
    fn judge<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stuck = None;
            return polled;
        }
        let sleep = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.limit)));
        sleep.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteLimit<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteLimit<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.judge(cx, polled)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.judge(cx, polled)
    }
    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_flush(cx);
        self.judge(cx, polled)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_write_that_makes_no_progress_fails() {
        let (ours, _theirs) = tokio::io::duplex(4);
        let mut limited = WriteLimit::new(ours, Duration::from_millis(1));
        let stuck = limited.write_all(&[0; 5]).await.unwrap_err();
        assert_eq!(stuck.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_write_that_was_stuck_and_goes_on_leaves_no_timer() {
        let (ours, mut theirs) = tokio::io::duplex(4);
        let mut limited = WriteLimit::new(ours, Duration::from_secs(3600));
        let mut taken = [0; 24];
        let (wrote, read) = tokio::join!(limited.write_all(&[7; 24]), theirs.read_exact(&mut taken));
        wrote.unwrap();
        read.unwrap();
        assert_eq!(taken, [7; 24]);
        assert!(limited.stuck.is_none());
    }
}
