//! Judges what was sent by the rules of the form.
//!
//! **Invariant:** pure; what it lets through has every required field, each of its type, and no control fields. All that is
//! wrong is told at once.

use super::entry::{Entry, Given, Refusal, Upload, Wrong};
use super::syntax;
use domain::{FieldType, FormField, FormSpec};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashMap;

/// Campaign parameters in hidden fields, which stand in the event's `utm`.
const UTM: [&str; 5] = ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"];

/// A submission that fits the form.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Submission {
    /// In the order in which they came.
    pub fields: Vec<(String, Value)>,
    pub files: Vec<Attached>,
    pub utm: Vec<(String, String)>,
}

/// A file and the field that it came in.
#[derive(Debug, PartialEq)]
pub(super) struct Attached {
    pub field: String,
    pub upload: Upload,
}

/// Whether it fills the field that people don't see.
pub(super) fn is_trapped(spec: &FormSpec, entries: &[Entry]) -> bool {
    let trap = spec.honeypot.as_deref().unwrap_or_default();
    !trap.is_empty() && entries.iter().any(|entry| entry.name == trap && entry.value.is_filled())
}

/// `file_bytes_max` is the installation's limit.
pub(super) fn judge(spec: &FormSpec, entries: Vec<Entry>, file_bytes_max: u64) -> Result<Submission, Refusal> {
    let mut judged = Judged {
        spec,
        file_bytes_max: spec.file_bytes_max.min(file_bytes_max),
        submission: Submission::default(),
        wrongs: Vec::new(),
        has_large_file: false,
    };
    let rules: HashMap<&str, &FormField> = spec.fields.iter().map(|rule| (rule.name.as_str(), rule)).collect();
    let groups = grouped(spec, entries);
    for rule in spec.fields.iter().filter(|rule| !groups.iter().any(|(name, _)| *name == rule.name)) {
        judged.absent(rule);
    }
    for (name, values) in groups {
        match rules.get(name.as_str()) {
            Some(rule) => judged.ruled(rule, values),
            None => judged.free(name, values),
        }
    }
    judged.done()
}

/// The values of each name, in order of the names' first coming, without control fields.
fn grouped(spec: &FormSpec, entries: Vec<Entry>) -> Vec<(String, Vec<Given>)> {
    let mut groups: Vec<(String, Vec<Given>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for Entry { name, value } in entries {
        if name.starts_with('_') || spec.honeypot.as_deref() == Some(name.as_str()) {
            continue;
        }
        let place = *places.entry(name.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, values)) => values.push(value),
            None => groups.push((name, vec![value])),
        }
    }
    groups
}

struct Judged<'a> {
    spec: &'a FormSpec,
    file_bytes_max: u64,
    submission: Submission,
    wrongs: Vec<Wrong>,
    has_large_file: bool,
}

