//! Reads events from a request: their types, the keys that tell copies, and what is delivered for each.
//!
//! Called for requests as they arrive, and for stored ones that are accepted or replayed. **Invariant:** pure, and the same
//! for both; knows no secrets. Every request that is verified has at least one event, unless it is an empty batch that is
//! not passed through.

use crate::content::{Content, Seen};
use crate::envelope;
use crate::keys::{KeyKind, key};
use crate::pointer::{self, Pointer};
use crate::rule::{Rule, look};
use domain::{DedupBy, SourceRoute};
use sha2::{Digest, Sha256};
use signing::providers::Provider;
use std::borrow::Cow;
use std::cell::OnceCell;
use store::InboundEvent;

/// The longest name of an event type.
const EVENT_TYPE_LEN_MAX: usize = 256;
/// Elements of a batch that become events of their own at most; a longer batch is one event.
const ELEMENTS_MAX: usize = 5_000;

/// How a source's requests are read.
pub(crate) struct Reading {
    /// Where the type is, then what the key is made of (the provider's event id, or chosen fields): looked at together.
    rules: Vec<Rule>,
    /// How many of the rules are the type's.
    types: usize,
    /// For an event whose type is nowhere: `github.event`.
    untyped: Box<str>,
    dedup: DedupBy,
    batch: Option<Pointer>,
    /// Whether any of it lies in JSON.
    reads_json: bool,
}

/// What is known of a provider's requests.
#[derive(Clone, Copy)]
pub(crate) struct Places<'a> {
    pub name: &'a str,
    /// Rules that make the id together.
    pub event_id: &'a [String],
    pub event_type: &'a str,
    /// JSON pointer of the events, where a request carries several.
    pub batch: Option<&'a str>,
}

impl<'a> From<&'a Provider> for Places<'a> {
    fn from(p: &'a Provider) -> Self {
        Places { name: &p.name, event_id: &p.event_id, event_type: &p.event_type, batch: p.batch.as_deref() }
    }
}

fn parse_list(rules: &[String]) -> Vec<Rule> {
    rules.iter().filter_map(|rule| Rule::parse(rule)).collect()
}

/// Where an event lies: in the whole body or, for one of a batch, in its element.
struct Part<'a> {
    json: Option<&'a str>,
    index: Option<usize>,
}

/// A request whose body is hashed once at most, however many elements ask for it.
struct Hashed<'s, 'a> {
    seen: &'s Seen<'a>,
    body: OnceCell<[u8; 32]>,
}

impl Hashed<'_, '_> {
    fn body(&self) -> &[u8] {
        self.body.get_or_init(|| Sha256::digest(self.seen.body).into()).as_slice()
    }
}

impl Reading {
    /// `None` stands for no provider: a bin, or a kind of source that this Postrider doesn't know.
    pub fn new(route: &SourceRoute, provider: Option<Places<'_>>) -> Reading {
        let options = &route.options;
        let dedup = if route.is_bin { DedupBy::Nothing } else { options.dedup.by };
        let mut key = match dedup {
            DedupBy::Provider => parse_list(provider.map_or(&[], |p| p.event_id)),
            DedupBy::Fields => parse_list(&options.dedup.fields),
            DedupBy::Body | DedupBy::Nothing => Vec::new(),
        };
        let mut rules = match &options.event_type {
            Some(rule) => Rule::parse_all(rule),
            None => Rule::parse_all(provider.map_or("", |p| p.event_type)),
        };
        let name = provider.map_or(&*route.kind, |p| p.name);
        let untyped = format!("{}.event", type_name(&[name.as_bytes()]).unwrap_or_else(|| "source".into()));
        let batch = provider.and_then(|p| p.batch).and_then(Pointer::parse);
        let types = rules.len();
        rules.append(&mut key);
        let reads_json = batch.is_some() || rules.iter().any(Rule::is_json);
        Reading { rules, types, untyped: untyped.into(), dedup, batch, reads_json }
    }

    /// The events of a request. In pass-through it is one that carries the body as it is.
    pub fn events(&self, seen: &Seen<'_>, pass_through: bool) -> Vec<InboundEvent> {
        let json = match self.reads_json.then(|| seen.content()) {
            Some(Content::Json(text)) => Some(text),
            _ => None,
        };
        let parts = self.parts(json);
        let seen = &Hashed { seen, body: OnceCell::new() };
        if pass_through { vec![self.whole(seen, json, parts)] } else { self.apart(seen, json, parts) }
    }

