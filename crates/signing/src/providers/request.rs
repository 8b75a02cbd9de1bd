//! A received request, as a verifier sees it.
//!
//! **Invariant:** borrowed, never changed: every byte is as it came.

use super::Refusal;

/// A received request.
#[derive(Clone, Copy, Debug)]
pub struct Inbound<'a> {
    /// As it came: `POST`.
    pub method: &'a str,
    /// The whole URL that the provider sent to, query included, as the outside sees it.
    pub url: &'a str,
    /// Names in lower case; a name that came twice is here twice.
    pub headers: &'a [(&'a str, &'a [u8])],
    pub body: &'a [u8],
    /// Unix milliseconds at its arrival.
    pub now_ms: i64,
}

impl<'a> Inbound<'a> {
    /// The only value of a header, by its lower-case name. Refused when it is missing, empty or there twice.
    pub fn header(&self, name: &'static str) -> Result<&'a [u8], Refusal> {
        self.header_named(name).map_err(|doubled| match doubled {
            Some(()) => Refusal::Doubled(name.into()),
            None => Refusal::Missing(name.into()),
        })
    }

    /// Like [`header`](Self::header), for a name that a configuration chose: `Err(Some(()))` is doubled.
    pub fn header_named(&self, name: &str) -> Result<&'a [u8], Option<()>> {
        let mut values = self.headers.iter().filter(|(n, _)| *n == name).map(|(_, value)| *value);
        let first = values.next().filter(|value| !value.is_empty()).ok_or(None)?;
        if values.next().is_some() { Err(Some(())) } else { Ok(first) }
    }

    /// The path and query of the URL: `/in/abc?x=1`.
    pub fn path_and_query(&self) -> &'a str {
        let rest = self.url.split_once("://").map_or(self.url, |(_, rest)| rest);
        rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or("/")
    }

    /// The query, raw, without its `?`.
    pub fn query(&self) -> Option<&'a str> {
        let url = self.url.split_once('#').map_or(self.url, |(url, _)| url);
        url.split_once('?').map(|(_, query)| query)
    }
}

/// Like [`Inbound::header`], for a name that isn't known until the table is read.
pub(crate) fn header<'a>(request: &Inbound<'a>, name: &str) -> Result<&'a [u8], Refusal> {
    request.header_named(name).map_err(|doubled| match doubled {
        Some(()) => Refusal::Doubled(name.to_owned().into()),
        None => Refusal::Missing(name.to_owned().into()),
    })
}

/// Documents that a verifier asked for by URL: certificates, key sets.
pub trait Materials {
    /// The document at `url`, if it was fetched.
    fn get(&self, url: &str) -> Option<&[u8]>;
}

/// Nothing was fetched.
pub struct NoMaterials;

impl Materials for NoMaterials {
    fn get(&self, _url: &str) -> Option<&[u8]> {
        None
    }
}
