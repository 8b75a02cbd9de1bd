//! `cargo xtask bench`: the shapes that Postrider is measured in, each beside the floor in the same run.
//!
//! Builds the release binary, `bench/floor` and `bench/sidebyside`, runs each shape, and prints a table in Markdown.
//! **Invariant:** figures come from outside the process; every server starts on an empty folder unless a shape says otherwise.

mod links;

use crate::http;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, String>;

const HELP: &str = "\
cargo xtask bench [SHAPE...] [--quick] [--repeat N]

Shapes: base latency blackhole fanout inbound links backlog history (all of them unless named).
--quick    a tenth of the events
--repeat N runs of each shape that compares with the floor; the median counts (default 3)";

struct Bench {
    bin: PathBuf,
    tools: PathBuf,
    work: PathBuf,
    scale: u64,
    repeat: usize,
    rows: Vec<Row>,
}

/// Where requests go in.
struct Door<'a> {
    server: &'a Server,
    path: String,
    credential: [String; 2],
    /// The stream that its viewers watch.
    view: String,
    viewers: u32,
}

/// One line of the table.
struct Row {
    shape: String,
    figure: String,
    floor: String,
    postrider: String,
    verdict: String,
}

pub fn run(args: &[String]) -> Result<()> {
    if args.iter().any(|a| a == "--help") {
        println!("{HELP}");
        return Ok(());
    }
    let quick = args.iter().any(|a| a == "--quick");
    let repeat = args.iter().position(|a| a == "--repeat").and_then(|i| args.get(i + 1)?.parse().ok()).unwrap_or(3);
    let named: Vec<&str> =
        args.iter().filter(|a| !a.starts_with("--") && a.parse::<u32>().is_err()).map(String::as_str).collect();
    let wants = |shape: &str| named.is_empty() || named.contains(&shape);
    let target = target_dir();
    let mut bench = Bench {
        bin: target.join("release/postrider"),
        tools: target.join("bench/release"),
        work: target.join("bench/work"),
        scale: if quick { 10 } else { 1 },
        repeat,
        rows: Vec::new(),
    };
    build(&target)?;
    for (shape, f) in [
        ("base", Bench::base as fn(&mut Bench) -> Result<()>),
        ("latency", Bench::latency),
        ("blackhole", Bench::blackhole),
        ("fanout", Bench::fanout),
        ("inbound", Bench::inbound),
        ("links", Bench::links),
        ("backlog", Bench::backlog),
        ("history", Bench::history),
    ] {
        if wants(shape) {
            eprintln!("bench: {shape}");
            f(&mut bench)?;
        }
    }
    println!("{}", bench.table());
    Ok(())
}

fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from)
}

fn build(target: &Path) -> Result<()> {
    let cargo = |args: &[&str]| {
        let ok = Command::new("cargo").args(args).status().map_err(|e| e.to_string())?.success();
        if ok { Ok(()) } else { Err(format!("cargo {} failed", args.join(" "))) }
    };
    cargo(&["build", "--release", "--package", "postrider"])?;
    let tools = target.join("bench").display().to_string();
    for tool in ["floor", "sidebyside", "inbound"].map(|tool| format!("bench/{tool}/Cargo.toml")) {
        cargo(&["build", "--release", "--manifest-path", &tool, "--target-dir", &tools])?;
    }
    Ok(())
}