    /// The elements of a batch; `None` for a request that is none.
    fn parts<'a>(&self, json: Option<&'a str>) -> Option<Vec<Part<'a>>> {
        let array = pointer::find(json?, &[self.batch.as_ref()?])?.pop()??;
        let elements = pointer::elements(array, ELEMENTS_MAX)?.into_iter().enumerate();
        Some(elements.map(|(n, element)| Part { json: Some(element), index: Some(n) }).collect())
    }

    fn whole(&self, seen: &Hashed<'_, '_>, json: Option<&str>, parts: Option<Vec<Part<'_>>>) -> InboundEvent {
        let parts = parts.filter(|p| !p.is_empty()).unwrap_or_else(|| vec![Part { json, index: None }]);
        let mut keys = Vec::with_capacity(parts.len());
        let mut event_type = None;
        for part in &parts {
            let (name, part_key) = self.read(seen, part, event_type.is_none());
            event_type = event_type.or(name);
            keys.extend(part_key);
        }
        keys.sort_unstable();
        keys.dedup();
        InboundEvent {
            keys,
            event_type: event_type.unwrap_or_else(|| self.untyped.clone()),
            payload: seen.seen.body.clone(),
            body_at: u32::try_from(seen.seen.body.len()).ok().map(|len| 0..len),
        }
    }

    fn apart(&self, seen: &Hashed<'_, '_>, json: Option<&str>, parts: Option<Vec<Part<'_>>>) -> Vec<InboundEvent> {
        let event = |part: &Part<'_>| {
            let (name, key) = self.read(seen, part, true);
            let event_type = name.unwrap_or_else(|| self.untyped.clone());
            let envelope = match (part.json, part.index) {
                (Some(element), Some(_)) => {
                    envelope::Envelope { body_at: None, ..envelope::around(&event_type, seen.seen.at, element) }
                }
                _ => envelope::of(&event_type, seen.seen),
            };
            let keys = key.into_iter().collect();
            InboundEvent { keys, event_type, payload: envelope.payload, body_at: envelope.body_at }
        };
        match parts {
            Some(parts) => parts.iter().map(event).collect(),
            None => vec![event(&Part { json, index: None })],
        }
    }

    /// The type of a part, and its key.
    fn read(&self, seen: &Hashed<'_, '_>, part: &Part<'_>, with_type: bool) -> (Option<Box<str>>, Option<[u8; 16]>) {
        let (of_type, of_key) = self.rules.split_at_checked(self.types).unwrap_or_default();
        let rules = if with_type { &*self.rules } else { of_key };
        let found = look(rules, seen.seen, part.json);
        let (types, parts) = found.split_at_checked(if with_type { of_type.len() } else { 0 }).unwrap_or_default();
        let name = type_name(&types.iter().flatten().map(|v| &**v).collect::<Vec<_>>());
        (name, self.key(seen, part, of_key, parts))
    }

    fn key(
        &self,
        seen: &Hashed<'_, '_>,
        part: &Part<'_>,
        rules: &[Rule],
        found: &[Option<Cow<'_, [u8]>>],
    ) -> Option<[u8; 16]> {
        let kind = match self.dedup {
            DedupBy::Nothing => return None,
            DedupBy::Body => return Some(key(KeyKind::Body, part.index, [Some(seen.body())].into_iter())),
            DedupBy::Provider => KeyKind::Provider,
            DedupBy::Fields => KeyKind::Fields,
        };
        if !identifies(kind, found) {
            let whole = [Some(seen.seen.method.as_bytes()), Some(seen.seen.target.as_bytes()), Some(seen.body())];
            return Some(key(KeyKind::Whole, part.index, whole.into_iter()));
        }
        // Fields outside the element are the same for all of a batch.
        let index = part.index.filter(|_| !rules.iter().any(Rule::is_json));
        Some(key(kind, index, found.iter().map(Option::as_deref)))
    }
}

/// Whether what was found tells events apart: a provider's id only as a whole, or else events that merely resemble each
/// other would count as one.
fn identifies(kind: KeyKind, found: &[Option<Cow<'_, [u8]>>]) -> bool {
    match kind {
        KeyKind::Provider => !found.is_empty() && found.iter().all(Option::is_some),
        _ => found.iter().any(Option::is_some),
    }
}

/// The name of an event type, joined by `.` of what was found: what may not be in a name becomes `_`.
fn type_name(found: &[&[u8]]) -> Option<Box<str>> {
    let mut name = String::new();
    for (n, part) in found.iter().enumerate() {
        if n > 0 {
            name.push('.');
        }
        // Never more than is kept.
        let part = part.get(..part.len().min(4 * EVENT_TYPE_LEN_MAX)).unwrap_or_default();
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        name.extend(String::from_utf8_lossy(part).chars().map(|c| if allowed(c) { c } else { '_' }));
    }
    name.truncate(EVENT_TYPE_LEN_MAX);
    (!name.is_empty()).then(|| name.into())
}
