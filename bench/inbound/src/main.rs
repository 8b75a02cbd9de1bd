//! One load for three doors: messages over the API, signed webhooks to a source's URL, or clicks on short links. The same
//! run against the first two gives what receiving costs above accepting. Viewers may watch meanwhile. Prints one JSON line.
//!
//! inbound --host 127.0.0.1:8071 --path /in/TOKEN --secret S --pids 123 --events 100000 --conns 64 [--rate R]
//! inbound --host 127.0.0.1:8071 --path /api/v1/app/APP/msg --token T ...
//! inbound --host 127.0.0.1:8071 --path /l/s{n} --links 1000000 [--hook 127.0.0.1:8072] ...
mod hook;
use clap::Parser;
use hdrhistogram::Histogram;
use hmac::{Hmac, Mac};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Parser, Clone)]
struct Args {
    #[arg(long)]
    host: String,
    #[arg(long)]
    path: String,
    /// sign as GitHub does, each request an event of its own
    #[arg(long)]
    secret: Option<String>,
    /// post messages with this token and the idempotency key that every official SDK sends
    #[arg(long)]
    token: Option<String>,
    /// click on so many links, in no order: `{n}` in --path is the number of one
    #[arg(long, default_value_t = 0)]
    links: u64,
    /// take the webhooks of clicks there, and measure how late they come; the links carry their click's id
    #[arg(long)]
    hook: Option<String>,
    /// server processes to account CPU for
    #[arg(long, value_delimiter = ',')]
    pids: Vec<u32>,
    #[arg(long, default_value_t = 100_000)]
    events: u64,
    #[arg(long, default_value_t = 64)]
    conns: usize,
    #[arg(long, default_value_t = 500)]
    bytes: usize,
    /// requests a second, 0 for as fast as answers come
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// connections that watch --view meanwhile
    #[arg(long, default_value_t = 0)]
    viewers: usize,
    #[arg(long, default_value = "")]
    view: String,
    #[arg(long, default_value = "")]
    view_token: String,
}

fn cpu_of(pids: &[u32]) -> f64 {
    pids.iter()
        .filter_map(|pid| std::fs::read_to_string(format!("/proc/{pid}/stat")).ok())
        .map(|s| {
            let fields: Vec<&str> = s[s.rfind(')').unwrap() + 2..].split(' ').collect();
            (11..13).map(|i| fields[i].parse::<f64>().unwrap()).sum::<f64>() / 100.0
        })
        .sum()
}

fn peak_mb(pids: &[u32]) -> u64 {
    pids.iter()
        .filter_map(|p| std::fs::read_to_string(format!("/proc/{p}/status")).ok())
        .filter_map(|s| s.lines().find(|l| l.starts_with("VmHWM"))?.split_whitespace().nth(1)?.parse::<u64>().ok())
        .sum::<u64>()
        / 1024
}

fn main() {
    let a = Args::parse();
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&rt, run(a));
}

