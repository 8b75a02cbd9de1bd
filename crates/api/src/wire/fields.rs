//! Reads a JSON object field by field and collects every complaint.
//!
//! Used for all bodies but messages, which have a faster reader. **Invariant:** unknown fields are ignored, an explicit
//! `null` is told from an absent field, and no value is quoted back in a message.

use crate::problem::{Complaint, Problem};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// A field that may be left out, or be `null`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Patch<T> {
    Absent,
    Null,
    Value(T),
}

impl<T> Patch<T> {
    /// For objects that are written whole: absent and `null` are the same.
    pub fn value(self) -> Option<T> {
        match self {
            Patch::Value(v) => Some(v),
            Patch::Absent | Patch::Null => None,
        }
    }
    /// For a PATCH of a field that can be cleared: absent keeps (`None`), `null` clears (`Some(None)`).
    pub fn clearable(self) -> Option<Option<T>> {
        match self {
            Patch::Absent => None,
            Patch::Null => Some(None),
            Patch::Value(v) => Some(Some(v)),
        }
    }
    /// For a PATCH of a field that always has a value: `null` resets it.
    pub fn or_reset(self, default: T) -> Option<T> {
        self.clearable().map(|v| v.unwrap_or(default))
    }
}

/// The fields of a body, taken one after the other.
pub(crate) struct Fields {
    map: Map<String, Value>,
    complaints: Vec<Complaint>,
    place: Vec<Cow<'static, str>>,
}

impl Fields {
    /// Reads a body. An empty one is taken as `{}`: every operation says itself what it needs.
    pub fn parse(body: &[u8]) -> Result<Fields, Problem> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Fields::of(Map::new()));
        }
        let text = std::str::from_utf8(body).map_err(|e| Problem::json(format!("The body is not UTF-8: {e}")))?;
        match serde_json::from_str(text) {
            Ok(Value::Object(map)) => Ok(Fields::of(map)),
            Ok(_) => Err(Problem::json("The body must be a JSON object")),
            Err(e) => Err(Problem::json(format!("The body is not valid JSON: {e}"))),
        }
    }

    fn of(map: Map<String, Value>) -> Fields {
        Fields { map, complaints: Vec::new(), place: vec!["body".into()] }
    }

    /// Takes a field that is an object, to be read in the same way; complaints go under its name, and come back with
    /// [`Self::absorb`].
    pub fn object(&mut self, name: &'static str) -> Patch<Fields> {
        let place = self.place.iter().cloned().chain(std::iter::once(name.into())).collect();
        self.take(&[name], |v| match v {
            Value::Object(map) => Ok(Fields { map, complaints: Vec::new(), place }),
            _ => Err("must be an object".into()),
        })
    }

    /// Takes over the complaints about an inner object.
    pub fn absorb(&mut self, inner: Fields) {
        self.complaints.extend(inner.complaints);
    }

    /// Takes a field that is a list of objects, each to be read in the same way; complaints go under its name and their
    /// number, and come back with [`Self::absorb`].
    pub fn objects(&mut self, name: &'static str, max: usize) -> Patch<Vec<Fields>> {
        let place: Vec<Cow<'static, str>> = self.place.iter().cloned().chain(std::iter::once(name.into())).collect();
        self.take(&[name], |v| match v {
            Value::Array(list) if list.len() > max => Err(format!("must have at most {max} entries").into()),
            Value::Array(list) => list
                .into_iter()
                .enumerate()
                .map(|(i, v)| match v {
                    Value::Object(map) => {
                        let place = place.iter().cloned().chain(std::iter::once(i.to_string().into())).collect();
                        Ok(Fields { map, complaints: Vec::new(), place })
                    }
                    _ => Err("must be a list of objects".into()),
                })
                .collect(),
            _ => Err("must be a list of objects".into()),
        })
    }

    /// The object in field `name`, to be read in the same way; complaints go under its name.
    pub fn nested(name: &'static str, value: Value) -> Result<Fields, Problem> {
        match value {
            Value::Object(map) => Ok(Fields { map, complaints: Vec::new(), place: vec!["body".into(), name.into()] }),
            _ => Err(Problem::field(name, "must be an object")),
        }
    }

    /// Takes a field. Each of `names` is another name for it; the first is used in messages.
    pub fn take<T>(
        &mut self,
        names: &[&'static str],
        read: impl FnOnce(Value) -> Result<T, Cow<'static, str>>,
    ) -> Patch<T> {
        #[cfg(test)]
        taken::note(&self.place, names);
        let mut found: Option<(&'static str, Value)> = None;
        for name in names {
            let Some(value) = self.map.remove(*name) else { continue };
            match &found {
                Some((first, other)) if *other != value => {
                    let first = *first;
                    self.complain(name, format!("is another name for {first}, but has another value"));
                }
                Some(_) => {}
                None => found = Some((name, value)),
            }
        }
        match found {
            None => Patch::Absent,
            Some((_, Value::Null)) => Patch::Null,
            Some((name, value)) => match read(value) {
                Ok(v) => Patch::Value(v),
                Err(msg) => {
                    self.complain(name, msg);
                    Patch::Null
                }
            },
        }
    }

    /// Takes a field that must be there and not `null`. On a complaint, returns the type's default: [`Self::finish`]
    /// refuses the whole.
    pub fn require<T: Default>(
        &mut self,
        names: &[&'static str],
        read: impl FnOnce(Value) -> Result<T, Cow<'static, str>>,
    ) -> T {
        let before = self.complaints.len();
        match self.take(names, read) {
            Patch::Value(v) => v,
            _ => {
                if let (true, Some(name)) = (self.complaints.len() == before, names.first()) {
                    self.complain(name, "is required");
                }
                T::default()
            }
        }
    }

    pub fn complain(&mut self, name: &'static str, msg: impl Into<String>) {
        self.complain_at(&[name.into()], msg);
    }

    /// A complaint about something below a field.
    pub fn complain_at(&mut self, path: &[Cow<'static, str>], msg: impl Into<String>) {
        let loc = self.place.iter().chain(path).cloned().collect();
        self.complaints.push(Complaint { loc, msg: msg.into(), kind: "value_error" });
    }

    /// The end: everything was fine, or all complaints at once.
    pub fn finish(self) -> Result<(), Problem> {
        if self.complaints.is_empty() { Ok(()) } else { Err(Problem::Invalid(self.complaints)) }
    }
}

/// Which fields were asked for: the tests compare it with what the API's document says.
#[cfg(test)]
pub(crate) mod taken {
    use std::borrow::Cow;
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    thread_local! {
        static TAKEN: RefCell<BTreeSet<(String, &'static [&'static str])>> = const { RefCell::new(BTreeSet::new()) };
    }

    pub(super) fn note(place: &[Cow<'static, str>], names: &[&'static str]) {
        let below: Vec<&str> = place.iter().skip(1).map(|p| &**p).filter(|p| p.parse::<u32>().is_err()).collect();
        let names = Box::leak(names.to_vec().into_boxed_slice());
        TAKEN.with_borrow_mut(|taken| taken.insert((below.join("."), names)));
    }

    /// Where, and under which names, since the last call on this thread.
    pub(crate) fn all() -> BTreeSet<(String, &'static [&'static str])> {
        TAKEN.take()
    }
}
