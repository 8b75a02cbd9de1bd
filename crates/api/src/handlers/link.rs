//! Short links: made, changed, shown as QR codes. What happens on them is in `own`.

use super::own::{self, Origin};
use crate::call::Call;
use crate::problem::Problem;
use crate::qr::{Drawing, Level};
use crate::reply::Reply;
use crate::wire::link::{LinkOut, filter, link_url, read_changes, read_new};
use crate::wire::link_rules::{RANDOM_SLUG_LENS, slug_digit};
use crate::wire::list::{self, ListOut};
use crate::wire::own_event::Columns;
use crate::wire::own_stats::Words;
use domain::{LinkId, Rng};
use http::StatusCode;
use std::ops::RangeInclusive;
use store::{Link, LinkFields, StoreError};

const TAKEN: &str = "This slug is taken by another link: choose another one, or leave it out for a random one";

/// Pixels of a QR code's side.
const QR_SIZE: RangeInclusive<u64> = 64..=2048;
const QR_SIZE_DEFAULT: u64 = 512;
/// Modules of white around it; ISO/IEC 18004 wants 4.
const QR_MARGIN: RangeInclusive<u64> = 0..=16;
const QR_MARGIN_DEFAULT: u64 = 4;

pub(crate) async fn list(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let codec = call.codec();
    let page = list::page(&query, codec, query.order()?)?;
    let links = call.store().links(call.caller.org, filter(&query)?, page).await?;
    let origin = call.origin();
    Ok(Reply::ok(&ListOut::of(links, |l| LinkOut::of(l, &origin, codec), |id| codec.text(id))))
}

pub(crate) async fn create(call: Call) -> Result<Reply, Problem> {
    let new = read_new(&call.body, &call.own_hosts(), call.shared.now())?;
    let mut fields = new.fields;
    if let Some(app) = &new.app {
        fields.app = Some(own::app_of(&call, app).await?);
    }
    let made = match new.slug {
        Some(slug) => {
            let made = call.store().create_link(call.caller.org, LinkFields { slug, ..fields }).await;
            made.map_err(slug_problem)?
        }
        None => create_random(&call, fields).await?,
    };
    Ok(Reply::created(true, &out(&call, made)))
}

async fn create_random(call: &Call, fields: LinkFields) -> Result<Link, Problem> {
    for len in RANDOM_SLUG_LENS {
        let slug = random_slug(&**call.store().rng(), len);
        match call.store().create_link(call.caller.org, LinkFields { slug, ..fields.clone() }).await {
            Err(StoreError::Conflict(_)) => {}
            made => return Ok(made?),
        }
    }
    Err(Problem::failed(&"every random slug was taken"))
}

pub(super) fn random_slug(rng: &dyn Rng, len: usize) -> String {
    let mut slug = String::with_capacity(len);
    let mut bytes = [0; 16];
    while slug.len() < len {
        rng.fill(&mut bytes);
        slug.extend(bytes.iter().filter_map(|byte| slug_digit(*byte)).take(len - slug.len()));
    }
    slug
}

pub(crate) async fn get(call: Call) -> Result<Reply, Problem> {
    let link = of_path(&call).await?;
    Ok(Reply::ok(&out(&call, link)))
}

pub(crate) async fn patch(call: Call) -> Result<Reply, Problem> {
    let id = id(&call)?;
    let changes = read_changes(&call.body, &call.own_hosts())?;
    let mut patch = changes.patch;
    patch.app = own::changed_app(&call, changes.app).await?;
    let changed = call.store().patch_link(call.caller.org, id, patch).await.map_err(slug_problem)?;
    Ok(Reply::ok(&out(&call, changed)))
}

pub(crate) async fn delete(call: Call) -> Result<Reply, Problem> {
    call.store().delete_link(call.caller.org, id(&call)?).await?;
    Ok(Reply::no_content())
}

/// The QR code of a link's URL.
pub(crate) async fn qr(call: Call) -> Result<Reply, Problem> {
    let query = call.query();
    let size = query.number_in("size", QR_SIZE)?.unwrap_or(QR_SIZE_DEFAULT);
    let margin = query.number_in("margin", QR_MARGIN)?.unwrap_or(QR_MARGIN_DEFAULT);
    let (size, margin) = (u32::try_from(size).unwrap_or_default(), u32::try_from(margin).unwrap_or_default());
    let level = Level::parse(query.get("level").unwrap_or("M"));
    let level = level.ok_or_else(|| Problem::query("level", "must be L, M, Q or H"))?;
    let is_png = match query.get("format") {
        None | Some("svg") => false,
        Some("png") => true,
        Some(_) => return Err(Problem::query("format", "must be svg or png")),
    };
    let link = of_path(&call).await?;
    let drawing = Drawing::new(&link_url(&call.origin(), &link.slug), level, margin);
    let drawing =
        drawing.map_err(|_| Problem::query("level", "holds less than the link's URL has: choose a lower one"))?;
    if is_png {
        let file = drawing.png(size).map_err(|e| Problem::failed(&e))?;
        return Ok(Reply::image("image/png", file));
    }
    Ok(Reply::image("image/svg+xml", drawing.svg(size).into()))
}

pub(crate) async fn stats(call: Call) -> Result<Reply, Problem> {
    let link = of_path(&call).await?;
    own::stats(&call, link.id.into(), Words::Clicks).await
}

pub(crate) async fn events(call: Call) -> Result<Reply, Problem> {
    let link = of_path(&call).await?;
    own::events(&call, link.id.into()).await
}

pub(crate) async fn export(call: Call) -> Result<Reply, Problem> {
    let link = of_path(&call).await?;
    let origin = Origin { id: link.id.into(), name: call.codec().text(link.id), columns: Columns::of_link() };
    own::export(&call, origin)
}

fn id(call: &Call) -> Result<LinkId, Problem> {
    call.id(0, "link")
}

/// The link in the path.
async fn of_path(call: &Call) -> Result<Link, Problem> {
    Ok(call.store().link(call.caller.org, id(call)?).await?)
}

fn out(call: &Call, link: Link) -> LinkOut {
    LinkOut::of(link, &call.origin(), call.codec())
}

fn slug_problem(e: StoreError) -> Problem {
    match e {
        StoreError::Conflict(_) => Problem::new(StatusCode::CONFLICT, "conflict", TAKEN),
        e => e.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU8, Ordering};

    /// All bytes, one after the other.
    struct Counting(AtomicU8);

    impl Rng for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.iter_mut().for_each(|b| *b = self.0.fetch_add(1, Ordering::Relaxed));
        }
    }

    #[test]
    fn a_random_slug_has_each_character_as_often() {
        let slug = random_slug(&Counting(AtomicU8::new(0)), 248);
        for c in (0..31).filter_map(slug_digit) {
            assert_eq!(slug.chars().filter(|s| *s == c).count(), 8);
        }
        assert!(domain::is_slug(&random_slug(&Counting(AtomicU8::new(9)), 7)));
    }
}