/// Everything of a request but its number.
fn template(a: &Args) -> (String, String) {
    let pad = "x".repeat(a.bytes.saturating_sub(90));
    if let Some(secret) = &a.secret {
        let body = format!("{{\"action\":\"opened\",\"repository\":{{\"full_name\":\"octo/hello\"}},\"pad\":\"{pad}\"}}");
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let mut hex = String::new();
        for b in mac.finalize().into_bytes() {
            let _ = write!(hex, "{b:02x}");
        }
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\nuser-agent: GitHub-Hookshot/044aadd\r\naccept: */*\r\ncontent-type: application/json\r\n\
             x-github-event: issues\r\nx-github-hook-id: 292430182\r\nx-hub-signature-256: sha256={hex}\r\n\
             content-length: {}\r\nx-github-delivery: ",
            a.path,
            a.host,
            body.len()
        );
        return (head, format!("\r\n\r\n{body}"));
    }
    let body = format!("{{\"eventType\":\"issues\",\"payload\":{{\"action\":\"opened\",\"pad\":\"{pad}\"}}}}");
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         idempotency-key: auto_",
        a.path,
        a.host,
        a.token.clone().unwrap_or_default(),
        body.len()
    );
    (head, format!("\r\n\r\n{body}"))
}

/// Reads one response; returns its status.
async fn response(s: &mut TcpStream, buf: &mut Vec<u8>) -> u16 {
    buf.clear();
    loop {
        if s.read_buf(buf).await.unwrap() == 0 {
            return 0;
        }
        if let Some(end) = buf.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buf[..end]).to_ascii_lowercase();
            let length: usize = head
                .lines()
                .find_map(|l| l.strip_prefix("content-length: "))
                .map_or(0, |l| l.trim().parse().unwrap());
            while buf.len() < end + 4 + length {
                if s.read_buf(buf).await.unwrap() == 0 {
                    return 0;
                }
            }
            return head.get(9..12).and_then(|c| c.parse().ok()).unwrap_or(0);
        }
    }
}

async fn run(a: Args) {
    let viewed = Rc::new(Cell::new(0u64));
    for _ in 0..a.viewers {
        let (a, viewed) = (a.clone(), viewed.clone());
        tokio::task::spawn_local(async move {
            let mut s = TcpStream::connect(&a.host).await.unwrap();
            let ask = format!(
                "GET {} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\naccept: text/event-stream\r\n\r\n",
                a.view, a.host, a.view_token
            );
            s.write_all(ask.as_bytes()).await.unwrap();
            let mut buf = vec![0; 65536];
            while let Ok(n @ 1..) = s.read(&mut buf).await {
                viewed.set(viewed.get() + n as u64);
            }
        });
    }
    let hook = hook::Hook::default();
    if let Some(address) = &a.hook {
        hook.serve(address).await;
    }
    tokio::time::sleep(Duration::from_millis(if a.viewers > 0 { 3000 } else { 500 })).await;
    let (head, tail) = template(&a);
    let run = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let next = Rc::new(Cell::new(0u64));
    let ack = Rc::new(RefCell::new(Histogram::<u64>::new_with_bounds(1, 600_000_000, 3).unwrap()));
    let statuses = Rc::new(RefCell::new(HashMap::<u16, u64>::new()));
    let c0 = cpu_of(&a.pids);
    let start = Instant::now();
    let mut tasks = vec![];
    for _ in 0..a.conns {
        let (a, head, tail) = (a.clone(), head.clone(), tail.clone());
        let (next, ack, statuses, hook) = (next.clone(), ack.clone(), statuses.clone(), hook.clone());
        tasks.push(tokio::task::spawn_local(async move {
            let mut s = TcpStream::connect(&a.host).await.unwrap();
            s.set_nodelay(true).unwrap();
            let (mut out, mut buf) = (String::new(), Vec::with_capacity(4096));
            loop {
                let i = next.get();
                if i >= a.events {
                    break;
                }
                next.set(i + 1);
                if a.rate > 0 {
                    tokio::time::sleep_until((start + Duration::from_micros(i * 1_000_000 / a.rate)).into()).await;
                }
                out.clear();
                let random = i.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                if a.links > 0 {
                    let path = a.path.replace("{n}", &((random >> 20) % a.links).to_string());
                    let browser = (random >> 50) % 100 + 40;
                    let _ = write!(
                        out,
                        "GET {path} HTTP/1.1\r\nhost: {}\r\nuser-agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 \
                         (KHTML, like Gecko) Chrome/{browser}.0.0.0 Safari/537.36\r\naccept: text/html,*/*;q=0.8\r\n\
                         accept-encoding: gzip, br\r\naccept-language: de,en;q=0.5\r\nreferer: https://news.example/{browser}\r\n\r\n",
                        a.host
                    );
                } else {
                    let _ = write!(out, "{head}{run:016x}-{random:016x}{tail}");
                }
                let asked = Instant::now();
                s.write_all(out.as_bytes()).await.unwrap();
                let status = response(&mut s, &mut buf).await;
                ack.borrow_mut().saturating_record(asked.elapsed().as_micros() as u64);
                if a.hook.is_some() {
                    hook.asked(&String::from_utf8_lossy(&buf), asked);
                }
                *statuses.borrow_mut().entry(status).or_default() += 1;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let took = start.elapsed().as_secs_f64();
    let cpu = cpu_of(&a.pids) - c0;
    let ack = ack.borrow();
    let ms = |q| ack.value_at_quantile(q) as f64 / 1e3;
    let hooked = match a.hook {
        Some(_) => hook.finish(a.events).await,
        None => serde_json::Value::Null,
    };
    let ok: u64 = statuses.borrow().iter().filter(|(s, _)| **s / 100 == if a.links > 0 { 3 } else { 2 }).map(|(_, n)| n).sum();
    println!(
        "{}",
        serde_json::json!({
            "events": a.events, "ok": ok, "statuses": format!("{:?}", statuses.borrow()),
            "per_s": (a.events as f64 / took).round(), "ack_ms": {"p50": ms(0.5), "p99": ms(0.99)},
            "server_cpu_us": (cpu * 1e6 / a.events as f64 * 10.0).round() / 10.0, "server_peak_mb": peak_mb(&a.pids),
            "viewed_bytes": viewed.get(), "hook": hooked,
        })
    );
}
