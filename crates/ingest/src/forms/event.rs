//! The event of a submission.
//!
//! **Invariant:** nothing that tells who sent it beyond what the form asked for, but for what `visit` lets out.

use super::rules::{Attached, Submission};
use crate::visit::Visit;
use bytes::Bytes;
use domain::{FileId, FormRoute, IdCodec, Timestamp};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;
use store::{Dim, EventKind, NewFile, OriginId, OwnEvent};

/// What an event is made of.
pub(super) struct Draft<'a> {
    pub route: &'a FormRoute,
    pub at: Timestamp,
    pub visit: &'a Visit,
    /// The site that the form is on, legible.
    pub origin: Option<String>,
    pub codec: &'a IdCodec,
    /// Where this server is reached; files' URLs begin with it.
    pub base: &'a str,
}

/// The event's envelope; `data` stays last, see [`OwnEvent::payload`].
#[derive(Serialize)]
struct Envelope<'a> {
    r#type: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    form: String,
    form_name: &'a str,
    fields: Ordered<'a>,
    files: Vec<File<'a>>,
    origin: Option<&'a str>,
    referrer: Option<&'a str>,
    referrer_host: Option<&'a str>,
    utm: &'a crate::visit::Utm,
    device: Option<&'a str>,
    os: Option<&'a str>,
    browser: Option<&'a str>,
    country: Option<&'a str>,
    bot: bool,
    visitor: Option<String>,
    do_not_track: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    id: String,
    field: &'a str,
    name: &'a str,
    content_type: &'a str,
    size: usize,
    url: String,
}

/// An object with its members in this order.
struct Ordered<'a>(&'a [(String, Value)]);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Draft<'_> {
    /// The event of a submission whose files have these ids. `None` can't be: all of it is JSON.
    pub fn event(&self, submission: Submission, ids: &[FileId]) -> Option<OwnEvent> {
        let kind = EventKind::Submitted;
        let form = self.codec.text(self.route.form);
        let data = self.data(form.clone(), &submission, ids);
        let envelope = Envelope { r#type: kind.event_type(), timestamp: self.at.to_string(), data };
        let mut payload = serde_json::to_vec(&envelope).ok()?;
        // The writer goes on from here.
        payload.truncate(payload.len().checked_sub(2)?);
        let stored = |(attached, id): (Attached, &FileId)| NewFile {
            id: *id,
            field: attached.field,
            name: file_name(&attached.upload.name).to_owned(),
            content_type: attached.upload.content_type,
            content: attached.upload.content,
        };
        Some(OwnEvent {
            origin: OriginId::from(self.route.form),
            app: self.route.app,
            at: self.at,
            kind,
            bot: self.visit.bot,
            visitor: self.visit.visitor,
            dims: self.dims(),
            channels: vec![form],
            event_id: None,
            payload: Bytes::from(payload),
            files: submission.files.into_iter().zip(ids).map(stored).collect(),
        })
    }

    fn data<'a>(&'a self, form: String, submission: &'a Submission, ids: &[FileId]) -> Data<'a> {
        let visit = self.visit;
        let files = submission.files.iter().zip(ids);
        Data {
            form,
            form_name: &self.route.name,
            fields: Ordered(&submission.fields),
            files: files.map(|(attached, id)| self.file(attached, *id)).collect(),
            origin: self.origin.as_deref(),
            referrer: visit.referrer.as_deref(),
            referrer_host: visit.referrer_host.as_deref(),
            utm: &visit.utm,
            device: visit.device,
            os: visit.os.as_deref(),
            browser: visit.browser.as_deref(),
            country: visit.country.as_deref(),
            bot: visit.bot,
            visitor: visit.visitor.map(|hash| format!("{hash:016x}")),
            do_not_track: visit.do_not_track,
        }
    }

    fn file<'a>(&self, attached: &'a Attached, id: FileId) -> File<'a> {
        let id = self.codec.text(id);
        File {
            url: format!("{}/f/file/{id}", self.base),
            id,
            field: &attached.field,
            name: file_name(&attached.upload.name),
            content_type: &attached.upload.content_type,
            size: attached.upload.content.len(),
        }
    }

    fn dims(&self) -> Vec<(Dim, Box<str>)> {
        let (visit, utm) = (self.visit, &self.visit.utm);
        let values = [
            (Dim::Referrer, visit.referrer_host.as_deref()),
            (Dim::Country, visit.country.as_deref()),
            (Dim::Device, visit.device),
            (Dim::Os, visit.os.as_deref()),
            (Dim::Browser, visit.browser.as_deref()),
            (Dim::UtmSource, utm.source.as_deref()),
            (Dim::UtmMedium, utm.medium.as_deref()),
            (Dim::UtmCampaign, utm.campaign.as_deref()),
        ];
        values.into_iter().filter_map(|(dim, value)| Some((dim, value?.into()))).collect()
    }
}

