//! Events of links and forms as rows: JSON for lists and NDJSON, flattened for CSV.
//!
//! **Invariant:** JSON rows have the delivered payload's own bytes, with the message's id before them; CSV cells are
//! guarded against formulas as all of ours are.

use super::export::csv;
use super::time;
use domain::{FormSpec, IdCodec};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use store::Message;

/// An event as a list shows it.
#[derive(Serialize)]
pub(crate) struct EventOut {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    timestamp: String,
    /// `null` once the payload is gone.
    data: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    data: Box<RawValue>,
}

pub(crate) fn out(m: &Message, codec: &IdCodec) -> EventOut {
    let payload: Option<Payload<'_>> = m.payload.as_deref().and_then(|p| serde_json::from_slice(p).ok());
    let (timestamp, data) = match payload {
        Some(p) => (p.timestamp.into_owned(), Some(p.data)),
        None => (time::text(m.id.created_at()), None),
    };
    EventOut { id: codec.text(m.id), kind: m.event_type.clone(), timestamp, data }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// One JSON object a line, as lists show it.
    Ndjson,
    /// RFC 4180.
    Csv,
}

impl Format {
    pub fn parse(text: &str) -> Option<Format> {
        Some(match text {
            "ndjson" => Format::Ndjson,
            "csv" => Format::Csv,
            _ => return None,
        })
    }
    /// The content type.
    pub fn kind(self) -> &'static str {
        match self {
            Format::Ndjson => "application/x-ndjson",
            Format::Csv => "text/csv; charset=utf-8; header=present",
        }
    }
    pub fn extension(self) -> &'static str {
        match self {
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
        }
    }
}

/// Where a cell comes from.
enum Cell {
    Id,
    Type,
    Timestamp,
    /// A path of members below `data`.
    Data(&'static [&'static str]),
    /// A field of a form's submission.
    Field(String),
    /// All other fields of the submission, as JSON.
    OtherFields,
}

/// The columns of a CSV file.
pub(crate) struct Columns(Vec<(String, Cell)>);

/// Who came, and from where.
const VISITOR: [(&str, &[&str]); 17] = [
    ("referrer", &["referrer"]),
    ("referrerHost", &["referrerHost"]),
    ("utmSource", &["utm", "source"]),
    ("utmMedium", &["utm", "medium"]),
    ("utmCampaign", &["utm", "campaign"]),
    ("utmTerm", &["utm", "term"]),
    ("utmContent", &["utm", "content"]),
    ("device", &["device"]),
    ("os", &["os"]),
    ("browser", &["browser"]),
    ("country", &["country"]),
    ("bot", &["bot"]),
    ("visitor", &["visitor"]),
    ("doNotTrack", &["doNotTrack"]),
    ("first", &["first"]),
    ("firstHuman", &["firstHuman"]),
    ("unique", &["unique"]),
];

const LINK: [(&str, &[&str]); 6] = [
    ("click", &["click"]),
    ("link", &["link"]),
    ("slug", &["slug"]),
    ("url", &["url"]),
    ("target", &["target"]),
    ("tags", &["tags"]),
];

/// Of conversions only.
const CONVERSION: [(&str, &[&str]); 5] = [
    ("clickedAt", &["clickedAt"]),
    ("name", &["name"]),
    ("value", &["value"]),
    ("currency", &["currency"]),
    ("externalId", &["externalId"]),
];

impl Columns {
    pub fn of_link() -> Self {
        let data = LINK.into_iter().chain(VISITOR).chain(CONVERSION);
        Columns(head().chain(data.map(of_data)).collect())
    }

    /// Its fields have a column each; what else was submitted is in one.
    pub fn of_form(spec: &FormSpec) -> Self {
        let fields = spec.fields.iter().map(|f| (format!("fields.{}", f.name), Cell::Field(f.name.clone())));
        let form = [("form", &["form"] as &[_]), ("formName", &["formName"])];
        let rest = [("files", &["files"] as &[_]), ("origin", &["origin"])];
        let all = head().chain(form.map(of_data)).chain(fields);
        let all = all.chain([("otherFields".to_owned(), Cell::OtherFields)]);
        Columns(all.chain(rest.map(of_data)).chain(VISITOR.map(of_data)).collect())
    }

    fn record(&self, event: &EventOut, data: &Value) -> Vec<String> {
        let cells = self.0.iter().map(|(_, cell)| match cell {
            Cell::Id => event.id.clone(),
            Cell::Type => event.kind.clone(),
            Cell::Timestamp => event.timestamp.clone(),
            Cell::Data(path) => text(path.iter().try_fold(data, |v, name| v.get(name))),
            Cell::Field(name) => text(data.get("fields").and_then(|f| f.get(name))),
            Cell::OtherFields => self.other_fields(data),
        });
        cells.collect()
    }

    fn other_fields(&self, data: &Value) -> String {
        let Some(Value::Object(fields)) = data.get("fields") else { return String::new() };
        let has_column = |name: &str| self.0.iter().any(|(_, cell)| matches!(cell, Cell::Field(f) if f == name));
        let others: serde_json::Map<_, _> =
            fields.iter().filter(|(name, _)| !has_column(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
        if others.is_empty() { String::new() } else { Value::Object(others).to_string() }
    }
}

fn head() -> impl Iterator<Item = (String, Cell)> {
    [("id", Cell::Id), ("type", Cell::Type), ("timestamp", Cell::Timestamp)].into_iter().map(|(n, c)| (n.to_owned(), c))
}

fn of_data((name, path): (&str, &'static [&'static str])) -> (String, Cell) {
    (name.to_owned(), Cell::Data(path))
}

/// A value in a cell: texts as they are, nothing for `null`, lists and objects as JSON.
fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(s)) => s.clone(),
        Some(other) => other.to_string(),
    }
}

