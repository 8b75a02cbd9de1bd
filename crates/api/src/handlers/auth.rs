//! Tokens for the portal.

use super::message::route_or_create;
use crate::auth::{Capabilities, NewToken};
use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::fields::Fields;
use crate::wire::read::{self, boolean, feature_flags, strings};
use domain::AppId;
use serde::Serialize;
use serde_json::value::RawValue;
use std::time::Duration;

const HOUR_S: u64 = 3600;
const WEEK_S: u64 = 7 * 24 * HOUR_S;

#[derive(Serialize)]
struct PortalAccessOut {
    url: String,
    token: String,
}

struct PortalAccessIn {
    expiry_s: u64,
    capabilities: Capabilities,
    feature_flags: Vec<String>,
    session: Option<String>,
    application: Option<Box<RawValue>>,
}

fn read_body(body: &[u8]) -> Result<PortalAccessIn, Problem> {
    let mut f = Fields::parse(body)?;
    let read_only = f.take(&["readOnly"], boolean).value().unwrap_or_default();
    let named = f.take(&["capabilities"], |v| {
        let names = strings(v)?;
        let list: Option<Vec<_>> = names.iter().map(|n| Capabilities::parse(n)).collect();
        list.map(|l| Capabilities::of(&l)).ok_or("names a capability that doesn't exist".into())
    });
    let out = PortalAccessIn {
        expiry_s: f.take(&["expiry"], read::integer(HOUR_S..=WEEK_S)).value().unwrap_or(WEEK_S),
        capabilities: match named.value() {
            Some(capabilities) => capabilities,
            None if read_only => Capabilities::READ_ONLY,
            None => Capabilities::ALL,
        },
        feature_flags: f.take(&["featureFlags"], feature_flags).value().unwrap_or_default(),
        session: f
            .take(&["sessionId"], |v| {
                let name = read::string(v)?;
                if read::is_session(&name) {
                    Ok(name)
                } else {
                    Err("must be 1 to 64 letters, digits, @, _ or -".into())
                }
            })
            .value(),
        application: f
            .take(&["application"], |v| serde_json::value::to_raw_value(&v).map_err(|e| e.to_string().into()))
            .value(),
    };
    f.finish()?;
    Ok(out)
}

pub(crate) async fn portal_access(call: Call) -> Result<Reply, Problem> {
    let wanted = read_body(&call.body)?;
    let route = route_or_create(&call, wanted.application.as_deref()).await?;
    Ok(grant(&call, route.app, &wanted))
}

/// A token for the application of the source in the path.
pub(crate) async fn source_access(call: Call) -> Result<Reply, Problem> {
    let wanted = read_body(&call.body)?;
    let source = call.source().await?;
    Ok(grant(&call, source.app, &wanted))
}

fn grant(call: &Call, app: AppId, wanted: &PortalAccessIn) -> Reply {
    let now = call.shared.now();
    // A token of the very second in which all were ended is a new one.
    let floors = call.store().token_floors(app);
    let ended = floors.iter().map(|floor| floor.issued_by).max().filter(|at| at.seconds() >= now.seconds());
    let issued = ended.map_or(now, |at| at.plus(Duration::from_secs(1)));
    let token = call.shared.auth.keys().mint(
        &NewToken {
            org: &call.caller.org_text,
            app: Some(&call.codec().text(app)),
            expires_at: Some(now.plus(Duration::from_secs(wanted.expiry_s))),
            capabilities: wanted.capabilities,
            feature_flags: &wanted.feature_flags,
            session: wanted.session.as_deref(),
            nonce: call.store().rng().next_u64(),
        },
        issued,
    );
    // The token in the fragment: it reaches no server log and no Referer header. The organisation says which pages may
    // show the portal in a frame.
    let url = format!("{}/portal?org={}#key={token}", call.origin(), call.caller.org_text);
    Reply::ok(&PortalAccessOut { url, token }).secret()
}

pub(crate) async fn logout(call: Call) -> Result<Reply, Problem> {
    call.shared.auth.revoke(call.store(), &call.caller).await?;
    Ok(Reply::no_content())
}
