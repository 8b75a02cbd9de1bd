//! What an id alone names.
//!
//! **Invariant:** every look-up is by a key, and within one organisation.

use crate::error::StoreError;
use domain::{AttemptId, MessageId, OrgId, RequestId, SourceId};
use rusqlite::{Connection, OptionalExtension, params};

type Result<T> = std::result::Result<T, StoreError>;

pub(crate) fn message_of_attempt(conn: &Connection, org: OrgId, attempt: AttemptId) -> Result<MessageId> {
    let sql = "SELECT t.message FROM app a CROSS JOIN endpoint e CROSS JOIN attempt t
        WHERE a.org = ?1 AND a.deleted = 0 AND e.app = a.id AND t.endpoint = e.id AND t.id = ?2 LIMIT 1";
    let found = conn.prepare_cached(sql)?.query_row(params![org.0, attempt.0], |r| r.get(0)).optional()?;
    found.map(MessageId).ok_or(StoreError::NotFound("attempt"))
}

pub(crate) fn source_of_request(conn: &Connection, org: OrgId, request: RequestId) -> Result<SourceId> {
    let sql = "SELECT s.id FROM request r CROSS JOIN source s WHERE r.id = ?2 AND s.id = r.source AND s.org = ?1";
    let found = conn.prepare_cached(sql)?.query_row(params![org.0, request.0], |r| r.get(0)).optional()?;
    found.map(SourceId).ok_or(StoreError::NotFound("request"))
}
