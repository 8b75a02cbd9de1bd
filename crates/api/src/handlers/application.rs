//! Applications.

use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::application::{ApplicationOut, read_fields, read_patch};
use crate::wire::fields::Fields;
use crate::wire::list::{self, ListOut};
use store::AppRef;

pub(crate) async fn list(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let codec = call.codec();
    let page = list::page(&query, codec, query.order()?)?;
    let apps = call.store().apps(call.caller.org, page).await?;
    Ok(Reply::ok(&ListOut::of(apps, |a| ApplicationOut::of(a, codec), |id| codec.text(id))))
}

pub(crate) async fn create(call: Call) -> Result<Reply, Problem> {
    let get_if_exists = call.query().boolean("get_if_exists", false)?;
    let fields = read_fields(Fields::parse(&call.body)?)?;
    let (app, is_new) = call.store().create_app(call.caller.org, fields, get_if_exists).await?;
    Ok(Reply::created(is_new, &ApplicationOut::of(app, call.codec())))
}

pub(crate) async fn get(call: Call) -> Result<Reply, Problem> {
    let id = call.app().await?;
    let app = call.store().app(call.caller.org, &AppRef::Id(id)).await?;
    Ok(Reply::ok(&ApplicationOut::of(app, call.codec())))
}

pub(crate) async fn put(call: Call) -> Result<Reply, Problem> {
    let name = call.app_ref()?;
    let fields = read_fields(Fields::parse(&call.body)?)?;
    let (app, is_new) = call.store().put_app(call.caller.org, &name, fields).await?;
    Ok(Reply::created(is_new, &ApplicationOut::of(app, call.codec())))
}

pub(crate) async fn patch(call: Call) -> Result<Reply, Problem> {
    let name = call.app_ref()?;
    let patch = read_patch(&call.body)?;
    let app = call.store().patch_app(call.caller.org, &name, patch).await?;
    Ok(Reply::ok(&ApplicationOut::of(app, call.codec())))
}

pub(crate) async fn delete(call: Call) -> Result<Reply, Problem> {
    let name = call.app_ref()?;
    call.store().delete_app(call.caller.org, &name).await?;
    Ok(Reply::no_content())
}
