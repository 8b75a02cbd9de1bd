//! Links: redirects, their events, and a million of them.
//!
//! **Invariant:** clicks go over all links in no order, as browsers of many kinds; nothing is warmed up by hand.

use super::{Bench, Result, Server, met, num};
use crate::http;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Where the load takes webhooks.
const HOOK: &str = "127.0.0.1:8073";

impl Bench {
    pub(super) fn links(&mut self) -> Result<()> {
        let links = 1_000_000 / self.scale;
        let clicks = 300_000 / self.scale;
        let server = self.postrider(false)?;
        let took = import(&server, links)?;
        let shape = format!("{links} links");
        let rate = links as f64 / took;
        self.row(&shape, "imported rows/s", String::new(), format!("{rate:.0}"), bar(rate >= 50_000.0, "50,000"));
        drop(server);

        let from = Instant::now();
        let server = self.postrider(true)?;
        let path = "/l/s0".to_owned();
        let (status, _) = http::call(server.api.trim_start_matches("http://"), "GET", &path, "", b"")?;
        let seconds = from.elapsed().as_secs_f64();
        let verdict = bar(status == 302 && seconds <= 2.0, "2 s");
        self.row(&shape, "start to first redirect, s", String::new(), format!("{seconds:.2}"), verdict);

        self.click(&server, links, (clicks / 5, 5_000), None)?;
        let peak = server.peak_mb();
        self.row(&shape, "peak memory MB", String::new(), peak.to_string(), bar(peak <= 250, "250"));
        let spread = self.click(&server, links, (clicks, 0), None)?;
        let rate = format!("{:.0}", num(&spread, "/per_s"));
        self.row(&shape, "redirects/s, over all of them", String::new(), rate, "no bar".to_owned());
        drop(server);

        let few = 1_000;
        let server = self.postrider(false)?;
        import(&server, few)?;
        let full = self.click(&server, few, (clicks, 0), None)?;
        let rate = num(&full, "/per_s");
        let shape = format!("{few} links");
        self.row(&shape, "redirects/s", String::new(), format!("{rate:.0}"), bar(rate >= 25_000.0, "25,000"));
        let cpu = format!("{:.1}", num(&full, "/server_cpu_us"));
        self.row(&shape, "CPU us per click, recorded", String::new(), cpu, String::new());
        let half = self.click(&server, few, (clicks / 2, 12_500), None)?;
        let p99 = num(&half, "/ack_ms/p99");
        self.row(&shape, "redirect p99 ms at 12,500/s", String::new(), format!("{p99:.2}"), bar(p99 < 5.0, "5 ms"));
        let lost = lost(&server)?;
        self.row(&shape, "clicks lost", String::new(), lost.to_string(), bar(lost == 0, "none"));
        drop(server);

        let server = self.one_link()?;
        let one = self.click(&server, 1, (clicks, 0), None)?;
        let rate = num(&one, "/per_s");
        self.row("one link", "redirects/s", String::new(), format!("{rate:.0}"), bar(rate >= 25_000.0, "25,000"));
        drop(server);

        let server = self.one_link()?;
        let hook = json!({"targetUrl": format!("http://{HOOK}/"), "event": "link.clicked"}).to_string();
        server.call("POST", "/api/v1/hook", &hook)?;
        let run = self.click(&server, 1, (3_000 / self.scale, 150), Some(HOOK))?;
        let (p50, p99) = (num(&run, "/hook/p50"), num(&run, "/hook/p99"));
        let verdict = bar(run["hook"]["came"] == run["events"] && p50 < 5.0, "p50 5 ms");
        self.row(
            "clicks at 150/s",
            "event at its endpoint, p50, p99 ms",
            String::new(),
            format!("{p50:.2}, {p99:.2}"),
            verdict,
        );
        Ok(())
    }

    /// A server with a link that carries its clicks' ids.
    fn one_link(&self) -> Result<Server> {
        let server = self.postrider(false)?;
        let link = json!({"target": "https://example.com/", "slug": "s0", "clickParam": "click"}).to_string();
        server.call("POST", "/api/v1/link", &link)?;
        Ok(server)
    }

    fn click(&self, server: &Server, links: u64, (clicks, rate): (u64, u64), hook: Option<&str>) -> Result<Value> {
        let host = server.api.trim_start_matches("http://");
        let out = Command::new(self.tools.join("inbound"))
            .args(["--host", host, "--path", "/l/s{n}", "--pids", &server.pid(), "--conns", "64"])
            .args(["--links", &links.to_string(), "--events", &clicks.to_string(), "--rate", &rate.to_string()])
            .args(hook.iter().flat_map(|address| ["--hook", *address]))
            .stderr(Stdio::inherit())
            .output()
            .map_err(|e| e.to_string())?;
        let run: Value = serde_json::from_slice(&out.stdout).map_err(|e| format!("inbound said no JSON: {e}"))?;
        if run["ok"] == run["events"] { Ok(run) } else { Err(format!("clicks were refused: {run}")) }
    }
}

/// Seconds that an import of so many links takes.
fn import(server: &Server, links: u64) -> Result<f64> {
    let mut csv = String::from("slug,target,name,tags\n");
    for n in 0..links {
        let _ = writeln!(
            csv,
            "s{n},https://shop.example/products/{n}?utm_source=mail&utm_campaign=c{},Product {n},shop;mail",
            n % 50
        );
    }
    let host = server.api.trim_start_matches("http://");
    let from = Instant::now();
    let (status, body) = http::call_as(host, "POST", "/api/v1/link/import", &server.token, "text/csv", csv.as_bytes())?;
    let took = from.elapsed().as_secs_f64();
    let answer: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    if status / 100 == 2 && answer["created"] == links { Ok(took) } else { Err(format!("import: {status} {answer}")) }
}

/// Clicks that were lost, as the server counts them.
fn lost(server: &Server) -> Result<u64> {
    let (_, text) = http::call(server.api.trim_start_matches("http://"), "GET", "/metrics", "", b"")?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let lost = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)?.trim().parse::<u64>().ok());
    let counters = ["postrider_link_clicks_total{outcome=\"lost\"}", "postrider_store_clicks_lost_total"];
    counters.iter().map(|name| lost(name).ok_or_else(|| format!("no {name}"))).sum()
}

fn bar(is_met: bool, bar: &str) -> String {
    format!("bar {bar}: {}", met(is_met))
}
