//! Sources on the wire: the Svix ingest API's shapes, with what Postrider adds.
//!
//! **Invariant:** a configuration is kept only if its provider makes a verifier of it; what is shown of it is what the
//! provider says may be shown.

use super::fields::{Fields, Patch};
use super::read::{self, Read};
use super::{options, time};
use crate::problem::Problem;
use domain::{IdCodec, SourceOptions, SourceState};
use serde::Serialize;
use serde_json::Value;
use signing::providers::samples::Sample;
use signing::providers::{Provider, SecretConfig};
use std::borrow::Cow;
use store::{Metadata, Source};

/// Bytes of a configuration as JSON at most.
const CONFIG_BYTES_MAX: usize = 64 * 1024;
const NAME_LEN_MAX: usize = 256;
const UID_LEN_MAX: usize = 60;
const EVENT_NAME_MAX: usize = 128;
const UID_PREFIX: &str = "src_";
/// How long a rotated URL works at most, and unless said otherwise, in seconds.
const GRACE_S_MAX: u64 = 48 * 3600;
/// Names that are offered for one that doesn't exist.
const NEAR_MAX: usize = 3;

/// The kind of a source without verification, and of every bin.
pub(crate) const UNVERIFIED: &str = "generic-webhook";

/// A source that is written whole.
pub(crate) struct SourceIn {
    pub name: String,
    pub uid: Option<String>,
    pub kind: Option<&'static Provider>,
    /// `None`: none was given.
    pub config: Option<SecretConfig>,
    pub options: SourceOptions,
    pub metadata: Metadata,
    pub state: SourceState,
}

/// Reads a POST's or a PUT's body. The configuration is not judged yet: a PUT may leave it out.
pub(crate) fn read_whole(f: &mut Fields) -> SourceIn {
    SourceIn {
        name: f.require(&["name"], name),
        uid: f.take(&["uid"], uid).value(),
        kind: take_kind(f),
        config: f.take(&["config"], config).value(),
        options: options::take(f).value().unwrap_or_default(),
        metadata: f.take(&["metadata"], read::metadata).value().unwrap_or_default(),
        state: f.take(&["state"], state).value().unwrap_or_default(),
    }
}

/// What a PATCH changes. `None` keeps; `Some(None)` clears.
pub(crate) struct SourceChanges {
    pub name: Option<String>,
    pub uid: Option<Option<String>>,
    pub kind: Option<&'static Provider>,
    pub config: Option<SecretConfig>,
    pub options: Option<SourceOptions>,
    pub metadata: Option<Metadata>,
    pub state: Option<SourceState>,
}

pub(crate) fn read_changes(f: &mut Fields) -> SourceChanges {
    let name = f.take(&["name"], name);
    if name == Patch::Null {
        f.complain("name", "can't be cleared");
    }
    SourceChanges {
        name: name.value(),
        uid: f.take(&["uid"], uid).clearable(),
        kind: f.take(&["type"], kind).value(),
        config: match f.take(&["config"], config) {
            Patch::Absent => None,
            Patch::Null => Some(SecretConfig::empty()),
            Patch::Value(config) => Some(config),
        },
        options: options::take(f).or_reset(SourceOptions::default()),
        metadata: f.take(&["metadata"], read::metadata).or_reset(Metadata::new()),
        state: f.take(&["state"], state).or_reset(SourceState::Live),
    }
}

/// What a promoted bin becomes.
pub(crate) struct Promotion {
    pub kind: Option<&'static Provider>,
    pub config: Option<SecretConfig>,
    pub name: Option<String>,
    pub options: Option<SourceOptions>,
}

pub(crate) fn read_promotion(f: &mut Fields) -> Promotion {
    Promotion {
        kind: take_kind(f),
        config: f.take(&["config"], config).value(),
        name: f.take(&["name"], name).value(),
        options: options::take(f).value(),
    }
}

/// Complains about what the provider says of a configuration.
pub(crate) fn check_config(f: &mut Fields, provider: &'static Provider, config: &SecretConfig) {
    let Err(wrong) = provider.verifier(config.value()) else { return };
    let path: &[Cow<'static, str>] = match &*wrong.field {
        "type" => &["type".into()],
        "config" => &["config".into()],
        _ => &["config".into(), wrong.field],
    };
    f.complain_at(path, wrong.message);
}