/// A server process, ended when dropped.
struct Server {
    child: Child,
    api: String,
    token: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn pid(&self) -> String {
        self.child.id().to_string()
    }
    fn peak_mb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) / 1024
    }
    fn call(&self, method: &str, path: &str, body: &str) -> Result<Value> {
        let host = self.api.trim_start_matches("http://");
        let (status, bytes) = http::call(host, method, path, &self.token, body.as_bytes())?;
        if status / 100 != 2 {
            return Err(format!("{method} {path}: {status} {}", String::from_utf8_lossy(&bytes)));
        }
        Ok(serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

impl Bench {
    fn floor(&self) -> Result<Server> {
        let child = Command::new(self.tools.join("floor")).arg("127.0.0.1:8070").spawn().map_err(|e| e.to_string())?;
        let server = Server { child, api: "http://127.0.0.1:8070".into(), token: "x".into() };
        wait_for("127.0.0.1:8070")?;
        Ok(server)
    }

    /// Postrider on an empty folder, or on what the last one left.
    fn postrider(&self, keep: bool) -> Result<Server> {
        let data = self.work.join("data");
        if !keep {
            let _ = std::fs::remove_dir_all(&data);
        }
        std::fs::create_dir_all(&self.work).map_err(|e| e.to_string())?;
        let dir = data.display().to_string();
        let mut child = Command::new(&self.bin)
            .args(["serve", "--listen", "127.0.0.1:0", "--allow-subnet", "127.0.0.0/8", "--data-dir", &dir])
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| e.to_string())?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("no stderr")?).lines();
        let api = loop {
            let line = lines.next().ok_or("postrider ended")?.map_err(|e| e.to_string())?;
            if let Some(at) = line.find("http://") {
                break line[at..].split_whitespace().next().unwrap_or_default().to_owned();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        let token = Command::new(&self.bin)
            .args(["token", "create", "--data-dir", &dir])
            .output()
            .map_err(|e| e.to_string())?;
        Ok(Server { child, api, token: String::from_utf8_lossy(&token.stdout).trim().to_owned() })
    }

    fn load(&self, server: &Server, events: u64, args: &[&str]) -> Result<Value> {
        let out = Command::new(self.tools.join("sidebyside"))
            .args(["--api", &server.api, "--token", &server.token, "--pids", &server.pid()])
            .args(["--events", &events.to_string()])
            .args(args)
            .stderr(Stdio::inherit())
            .output()
            .map_err(|e| e.to_string())?;
        serde_json::from_slice(&out.stdout).map_err(|e| format!("sidebyside said no JSON: {e}"))
    }

    /// Runs a shape against both, in turn, and gives the run with the median figure of each.
    fn pair(&self, events: u64, args: &[&str], figure: &str) -> Result<(Value, Value)> {
        let (mut floor, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..self.repeat {
            floor.push(self.load(&self.floor()?, events, args)?);
            let server = self.postrider(false)?;
            let run = self.load(&server, events, args)?;
            check_nothing_lost(&run)?;
            ours.push(run);
        }
        Ok((median(floor, figure), median(ours, figure)))
    }

    fn base(&mut self) -> Result<()> {
        let (f, p) = self.pair(100_000 / self.scale, &["--conns", "64"], CPU)?;
        self.at_most("base: 64 connections, 500 B", "CPU us per delivery", num(&f, CPU), num(&p, CPU), 2.0);
        self.at_least("base", "delivered/s", num(&f, RATE), num(&p, RATE), 0.5);
        Ok(())
    }

    fn latency(&mut self) -> Result<()> {
        let (f, p) = self.pair(3_000 / self.scale, &["--conns", "64", "--rate", "150"], "/e2e_ms/p50")?;
        for (figure, path, bar) in [
            ("end to end p50 ms", "/e2e_ms/p50", 1.0),
            ("end to end p99 ms", "/e2e_ms/p99", 3.0),
            ("ack p50 ms", "/ack_ms/p50", f64::MAX),
        ] {
            let (f, p) = (num(&f, path), num(&p, path));
            let bar_text =
                if bar == f64::MAX { "no bar".to_owned() } else { format!("bar + {bar} ms: {}", met(p - f <= bar)) };
            self.row(
                "latency: 150/s",
                figure,
                format!("{f:.2}"),
                format!("{p:.2}"),
                format!("+ {:.2} ms; {bar_text}", p - f),
            );
        }
        Ok(())
    }

    fn blackhole(&mut self) -> Result<()> {
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for _ in 0..self.repeat {
            let events = 100_000 / self.scale;
            without.push(self.load(&self.postrider(false)?, events, &["--conns", "64"])?);
            let server = self.postrider(false)?;
            with.push(self.load(&server, events, &["--conns", "64", "--blackholes", "1"])?);
        }
        let (without, with) = (median(without, RATE), median(with, RATE));
        check_nothing_lost(&with)?;
        let ratio = num(&with, RATE) / num(&without, RATE);
        self.row(
            "one black hole beside",
            "healthy delivered/s, without and with",
            format!("{:.0}", num(&without, RATE)),
            format!("{:.0}", num(&with, RATE)),
            format!("{:.0} %; bar 90 %: {}", ratio * 100.0, met(ratio >= 0.9)),
        );
        let (p99, worst) = (num(&with, "/e2e_ms/p99"), num(&with, "/e2e_ms/max"));
        self.row(
            "one black hole beside",
            "end to end p99, max ms",
            String::new(),
            format!("{p99:.1}, {worst:.1}"),
            String::new(),
        );
        Ok(())
    }

    fn fanout(&mut self) -> Result<()> {
        let (f, p) = self.pair(30_000 / self.scale, &["--conns", "64", "--endpoints", "10"], CPU)?;
        self.at_most("fan-out 10", "CPU us per delivery", num(&f, CPU), num(&p, CPU), 1.6);
        self.at_least("fan-out 10", "delivered/s", num(&f, RATE), num(&p, RATE), 0.0);
        Ok(())
    }

    /// Receiving a signed webhook beside accepting a message over the API, neither with an endpoint.
    fn inbound(&mut self) -> Result<()> {
        let events = (200_000 / self.scale).to_string();
        let slow = (3_000 / self.scale).to_string();
        let (mut accept, mut receive, mut watched) = (Vec::new(), Vec::new(), Vec::new());
        let (mut accept_slow, mut receive_slow) = (Vec::new(), Vec::new());
        for _ in 0..self.repeat {
            accept.push(self.knock(&self.api_door(&self.postrider(false)?)?, &events, "0")?);
            receive.push(self.knock(&self.source_door(&self.postrider(false)?)?, &events, "0")?);
            let server = self.postrider(false)?;
            let door = Door { viewers: 1000, ..self.source_door(&server)? };
            watched.push(self.knock(&door, &events, "0")?);
            drop(server);
            accept_slow.push(self.knock(&self.api_door(&self.postrider(false)?)?, &slow, "150")?);
            receive_slow.push(self.knock(&self.source_door(&self.postrider(false)?)?, &slow, "150")?);
        }
        let (accept, receive) = (median(accept, "/server_cpu_us"), median(receive, "/server_cpu_us"));
        let shape = "inbound: 64 connections, 500 B, signed";
        let cpu = |v: &Value| num(v, "/server_cpu_us");
        self.at_most(shape, "CPU us per request, accept and receive", cpu(&accept), cpu(&receive), 1.3);
        let rate = num(&receive, "/per_s");
        let verdict = format!("bar 15,000: {}", met(rate >= 15_000.0));
        self.row(shape, "received/s", format!("{:.0}", num(&accept, "/per_s")), format!("{rate:.0}"), verdict);
        let (without, with) = (rate, num(&median(watched, "/per_s"), "/per_s"));
        self.at_least(shape, "received/s without and with 1,000 viewers", without, with, 0.95);
        let p50 = |runs| num(&median(runs, "/ack_ms/p50"), "/ack_ms/p50");
        let (accept, receive) = (p50(accept_slow), p50(receive_slow));
        let verdict = format!("+ {:.2} ms; bar + 1 ms: {}", receive - accept, met(receive - accept <= 1.0));
        self.row("inbound: 150/s", "ack p50 ms", format!("{accept:.2}"), format!("{receive:.2}"), verdict);
        Ok(())
    }

    fn api_door<'a>(&self, server: &'a Server) -> Result<Door<'a>> {
        let app = server.call("POST", "/api/v1/app", &json!({"name": "bench"}).to_string())?;
        let path = format!("/api/v1/app/{}/msg", app["id"].as_str().unwrap_or_default());
        Ok(Door {
            server,
            path,
            credential: ["--token".to_owned(), server.token.clone()],
            view: String::new(),
            viewers: 0,
        })
    }

    fn source_door<'a>(&self, server: &'a Server) -> Result<Door<'a>> {
        let secret = "a secret of the bench, long enough";
        let source = json!({"name": "bench", "type": "github", "config": {"secret": secret}}).to_string();
        let source = server.call("POST", "/ingest/api/v1/source", &source)?;
        let url = source["ingestUrl"].as_str().unwrap_or_default();
        let path = url.find("/in/").and_then(|at| url.get(at..)).unwrap_or_default().to_owned();
        let view = format!("/ingest/api/v1/source/{}/request/stream?live=1", source["id"].as_str().unwrap_or_default());
        Ok(Door { server, path, credential: ["--secret".to_owned(), secret.to_owned()], view, viewers: 0 })
    }

    fn knock(&self, door: &Door<'_>, events: &str, rate: &str) -> Result<Value> {
        let host = door.server.api.trim_start_matches("http://");
        let out = Command::new(self.tools.join("inbound"))
            .args(["--host", host, "--path", &door.path, "--pids", &door.server.pid()])
            .args(["--events", events, "--rate", rate, "--conns", "64"])
            .args(["--viewers", &door.viewers.to_string(), "--view", &door.view, "--view-token", &door.server.token])
            .args(&door.credential)
            .stderr(Stdio::inherit())
            .output()
            .map_err(|e| e.to_string())?;
        let run: Value = serde_json::from_slice(&out.stdout).map_err(|e| format!("inbound said no JSON: {e}"))?;
        if run["ok"] == run["events"] { Ok(run) } else { Err(format!("requests were refused: {run}")) }
    }

    /// A million deliveries for an endpoint that never answers, then a kill and a restart over them.
    fn backlog(&mut self) -> Result<()> {
        let events = 1_000_000 / self.scale;
        let server = self.postrider(false)?;
        let args = ["--conns", "64", "--blackholes", "1", "--wait-s", "600"];
        let run = self.load(&server, events, &args)?;
        check_nothing_lost(&run)?;
        let peak = server.peak_mb();
        let shape = format!("backlog of {events} for a dead endpoint");
        self.row(&shape, "peak memory MB", String::new(), peak.to_string(), format!("bar 250: {}", met(peak <= 250)));
        let rate = format!("{:.0}", num(&run, RATE));
        self.row(&shape, "healthy delivered/s meanwhile", String::new(), rate, String::new());

        let receiver = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
        let port = receiver.local_addr().map_err(|e| e.to_string())?.port();
        let app = server.call("POST", "/api/v1/app", &json!({"name": "restart"}).to_string())?;
        let app = app["id"].as_str().unwrap_or_default().to_owned();
        let endpoint = json!({"url": format!("http://127.0.0.1:{port}/restart")}).to_string();
        server.call("POST", &format!("/api/v1/app/{app}/endpoint"), &endpoint)?;
        drop(server);

        let from = Instant::now();
        let server = self.postrider(true)?;
        let message = json!({"eventType": "link.clicked", "payload": {"n": 1}}).to_string();
        server.call("POST", &format!("/api/v1/app/{app}/msg"), &message)?;
        let (mut stream, _) = receiver.accept().map_err(|e| e.to_string())?;
        let mut first = [0; 1];
        stream.read_exact(&mut first).map_err(|e| e.to_string())?;
        let seconds = from.elapsed().as_secs_f64();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        let verdict = format!("bar 2 s: {}", met(seconds <= 2.0));
        self.row(&shape, "restart to first new delivery, s", String::new(), format!("{seconds:.2}"), verdict);
        Ok(())
    }

    /// The base shape over five million stored messages, and the lists over them.
    fn history(&mut self) -> Result<()> {
        let stored = 5_000_000 / self.scale;
        let events = 100_000 / self.scale;
        let empty = self.load(&self.postrider(false)?, events, &["--conns", "64"])?;
        let server = self.postrider(false)?;
        let app = fill(&server, stored)?;
        drop(server);
        let server = self.postrider(true)?;
        let full = self.load(&server, events, &["--conns", "64"])?;
        let ratio = num(&full, CPU) / num(&empty, CPU);
        let shape = format!("{stored} stored messages");
        self.row(
            &shape,
            "CPU us per delivery, empty and full",
            format!("{:.1}", num(&empty, CPU)),
            format!("{:.1}", num(&full, CPU)),
            format!("{ratio:.2} x; bar 1.15 x: {}", met(ratio <= 1.15)),
        );
        for (name, p99) in lookups(&server, &app)? {
            let verdict = format!("bar 20 ms: {}", met(p99 < 20.0));
            self.row(&shape, &format!("{name}, p99 ms"), String::new(), format!("{p99:.1}"), verdict);
        }
        Ok(())
    }

    fn row(&mut self, shape: &str, figure: &str, floor: String, postrider: String, verdict: String) {
        eprintln!("bench: {shape} | {figure} | {floor} | {postrider} | {verdict}");
        self.rows.push(Row { shape: shape.into(), figure: figure.into(), floor, postrider, verdict });
    }
    fn at_most(&mut self, shape: &str, figure: &str, floor: f64, ours: f64, bar: f64) {
        let verdict = format!("{:.2} x; bar {bar} x: {}", ours / floor, met(ours / floor <= bar));
        self.row(shape, figure, format!("{floor:.1}"), format!("{ours:.1}"), verdict);
    }
    fn at_least(&mut self, shape: &str, figure: &str, floor: f64, ours: f64, bar: f64) {
        let share = ours / floor;
        let verdict = format!("{:.0} %; bar {:.0} %: {}", share * 100.0, bar * 100.0, met(share >= bar));
        self.row(shape, figure, format!("{floor:.0}"), format!("{ours:.0}"), verdict);
    }

    fn table(&self) -> String {
        let mut out =
            String::from("| shape | figure | floor (or before) | postrider | verdict |\n|---|---|---|---|---|\n");
        for r in &self.rows {
            let _ = writeln!(out, "| {} | {} | {} | {} | {} |", r.shape, r.figure, r.floor, r.postrider, r.verdict);
        }
        out
    }
}

