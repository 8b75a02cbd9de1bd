//! Applications on the wire.

use super::fields::Fields;
use super::{read, time};
use crate::problem::Problem;
use domain::{IdCodec, Kind};
use serde::Serialize;
use store::{AppFields, AppPatch, Application, Metadata};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApplicationOut {
    id: String,
    uid: Option<String>,
    name: String,
    throttle_rate: Option<u32>,
    rate_limit: Option<u32>,
    metadata: Metadata,
    created_at: String,
    updated_at: String,
}

impl ApplicationOut {
    pub fn of(app: Application, codec: &IdCodec) -> Self {
        ApplicationOut {
            id: codec.text(app.id),
            uid: app.uid,
            name: app.name,
            throttle_rate: app.throttle_rate,
            rate_limit: app.throttle_rate,
            metadata: app.metadata,
            created_at: time::text(app.id.created_at()),
            updated_at: time::text(app.updated_at),
        }
    }
}

const THROTTLE: [&str; 2] = ["throttleRate", "rateLimit"];

/// Reads an application that is written whole.
pub(crate) fn read_fields(mut f: Fields) -> Result<AppFields, Problem> {
    let fields = AppFields {
        name: f.require(&["name"], read::name),
        uid: f.take(&["uid"], read::uid(Kind::App)).value(),
        throttle_rate: f.take(&THROTTLE, read::rate).value(),
        metadata: f.take(&["metadata"], read::metadata).value().unwrap_or_default(),
    };
    f.finish()?;
    Ok(fields)
}

pub(crate) fn read_patch(body: &[u8]) -> Result<AppPatch, Problem> {
    let mut f = Fields::parse(body)?;
    let name = f.take(&["name"], read::name);
    if name == super::fields::Patch::Null {
        f.complain("name", "can't be cleared");
    }
    let patch = AppPatch {
        name: name.value(),
        uid: f.take(&["uid"], read::uid(Kind::App)).clearable(),
        throttle_rate: f.take(&THROTTLE, read::rate).clearable(),
        metadata: f.take(&["metadata"], read::metadata).or_reset(Metadata::new()),
    };
    f.finish()?;
    Ok(patch)
}
