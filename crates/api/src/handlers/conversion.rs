//! Conversions: what came of a click, told by the link owner's own server.
//!
//! **Invariant:** a click's id names its link, and only the organisation that has the link may convert it.

use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::conversion::{ConversionOut, read};
use domain::{ClickId, Conversion};
use http::StatusCode;
use store::{OwnEvent, Recorded};

pub(crate) async fn create(call: Call) -> Result<Reply, Problem> {
    let (fields, codec) = (read(&call.body)?, call.codec());
    // As with other ids: what isn't the caller's is not there.
    let unknown = || Problem::not_found("click not found");
    let click = ClickId::read(codec, &fields.click).ok_or_else(unknown)?;
    let route = call.store().link_route_of(click.link).await?.ok_or_else(unknown)?;
    if route.org != call.caller.org {
        return Err(unknown());
    }
    let conversion = Conversion {
        click,
        name: fields.name,
        value: fields.value,
        currency: fields.currency,
        external_id: fields.external_id,
    };
    let event = OwnEvent::converted(&conversion, &route, call.shared.now(), codec);
    let recorded = call.store().record(event).await?;
    let status = match recorded {
        Recorded::New(_) => StatusCode::ACCEPTED,
        Recorded::Repeated => StatusCode::OK,
    };
    Ok(Reply::json(status, &ConversionOut::of(&conversion, recorded, codec)))
}
