//! Get connected: everyday cases, each in three steps that end with something that really came.
//!
//! **Invariant:** the step follows from the ids in the URL and from what is there, so that a reload goes on where it was.

mod form;
mod link;
mod platform;

pub(crate) use form::{form, form_step};
pub(crate) use link::{link, link_step};
pub(crate) use platform::{platform, platform_example, platform_step};

use crate::answer::Members;
use crate::call::Call;
use crate::fault::{Fault, Refusal};
use crate::pages::told::{Tell, example, tell};
use crate::reply::Reply;
use crate::view::{self as v, Frame, Section};
use askama::Template;
use platform::PLATFORMS;
use serde_json::Value;

#[derive(Template)]
#[template(path = "connect/index.html")]
struct Page {
    frame: Frame,
}

pub(crate) async fn index(call: Call) -> Result<Reply, Fault> {
    Reply::page(&Page { frame: call.frame("Get connected", Section::Connect) })
}

/// Makes an endpoint of each URL that was pasted: the parameters of the form, and what to call them. What is wrong with one
/// of them is said beside it; those before it are kept.
async fn tell_each(call: &Call, base: &Tell<'_>, names: &[(&str, &str)]) -> Result<(), Fault> {
    let form = call.form();
    let pasted: Vec<_> =
        names.iter().filter_map(|(field, name)| form.some(field).map(|url| (*field, *name, url))).collect();
    if pasted.is_empty() {
        let field = names.first().map_or("url", |(field, _)| *field);
        return Err(Refusal::field(field, "Paste at least one URL").into());
    }
    for (field, name, url) in pasted {
        let made = tell(
            call,
            Tell { url, name, app: base.app, event: base.event, channel: base.channel, first_per: base.first_per },
        );
        match made.await {
            Ok(_) => {}
            Err(Fault::Refused(refusal)) => {
                let why = Some(refusal.at("url")).filter(|why| !why.is_empty()).unwrap_or(&refusal.detail).to_owned();
                return Err(Refusal::field(field, why).into());
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

/// Sends an example to the endpoint that the form names.
async fn send_example(call: &Call, owner: &Value, event: &str, back: &str) -> Result<Reply, Fault> {
    example(call, &owner.text("appId"), call.form().get("endpoint"), event).await?;
    Ok(Reply::see(back).notice("An example is on its way."))
}
