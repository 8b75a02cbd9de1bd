//! The handle's verbs of people, sessions, profiles, API keys and the audit log.
//!
//! **Invariant:** as in `handle`: a verb that returned `Ok` is on disk, and every later read sees it; but for the last
//! use of sessions and keys, which may be some minutes behind.

use crate::audit::{AuditEntry, AuditFilter, NewAuditEntry};
use crate::error::StoreError;
use crate::handle::Store;
use crate::keys::{ApiKey, KeyUse, NewApiKey};
use crate::people::{Invitation, NewInvitation, NewPerson, NewSession, PasswordHash, Person, PersonPatch, Session};
use crate::profile::Profile;
use crate::sqlite::{apps, audit, invitations, keys, people, profile, sessions};
use crate::types::{Page, PageQuery};
use crate::writer::Op;
use domain::{AuditId, KeyId, OrgId, PersonId, SessionId, Timestamp};
use std::sync::Arc;
use std::time::Duration;

type Result<T> = std::result::Result<T, StoreError>;

/// A session's use is written down this often at most.
const SEEN_PAUSE: Duration = Duration::from_secs(300);
/// Keys whose use is remembered; beyond it, memory starts anew.
const KEYS_REMEMBERED: usize = 10_000;

impl Store {
    /// The public text of an organisation, as its tokens write it.
    pub async fn organisation_text(&self, org: OrgId) -> Result<String> {
        self.read(move |c| apps::organisation_text(c, org)).await
    }

    // ---- people ----

    /// Whether anybody can sign in on this installation.
    pub async fn has_people(&self) -> Result<bool> {
        self.read(people::any).await
    }
    /// In order of creation.
    pub async fn people(&self, org: OrgId, page: PageQuery<PersonId>) -> Result<Page<Person, PersonId>> {
        self.read(move |c| people::list(c, org, &page)).await
    }
    pub async fn person(&self, org: OrgId, person: PersonId) -> Result<Person> {
        self.read(move |c| people::find(c, org, person)).await
    }
    /// Who has this address, in whichever organisation, and the hash of the password.
    pub async fn person_by_email(&self, email: &str) -> Result<Option<(Person, Option<PasswordHash>)>> {
        let email = email.to_owned();
        self.read(move |c| people::by_email(c, &email)).await
    }
    pub async fn password_of(&self, org: OrgId, person: PersonId) -> Result<Option<PasswordHash>> {
        self.read(move |c| people::password(c, org, person)).await
    }
    /// `Conflict` for a taken address.
    pub async fn create_person(&self, org: OrgId, new: NewPerson) -> Result<Person> {
        self.write(move |core, now| core.create_person(org, &new, false, now)).await
    }
    /// `Conflict` when the organisation has an owner already, or for a taken address.
    pub async fn create_first_owner(&self, org: OrgId, new: NewPerson) -> Result<Person> {
        self.write(move |core, now| core.create_person(org, &new, true, now)).await
    }
    /// `Conflict` for a taken address, or when the last owner would become something else.
    pub async fn patch_person(&self, org: OrgId, person: PersonId, patch: PersonPatch) -> Result<Person> {
        self.write(move |core, now| core.patch_person(org, person, patch, now)).await
    }
    /// Ends the person's sessions, too. `Conflict` for the last owner.
    pub async fn delete_person(&self, org: OrgId, person: PersonId) -> Result<()> {
        self.write(move |core, _| core.delete_person(org, person)).await
    }
    /// Ends the person's sessions but `keep`.
    pub async fn set_password(
        &self,
        org: OrgId,
        person: PersonId,
        password: PasswordHash,
        keep: Option<SessionId>,
    ) -> Result<()> {
        self.write(move |core, now| core.set_password(org, person, &password, keep, now)).await
    }
    /// `true` for the first who comes with this nonce, once and for ever (until `expires_at`, when its ticket ends).
    pub async fn use_ticket(&self, nonce: [u8; 16], expires_at: Timestamp) -> Result<bool> {
        self.write(move |core, _| people::use_ticket(core.connection(), &nonce, expires_at)).await
    }
    pub async fn is_ticket_used(&self, nonce: [u8; 16]) -> Result<bool> {
        self.read(move |c| people::is_ticket_used(c, &nonce)).await
    }

    // ---- invitations ----

    /// Those that still let somebody in, the newest first; 100 at most.
    pub async fn invitations(&self, org: OrgId) -> Result<Vec<Invitation>> {
        let now = self.clock().now();
        self.read(move |c| invitations::list(c, org, now)).await
    }
    /// `Conflict` when there are 100 open ones.
    pub async fn create_invitation(&self, org: OrgId, new: NewInvitation) -> Result<()> {
        self.write(move |core, now| invitations::create(core.connection(), org, &new, now)).await
    }
    /// Its link lets nobody in from now on. `NotFound` for one that was used, or ended, or is another organisation's.
    pub async fn withdraw_invitation(&self, org: OrgId, nonce: [u8; 16]) -> Result<Invitation> {
        self.write(move |core, now| invitations::withdraw(core.connection(), org, &nonce, now)).await
    }

    // ---- sessions ----

