//! `/c/{click}.gif`: the pixel that says that a click led to something.
//!
//! **Invariant:** the answer is always the same picture: what became of it is the owner's business, not the page's.

use super::{UNKNOWN, is_read, method_not_allowed};
use crate::answer::Answer;
use crate::ingest::Ingest;
use crate::metrics::bump;
use crate::origin;
use crate::visit::RawVisit;
use bytes::Bytes;
use domain::event::{CONVERSION_NAME, CONVERSION_NAME_LEN_MAX};
use domain::{ClickId, Conversion};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{Response, StatusCode};
use http_body_util::Full;
use std::net::IpAddr;
use std::sync::atomic::AtomicU64;
use store::{OwnEvent, Recorded, StoreError};

/// One transparent pixel (GIF89a).
const GIF: &[u8; 43] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";
/// Parameters that are looked at.
const PARAMS_MAX: usize = 32;
const CROSS_ORIGIN: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

impl Ingest {
    /// Answers a request to `/c/{click}.gif`: the pixel of a conversion.
    pub(crate) async fn pixel(&self, parts: &Parts, peer: IpAddr) -> Response<Full<Bytes>> {
        if !is_read(&parts.method) {
            return method_not_allowed();
        }
        let Some(click) = parts.uri.path().strip_prefix("/c/").and_then(|rest| rest.strip_suffix(".gif")) else {
            return Answer::page(404, UNKNOWN).into_response(None);
        };
        // Boxed: most requests to this server are others.
        bump(Box::pin(self.convert(click, parts, peer)).await);
        picture()
    }

    /// Records a conversion, on disk when it returns. Nobody looks at the picture, so that a commit's time costs nothing,
    /// and pages that load it can't pile up more work than there are connections.
    async fn convert(&self, click: &str, parts: &Parts, peer: IpAddr) -> &AtomicU64 {
        let metrics = &*self.metrics;
        let Some(click) = ClickId::read(self.store.codec(), click) else { return &metrics.pixels_unknown };
        let now = self.store.clock().now();
        let remote = origin::remote(peer, &parts.headers, &self.config.trusted_proxies);
        let visit = RawVisit::of(parts, remote);
        // A page that was fetched ahead was not reached; neither was one of which only the head is asked for.
        if visit.do_not_track || visit.prefetch {
            return &metrics.pixels_untracked;
        }
        let conversion = conversion(click, parts.uri.query().unwrap_or_default());
        let recorded = async {
            // Gone with its link.
            let Some(route) = self.store.link_route_of(click.link).await? else { return Ok(None) };
            let event = OwnEvent::converted(&conversion, &route, now, self.store.codec());
            self.store.record(event).await.map(Some)
        };
        match recorded.await {
            Ok(Some(Recorded::New(_))) => &metrics.pixels_converted,
            Ok(Some(Recorded::Repeated)) => &metrics.pixels_repeated,
            Ok(None) | Err(StoreError::NotFound(_)) => &metrics.pixels_unknown,
            Err(cause) => {
                tracing::warn!(%cause, "a conversion was lost");
                &metrics.pixels_lost
            }
        }
    }
}

/// What a query says of a conversion. A page's author never sees a complaint, so that what can't be used is made usable, or
/// left out.
fn conversion(click: ClickId, query: &str) -> Conversion {
    let mut new =
        Conversion { click, name: CONVERSION_NAME.to_owned(), value: None, currency: None, external_id: None };
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()).take(PARAMS_MAX) {
        match &*key {
            "name" if !value.is_empty() => new.name = name(&value),
            "value" => new.value = serde_json::from_str(value.trim()).ok(),
            "currency" => new.currency = Conversion::currency(value.trim()),
            "externalId" => new.external_id = Conversion::is_external_id(&value).then(|| value.into_owned()),
            _ => {}
        }
    }
    new
}

/// What may not be in a name becomes `_`.
fn name(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.chars().take(CONVERSION_NAME_LEN_MAX).map(|c| if allowed(c) { c } else { '_' }).collect()
}

fn picture() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(GIF)));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/gif"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Pages that isolate themselves (COEP) may show it.
    headers.insert(CROSS_ORIGIN, HeaderValue::from_static("cross-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{LinkId, Timestamp};
    use serde_json::{Value, json};

    fn check(query: &str, name: &str, value: Value, currency: Option<&str>, external_id: Option<&str>) {
        let click = ClickId { link: LinkId(2), at: Timestamp(1_795_247_040_123), nonce: 7 };
        let got = conversion(click, query);
        assert_eq!((&*got.name, json!(got.value)), (name, value), "{query}");
        assert_eq!((got.currency.as_deref(), got.external_id.as_deref()), (currency, external_id), "{query}");
    }

    #[test]
    fn a_pixels_query_is_read_leniently() {
        check("", "conversion", Value::Null, None, None);
        check("name=sale&value=19.90&currency=eur&externalId=o-1", "sale", json!(19.9), Some("EUR"), Some("o-1"));
        check("name=a%20b:c%00&value=20&currency=EURO", "a_b_c_", json!(20), None, None);
        check("name=&value=1e999&currency=%F0%9F&externalId=a%20b", "conversion", Value::Null, None, None);
        check("value=NaN&name=%FF", "_", Value::Null, None, None);
        check("value=%221%22", "conversion", Value::Null, None, None);
        check("value=-3", "conversion", json!(-3), None, None);
        check(&format!("name={}", "é".repeat(500)), &"_".repeat(64), Value::Null, None, None);
        check(&format!("{}name=late", "&x=1".repeat(100)), "conversion", Value::Null, None, None);
    }

    #[test]
    fn the_picture_is_a_whole_gif_of_one_pixel() {
        assert_eq!((&GIF[..6], &GIF[6..10], GIF[42]), (&b"GIF89a"[..], &[1, 0, 1, 0][..], b';'));
        let response = picture();
        assert_eq!(response.headers()["cache-control"], "private, no-store");
        assert_eq!(response.headers()["content-type"], "image/gif");
    }
}
