//! Imports: many links from a CSV file that is read as it comes.
//!
//! **Invariant:** whatever is wrong with the file as a whole is said before there is an import; what is wrong later leaves
//! one that can be gone on with.

use crate::body::Upload;
use crate::call::{Call, named};
use crate::import::{File, Run};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::import::{ERRORS_SHOWN, ErrorOut, ImportOut};
use crate::wire::link_rules;
use crate::wire::list::{self, ListOut};
use domain::{AppId, ImportId};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use store::{Import, ImportStatus, Page, StoreError};
use tokio::sync::OwnedSemaphorePermit;

const NAME_DEFAULT: &str = "Import";
const KINDS: [&str; 3] = ["text/csv", "application/csv", "text/tab-separated-values"];

pub(crate) async fn create(call: Call, upload: Upload) -> Result<Reply, Problem> {
    let (file, permit) = open(&call, upload).await?;
    match start(&call).await {
        Ok(import) => run(call, file, permit, import, StatusCode::CREATED).await,
        Err(problem) => refuse(file, problem).await,
    }
}

pub(crate) async fn resume(call: Call, upload: Upload) -> Result<Reply, Problem> {
    let (file, permit) = open(&call, upload).await?;
    match of_path(&call).await {
        Ok(import) if import.status == ImportStatus::Finished => {
            refuse(file, Problem::conflict("This import is finished: start a new one")).await
        }
        Ok(import) => run(call, file, permit, import, StatusCode::OK).await,
        Err(problem) => refuse(file, problem).await,
    }
}

async fn refuse(file: File, problem: Problem) -> Result<Reply, Problem> {
    file.drain().await;
    Err(problem)
}

/// The file, if it is one that can be read.
async fn open(call: &Call, upload: Upload) -> Result<(File, OwnedSemaphorePermit), Problem> {
    let room = check_kind(&call.headers).and_then(|()| call.shared.imports.permit());
    match room {
        Ok(permit) => Ok((File::open(upload).await?, permit)),
        Err(problem) => {
            upload.drain().await;
            Err(problem)
        }
    }
}

fn check_kind(headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = |detail| Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let value = value.to_str().unwrap_or_default().to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    if !parts.next().is_some_and(|kind| KINDS.contains(&kind)) {
        return refuse("Send the file as it is, with content-type: text/csv");
    }
    let charset = parts.find_map(|part| part.strip_prefix("charset=")).map(|name| name.trim_matches('"'));
    match charset {
        None | Some("utf-8" | "utf8" | "us-ascii") => Ok(()),
        Some(_) => refuse("Only UTF-8 is taken: save the file as \"CSV UTF-8\""),
    }
}

async fn start(call: &Call) -> Result<Import, Problem> {
    let query = call.query();
    let name = query.get("name").unwrap_or(NAME_DEFAULT);
    let name = link_rules::name(name).map_err(|why| Problem::query("name", why))?;
    let app = match query.get("appId") {
        None => None,
        Some(text) => Some(app_named(call, text).await?),
    };
    Ok(call.store().start_import(call.caller.org, app, name).await?)
}

async fn app_named(call: &Call, text: &str) -> Result<AppId, Problem> {
    let unknown = || Problem::query("appId", "is no application's id or uid");
    let name = named(call.codec(), text).ok_or_else(unknown)?;
    match call.store().route(call.caller.org, &name).await {
        Ok(route) => Ok(route.app),
        Err(StoreError::NotFound(_)) => Err(unknown()),
        Err(e) => Err(e.into()),
    }
}

async fn run(
    call: Call,
    file: File,
    permit: OwnedSemaphorePermit,
    import: Import,
    status: StatusCode,
) -> Result<Reply, Problem> {
    let turn = match call.shared.imports.turn(import.id, permit) {
        Ok(turn) => turn,
        Err(problem) => return refuse(file, problem).await,
    };
    // Again, as it may have moved on before the turn was ours.
    let import = match call.store().import(call.caller.org, import.id).await {
        Ok(import) => import,
        Err(cause) => return refuse(file, cause.into()).await,
    };
    let ignored = file.columns.ignored.clone();
    let run = Run { shared: call.shared.clone(), org: call.caller.org, import, own: call.own_hosts(), _turn: turn };
    // In a task of its own: it ends well when its client goes away, and this future is dropped.
    let import = match tokio::spawn(run.go(file)).await {
        Ok(ended) => ended?,
        Err(cause) => return Err(Problem::failed(&cause)),
    };
    Ok(Reply::json(status, &out(&call, import).await?.with_ignored(ignored)))
}

async fn out(call: &Call, import: Import) -> Result<ImportOut, Problem> {
    let errors = match import.failed {
        0 => Vec::new(),
        _ => call.store().import_errors(call.caller.org, import.id, 0, ERRORS_SHOWN).await?,
    };
    let is_running = call.shared.imports.is_running(import.id);
    Ok(ImportOut::of(import, is_running, errors, call.codec()))
}

pub(crate) async fn list(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let codec = call.codec();
    let page = list::page(&query, codec, query.order()?)?;
    let found = call.store().imports(call.caller.org, page).await?;
    let mut imports = Vec::with_capacity(found.data.len());
    for import in found.data {
        imports.push(out(&call, import).await?);
    }
    let found = Page { data: imports, last: found.last, first: found.first, done: found.done };
    Ok(Reply::ok(&ListOut::of(found, |import| import, |id: ImportId| codec.text(id))))
}

pub(crate) async fn get(call: Call) -> Result<Reply, Problem> {
    let import = of_path(&call).await?;
    Ok(Reply::ok(&out(&call, import).await?))
}

/// Rows that made no link, by their lines; an iterator is a line.
pub(crate) async fn errors(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let limit = list::limit(&query)?;
    let after = query.number("iterator")?.unwrap_or(0);
    let import = of_path(&call).await?;
    let mut found = call.store().import_errors(call.caller.org, import.id, after, limit + 1).await?;
    let done = found.len() <= limit as usize;
    found.truncate(limit as usize);
    let iterator = found.last().map(|e| e.line.to_string());
    let data: Vec<ErrorOut> = found.into_iter().map(ErrorOut::of).collect();
    Ok(Reply::ok(&ListOut { data, iterator, prev_iterator: None, done }))
}

async fn of_path(call: &Call) -> Result<Import, Problem> {
    Ok(call.store().import(call.caller.org, call.id(0, "import")?).await?)
}