/// A file always has a name.
fn file_name(claimed: &str) -> &str {
    if claimed.is_empty() { "file" } else { claimed }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Upload;
    use super::*;
    use crate::visit;
    use domain::{AppId, FormId, FormSpec, OrgId};
    use serde_json::json;

    #[test]
    fn the_payload_is_json_once_the_writer_closed_it() {
        let route = FormRoute {
            org: OrgId(1),
            form: FormId(2),
            app: AppId(3),
            name: "Contact \"us\"".into(),
            disabled: false,
            spec: FormSpec::default(),
        };
        let upload =
            Upload { name: String::new(), content_type: "image/png".into(), content: Bytes::from_static(b"\x89") };
        let submission = Submission {
            fields: vec![("z".into(), json!("é\r\n")), ("__proto__".into(), json!({"a": 1})), ("a".into(), json!(1.5))],
            files: vec![Attached { field: "doc".into(), upload }],
            utm: Vec::new(),
        };
        let codec = IdCodec::new([1; 16]);
        let utm = visit::Utm { source: Some("news".into()), ..visit::Utm::default() };
        let visit = Visit { visitor: Some(10), referrer_host: Some("x.test".into()), utm, ..Visit::default() };
        let at = Timestamp(1_795_247_040_123);
        let draft = Draft { route: &route, at, visit: &visit, origin: None, codec: &codec, base: "https://p.test" };
        let event = draft.event(submission, &[FileId(4)]).unwrap();
        let text = String::from_utf8(event.payload.to_vec()).unwrap() + r#","first":true}}"#;
        let start = r#"{"type":"form.submitted","timestamp":"2026-11-21T07:44:00.123Z","data":{"form":"form_"#;
        assert!(text.starts_with(start), "{text}");
        assert!(text.contains(r#""fields":{"z":"é\r\n","__proto__":{"a":1},"a":1.5},"files""#), "{text}");
        let value: Value = serde_json::from_str(&text).unwrap();
        let (data, id) = (&value["data"], codec.text(FileId(4)));
        assert_eq!((&data["first"], &data["formName"]), (&json!(true), &json!("Contact \"us\"")));
        assert_eq!((&data["visitor"], &data["utm"]["source"]), (&json!("000000000000000a"), &json!("news")));
        assert_eq!((&data["utm"]["medium"], &data["origin"]), (&Value::Null, &Value::Null));
        let file = json!({"id": id, "field": "doc", "name": "file", "contentType": "image/png", "size": 1,
            "url": format!("https://p.test/f/file/{id}")});
        assert_eq!(data["files"], json!([file]));
        assert_eq!(event.channels, [codec.text(FormId(2))]);
        assert_eq!(event.dims, [(Dim::Referrer, "x.test".into()), (Dim::UtmSource, "news".into())]);
        assert_eq!((event.files[0].id, event.files[0].name.as_str()), (FileId(4), "file"));
    }
}
