//! What is signed: a text with places for parts of the request.
//!
//! **Invariant:** parsed once; the body is never copied. A part that the request lacks is a refusal, not an empty text.

use super::request::header;
use super::{ConfigError, Inbound, Refusal};
use serde_json::Value;
use std::borrow::Cow;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Atom {
    Literal(String),
    Body,
    /// As the time rule found it, exactly as received.
    Time,
    Header(String),
    Url,
    UrlNoQuery,
    Method,
    Secret,
    /// A text in the JSON body, by JSON pointer.
    Json(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Template(Vec<Atom>);

/// A part of the message to be signed.
pub(crate) enum Piece<'a> {
    Bytes(Cow<'a, [u8]>),
    Url,
    Secret,
}

impl Template {
    /// Reads `v0:{ts}:{body}`. Places: `{body}` `{ts}` `{header:NAME}` `{url}` `{url_no_query}` `{method}` `{secret}`
    /// `{json:/POINTER}`.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut atoms = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once('{') {
            if !literal.is_empty() {
                atoms.push(Atom::Literal(literal.to_owned()));
            }
            let (name, after) =
                after.split_once('}').ok_or_else(|| ConfigError::new("template", "has a { without its }"))?;
            atoms.push(parse_atom(name)?);
            rest = after;
        }
        if !rest.is_empty() {
            atoms.push(Atom::Literal(rest.to_owned()));
        }
        Ok(Template(atoms))
    }

    pub fn atoms(&self) -> &[Atom] {
        &self.0
    }

    pub fn has(&self, atom: &Atom) -> bool {
        self.0.contains(atom)
    }

    /// The message, with the places of the URL and the secret left open.
    pub fn fill<'a>(&'a self, request: &Inbound<'a>, time: Option<&'a [u8]>) -> Result<Vec<Piece<'a>>, Refusal> {
        let borrowed = |bytes: &'a [u8]| Piece::Bytes(Cow::Borrowed(bytes));
        let piece = |atom: &'a Atom| {
            Ok(match atom {
                Atom::Literal(text) => borrowed(text.as_bytes()),
                Atom::Body => borrowed(request.body),
                Atom::Time => borrowed(time.ok_or(Refusal::Malformed("the signature has no time".into()))?),
                Atom::Header(name) => borrowed(header(request, name)?),
                Atom::Url => Piece::Url,
                Atom::UrlNoQuery => borrowed(before_query(request.url).as_bytes()),
                Atom::Method => borrowed(request.method.as_bytes()),
                Atom::Secret => Piece::Secret,
                Atom::Json(pointer) => Piece::Bytes(Cow::Owned(json_text(request.body, pointer)?.into_bytes())),
            })
        };
        self.0.iter().map(piece).collect()
    }
}

/// The bytes of a message, once the URL and the secret are known.
pub(crate) fn bytes<'a>(
    pieces: &'a [Piece<'_>],
    url: &'a str,
    secret: &'a str,
) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    pieces.iter().map(move |piece| match piece {
        Piece::Bytes(bytes) => bytes.as_ref(),
        Piece::Url => url.as_bytes(),
        Piece::Secret => secret.as_bytes(),
    })
}

fn parse_atom(name: &str) -> Result<Atom, ConfigError> {
    Ok(match name {
        "body" => Atom::Body,
        "ts" => Atom::Time,
        "url" => Atom::Url,
        "url_no_query" => Atom::UrlNoQuery,
        "method" => Atom::Method,
        "secret" => Atom::Secret,
        _ => match name.split_once(':') {
            Some(("header", header)) if !header.is_empty() => Atom::Header(header.to_ascii_lowercase()),
            Some(("json", pointer)) if pointer.starts_with('/') => Atom::Json(pointer.to_owned()),
            _ => return Err(ConfigError::new("template", format!("has no place for {{{name}}}"))),
        },
    })
}

fn before_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

fn json_text(body: &[u8], pointer: &str) -> Result<String, Refusal> {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let text = json.as_ref().and_then(|json| json.pointer(pointer)).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| Refusal::Malformed(format!("the body has no text at {pointer}").into()))
}
