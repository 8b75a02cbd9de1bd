//! What the tables of operations are written in.
//!
//! **Invariant:** plain constants: nothing here can fail, and a table is read as it stands.

use crate::routes::Verb;

/// The type of a value.
#[derive(Clone, Copy)]
pub(crate) enum Type {
    Text,
    /// A public id with this prefix.
    Id(&'static str),
    /// RFC 3339, UTC.
    Time,
    Url,
    Int,
    /// A whole number between these.
    IntIn(u64, u64),
    Number,
    Bool,
    /// One of these words.
    Words(&'static [&'static str]),
    /// One of these numbers.
    Codes(&'static [u64]),
    /// Any JSON value.
    Any,
    /// Any JSON object.
    Json,
    /// An object of any names whose values are of the type.
    Map(&'static Type),
    List(&'static Type),
    Object(&'static Schema),
    /// A page of a list: `data`, `iterator`, `prevIterator`, `done`.
    Page(&'static Schema),
    /// One of these objects.
    Either(&'static [Type]),
}

pub(crate) const TEXTS: Type = Type::List(&Type::Text);
pub(crate) const TEXT_MAP: Type = Type::Map(&Type::Text);

/// An object with known members. In answers there are no others; in requests others are ignored.
pub(crate) struct Schema {
    pub name: &'static str,
    pub doc: &'static str,
    pub fields: &'static [Field],
    /// Has these members too.
    pub base: Option<&'static Schema>,
    /// Has members that nobody knows before.
    pub is_open: bool,
}

impl Schema {
    pub const fn new(name: &'static str, doc: &'static str, fields: &'static [Field]) -> Schema {
        Schema { name, doc, fields, base: None, is_open: false }
    }
    pub const fn with(self, base: &'static Schema) -> Schema {
        Schema { base: Some(base), ..self }
    }
    pub const fn open(self) -> Schema {
        Schema { is_open: true, ..self }
    }
    pub fn all_fields(&'static self) -> impl Iterator<Item = &'static Field> {
        let base = || self.base.into_iter().flat_map(|base| base.fields);
        // What several requests have in common comes after what makes each one.
        let is_behind = self.base.is_some_and(|base| base.doc.is_empty());
        let (before, behind) = (base().filter(move |_| !is_behind), base().filter(move |_| is_behind));
        before.chain(self.fields).chain(behind)
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Field {
    pub name: &'static str,
    pub kind: Type,
    pub doc: &'static str,
    /// It is always there (in a request: it has to be).
    pub must: bool,
    pub null: bool,
    /// JSON, where the one that its type has says too little.
    pub example: Option<&'static str>,
    /// Kept for older clients.
    pub is_old: bool,
}

impl Field {
    /// An example, as JSON.
    pub const fn eg(self, json: &'static str) -> Field {
        Field { example: Some(json), ..self }
    }
    pub const fn old(self) -> Field {
        Field { is_old: true, ..self }
    }
}

/// A member that is always there, and never `null`.
pub(crate) const fn req(name: &'static str, kind: Type, doc: &'static str) -> Field {
    Field { name, kind, doc, must: true, null: false, example: None, is_old: false }
}
/// A member of an answer that is always there and may be `null`.
pub(crate) const fn null(name: &'static str, kind: Type, doc: &'static str) -> Field {
    Field { null: true, ..req(name, kind, doc) }
}
/// A member that may be absent, but not `null`.
pub(crate) const fn opt(name: &'static str, kind: Type, doc: &'static str) -> Field {
    Field { must: false, ..req(name, kind, doc) }
}
/// A member of a request that may be absent, or `null`.
pub(crate) const fn may(name: &'static str, kind: Type, doc: &'static str) -> Field {
    Field { must: false, null: true, ..req(name, kind, doc) }
}

/// A parameter of the query.
#[derive(Clone, Copy)]
pub(crate) struct Param {
    pub name: &'static str,
    pub kind: Type,
    pub doc: &'static str,
}

pub(crate) const fn q(name: &'static str, kind: Type, doc: &'static str) -> Param {
    Param { name, kind, doc }
}

/// What an answer is made of.
#[derive(Clone, Copy)]
pub(crate) enum Content {
    None,
    Json(Type),
    /// Bytes of one of these kinds.
    File(&'static [&'static str]),
    /// A page of rows, or all of them as CSV.
    Rows(&'static Schema),
    /// Server-sent events.
    Events,
}

#[derive(Clone, Copy)]
pub(crate) enum Body {
    None,
    Json(&'static Schema),
    /// A CSV file.
    Csv,
}

/// One operation: a row of the routes' table, described.
#[derive(Clone, Copy)]
pub(crate) struct Op {
    pub verb: Verb,
    pub path: &'static str,
    /// Its `operationId`; the Svix API's where that has the operation.
    pub id: &'static str,
    pub title: &'static str,
    pub doc: &'static str,
    pub query: &'static [&'static [Param]],
    pub body: Body,
    /// A body that the server takes.
    pub example: &'static str,
    answers: [(u16, Content); 2],
    /// Statuses of errors, beside those that follow from the route.
    pub errors: &'static [u16],
    /// The Svix SDKs have it: `message-attempt.list-by-msg`.
    pub sdk: Option<&'static str>,
}

macro_rules! verbs {
    ($($name:ident $verb:ident),*) => {$(
        pub(crate) const fn $name(path: &'static str, id: &'static str, title: &'static str, doc: &'static str) -> Op {
            Op {
                verb: Verb::$verb,
                path,
                id,
                title,
                doc,
                query: &[],
                body: Body::None,
                example: "",
                answers: [(0, Content::None); 2],
                errors: &[],
                sdk: None,
            }
        }
    )*};
}
verbs!(get Get, post Post, put Put, patch Patch, delete Delete);

impl Op {
    pub const fn query(self, query: &'static [&'static [Param]]) -> Op {
        Op { query, ..self }
    }
    /// A JSON body, and an example that the server takes.
    pub const fn body(self, schema: &'static Schema, example: &'static str) -> Op {
        Op { body: Body::Json(schema), example, ..self }
    }
    pub const fn csv(self, example: &'static str) -> Op {
        Op { body: Body::Csv, example, ..self }
    }
    pub const fn answer(self, status: u16, content: Content) -> Op {
        let [first, _] = self.answers;
        let answers = if first.0 == 0 { [(status, content), first] } else { [first, (status, content)] };
        Op { answers, ..self }
    }
    pub const fn ok(self, kind: Type) -> Op {
        self.answer(200, Content::Json(kind))
    }
    pub const fn created(self, kind: Type) -> Op {
        self.answer(201, Content::Json(kind))
    }
    pub const fn accepted(self, kind: Type) -> Op {
        self.answer(202, Content::Json(kind))
    }
    /// 204.
    pub const fn nothing(self) -> Op {
        self.answer(204, Content::None)
    }
    pub const fn errors(self, errors: &'static [u16]) -> Op {
        Op { errors, ..self }
    }
    /// The call of the Svix SDKs, words with hyphens between. One that begins with a dot is none.
    pub const fn sdk(self, name: &'static str) -> Op {
        let sdk = if matches!(name.as_bytes(), [b'.', ..]) { None } else { Some(name) };
        Op { sdk, ..self }
    }
    pub fn answers(&self) -> impl Iterator<Item = (u16, Content)> {
        self.answers.into_iter().filter(|(status, _)| *status != 0)
    }
    pub fn params(&self) -> impl Iterator<Item = &'static Param> {
        self.query.iter().copied().flatten()
    }
}

/// Operations that belong together.
pub(crate) struct Tag {
    pub name: &'static str,
    pub doc: &'static str,
    pub ops: &'static [Op],
}
