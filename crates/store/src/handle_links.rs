//! The handle's verbs of links and forms.
//!
//! **Invariant:** as in `handle`: a verb that returned `Ok` is on disk, and every later read sees it; but for `click`,
//! which returns before.

use crate::error::StoreError;
use crate::handle::{Store, stopped};
use crate::links::*;
use crate::sqlite::{forms, imports, links};
use crate::sqlite::{messages, own_events, stats};
use crate::types::{Page, PageQuery};
use crate::writer::Op;
use domain::{AppId, FileId, FormId, FormRoute, ImportId, LinkId, LinkRoute, MessageId, OrgId};
use std::sync::Arc;
use tokio::sync::oneshot;

type Result<T> = std::result::Result<T, StoreError>;

/// Links that are put into memory at once, ahead of their redirects.
const WARM_SLICE: u32 = 256;

impl Store {
    /// The organisation's application for links and forms: an ordinary one with the uid `links`, made when it is asked for
    /// and isn't there.
    pub async fn own_app(&self, org: OrgId) -> Result<AppId> {
        match self.read(move |c| links::own_app(c, org)).await? {
            Some(app) => Ok(app),
            None => self.write(move |core, now| core.own_app(org, now)).await,
        }
    }

    // ---- links ----

    /// `Conflict` for a taken slug. `NotFound` for an application that is none of the organisation's.
    pub async fn create_link(&self, org: OrgId, fields: LinkFields) -> Result<Link> {
        self.write(move |core, now| core.create_link(org, &fields, now)).await
    }
    pub async fn link(&self, org: OrgId, link: LinkId) -> Result<Link> {
        self.read(move |c| links::find(c, org, link)).await
    }
    /// A page may be shorter than its limit although more follows.
    pub async fn links(&self, org: OrgId, filter: LinkFilter, page: PageQuery<LinkId>) -> Result<Page<Link, LinkId>> {
        self.read(move |c| links::list(c, org, &filter, &page)).await
    }
    pub async fn patch_link(&self, org: OrgId, link: LinkId, patch: LinkPatch) -> Result<Link> {
        self.write(move |core, now| core.patch_link(org, link, patch, now)).await
    }
    /// Gone at once; its figures are deleted in the background. Its messages stay until they expire.
    pub async fn delete_link(&self, org: OrgId, link: LinkId) -> Result<()> {
        self.write(move |core, now| core.delete_link(org, link, now)).await
    }
    /// The link behind a slug, from memory when it is there. For the hot path.
    pub fn link_route_cached(&self, slug: &str) -> Option<Arc<LinkRoute>> {
        self.inner.links.get(slug)
    }
    /// The link behind a slug; `None` for one that nothing has. One look-up.
    pub async fn link_route(&self, slug: &str) -> Result<Option<Arc<LinkRoute>>> {
        if let Some(route) = self.link_route_cached(slug) {
            return Ok(Some(route));
        }
        let (slug, generation) = (slug.to_owned(), self.inner.links.generation());
        let loaded = self.read(move |c| links::by_slug(c, &slug)).await?;
        Ok(loaded.map(|route| self.inner.links.keep(route, generation)))
    }
    /// Puts some links after `after` into memory, in the order in which they were made, so that their first redirects are
    /// as quick as all others. Where to go on; `None` when there are no more, or no room.
    pub async fn warm_links(&self, after: LinkId) -> Result<Option<LinkId>> {
        let routes = &self.inner.links;
        if !routes.has_room() {
            return Ok(None);
        }
        let generation = routes.generation();
        let loaded = self.read(move |c| links::after(c, after, WARM_SLICE)).await?;
        let last = loaded.last().map(|route| route.link);
        for route in loaded.into_iter().take_while(|_| routes.has_room()) {
            routes.keep(route, generation);
        }
        Ok(last)
    }
    /// The link by its number, as the hot path sees it.
    pub async fn link_route_of(&self, link: LinkId) -> Result<Option<Arc<LinkRoute>>> {
        let loaded = self.read(move |c| links::by_id(c, link)).await?;
        Ok(loaded.map(Arc::new))
    }

    // ---- imports ----