impl Judged<'_> {
    fn done(self) -> Result<Submission, Refusal> {
        if self.wrongs.is_empty() {
            return Ok(self.submission);
        }
        let refusal = if self.has_large_file {
            Refusal::too_large(format!("A file may have {} bytes at most", self.file_bytes_max))
        } else {
            Refusal::validation("The submission does not fit the form")
        };
        Err(refusal.wrong(self.wrongs))
    }

    fn wrong(&mut self, field: &str, problem: impl Into<Cow<'static, str>>) {
        self.wrongs.push(Wrong::new(field, problem));
    }

    /// A field with a rule that did not come.
    fn absent(&mut self, rule: &FormField) {
        if rule.required {
            self.wrong(&rule.name, "is required");
        } else if rule.kind == FieldType::Checkbox {
            self.submission.fields.push((rule.name.clone(), Value::Bool(false)));
        }
    }

    /// A field without a rule.
    fn free(&mut self, name: String, values: Vec<Given>) {
        if UTM.contains(&name.as_str()) {
            let text = values.into_iter().find_map(|value| match value {
                Given::Text(text) | Given::Json(Value::String(text)) => Some(text),
                _ => None,
            });
            self.submission.utm.extend(text.map(|text| (name, text)));
            return;
        }
        if self.spec.only_known_fields {
            return self.wrong(&name, "is no field of this form");
        }
        let mut kept = Vec::with_capacity(values.len());
        for value in values {
            match value {
                Given::Text(text) => kept.push(Value::String(text)),
                Given::Json(value) => kept.push(value),
                Given::File(upload) => self.attach(&name, upload),
            }
        }
        let only = if kept.len() == 1 { kept.pop() } else { None };
        match only {
            Some(value) => self.submission.fields.push((name, value)),
            None if kept.is_empty() => (),
            None => self.submission.fields.push((name, Value::Array(kept))),
        }
    }

    fn ruled(&mut self, rule: &FormField, values: Vec<Given>) {
        if rule.kind == FieldType::File {
            return self.files(rule, values);
        }
        let texts = match texts(rule, values) {
            Ok(texts) => texts,
            Err(problem) => return self.wrong(&rule.name, problem),
        };
        let was_blank = texts.first().cloned();
        let mut filled: Vec<String> = texts.into_iter().filter(|text| !text.trim().is_empty()).collect();
        // A hidden `0` before the checkbox is a habit of frameworks: the last one counts.
        if rule.kind == FieldType::Checkbox && filled.len() > 1 {
            filled.drain(..filled.len() - 1);
        }
        if filled.is_empty() {
            return self.blank(rule, was_blank);
        }
        if filled.len() > 1 && !rule.multiple {
            return self.wrong(&rule.name, "came more than once");
        }
        let read: Result<Vec<Value>, String> = filled.iter().map(|text| value(rule, text)).collect();
        match read {
            Err(problem) => self.wrong(&rule.name, problem),
            Ok(values) if rule.kind == FieldType::Checkbox => {
                let value = values.into_iter().next().unwrap_or(Value::Bool(false));
                match value {
                    Value::Bool(false) if rule.required => self.wrong(&rule.name, "is required"),
                    value => self.submission.fields.push((rule.name.clone(), value)),
                }
            }
            Ok(values) if rule.multiple => self.submission.fields.push((rule.name.clone(), Value::Array(values))),
            Ok(values) => self.submission.fields.extend(values.into_iter().map(|value| (rule.name.clone(), value))),
        }
    }

    /// A field that came and was not filled: nothing, but text that is empty is text.
    fn blank(&mut self, rule: &FormField, text: Option<String>) {
        match (rule.kind, text) {
            (FieldType::Text, Some(text)) if !rule.required && !rule.multiple => {
                self.submission.fields.push((rule.name.clone(), Value::String(text)));
            }
            _ => self.absent(rule),
        }
    }

    fn files(&mut self, rule: &FormField, values: Vec<Given>) {
        let filled: Vec<Given> = values.into_iter().filter(Given::is_filled).collect();
        if filled.is_empty() {
            return self.absent(rule);
        }
        if filled.len() > 1 && !rule.multiple {
            return self.wrong(&rule.name, "came more than once");
        }
        for value in filled {
            match value {
                Given::File(upload) => self.attach(&rule.name, upload),
                _ => return self.wrong(&rule.name, "is no file: the form must be sent as multipart/form-data"),
            }
        }
    }

    fn attach(&mut self, field: &str, upload: Upload) {
        if upload.name.is_empty() && upload.content.is_empty() {
            return;
        }
        let files_max = self.spec.files_max;
        if files_max == 0 {
            self.wrong(field, "is a file, and this form takes none");
        } else if self.submission.files.len() >= files_max as usize {
            self.wrong(field, format!("is one file too many: this form takes {files_max}"));
        } else if upload.content.len() as u64 > self.file_bytes_max {
            self.has_large_file = true;
            self.wrong(field, format!("is larger than {} bytes", self.file_bytes_max));
        } else {
            self.submission.files.push(Attached { field: field.to_owned(), upload });
        }
    }
}

/// The values as they would stand in an HTML form.
fn texts(rule: &FormField, values: Vec<Given>) -> Result<Vec<String>, &'static str> {
    let mut texts = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Given::Text(text) => texts.push(text),
            Given::File(file) if file.name.is_empty() && file.content.is_empty() => (),
            Given::File(_) => return Err("takes no file"),
            Given::Json(Value::Array(values)) if rule.multiple => {
                for value in values {
                    texts.extend(scalar(value)?);
                }
            }
            Given::Json(value) => texts.extend(scalar(value)?),
        }
    }
    Ok(texts)
}

