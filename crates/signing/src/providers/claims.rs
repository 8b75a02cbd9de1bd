//! The signatures that a request claims to have: found in a header or in the query, and split.
//!
//! **Invariant:** at most [`SIGNATURES_MAX`] of them; a header or an item that may come once and came twice is refused.

use super::encoding::form_decode;
use super::request::header;
use super::spec::{Format, Spec};
use super::{Inbound, Refusal};
use crate::SIGNATURES_MAX;
use std::borrow::Cow;

/// Where the value stands.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Header(String),
    Query(String),
}

/// How signatures are found in a request.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub place: Place,
    pub format: Format,
    pub separator: String,
    pub is_trimmed: bool,
    pub item: String,
    pub time_item: Option<String>,
    pub prefix: String,
}

/// What was found. Not decoded yet.
pub(crate) struct Claims<'a> {
    pub signatures: Vec<&'a [u8]>,
    pub time: Option<&'a [u8]>,
}

impl Place {
    pub fn of(spec: &Spec) -> Self {
        match &spec.query {
            Some(name) => Place::Query(name.clone()),
            None => Place::Header(spec.header.clone()),
        }
    }

    pub fn value<'a>(&self, request: &Inbound<'a>) -> Result<Cow<'a, [u8]>, Refusal> {
        match self {
            Place::Header(name) => header(request, name).map(Cow::Borrowed),
            Place::Query(name) => query_parameter(request, name).map(Cow::Owned),
        }
    }
}

impl Layout {
    pub fn of(spec: &Spec) -> Self {
        Layout {
            place: Place::of(spec),
            format: spec.format,
            separator: spec.separator.clone(),
            is_trimmed: spec.trim,
            item: spec.item.clone(),
            time_item: spec.time_item.clone(),
            prefix: spec.prefix.clone(),
        }
    }

    /// The value, or values, with the signatures in them.
    pub fn values<'a>(&self, request: &Inbound<'a>) -> Result<Vec<Cow<'a, [u8]>>, Refusal> {
        match (&self.place, self.format) {
            (Place::Header(name), Format::Numbered) => numbered(request, name),
            (place, _) => Ok(vec![place.value(request)?]),
        }
    }

    pub fn split<'a>(&self, values: &'a [Cow<'_, [u8]>]) -> Result<Claims<'a>, Refusal> {
        let mut claims = Claims { signatures: Vec::new(), time: None };
        for value in values {
            match self.format {
                Format::Plain | Format::Numbered => claims.signatures.push(self.without_prefix(value)?),
                Format::CsvOptionalPrefix => {
                    let items = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
                    let bare = |item: &'a [u8]| item.strip_prefix(self.prefix.as_bytes()).unwrap_or(item);
                    claims.signatures.extend(items.map(bare).take(SIGNATURES_MAX + 1));
                }
                Format::List => self.split_list(value, &mut claims),
                Format::Kv => self.split_items(value, &mut claims)?,
            }
        }
        if claims.signatures.len() > SIGNATURES_MAX {
            return Err(Refusal::Malformed(format!("there are more than {SIGNATURES_MAX} signatures").into()));
        }
        if claims.signatures.is_empty() {
            return Err(Refusal::Malformed(format!("there is no signature `{}`", self.item).into()));
        }
        Ok(claims)
    }

    fn without_prefix<'a>(&self, value: &'a [u8]) -> Result<&'a [u8], Refusal> {
        let message = || Refusal::Malformed(format!("the signature does not begin with `{}`", self.prefix).into());
        value.strip_prefix(self.prefix.as_bytes()).ok_or_else(message)
    }

    fn split_list<'a>(&self, value: &'a [u8], claims: &mut Claims<'a>) {
        for item in value.split(|byte| *byte == b' ').take(SIGNATURES_MAX + 1) {
            let signature = item.strip_prefix(self.item.as_bytes()).and_then(|rest| rest.strip_prefix(b","));
            claims.signatures.extend(signature);
        }
    }

    fn split_items<'a>(&self, value: &'a [u8], claims: &mut Claims<'a>) -> Result<(), Refusal> {
        let separator = self.separator.as_bytes().first().copied().unwrap_or(b',');
        for (position, item) in value.split(|byte| *byte == separator).enumerate() {
            if position > 2 * SIGNATURES_MAX {
                return Err(Refusal::Malformed("the signature has too many items".into()));
            }
            let item = if self.is_trimmed { item.trim_ascii() } else { item };
            let Some(at) = item.iter().position(|byte| *byte == b'=') else { continue };
            let (key, value) = item.split_at(at);
            let value = value.strip_prefix(b"=").unwrap_or(value);
            if key == self.item.as_bytes() {
                claims.signatures.push(value);
            } else if self.time_item.as_ref().is_some_and(|name| key == name.as_bytes())
                && claims.time.replace(value).is_some()
            {
                return Err(Refusal::Malformed("the signature has two times".into()));
            }
        }
        Ok(())
    }
}

/// The values of the headers `{name}1` to `{name}16`.
fn numbered<'a>(request: &Inbound<'a>, name: &str) -> Result<Vec<Cow<'a, [u8]>>, Refusal> {
    let mut values = Vec::new();
    for number in 1..=SIGNATURES_MAX {
        match header(request, &format!("{name}{number}")) {
            Ok(value) => values.push(Cow::Borrowed(value)),
            Err(Refusal::Missing(_)) => {}
            Err(doubled) => return Err(doubled),
        }
    }
    if values.is_empty() { Err(Refusal::Missing(format!("{name}1").into())) } else { Ok(values) }
}

/// The only value of a query parameter, decoded.
fn query_parameter(request: &Inbound<'_>, name: &str) -> Result<Vec<u8>, Refusal> {
    let message = |what: &str| Refusal::Malformed(format!("the query parameter `{name}` {what}").into());
    let pairs = request.query().unwrap_or_default().split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut values = pairs.filter(|(key, _)| form_decode(key) == name.as_bytes()).map(|(_, value)| form_decode(value));
    let first = values.next().filter(|value| !value.is_empty()).ok_or_else(|| message("is missing or empty"))?;
    if values.next().is_some() { Err(message("came more than once")) } else { Ok(first) }
}
