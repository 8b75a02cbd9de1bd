//! The handle's verbs of finding what an id alone names, whatever it belongs to.
//!
//! **Invariant:** what is another organisation's isn't there.

use crate::error::StoreError;
use crate::handle::Store;
use crate::sqlite::find;
use domain::{AttemptId, MessageId, OrgId, RequestId, SourceId};

type Result<T> = std::result::Result<T, StoreError>;

impl Store {
    /// The message that an attempt of any application of the organisation is of: a look-up for each of its endpoints.
    pub async fn message_of_attempt(&self, org: OrgId, attempt: AttemptId) -> Result<MessageId> {
        self.read(move |conn| find::message_of_attempt(conn, org, attempt)).await
    }
    /// The source or bin that a request came to.
    pub async fn source_of_request(&self, org: OrgId, request: RequestId) -> Result<SourceId> {
        self.read(move |conn| find::source_of_request(conn, org, request)).await
    }
}
