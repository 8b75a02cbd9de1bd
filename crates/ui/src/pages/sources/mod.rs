//! Sources: URLs that providers send to, what they verified and refused, and where it goes on to.
//!
//! **Invariant:** the API judges configurations; a page shows what it says beside the field.

mod act;
mod forward;
mod list;
mod new;
mod show;
mod tabs;
mod where_to_find;

pub(crate) use act::{accept, delete, edit, replay, rotate, simulate, state};
pub(crate) use forward::forward;
pub(crate) use list::list;
pub(crate) use new::{create, new};
pub(crate) use show::{export, raw, request, show, stream};

use crate::answer::{Members, part};
use crate::call::Call;
use crate::fault::Fault;
use crate::view::{Badge, Tone};
use http::Method;
use serde_json::Value;

/// The path of a source in the API.
fn api(source: &str) -> String {
    format!("/ingest/api/v1/source/{}", part(source))
}

/// The path of a source's page.
fn page(source: &str) -> String {
    format!("/sources/{}", part(source))
}

async fn read(call: &Call, source: &str) -> Result<Value, Fault> {
    call.api(Method::GET, &api(source), None).await
}

fn state_badge(state: &str) -> Badge {
    let (tone, text) = match state {
        "paused" => (Tone::Warn, "Paused"),
        "disabled" => (Tone::Idle, "Disabled"),
        _ => (Tone::Good, "Live"),
    };
    Badge { tone, text: text.to_owned() }
}

/// What a provider of the table is called, and what it asks for.
#[derive(Clone, Debug, Default)]
struct Kind {
    name: String,
    title: String,
    docs: String,
    is_insecure: bool,
    secret_optional: bool,
    needs: Vec<String>,
    /// Events that it can be simulated with.
    samples: Vec<String>,
}

impl Kind {
    fn of(kind: &Value) -> Kind {
        Kind {
            name: kind.text("name"),
            title: kind.text("title"),
            docs: kind.text("docs"),
            is_insecure: kind.is("insecure"),
            secret_optional: kind.is("secretOptional"),
            needs: kind.texts("needs"),
            samples: kind.texts("samples"),
        }
    }
    /// Fields beside the secret that its configuration has to have.
    fn others(&self) -> impl Iterator<Item = &String> {
        self.needs.iter().filter(|field| *field != "secret")
    }
    /// Whether a secret is asked for.
    fn has_secret(&self) -> bool {
        self.secret_optional || self.needs.iter().any(|field| field == "secret")
    }
    fn secret_hint(&self) -> &'static str {
        where_to_find::secret(&self.name)
    }
}

/// Every provider, as the API lists them.
async fn kinds(call: &Call) -> Result<Vec<Kind>, Fault> {
    let all = call.api(Method::GET, "/api/v1/source-type", None).await?;
    Ok(all.list("data").iter().map(Kind::of).collect())
}

/// The provider of that name or alias.
async fn kind(call: &Call, name: &str) -> Result<Kind, Fault> {
    let all = call.api(Method::GET, "/api/v1/source-type", None).await?;
    let found = all.list("data").iter().find(|kind| {
        kind.text("name") == name || kind.list("aliases").iter().any(|alias| alias.as_str() == Some(name))
    });
    found.map(Kind::of).ok_or_else(|| Fault::not_found("provider"))
}
