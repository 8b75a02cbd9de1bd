//! Hooks on the wire: subscriptions as Zapier's and Make's apps make them.

use super::endpoint::{NewEndpoint, secret, target};
use super::fields::{Fields, Patch};
use super::{read, time};
use crate::problem::Problem;
use domain::IdCodec;
use domain::target::TargetRules;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Endpoint, EndpointFields};

/// What the target may be called: each platform has its own word.
const URL: [&str; 5] = ["targetUrl", "hookUrl", "url", "target_url", "hook_url"];

/// A subscription, and the application that it names.
pub(crate) struct NewHook {
    pub app: Option<String>,
    pub endpoint: NewEndpoint,
}

pub(crate) fn read_new(body: &[u8], rules: &TargetRules) -> Result<NewHook, Problem> {
    let mut f = Fields::parse(body)?;
    let url = f.require(&URL, target(rules));
    let event = f.take(&["event"], read::event_type);
    let types = f.take(&["eventTypes"], read::event_types);
    if let (Patch::Value(_), Patch::Value(_)) = (&event, &types) {
        f.complain("event", "and eventTypes can't both be given");
    }
    let fields = EndpointFields {
        url,
        description: "Hook".to_owned(),
        event_types: types.value().or(event.value().map(|name| vec![name])),
        channels: f.take(&["channels"], read::channels).value(),
        first_per: f.take(&["firstPer"], read::payload_path).value(),
        hook: true,
        ..EndpointFields::default()
    };
    let app = f.take(&["appId"], app_name).value();
    let secret = f.take(&["secret"], secret).value();
    f.finish()?;
    Ok(NewHook { app, endpoint: NewEndpoint { fields, secret, headers: None } })
}

fn app_name(v: Value) -> read::Read<String> {
    let name = read::string(v)?;
    if domain::Uid::is_valid(&name) { Ok(name) } else { Err("must be the id or uid of an application".into()) }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HookOut {
    id: String,
    app_id: String,
    url: String,
    event_types: Option<Vec<String>>,
    channels: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_per: Option<String>,
    disabled: bool,
    created_at: String,
}

impl HookOut {
    pub fn of(e: Endpoint, codec: &IdCodec) -> Self {
        HookOut {
            id: codec.text(e.id),
            app_id: codec.text(e.app),
            url: e.url,
            event_types: e.event_types,
            channels: e.channels,
            first_per: e.first_per,
            disabled: e.disabled,
            created_at: time::text(e.id.created_at()),
        }
    }
}

/// Where the hook is that a kept answer tells of.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MadeHook {
    pub id: String,
    pub app_id: String,
}