/// Seconds that the old URL works, from a rotation's body.
pub(crate) fn read_rotation(body: &[u8]) -> Result<u64, Problem> {
    let mut f = Fields::parse(body)?;
    let grace_s = f.take(&["gracePeriodSeconds"], read::integer(0..=GRACE_S_MAX)).value();
    f.finish()?;
    Ok(grace_s.unwrap_or(GRACE_S_MAX))
}

pub(crate) fn name(v: Value) -> Read<String> {
    let name = read::name(v)?;
    if name.chars().count() > NAME_LEN_MAX {
        return Err(format!("must be at most {NAME_LEN_MAX} characters").into());
    }
    Ok(name)
}

/// `^(?!src_)[a-zA-Z0-9_-]+$`, 1 to 60 characters, as the Svix API has it.
pub(crate) fn uid(v: Value) -> Read<String> {
    let text = read::string(v)?;
    if is_uid(&text) { Ok(text) } else { Err(UID_RULE.into()) }
}

pub(crate) const UID_RULE: &str = "must be 1 to 60 characters of a-z A-Z 0-9 - _, and not begin with src_";

pub(crate) fn is_uid(text: &str) -> bool {
    (1..=UID_LEN_MAX).contains(&text.len())
        && !text.starts_with(UID_PREFIX)
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
}

fn state(v: Value) -> Read<SourceState> {
    serde_json::from_value(v).map_err(|_| "must be live, paused or disabled".into())
}

fn config(v: Value) -> Read<SecretConfig> {
    let config = SecretConfig::new(v);
    if !config.value().is_object() {
        return Err("must be an object".into());
    }
    if config.text().len() > CONFIG_BYTES_MAX {
        return Err(format!("must be at most {CONFIG_BYTES_MAX} bytes of JSON").into());
    }
    Ok(config)
}

fn take_kind(f: &mut Fields) -> Option<&'static Provider> {
    f.require(&["type"], |v| kind(v).map(Some))
}

fn kind(v: Value) -> Read<&'static Provider> {
    let text = read::string(v)?;
    if text == "cron" {
        return Err("is a kind that this server doesn't have: it makes no requests by a clock. Have your scheduler \
                    post to a generic-webhook source"
            .into());
    }
    Provider::find(&text).ok_or_else(|| unknown_kind(&text).into())
}

fn unknown_kind(text: &str) -> String {
    let names = Provider::all().iter().flat_map(|p| {
        let known = std::iter::once(&p.name).chain(&p.aliases);
        known.filter_map(|known| distance(text, known).map(|d| (d, &*p.name))).min()
    });
    let mut near: Vec<(usize, &str)> = names.collect();
    near.sort_unstable();
    let near: Vec<&str> = near.into_iter().take(NEAR_MAX).map(|(_, name)| name).collect();
    match near.is_empty() {
        true => "is not a provider that is known: GET /api/v1/source-type lists them".to_owned(),
        false => format!("is not a provider that is known; near it are: {}", near.join(", ")),
    }
}

/// How far a name is from a known one; `None` when too far to be meant.
fn distance(text: &str, known: &str) -> Option<usize> {
    const LEN_MAX: usize = 64;
    let text = text.to_ascii_lowercase().replace(['_', ' ', '.'], "-");
    let known = known.to_ascii_lowercase().replace('_', "-");
    if text.len() > LEN_MAX || known.len() > LEN_MAX {
        return None;
    }
    if text == known {
        return Some(0);
    }
    if text.len() >= 3 && (known.starts_with(&text) || text.starts_with(&known) && known.len() >= 3) {
        return Some(1);
    }
    let d = levenshtein(text.as_bytes(), known.as_bytes());
    (d <= 2 && d < known.len()).then_some(d)
}

