//! Forms: made, changed, deleted. What is submitted to them is in `own`.

use super::own::{self, Origin};
use super::source::token;
use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::form::{FormOut, read_changes, read_new};
use crate::wire::list::{self, ListOut};
use crate::wire::own_event::Columns;
use crate::wire::own_stats::Words;
use domain::FormId;
use store::Form;

pub(crate) async fn list(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let codec = call.codec();
    let page = list::page(&query, codec, query.order()?)?;
    let forms = call.store().forms(call.caller.org, page).await?;
    let origin = call.origin();
    Ok(Reply::ok(&ListOut::of(forms, |f| FormOut::of(f, &origin, codec), |id| codec.text(id))))
}

pub(crate) async fn create(call: Call) -> Result<Reply, Problem> {
    let new = read_new(&call.body, call.shared.config.form_file_limit)?;
    let mut fields = new.fields;
    if let Some(app) = &new.app {
        fields.app = Some(own::app_of(&call, app).await?);
    }
    let made = call.store().create_form(call.caller.org, fields, token(&call.shared)).await?;
    Ok(Reply::created(true, &out(&call, made)))
}

pub(crate) async fn get(call: Call) -> Result<Reply, Problem> {
    let form = of_path(&call).await?;
    Ok(Reply::ok(&out(&call, form)))
}

pub(crate) async fn patch(call: Call) -> Result<Reply, Problem> {
    let old = of_path(&call).await?;
    let changes = read_changes(&call.body, &old.spec, call.shared.config.form_file_limit)?;
    let mut patch = changes.patch;
    patch.app = own::changed_app(&call, changes.app).await?;
    let changed = call.store().patch_form(call.caller.org, old.id, patch).await?;
    Ok(Reply::ok(&out(&call, changed)))
}

pub(crate) async fn delete(call: Call) -> Result<Reply, Problem> {
    call.store().delete_form(call.caller.org, id(&call)?).await?;
    Ok(Reply::no_content())
}

pub(crate) async fn stats(call: Call) -> Result<Reply, Problem> {
    let form = of_path(&call).await?;
    own::stats(&call, form.id.into(), Words::Submissions).await
}

pub(crate) async fn events(call: Call) -> Result<Reply, Problem> {
    let form = of_path(&call).await?;
    own::events(&call, form.id.into()).await
}

pub(crate) async fn export(call: Call) -> Result<Reply, Problem> {
    let form = of_path(&call).await?;
    let columns = Columns::of_form(&form.spec);
    own::export(&call, Origin { id: form.id.into(), name: call.codec().text(form.id), columns })
}

fn id(call: &Call) -> Result<FormId, Problem> {
    call.id(0, "form")
}

/// The form in the path.
async fn of_path(call: &Call) -> Result<Form, Problem> {
    Ok(call.store().form(call.caller.org, id(call)?).await?)
}

fn out(call: &Call, form: Form) -> FormOut {
    FormOut::of(form, &call.origin(), call.codec())
}
