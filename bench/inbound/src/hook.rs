//! Takes the webhooks of clicks, and measures how late each comes after its click was asked for.

use hdrhistogram::Histogram;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Characters of a click's id.
const CLICK_LEN: usize = 39;

/// When a click was asked for, and when its webhook came.
#[derive(Default)]
struct Seen {
    asked: HashMap<String, Instant>,
    came: HashMap<String, Instant>,
}

#[derive(Clone, Default)]
pub struct Hook(Rc<RefCell<Seen>>);

impl Hook {
    pub async fn serve(&self, address: &str) {
        let listener = TcpListener::bind(address).await.unwrap();
        let seen = self.0.clone();
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::task::spawn_local(take(stream, seen.clone()));
            }
        });
    }

    /// The answer to a click has its id.
    pub fn asked(&self, answer: &str, at: Instant) {
        if let Some(click) = click(answer) {
            self.0.borrow_mut().asked.insert(click, at);
        }
    }

    /// Waits up to ten seconds for the last ones.
    pub async fn finish(&self, events: u64) -> serde_json::Value {
        for _ in 0..1000 {
            if self.0.borrow().came.len() as u64 >= events {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let seen = self.0.borrow();
        let mut late = Histogram::<u64>::new_with_bounds(1, 600_000_000, 3).unwrap();
        for (click, came) in &seen.came {
            if let Some(asked) = seen.asked.get(click) {
                late.saturating_record(came.duration_since(*asked).as_micros() as u64);
            }
        }
        let ms = |q| late.value_at_quantile(q) as f64 / 1e3;
        serde_json::json!({"came": late.len(), "p50": ms(0.5), "p99": ms(0.99)})
    }
}

fn click(text: &str) -> Option<String> {
    text.find("clk_").and_then(|at| text.get(at..at + CLICK_LEN)).map(str::to_owned)
}

async fn take(mut stream: TcpStream, seen: Rc<RefCell<Seen>>) {
    let mut buf = Vec::new();
    loop {
        buf.clear();
        let end = loop {
            if let Some(end) = buf.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            if !matches!(stream.read_buf(&mut buf).await, Ok(1..)) {
                return;
            }
        };
        let head = String::from_utf8_lossy(&buf[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")?.trim().parse().ok()).unwrap_or(0);
        while buf.len() < end + length {
            if !matches!(stream.read_buf(&mut buf).await, Ok(1..)) {
                return;
            }
        }
        let came = Instant::now();
        if let Some(click) = click(&String::from_utf8_lossy(&buf[end..])) {
            seen.borrow_mut().came.insert(click, came);
        }
        if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() {
            return;
        }
    }
}