/// An export that is being written.
pub(crate) struct Export {
    format: Format,
    columns: Columns,
    codec: IdCodec,
}

impl Export {
    pub fn new(format: Format, columns: Columns, codec: IdCodec) -> Self {
        Export { format, columns, codec }
    }

    /// What stands before all rows.
    pub fn begin(&self, out: &mut Vec<u8>) {
        if self.format == Format::Csv {
            csv::write(self.columns.0.iter().map(|(name, _)| name.as_str()), out);
        }
    }

    pub fn row(&self, message: &Message, out: &mut Vec<u8>) {
        let event = self::out(message, &self.codec);
        match self.format {
            Format::Ndjson => {
                if let Err(cause) = serde_json::to_writer(&mut *out, &event) {
                    tracing::error!(%cause, "an event could not be written as JSON");
                }
                out.push(b'\n');
            }
            Format::Csv => {
                let data = event.data.as_deref().and_then(|d| serde_json::from_str(d.get()).ok()).unwrap_or_default();
                let record = self.columns.record(&event, &data);
                csv::write(record.iter().map(String::as_str), out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use domain::{AppId, FormField, MessageId};
    use serde_json::json;

    fn message(event_type: &str, payload: Option<&Value>) -> Message {
        Message {
            id: MessageId(7 << 40),
            app: AppId(1),
            event_type: event_type.into(),
            event_id: None,
            channels: Vec::new(),
            tags: Vec::new(),
            deliver_at: None,
            payload: payload.map(|p| Bytes::from(p.to_string())),
        }
    }

    fn payload(data: &Value) -> Value {
        json!({"type": "t", "timestamp": "2026-11-21T12:00:00.000Z", "data": data})
    }

    fn export(format: Format, columns: Columns, messages: &[Message]) -> String {
        let export = Export::new(format, columns, IdCodec::new([1; 16]));
        let mut out = Vec::new();
        export.begin(&mut out);
        messages.iter().for_each(|m| export.row(m, &mut out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_of_ndjson_is_the_payload_with_its_id() {
        let raw = r#"{"type":"link.clicked","timestamp":"2026-11-21T12:00:00.000Z","data":{"z":1.50,"a":"\u00e9\n"}}"#;
        let whole = Message { payload: Some(Bytes::from(raw)), ..message("link.clicked", None) };
        let text = export(Format::Ndjson, Columns::of_link(), &[whole, message("link.clicked", None)]);
        let id = IdCodec::new([1; 16]).text(MessageId(7 << 40));
        let (first, second) = text.split_once('\n').unwrap();
        assert_eq!(first, raw.replacen('{', &format!("{{\"id\":\"{id}\","), 1));
        let gone: Value = serde_json::from_str(second).unwrap();
        assert_eq!((&gone["type"], &gone["data"]), (&json!("link.clicked"), &Value::Null));
        assert!(gone["timestamp"].is_string());
    }

    #[test]
    fn clicks_and_conversions_share_their_columns() {
        let click = json!({"click": "clk_1", "slug": "s", "tags": ["a", "b"], "referrer": null,
            "utm": {"source": "=cmd", "medium": null}, "bot": false, "first": true});
        let conversion = json!({"click": "clk_1", "name": "sale", "value": -1.5, "currency": "EUR"});
        let rows = [
            message("link.clicked", Some(&payload(&click))),
            message("link.converted", Some(&payload(&conversion))),
            message("link.clicked", None),
        ];
        let text = export(Format::Csv, Columns::of_link(), &rows);
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        assert_eq!(lines.len(), 4);
        assert!(
            lines[0].starts_with("id,type,timestamp,click,link,slug,url,target,tags,referrer,referrerHost,utmSource,")
        );
        assert!(lines[0].ends_with(",unique,clickedAt,name,value,currency,externalId"));
        let commas = |line: &str| line.matches(',').count();
        assert!(lines[1].contains(",clk_1,,s,,,\"[\"\"a\"\",\"\"b\"\"]\",,,'=cmd,,"), "{}", lines[1]);
        assert!(lines[2].contains(",link.converted,2026-11-21T12:00:00.000Z,clk_1,"), "{}", lines[2]);
        assert!(lines[2].ends_with(",,sale,'-1.5,EUR,"), "{}", lines[2]);
        assert_eq!((commas(lines[2]), commas(lines[3])), (commas(lines[0]), commas(lines[0])));
    }

    #[test]
    fn a_form_has_a_column_for_each_field_and_one_for_the_rest() {
        let field = |name: &str| FormField { name: name.into(), ..FormField::default() };
        let spec = FormSpec { fields: vec![field("email"), field("=x,y"), field("n")], ..FormSpec::default() };
        let data = json!({"form": "form_1", "formName": "Contact", "files": [],
            "fields": {"email": "a@example.com", "=x,y": "+1", "n": 5, "more": ["a", "b"]}});
        let bare = json!({"form": "form_1", "fields": {"email": "b@example.com"}});
        let rows = [message("form.submitted", Some(&payload(&data))), message("form.submitted", Some(&payload(&bare)))];
        let text = export(Format::Csv, Columns::of_form(&spec), &rows);
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        let head =
            "id,type,timestamp,form,formName,fields.email,\"fields.=x,y\",fields.n,otherFields,files,origin,referrer,";
        assert!(lines[0].starts_with(head), "{}", lines[0]);
        let row = ",form_1,Contact,a@example.com,'+1,5,\"{\"\"more\"\":[\"\"a\"\",\"\"b\"\"]}\",[],,";
        assert!(lines[1].contains(row), "{}", lines[1]);
        assert!(lines[2].contains(",form_1,,b@example.com,,,,,,"), "{}", lines[2]);
    }
}