const CPU: &str = "/server_cpu_us_per_delivery";
const RATE: &str = "/deliver_per_s";

fn num(v: &Value, path: &str) -> f64 {
    v.pointer(path).and_then(Value::as_f64).unwrap_or(f64::NAN)
}
fn met(yes: bool) -> &'static str {
    if yes { "met" } else { "MISSED" }
}
fn median(mut runs: Vec<Value>, figure: &str) -> Value {
    runs.sort_by(|a, b| num(a, figure).total_cmp(&num(b, figure)));
    let middle = runs.len() / 2;
    runs.into_iter().nth(middle).unwrap_or(Value::Null)
}
fn check_nothing_lost(run: &Value) -> Result<()> {
    match (run["lost"].as_i64(), run["errors"].as_u64()) {
        (Some(0), Some(0)) => Ok(()),
        _ => Err(format!("events were lost or refused: {run}")),
    }
}

fn wait_for(address: &str) -> Result<()> {
    let from = Instant::now();
    while TcpStream::connect(address).is_err() {
        if from.elapsed() > Duration::from_secs(10) {
            return Err(format!("{address} does not listen"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Stores messages in batches, in one application with an endpoint that takes none of them; returns its id.
fn fill(server: &Server, messages: u64) -> Result<String> {
    let app = server.call("POST", "/api/v1/app", &json!({"name": "history"}).to_string())?;
    let app = app["id"].as_str().unwrap_or_default().to_owned();
    let pad = "x".repeat(440);
    let mut done = 0;
    while done < messages {
        let batch: Vec<Value> = (done..(done + 1000).min(messages))
            .map(|n| json!({"eventType": if n % 1000 == 7 { "rare.event" } else { "link.clicked" }, "payload": {"n": n, "pad": pad}}))
            .collect();
        done += batch.len() as u64;
        server.call("POST", &format!("/api/v1/app/{app}/msg/batch"), &json!({"messages": batch}).to_string())?;
    }
    Ok(app)
}

/// The p99 of each kind of read over a full store, in milliseconds.
fn lookups(server: &Server, app: &str) -> Result<BTreeMap<String, f64>> {
    let base = format!("/api/v1/app/{app}/msg");
    let mut iterator = String::new();
    let mut times: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut timed = |name: &str, path: &str| -> Result<Value> {
        let from = Instant::now();
        let v = server.call("GET", path, "")?;
        times.entry(name.to_owned()).or_default().push(from.elapsed().as_secs_f64() * 1e3);
        Ok(v)
    };
    for _ in 0..200 {
        let page = timed("list of 50 messages", &format!("{base}?limit=50&iterator={iterator}"))?;
        iterator = page["iterator"].as_str().unwrap_or_default().to_owned();
        timed("message by id", &format!("{base}/{iterator}"))?;
        timed("filtered list of messages", &format!("{base}?limit=50&event_types=rare.event&with_content=false"))?;
    }
    Ok(times
        .into_iter()
        .map(|(name, mut t)| {
            t.sort_by(f64::total_cmp);
            let p99 = t.get(t.len() * 99 / 100).copied().unwrap_or(f64::NAN);
            (name, p99)
        })
        .collect())
}
