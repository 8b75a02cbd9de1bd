//! The handle's verbs of links and forms.
//!
//! **Invariant:** as in `handle`: a verb that returned `Ok` is on disk, and every later read sees it; but for `click`,
//! which returns before.

use crate::error::StoreError;
use crate::handle::{Store, stopped};
use crate::links::*;
use crate::sqlite::{messages, own_events, stats};
use crate::types::{Page, PageQuery};
use crate::writer::Op;
use domain::{AppId, FileId, FormId, FormRoute, ImportId, LinkId, LinkRoute, MessageId, OrgId};
use std::sync::Arc;
use tokio::sync::oneshot;

type Result<T> = std::result::Result<T, StoreError>;

fn unbuilt<T>() -> Result<T> {
    Err(StoreError::Failed("not built yet".to_owned()))
}

#[allow(unused_variables)]
impl Store {
    /// The organisation's application for links and forms: an ordinary one with the uid `links`, made when it is asked for
    /// and isn't there.
    pub async fn own_app(&self, org: OrgId) -> Result<AppId> {
        unbuilt()
    }

    // ---- links ----

    /// `Conflict` for a taken slug. `NotFound` for an application that is none of the organisation's.
    pub async fn create_link(&self, org: OrgId, fields: LinkFields) -> Result<Link> {
        unbuilt()
    }
    pub async fn link(&self, org: OrgId, link: LinkId) -> Result<Link> {
        unbuilt()
    }
    pub async fn links(&self, org: OrgId, filter: LinkFilter, page: PageQuery<LinkId>) -> Result<Page<Link, LinkId>> {
        unbuilt()
    }
    pub async fn patch_link(&self, org: OrgId, link: LinkId, patch: LinkPatch) -> Result<Link> {
        unbuilt()
    }
    /// Gone at once; its figures are deleted in the background. Its messages stay until they expire.
    pub async fn delete_link(&self, org: OrgId, link: LinkId) -> Result<()> {
        unbuilt()
    }
    /// The link behind a slug, from memory when it is there. For the hot path.
    pub fn link_route_cached(&self, slug: &str) -> Option<Arc<LinkRoute>> {
        None
    }
    /// The link behind a slug; `None` for one that nothing has. One look-up.
    pub async fn link_route(&self, slug: &str) -> Result<Option<Arc<LinkRoute>>> {
        unbuilt()
    }
    /// The link by its number, as the hot path sees it.
    pub async fn link_route_of(&self, link: LinkId) -> Result<Option<Arc<LinkRoute>>> {
        unbuilt()
    }

    // ---- imports ----

    pub async fn start_import(&self, org: OrgId, app: Option<AppId>, name: String) -> Result<Import> {
        unbuilt()
    }
    /// Writes rows of an import and how far it has come, in one transaction. `Conflict` when the import is finished. Rows
    /// up to the line that was dealt with already are skipped. At most 4,096 rows.
    pub async fn import_links(&self, org: OrgId, import: ImportId, rows: Vec<ImportRow>) -> Result<Import> {
        unbuilt()
    }
    pub async fn end_import(&self, org: OrgId, import: ImportId, status: ImportStatus) -> Result<Import> {
        unbuilt()
    }
    pub async fn import(&self, org: OrgId, import: ImportId) -> Result<Import> {
        unbuilt()
    }
    pub async fn imports(&self, org: OrgId, page: PageQuery<ImportId>) -> Result<Page<Import, ImportId>> {
        unbuilt()
    }
    /// Rows that made no link, after a line. The first 10,000 of an import are kept.
    pub async fn import_errors(
        &self,
        org: OrgId,
        import: ImportId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<ImportError>> {
        unbuilt()
    }

    // ---- forms ----

    pub async fn create_form(&self, org: OrgId, fields: FormFields, token: String) -> Result<Form> {
        unbuilt()
    }
    pub async fn form(&self, org: OrgId, form: FormId) -> Result<Form> {
        unbuilt()
    }
    pub async fn forms(&self, org: OrgId, page: PageQuery<FormId>) -> Result<Page<Form, FormId>> {
        unbuilt()
    }
    pub async fn patch_form(&self, org: OrgId, form: FormId, patch: FormPatch) -> Result<Form> {
        unbuilt()
    }
    pub async fn delete_form(&self, org: OrgId, form: FormId) -> Result<()> {
        unbuilt()
    }
    /// The form behind a URL's token, from memory when it is there; `None` for one that nothing has.
    pub async fn form_route(&self, token: &str) -> Result<Option<Arc<FormRoute>>> {
        unbuilt()
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
    /// The same for many: all of them wait, or none.
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
        let kept = stats::kept_from(self.clock().now(), self.config().message_retention);
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
