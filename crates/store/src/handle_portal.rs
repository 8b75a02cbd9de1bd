//! The handle's verbs of the customers' portal: tokens that end together, and inboxes for who has no URL.
//!
//! **Invariant:** as in `handle`: a verb that returned `Ok` is on disk, and every later read sees it.

use crate::error::StoreError;
use crate::handle::Store;
use crate::inbound::{Source, SourceFields, SourceSealer};
use crate::sqlite::{apps, floors, sources};
use domain::{AppId, OrgId, SourceId, Timestamp};
use std::sync::Arc;

type Result<T> = std::result::Result<T, StoreError>;

/// Bins of one application that its customers may have at a time.
pub const INBOXES_MAX: usize = 3;

/// Which tokens of an application are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFloor {
    /// Those of this session; `None` for all.
    pub session: Option<String>,
    /// Those issued up to the second of this time...
    pub issued_by: Timestamp,
    /// ...are refused from then on.
    pub since: Timestamp,
}

impl Store {
    /// The organisation that a token would name. Unlike [`Store::organisation`] it makes none.
    pub async fn find_organisation(&self, text: &str) -> Result<Option<OrgId>> {
        let text = text.to_owned();
        self.read(move |c| apps::find_organisation(c, &text)).await
    }

    // ---- tokens ----

    /// What refuses tokens of the application; from memory.
    pub fn token_floors(&self, app: AppId) -> Arc<[TokenFloor]> {
        self.inner.floors.read().get(&app).cloned().unwrap_or_default()
    }
    /// Refuses all of the application's tokens issued until now (those of `sessions`, if any are named) from `since` on.
    pub async fn expire_tokens(&self, app: AppId, sessions: Vec<String>, since: Timestamp) -> Result<()> {
        // One at a time, so that memory ends up with what is on disk.
        let _turn = self.inner.profile_turn.lock().await;
        let now_there = self
            .write(move |core, now| {
                floors::raise(core.connection(), app, &sessions, since, now)?;
                floors::of(core.connection(), app)
            })
            .await?;
        self.inner.floors.write().insert(app, now_there.into());
        Ok(())
    }

    // ---- inboxes ----

    /// A bin for customers of `app`. `Conflict` when they have [`INBOXES_MAX`].
    pub async fn create_inbox(
        &self,
        (org, app): (OrgId, AppId),
        fields: SourceFields,
        token: String,
        config: SourceSealer,
    ) -> Result<Source> {
        self.write(move |core, now| {
            if sources::inboxes(core.connection(), app, now)?.len() >= INBOXES_MAX {
                return Err(StoreError::Conflict("there are three test inboxes already: delete one first"));
            }
            let made = core.create_source(org, &fields, &token, config, now)?;
            sources::set_inbox(core.connection(), made.id, app)?;
            Ok(made)
        })
        .await
    }
    /// Those that have not expired, the oldest first.
    pub async fn inboxes(&self, app: AppId) -> Result<Vec<Source>> {
        let now = self.clock().now();
        self.read(move |c| sources::inboxes(c, app, now)).await
    }
    pub async fn inbox(&self, app: AppId, inbox: SourceId) -> Result<Source> {
        let found = self.inboxes(app).await?.into_iter().find(|s| s.id == inbox);
        found.ok_or(StoreError::NotFound("test inbox"))
    }
}