    pub async fn start_import(&self, org: OrgId, app: Option<AppId>, name: String) -> Result<Import> {
        self.write(move |core, now| core.start_import(org, app, &name, now)).await
    }
    /// Writes rows of an import and how far it has come, in one transaction. `Conflict` when the import is finished. Rows
    /// up to the line that was dealt with already are skipped. At most 16,384 rows; a
    /// large import is fastest with as many.
    pub async fn import_links(&self, org: OrgId, import: ImportId, rows: Vec<ImportRow>) -> Result<Import> {
        self.write(move |core, now| core.import_links(org, import, &rows, now)).await
    }
    /// A finished import stays finished.
    pub async fn end_import(&self, org: OrgId, import: ImportId, status: ImportStatus) -> Result<Import> {
        self.write(move |core, now| core.end_import(org, import, status, now)).await
    }
    pub async fn import(&self, org: OrgId, import: ImportId) -> Result<Import> {
        self.read(move |c| imports::find(c, org, import)).await
    }
    pub async fn imports(&self, org: OrgId, page: PageQuery<ImportId>) -> Result<Page<Import, ImportId>> {
        self.read(move |c| imports::list(c, org, &page)).await
    }
    /// Rows that made no link, after a line. The first 10,000 of an import are kept.
    pub async fn import_errors(
        &self,
        org: OrgId,
        import: ImportId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<ImportError>> {
        self.read(move |c| imports::errors(c, org, import, after, limit)).await
    }

    // ---- forms ----

    /// `NotFound` for an application that is none of the organisation's.
    pub async fn create_form(&self, org: OrgId, fields: FormFields, token: String) -> Result<Form> {
        self.write(move |core, now| core.create_form(org, &fields, &token, now)).await
    }
    pub async fn form(&self, org: OrgId, form: FormId) -> Result<Form> {
        self.read(move |c| forms::find(c, org, form)).await
    }
    /// A page may be shorter than its limit although more follows.
    pub async fn forms(&self, org: OrgId, page: PageQuery<FormId>) -> Result<Page<Form, FormId>> {
        self.read(move |c| forms::list(c, org, &page)).await
    }
    pub async fn patch_form(&self, org: OrgId, form: FormId, patch: FormPatch) -> Result<Form> {
        self.write(move |core, now| core.patch_form(org, form, patch, now)).await
    }
    pub async fn delete_form(&self, org: OrgId, form: FormId) -> Result<()> {
        self.write(move |core, now| core.delete_form(org, form, now)).await
    }
    /// The form behind a URL's token, from memory when it is there; `None` for one that nothing has.
    pub async fn form_route(&self, token: &str) -> Result<Option<Arc<FormRoute>>> {
        if let Some(route) = self.inner.forms.get(token) {
            return Ok(Some(route));
        }
        let (token, generation) = (token.to_owned(), self.inner.forms.generation());
        let (token, loaded) = self.read(move |c| forms::by_token(c, &token).map(|found| (token, found))).await?;
        Ok(loaded.map(|route| self.inner.forms.keep(token, route, generation)))
    }
    pub async fn form_file(&self, file: FileId) -> Result<FormFile> {
        self.read(move |c| own_events::file(c, file)).await
    }

    // ---- events ----

    /// Hands over a click and returns at once; it is on disk with the commit after the next. `Busy` when too many wait:
    /// nothing was taken then.
    pub fn click(&self, event: OwnEvent) -> Result<()> {
        self.clicks(vec![event])
    }
    /// The same for many, some hundreds: all of them wait, or none.
    pub fn clicks(&self, events: Vec<OwnEvent>) -> Result<()> {
        let bytes = events.iter().map(waiting_bytes).sum();
        self.queue().push_bounded(bytes, Op::Clicks(events))
    }
    /// Stores an event with its deliveries, and counts it. On disk when it returns. `NotFound` when its application is no
    /// more, `Conflict` for a file whose id is taken.
    pub async fn record(&self, event: OwnEvent) -> Result<Recorded> {
        let (to, answer) = oneshot::channel();
        self.queue().push_bounded(waiting_bytes(&event), Op::Record(Box::new(event), to))?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }
    /// What the visitors of a day (days since the Unix epoch, UTC) are hashed with; who asks just after its end gets the
    /// next day's. Those of earlier days are deleted. From memory but for the first time.
    pub async fn visitor_salt(&self, day: i64) -> Result<[u8; 16]> {
        if let Some((of, salt)) = *self.inner.visitor_salt.read()
            && (of == day || of == day + 1)
        {
            return Ok(salt);
        }
        let mut fresh = [0; 16];
        self.rng().fill(&mut fresh);
        let (of, salt) = self.write(move |core, _| own_events::visitor_salt(core.connection(), day, fresh)).await?;
        *self.inner.visitor_salt.write() = Some((of, salt));
        Ok(salt)
    }
    /// Minutes are kept as long as messages. Before that, the hours (or days, by the query's step) that they lie in stand
    /// for them.
    pub async fn stats(&self, origin: OriginId, query: StatQuery) -> Result<Stats> {
        let kept = stats::kept_from(self.clock().now(), self.config().stat_minute_retention);
        self.read(move |c| stats::stats(c, origin, &query, kept)).await
    }
    /// Events of a link or form before `before`, newest first, with their payloads. Fewer than `limit` may come although
    /// more follow.
    pub async fn own_events(&self, origin: OriginId, before: Option<MessageId>, limit: u32) -> Result<OwnEvents> {
        self.read(move |c| messages::of_origin(c, origin, before, limit)).await
    }
}

/// What an event takes while it waits, about.
fn waiting_bytes(event: &OwnEvent) -> usize {
    const AROUND: usize = 512;
    AROUND + event.payload.len() + event.files.iter().map(|f| f.content.len()).sum::<usize>()
}