    /// At most 50 of a person: a new one ends the oldest.
    pub async fn open_session(&self, person: PersonId, new: NewSession) -> Result<Session> {
        self.write(move |core, now| core.open_session(person, &new, now)).await
    }
    /// Whose session has this token (its SHA-256); `None` when there is none, or it ended. It goes on with each use.
    pub async fn session(&self, hash: [u8; 32]) -> Result<Option<(Person, Session)>> {
        let now = self.clock().now();
        let found = self.read(move |c| sessions::by_hash(c, &hash, now)).await?;
        if let Some((_, session)) = &found {
            let lifetime = self.config().session_lifetime;
            let seen = now.since(session.seen_at);
            if seen >= SEEN_PAUSE.min(lifetime / 4) {
                let session = session.clone();
                // Nobody waits for it; that it fails costs the session some minutes of its life.
                self.write_later(move |core, now| sessions::touch(core.connection(), &session, now, lifetime));
            }
        }
        Ok(found)
    }
    /// Those that have not ended, the newest first.
    pub async fn sessions(&self, person: PersonId) -> Result<Vec<Session>> {
        let now = self.clock().now();
        self.read(move |c| sessions::list(c, person, now)).await
    }
    /// `false` when the person has no such session.
    pub async fn close_session(&self, person: PersonId, session: SessionId) -> Result<bool> {
        self.write(move |core, _| sessions::close(core.connection(), person, session)).await
    }
    /// All of a person but `keep`.
    pub async fn close_sessions(&self, person: PersonId, keep: Option<SessionId>) -> Result<()> {
        self.write(move |core, _| sessions::close_all(core.connection(), person, keep)).await
    }

    // ---- the organisation ----

    /// What the organisation says of itself; from memory.
    pub fn profile(&self, org: OrgId) -> Arc<Profile> {
        self.inner.profiles.read().get(&org).cloned().unwrap_or_default()
    }
    /// `Conflict` for a profile that doesn't pass [`Profile::check`].
    pub async fn set_profile(&self, org: OrgId, profile: Profile) -> Result<()> {
        profile.check().map_err(|e| StoreError::Conflict(e.text))?;
        // One at a time, so that memory ends up with what is on disk.
        let _turn = self.inner.profile_turn.lock().await;
        let stored = Arc::new(profile.clone());
        self.write(move |core, now| profile::set(core.connection(), org, &profile, now)).await?;
        self.inner.profiles.write().insert(org, stored);
        Ok(())
    }

    // ---- API keys ----

    /// The id of a key that is going to be made: its token names it.
    pub async fn new_key_id(&self) -> Result<KeyId> {
        self.write(move |core, now| Ok(core.next_id(now))).await
    }
    pub async fn create_api_key(&self, org: OrgId, new: NewApiKey) -> Result<ApiKey> {
        self.write(move |core, _| keys::create(core.connection(), org, &new)).await
    }
    pub async fn api_key(&self, org: OrgId, key: KeyId) -> Result<ApiKey> {
        self.read(move |c| keys::find(c, org, key)).await
    }
    /// Revoked ones too.
    pub async fn api_keys(&self, org: OrgId, page: PageQuery<KeyId>) -> Result<Page<ApiKey, KeyId>> {
        self.read(move |c| keys::list(c, org, &page)).await
    }
    /// Refuses the key's token from now on (`leeway` past its end, too). Once more does nothing.
    pub async fn revoke_api_key(&self, org: OrgId, key: KeyId, leeway: Duration) -> Result<ApiKey> {
        let until = move |key: &ApiKey| key.expires_at.map(|t| t.plus(leeway));
        let revoked = self.write(move |core, now| keys::revoke(core.connection(), org, key, until, now)).await?;
        self.inner.revoked.write().insert(revoked.hash);
        Ok(revoked)
    }
    /// Where the uses of a key are counted, for [`Store::note_key_use`].
    pub fn key_use(&self, key: KeyId) -> Arc<KeyUse> {
        let mut uses = self.inner.key_uses.lock();
        if uses.len() >= KEYS_REMEMBERED && !uses.contains_key(&key) {
            uses.clear();
        }
        uses.entry(key).or_default().clone()
    }
    /// Returns at once; written down once a minute. Cheap enough for the hot path.
    pub fn note_key_use(&self, key: KeyId, use_: &KeyUse) {
        let now = self.clock().now();
        if use_.is_due(now) {
            self.write_later(move |core, _| keys::used(core.connection(), key, now));
        }
    }

    // ---- the audit log ----

    pub async fn audit(&self, new: NewAuditEntry) -> Result<AuditId> {
        self.write(move |core, now| core.audit(&new, now)).await
    }
    /// A page may be shorter than its limit although more follows.
    pub async fn audit_entries(
        &self,
        org: OrgId,
        page: PageQuery<AuditId>,
        filter: AuditFilter,
    ) -> Result<Page<AuditEntry, AuditId>> {
        self.read(move |c| audit::list(c, org, &page, &filter)).await
    }

    /// A write that nobody waits for.
    fn write_later(&self, f: impl FnOnce(&mut crate::sqlite::core::Core, Timestamp) -> Result<()> + Send + 'static) {
        self.queue().push(Op::Exec(Box::new(move |core, now| {
            let result = f(core, now);
            if let Err(error) = &result {
                tracing::warn!(%error, "a last use was not written down");
            }
            (result.is_ok(), Box::new(|_| {}))
        })));
    }
}