/// `None` for null.
fn scalar(value: Value) -> Result<Option<String>, &'static str> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Bool(is) => Ok(Some(is.to_string())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Array(_) | Value::Object(_) => Err("must be one plain value"),
    }
}

fn value(rule: &FormField, text: &str) -> Result<Value, String> {
    if let Some(chars_max) = rule.max_length
        && syntax::is_longer(text, chars_max)
    {
        return Err(format!("is longer than {chars_max} characters"));
    }
    syntax::read(rule, text).map_err(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use serde_json::json;

    fn spec(fields: Value) -> FormSpec {
        let mut spec: FormSpec = serde_json::from_value(json!({"fields": fields, "filesMax": 2})).unwrap();
        spec.file_bytes_max = 10;
        spec
    }
    fn entry(name: &str, text: &str) -> Entry {
        Entry { name: name.into(), value: Given::Text(text.into()) }
    }
    fn entries(pairs: &[(&str, &str)]) -> Vec<Entry> {
        pairs.iter().map(|(name, text)| entry(name, text)).collect()
    }
    fn file(name: &str, file_name: &str, len: usize) -> Entry {
        let content = Bytes::from(vec![b'x'; len]);
        let upload = Upload { name: file_name.into(), content_type: "a/b".into(), content };
        Entry { name: name.into(), value: Given::File(upload) }
    }
    fn member(name: &str, value: Value) -> Entry {
        Entry { name: name.into(), value: Given::Json(value) }
    }

    fn taken(spec: &FormSpec, entries: Vec<Entry>, want: &[(&str, Value)]) {
        let submission = judge(spec, entries, 100).unwrap();
        let got: Vec<_> = submission.fields.iter().map(|(name, value)| (name.as_str(), value)).collect();
        assert_eq!(got, want.iter().map(|(name, value)| (*name, value)).collect::<Vec<_>>());
    }
    fn refused(spec: &FormSpec, entries: Vec<Entry>, status: u16, want: &[(&str, &str)]) {
        let refusal = judge(spec, entries, 100).unwrap_err();
        let got: Vec<_> = refusal.wrongs.iter().map(|wrong| (wrong.field.as_str(), &*wrong.problem)).collect();
        assert_eq!((refusal.problem.status, &got[..]), (status, want));
    }

    #[test]
    fn a_form_without_rules_takes_any_fields_but_control_fields() {
        let sent = entries(&[
            ("z", "1"),
            ("_redirect", "https://evil.test"),
            ("_charset_", "utf-8"),
            ("__proto__", "x"),
            ("constructor", "y"),
            ("a", ""),
            ("z", "2"),
            ("utm_source", "news"),
        ]);
        let open = spec(json!([]));
        taken(&open, sent, &[("z", json!(["1", "2"])), ("constructor", json!("y")), ("a", json!(""))]);
        let utm = judge(&open, entries(&[("utm_source", "news")]), 100).unwrap().utm;
        assert_eq!(utm, [("utm_source".to_owned(), "news".to_owned())]);
        let nested = json!({"b": [1, {"c": null}]});
        taken(&open, vec![member("a", nested.clone()), member("l", json!([1]))], &[("a", nested), ("l", json!([1]))]);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let mut spec = spec(json!([
            {"name": "email", "type": "email", "required": true},
            {"name": "name", "required": true, "maxLength": 3},
            {"name": "age", "type": "integer"},
            {"name": "terms", "type": "checkbox", "required": true},
        ]));
        let sent = entries(&[("name", "  "), ("age", "x"), ("terms", "off"), ("age2", "1")]);
        let mut wrong = vec![("email", "is required"), ("name", "is required"), ("age", "is no whole number")];
        wrong.push(("terms", "is required"));
        refused(&spec, sent, 422, &wrong);
        spec.only_known_fields = true;
        let sent = entries(&[("email", "a@b.co"), ("name", "Anna"), ("terms", "on"), ("forged", "1"), ("_x", "1")]);
        refused(&spec, sent, 422, &[("name", "is longer than 3 characters"), ("forged", "is no field of this form")]);
        let sent = entries(&[("email", "a@b.co"), ("email", "c@d.co"), ("name", "Ann"), ("terms", "on")]);
        refused(&spec, sent, 422, &[("email", "came more than once")]);
    }

    #[test]
    fn typed_fields_are_values_and_what_was_not_filled_is_left_out() {
        let spec = spec(json!([
            {"name": "n", "type": "number"},
            {"name": "t"},
            {"name": "many", "type": "choice", "multiple": true, "options": ["a", "b"]},
            {"name": "yes", "type": "checkbox"},
            {"name": "no", "type": "checkbox"},
        ]));
        let sent = [("n", " "), ("t", ""), ("many", "b"), ("yes", "0"), ("yes", "1")];
        let want = [("no", json!(false)), ("t", json!("")), ("many", json!(["b"])), ("yes", json!(true))];
        taken(&spec, entries(&sent), &want);
        let sent = vec![member("n", json!(1.5)), member("many", json!(["a", "b"])), member("yes", json!(true))];
        let rest = vec![member("t", Value::Null), member("no", json!("off"))];
        let want = [("n", json!(1.5)), ("many", json!(["a", "b"])), ("yes", json!(true)), ("no", json!(false))];
        taken(&spec, sent.into_iter().chain(rest).collect(), &want);
        let sent = vec![
            member("n", json!([1])),
            member("t", json!({})),
            member("many", json!([["a"]])),
            member("yes", json!("maybe")),
        ];
        let plain = "must be one plain value";
        let wrong = [("n", plain), ("t", plain), ("many", plain), ("yes", "is neither on nor off")];
        refused(&spec, sent, 422, &wrong);
        refused(&spec, vec![file("t", "a", 1)], 422, &[("t", "takes no file")]);
    }

    #[test]
    fn files_are_taken_as_many_and_as_large_as_the_form_allows() {
        let open = spec(json!([{"name": "cv", "type": "file", "required": true}]));
        let sent = vec![file("cv", "a", 10), file("more", "", 0), file("more", "b", 0), file("_x", "c", 1)];
        let names: Vec<_> = judge(&open, sent, 100).unwrap().files.into_iter().map(|f| f.upload.name).collect();
        assert_eq!(names, ["a", "b"]);
        refused(&open, vec![file("cv", "a", 11)], 413, &[("cv", "is larger than 10 bytes")]);
        let large = judge(&open, vec![file("cv", "a", 5)], 4).unwrap_err();
        assert_eq!(&*large.problem.detail, "A file may have 4 bytes at most");
        refused(&open, vec![file("cv", "", 0)], 422, &[("cv", "is required")]);
        refused(&open, vec![file("cv", "a", 1), file("cv", "b", 1)], 422, &[("cv", "came more than once")]);
        let three = vec![file("cv", "a", 1), file("x", "b", 1), file("x", "c", 1)];
        refused(&open, three, 422, &[("x", "is one file too many: this form takes 2")]);
        let text = "is no file: the form must be sent as multipart/form-data";
        refused(&open, entries(&[("cv", "a.pdf")]), 422, &[("cv", text)]);
        let none = FormSpec { files_max: 0, ..spec(json!([])) };
        refused(&none, vec![file("x", "a", 1)], 422, &[("x", "is a file, and this form takes none")]);
    }

    #[test]
    fn the_trap_is_sprung_by_any_value_and_is_no_field() {
        let mut spec = spec(json!([]));
        assert!(is_trapped(&spec, &entries(&[("a", "1"), ("_gotcha", "x")])));
        assert!(!is_trapped(&spec, &entries(&[("_gotcha", " "), ("a", "1")])));
        spec.honeypot = Some("website".into());
        assert!(is_trapped(&spec, &[member("website", json!(0))]));
        spec.only_known_fields = true;
        taken(&spec, entries(&[("website", ""), ("_gotcha", "x")]), &[]);
        spec.honeypot = None;
        assert!(!is_trapped(&spec, &entries(&[("_gotcha", "x")])));
    }
}
