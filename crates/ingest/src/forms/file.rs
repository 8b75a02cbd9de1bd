//! The files of submissions, given out to whoever knows their ids.
//!
//! **Invariant:** a file is saved by a browser and never shown; what is being sent takes bounded memory, however slowly it is
//! taken.

use crate::problem::Problem;
use bytes::Bytes;
use domain::FileId;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method, Response};
use http_body_util::Full;
use std::fmt::Write;
use std::sync::Arc;
use store::{FormFile, Store};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// KiB of files that are being sent at most, about; beyond it they are answered 503.
const SENDING_KIB_MAX: usize = 128 * 1024;

/// Gives files out.
pub(super) struct Files {
    room: Arc<Semaphore>,
}

/// A file's bytes, and their part of the room until they are sent.
struct Sent {
    content: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        &self.content
    }
}

impl Default for Files {
    fn default() -> Self {
        Files { room: Arc::new(Semaphore::new(SENDING_KIB_MAX)) }
    }
}

impl Files {
    /// Answers `GET /f/file/{id}`.
    pub async fn get(&self, store: &Store, method: &Method, id: &str) -> Result<Response<Full<Bytes>>, Problem> {
        let id: FileId = store.codec().read(id).ok_or(Problem::UNKNOWN)?;
        if !matches!(*method, Method::GET | Method::HEAD) {
            let mut response = Response::new(Full::default());
            *response.status_mut() = http::StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Ok(response);
        }
        // One is read at least; then its size is known.
        let mut room = self.room.clone().try_acquire_owned().map_err(|_| Problem::CROWDED)?;
        let file = store.form_file(id).await?;
        let kib = u32::try_from(file.content.len() >> 10).unwrap_or(u32::MAX);
        let rest = self.room.clone().try_acquire_many_owned(kib).map_err(|_| Problem::CROWDED)?;
        room.merge(rest);
        Ok(response(file, room))
    }
}

fn response(file: FormFile, room: OwnedSemaphorePermit) -> Response<Full<Bytes>> {
    let disposition = disposition(&file.name);
    let mut response = Response::new(Full::new(Bytes::from_owner(Sent { content: file.content, _room: room })));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_DISPOSITION, disposition);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
    response
}

/// Source: RFC 6266 section 4, RFC 8187 section 3.2.
fn disposition(name: &str) -> HeaderValue {
    let mut text = "attachment; filename*=UTF-8''".to_owned();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::MessageId;

    #[test]
    fn a_name_can_not_leave_its_header() {
        let name = "naïve \"a\".txt\r\nset-cookie: b=c; x='%\u{fffd}";
        let want =
            "attachment; filename*=UTF-8''na%C3%AFve%20%22a%22.txt%0D%0Aset-cookie%3A%20b%3Dc%3B%20x%3D%27%25%EF%BF%BD";
        assert_eq!(disposition(name), want);
    }

    #[test]
    fn the_room_is_taken_until_the_bytes_are_gone() {
        let files = Files::default();
        let room = files.room.clone().try_acquire_many_owned(5).unwrap();
        let file = FormFile {
            id: FileId(1),
            message: MessageId(1),
            field: "f".into(),
            name: "a.html".into(),
            content_type: "text/html".into(),
            content: Bytes::from_static(b"<script>"),
        };
        let answer = response(file, room);
        assert_eq!(answer.headers()[CONTENT_TYPE], "application/octet-stream");
        assert_eq!(files.room.available_permits(), SENDING_KIB_MAX - 5);
        drop(answer);
        assert_eq!(files.room.available_permits(), SENDING_KIB_MAX);
    }
}
