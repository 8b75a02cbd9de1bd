//! Demo data: real objects, made through the API as anybody would make them.
//!
//! **Invariant:** running it again makes nothing twice: what is there stays as it is.

use crate::call::Call;
use crate::fault::Fault;
use http::{Method, StatusCode};
use serde_json::{Value, json};

const APP: &str = "demo-shop";

/// What is there already is no failure.
async fn make(call: &Call, method: Method, path: &str, body: Value) -> Result<Option<Value>, Fault> {
    match call.api(method, path, Some(&body)).await {
        Ok(made) => Ok(Some(made)),
        Err(Fault::Refused(r)) if r.status == StatusCode::CONFLICT => Ok(None),
        Err(other) => Err(other),
    }
}

pub(crate) async fn create(call: &Call) -> Result<(), Fault> {
    event_types(call).await?;
    make(call, Method::PUT, &format!("/api/v1/app/{APP}"), json!({"name": "Demo shop", "uid": APP})).await?;
    let bin = make(call, Method::POST, "/api/v1/bin", json!({"name": "Demo inbox", "uid": "demo-inbox"})).await?;
    if let Some(url) = bin.as_ref().and_then(|b| b.get("url")).and_then(Value::as_str) {
        let endpoint = json!({"url": url, "uid": "demo-inbox", "description": "The demo inbox, on this server"});
        // A server that only this machine reaches doesn't deliver to itself.
        if let Err(Fault::Refused(refusal)) =
            make(call, Method::POST, &format!("/api/v1/app/{APP}/endpoint"), endpoint).await
        {
            tracing::debug!(why = refusal.detail, "the demo has no endpoint");
        }
    }
    for (event_type, payload) in messages() {
        let id = format!("demo-{event_type}");
        let message = json!({"eventType": event_type, "eventId": id, "payload": payload});
        make(call, Method::POST, &format!("/api/v1/app/{APP}/msg"), message).await?;
    }
    let source = json!({"name": "Demo source", "uid": "demo-source", "type": "generic-webhook"});
    make(call, Method::POST, "/ingest/api/v1/source", source).await?;
    let link = json!({"slug": "demo", "target": "https://example.com/spring-sale", "name": "Demo link"});
    make(call, Method::POST, "/api/v1/link", link).await?;
    let fields = json!([
        {"name": "name", "type": "text", "label": "Name"},
        {"name": "email", "type": "email", "label": "E-mail", "required": true},
        {"name": "message", "type": "text", "label": "Message"},
    ]);
    let forms = call.api(Method::GET, "/api/v1/form?limit=250", None).await?;
    let has_demo = |f: &Value| f.get("name").and_then(Value::as_str) == Some("Demo contact form");
    if !forms.get("data").and_then(Value::as_array).is_some_and(|list| list.iter().any(has_demo)) {
        make(call, Method::POST, "/api/v1/form", json!({"name": "Demo contact form", "fields": fields})).await?;
    }
    Ok(())
}

async fn event_types(call: &Call) -> Result<(), Fault> {
    for (name, description) in [
        ("order.created", "A customer placed an order"),
        ("invoice.paid", "An invoice was paid"),
        ("stock.low", "A product is nearly sold out"),
    ] {
        make(call, Method::POST, "/api/v1/event-type", json!({"name": name, "description": description})).await?;
    }
    Ok(())
}

fn messages() -> [(&'static str, Value); 3] {
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
    ]
}
