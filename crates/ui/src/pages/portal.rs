//! The customers' portal: an empty page whose script reads the token from the URL's fragment and calls the API with it.
//!
//! The fragment never reaches the server, so the page can't know whose it is. `?org=` says whose pages may show it in a
//! frame; the script refuses a token of any other organisation.
//!
//! **Invariant:** no page but those of origins that the operator or the named organisation allows can frame it, and what is
//! shown is never another organisation's.

use crate::call::Visit;
use crate::fault::Fault;
use crate::reply::Reply;
use crate::view as v;
use askama::Template;
use http::HeaderName;
use http::header::CONTENT_SECURITY_POLICY;

/// As strict as the admin pages'; nothing is ever submitted.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                   base-uri 'none'; form-action 'none'; frame-ancestors";
/// Characters of an organisation's id at most.
const ORG_LEN_MAX: usize = 68;

#[derive(Template)]
#[template(path = "portal.html")]
struct Page;

pub(crate) async fn show(visit: Visit) -> Result<Reply, Fault> {
    let origins = origins(&visit).await?;
    let ancestors = if origins.is_empty() { "'none'".to_owned() } else { origins.join(" ") };
    let reply = Reply::page(&Page)?.append(CONTENT_SECURITY_POLICY, &format!("{CSP} {ancestors}"));
    Ok(reply.append(HeaderName::from_static("referrer-policy"), "no-referrer"))
}

/// Whose pages may show this one in a frame: those of the settings, and those of the organisation in the query.
async fn origins(visit: &Visit) -> Result<Vec<String>, Fault> {
    let mut origins = visit.shared.config.portal_origins.clone();
    let query = visit.query();
    let org = query.get("org");
    if !org.is_empty()
        && org.len() <= ORG_LEN_MAX
        && let Some(org) = visit.store().find_organisation(org).await?
    {
        origins.extend(visit.store().profile(org).portal_origins.iter().cloned());
    }
    // The header is a list of words: whatever was stored, an origin is one.
    origins.retain(|origin| store::is_origin(origin));
    origins.dedup();
    Ok(origins)
}