fn levenshtein(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, above) in b.iter().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(x != y)).min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SourceOut {
    id: String,
    uid: Option<String>,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    config: Value,
    ingest_url: String,
    metadata: Metadata,
    options: SourceOptions,
    state: SourceState,
    /// The application whose endpoints its requests go to.
    app_id: String,
    verification: Verification,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct Verification {
    scheme: String,
    insecure: bool,
}

impl SourceOut {
    /// `origin` is where this server is found.
    pub fn of(s: Source, config: &SecretConfig, origin: &str, codec: &IdCodec) -> Self {
        let provider = Provider::find(&s.kind);
        SourceOut {
            id: codec.text(s.id),
            uid: s.uid,
            name: s.name,
            config: provider.map_or_else(|| Value::Object(serde_json::Map::new()), |p| p.shown(config.value())),
            ingest_url: ingest_url(origin, &s.token),
            metadata: s.metadata,
            options: s.options,
            state: s.state,
            app_id: codec.text(s.app),
            // A kind that a newer server wrote is verified by nothing here, and refused.
            verification: Verification {
                scheme: provider.map_or_else(|| s.kind.clone(), |p| p.name.clone()),
                insecure: provider.is_some_and(|p| p.verifier(config.value()).is_ok_and(|v| v.is_insecure())),
            },
            kind: s.kind,
            created_at: time::text(s.id.created_at()),
            updated_at: time::text(s.updated_at),
        }
    }
}

pub(crate) fn ingest_url(origin: &str, token: &str) -> String {
    format!("{origin}/in/{token}")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RotatedOut {
    pub ingest_url: String,
}

/// A kind of source, for who has to choose one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KindOut {
    pub name: &'static str,
    pub title: &'static str,
    pub aliases: &'static [String],
    /// Where its description is.
    pub docs: &'static str,
    /// Verifies nothing, ever.
    pub insecure: bool,
    /// Verifies nothing unless it has a secret.
    pub secret_optional: bool,
    /// The fields that its configuration has to have; none when it may be empty.
    pub needs: Vec<String>,
    /// The events that it can be simulated with; the first is the usual one.
    pub samples: Vec<&'static str>,
}

/// What is to be simulated: an event type of the kind's samples, or any text where there is no sample of it.
pub(crate) fn read_simulation(body: &[u8]) -> Result<Option<String>, Problem> {
    let mut f = Fields::parse(body)?;
    let event = f.take(&["eventType"], event_name).value();
    f.finish()?;
    Ok(event)
}

fn event_name(v: Value) -> Read<String> {
    let name = read::name(v)?;
    if name.len() > EVENT_NAME_MAX || name.chars().any(char::is_control) {
        return Err(format!("must be at most {EVENT_NAME_MAX} bytes without control characters").into());
    }
    Ok(name)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SimulatedOut {
    /// `None`: it was refused before it was stored (the source is disabled, say).
    pub request_id: Option<String>,
    pub event_type: String,
    pub response_status_code: u16,
}

impl KindOut {
    pub fn of(p: &'static Provider) -> Self {
        let is_open = p.verifier(SecretConfig::empty().value()).is_ok_and(|verifier| verifier.is_insecure());
        KindOut {
            name: &p.name,
            title: &p.title,
            aliases: &p.aliases,
            docs: &p.docs,
            insecure: p.is_insecure,
            secret_optional: is_open && !p.is_insecure,
            needs: p.needs(),
            samples: Sample::of(&p.name).map(|sample| sample.event).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_uid_is_what_the_ingest_api_takes() {
        for good in ["a", "A-b_9", "x-src_", &"a".repeat(60)] {
            assert!(uid(json!(good)).is_ok(), "{good}");
        }
        for bad in ["", "src_a", "a.b", "a b", "é", &"a".repeat(61)] {
            assert!(uid(json!(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_near_name_is_near_and_a_far_one_is_not() {
        assert_eq!(distance("githb", "github"), Some(1));
        assert_eq!(distance("GitHub", "github"), Some(0));
        assert_eq!(distance("panda_doc", "panda-doc"), Some(0));
        assert_eq!(distance("stri", "stripe"), Some(1));
        assert_eq!(distance("shopfiy", "shopify"), Some(2));
        assert_eq!(distance("paypal", "github"), None);
        assert_eq!(distance("x", "hmac"), None);
        assert_eq!(levenshtein(b"", b"abc"), 3);
        assert_eq!(levenshtein(b"kitten", b"sitting"), 3);
    }

    #[test]
    fn a_rotated_url_works_for_two_days_at_most() {
        assert_eq!(read_rotation(b""), Ok(172_800));
        assert_eq!(read_rotation(br#"{"gracePeriodSeconds":0}"#), Ok(0));
        assert!(read_rotation(br#"{"gracePeriodSeconds":172801}"#).is_err());
    }
}
