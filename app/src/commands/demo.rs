//! `postrider demo`: the server with receivers of its own and real events, to watch.
//!
//! Everything goes the way that a user's own would: over the HTTP API in, over HTTP out, verified with the endpoint's
//! secret. **Invariant:** running it again finds what the last run made and goes on with it.

use std::fmt::Display;
use std::io::Write;
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::IpNet;
use serde_json::{Value, json};

use crate::clock::SystemClock;
use crate::commands::serve::{StopSignals, runtime};
use crate::commands::{admin, fail, token};
use crate::data_dir::DataDir;
use crate::demo::client::Client;
use crate::demo::receiver::Receiver;
use crate::exit::Exit;
use crate::server::{Scene, Server};
use crate::settings::{Loaded, Origin, Settings};

const APP: &str = "demo-shop";
/// Endpoint, and what it subscribes to.
const ENDPOINTS: [(&str, &[&str]); 3] = [
    ("billing", &["invoice.paid", "invoice.refunded"]),
    ("shipping", &["order.created", "invoice.paid"]),
    ("inventory", &["order.created", "stock.low"]),
];

/// What a demo needs to be watched: receivers on this machine, and retries within seconds.
pub fn adjust(loaded: &mut Loaded) {
    if loaded.origin("retry-schedule") == Origin::Default {
        loaded.settings.retry_schedule = [1, 2, 5, 30].map(Duration::from_secs).to_vec();
    }
    if let Ok(loopback) = IpNet::new(Ipv4Addr::new(127, 0, 0, 0).into(), 8) {
        loaded.settings.allow_subnet.push(loopback);
    }
}

pub fn run(settings: &Settings, data_dir: &DataDir, scene: Scene) -> Exit {
    let runtime = match runtime(settings) {
        Ok(runtime) => runtime,
        Err(error) => return fail(format!("threads can't be started: {error}"), Exit::Failure),
    };
    let exit = runtime.block_on(show(settings, data_dir, scene));
    runtime.shutdown_timeout(Duration::from_millis(100));
    exit
}

/// A line of the show, with the time of day.
pub fn say(line: impl Display) {
    let ms = SystemClock.unix_ms() % 86_400_000;
    let (h, m, s) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    let mut out = std::io::stdout().lock();
    // A reader that went away has seen enough; the server goes on.
    let _ = writeln!(out, "{h:02}:{m:02}:{s:02}.{:03}  {line}", ms % 1000).and_then(|()| out.flush());
}

fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

async fn show(settings: &Settings, data_dir: &DataDir, scene: Scene) -> Exit {
    let server = match Server::start(settings, data_dir, scene.shown).await {
        Ok(server) => server,
        Err(error) => {
            let exit = error.exit();
            return fail(error, exit);
        }
    };
    let told = match token::organisation(settings, data_dir) {
        Ok(token) => stage(&server, &token).await.map(|()| token),
        Err(error) => Err(error.to_string()),
    };
    let exit = match told {
        Ok(token) => {
            epilogue(&server, &token);
            if let Ok(Some(url)) = admin::setup_url(&server, settings, data_dir).await {
                print(&format!("See it in a browser (the link works once, within 30 minutes):\n\n{url}\n"));
            }
            match StopSignals::listen() {
                Ok(mut signals) => {
                    signals.next().await;
                    Exit::Ok
                }
                Err(error) => fail(format!("stop signals can't be heard: {error}"), Exit::Failure),
            }
        }
        Err(error) => fail(error, Exit::Failure),
    };
    server.stop().await;
    exit
}

/// Makes the application and its endpoints, and sends the events.
async fn stage(server: &Server, token: &str) -> Result<(), String> {
    let receiver = Receiver::start().await.map_err(|e| format!("the demo's receiver can't listen: {e}"))?;
    let api = Client::new(server.address, token);
    print(&format!(
        "Postrider demo\n\n  server    http://{}   the API, on the embedded store\n  receiver  http://{}   stands in for your customers\n",
        server.address, receiver.address
    ));
    for name in ["order.created", "invoice.paid", "invoice.refunded", "stock.low"] {
        let body = json!({"description": format!("Demo: {name}")});
        api.call("PUT", &format!("/api/v1/event-type/{name}"), Some(&body)).await?;
    }
    api.call("PUT", &format!("/api/v1/app/{APP}"), Some(&json!({"name": "Demo shop"}))).await?;
    for (name, types) in ENDPOINTS {
        let body = json!({
            "url": format!("http://{}/{name}", receiver.address),
            "description": format!("The {name} team"),
            "filterTypes": types,
        });
        api.call("PUT", &format!("/api/v1/app/{APP}/endpoint/{name}"), Some(&body)).await?;
        let secret = api.call("GET", &format!("/api/v1/app/{APP}/endpoint/{name}/secret"), None).await?;
        receiver.trust(name, secret.get("key").and_then(Value::as_str).unwrap_or_default())?;
        say(format_args!("endpoint   {name:<10} takes {}", types.join(", ")));
    }
    receiver.fail_next("inventory", 2);
    say("receiver   inventory  answers 503 to its next two requests, as if it were being deployed");
    for (event_type, payload) in events() {
        let from = SystemClock.instant();
        let body = json!({"eventType": event_type, "payload": payload});
        let message = api.call("POST", &format!("/api/v1/app/{APP}/msg"), Some(&body)).await?;
        let ms = SystemClock.instant().duration_since(from).as_secs_f64() * 1e3;
        let id = message.get("id").and_then(Value::as_str).unwrap_or_default();
        say(format_args!("accepted   {event_type:<17} {id}  on disk after {ms:.1} ms"));
    }
    receiver.recovered("inventory").await;
    Ok(())
}

fn events() -> [(&'static str, Value); 4] {
    [
        (
            "order.created",
            json!({"type": "order.created", "data": {"orderId": "A-1001", "customer": "Ada Lovelace",
                "items": [{"sku": "LAMP-7", "quantity": 2}], "total": {"amount": "59.80", "currency": "EUR"}}}),
        ),
        (
            "invoice.paid",
            json!({"type": "invoice.paid", "data": {"invoiceId": "INV-2041", "orderId": "A-1001",
                "amount": "59.80", "currency": "EUR", "method": "card"}}),
        ),
        ("stock.low", json!({"type": "stock.low", "data": {"sku": "LAMP-7", "left": 3, "warehouse": "Zürich"}})),
        (
            "invoice.refunded",
            json!({"type": "invoice.refunded", "data": {"invoiceId": "INV-1988", "amount": "12.00", "currency": "EUR"}}),
        ),
    ]
}

fn epilogue(server: &Server, token: &str) {
    print(&format!(
        "\nEvery delivery arrived, the failing one by retry. Postrider goes on serving; send an event of your own:\n\n\
         curl -X POST http://{address}/api/v1/app/{APP}/msg \\\n  -H 'authorization: Bearer {token}' \\\n  \
         -H 'content-type: application/json' \\\n  \
         -d '{{\"eventType\": \"invoice.paid\", \"payload\": {{\"hello\": \"world\"}}}}'\n\n\
         See its attempts:\n\n\
         curl http://{address}/api/v1/app/{APP}/attempt/endpoint/billing \\\n  -H 'authorization: Bearer {token}'\n\n\
         Ctrl-C ends the demo.\n",
        address = server.address,
    ));
}
