//! Ids: a 63-bit row number that orders by time, and its public text.
//!
//! A [`Seq`] is milliseconds since 2020 (42 bits), node (7 bits) and counter (14 bits), so that rows written together
//! lie together on disk and a time window is a range of row numbers. Its text is a prefix and 27 characters of base62,
//! a KSUID with 4 ms precision (<https://github.com/segmentio/ksuid>), whose random part is a keyed hash of the number:
//! an id can be checked without a look-up, and can't be guessed or counted. Order by text is order in time.
//!
//! **Invariant:** text is made and read here only; nobody stores it.

use crate::time::Timestamp;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::fmt;
use std::hash::Hasher;

/// Unix milliseconds of 2020-01-01T00:00:00Z, the zero of a [`Seq`]'s time.
const EPOCH_MS: i64 = 1_577_836_800_000;
/// Unix seconds of a KSUID's zero.
const KSUID_EPOCH_S: i64 = 1_400_000_000;
const COUNTER_BITS: u32 = 14;
const LOW_BITS: u32 = 21;
/// Characters of a KSUID in base62.
const TEXT_LEN: usize = 27;

/// A row number that orders by time of creation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub i64);

impl Seq {
    /// The smallest number that an object created at `t` can have.
    pub fn first_at(t: Timestamp) -> Seq {
        let ms = (t.0 - EPOCH_MS).clamp(0, (1 << 42) - 1);
        Seq(ms << LOW_BITS)
    }
    /// When the object was created, to the millisecond.
    pub fn created_at(self) -> Timestamp {
        Timestamp((self.0 >> LOW_BITS) + EPOCH_MS)
    }
}

/// Hands out increasing numbers, even while the clock stands still or runs backward.
#[derive(Debug)]
pub struct SeqGen {
    last: i64,
    node: i64,
}

impl SeqGen {
    /// `last` is the highest number already used; `node` is 0..=127.
    pub fn new(last: Seq, node: u8) -> Self {
        SeqGen { last: last.0, node: i64::from(node & 0x7f) }
    }
    pub fn next(&mut self, now: Timestamp) -> Seq {
        let base = Seq::first_at(now).0 | (self.node << COUNTER_BITS);
        let last_ms = self.last >> LOW_BITS;
        let full = self.last & ((1 << COUNTER_BITS) - 1) == (1 << COUNTER_BITS) - 1;
        self.last = if base > self.last {
            base
        } else if full {
            ((last_ms + 1) << LOW_BITS) | (self.node << COUNTER_BITS)
        } else {
            self.last + 1
        };
        Seq(self.last)
    }
}

/// What an id names; each has its own prefix (the Svix API's).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    App = 1,
    Endpoint,
    Message,
    Attempt,
    EventType,
    Task,
    Source,
    Request,
    Link,
    Form,
    Import,
    File,
    Person,
    Session,
    ApiKey,
    Audit,
    Issue = 32,
}

impl Kind {
    pub const fn prefix(self) -> &'static str {
        match self {
            Kind::App => "app_",
            Kind::Endpoint => "ep_",
            Kind::Message => "msg_",
            Kind::Attempt => "atmpt_",
            Kind::EventType => "evtype_",
            Kind::Task => "qtask_",
            Kind::Source => "src_",
            Kind::Request => "req_",
            Kind::Link => "link_",
            Kind::Form => "form_",
            Kind::Import => "imp_",
            Kind::File => "file_",
            Kind::Person => "user_",
            Kind::Session => "sess_",
            Kind::ApiKey => "key_",
            Kind::Audit => "audit_",
            Kind::Issue => "iss_",
        }
    }
}

/// A typed row number.
pub trait TypedId: Copy {
    const KIND: Kind;
    fn seq(self) -> Seq;
    fn from_seq(seq: Seq) -> Self;
}

macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident = $kind:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);
        impl TypedId for $name {
            const KIND: Kind = Kind::$kind;
            fn seq(self) -> Seq { Seq(self.0) }
            fn from_seq(seq: Seq) -> Self { $name(seq.0) }
        }
        impl $name {
            /// When it was created, to the millisecond.
            pub fn created_at(self) -> Timestamp { Seq(self.0).created_at() }
        }
    )*};
}
typed_id! {
    /// An application: one consumer of an organisation.
    AppId = App;
    /// An endpoint of an application.
    EndpointId = Endpoint;
    /// A message.
    MessageId = Message;
    /// One attempt of a delivery.
    AttemptId = Attempt;
    /// An event type.
    EventTypeId = EventType;
    /// A background task.
    TaskId = Task;
    /// A source: an inbound URL. A bin is one without routes.
    SourceId = Source;
    /// A captured inbound request.
    RequestId = Request;
    /// A short link.
    LinkId = Link;
    /// A form.
    FormId = Form;
    /// An import of links.
    ImportId = Import;
    /// A file that came with a form's submission.
    FileId = File;
    /// Somebody who signs in.
    PersonId = Person;
    /// A signed-in browser.
    SessionId = Session;
    /// An API key.
    KeyId = ApiKey;
    /// An entry of the audit log.
    AuditId = Audit;
    /// A kind of failure of an endpoint.
    IssueId = Issue;
}

/// An organisation's row number. Its public text comes from its tokens, so it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrgId(pub i64);

/// Turns row numbers into public ids and back, under a key of the installation.
#[derive(Clone)]
pub struct IdCodec {
    key: [u8; 16],
}

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62^5, the largest power of 62 below 2^32: five digits a division.
const CHUNK: u64 = 916_132_832;

impl IdCodec {
    pub fn new(key: [u8; 16]) -> Self {
        IdCodec { key }
    }

    /// Appends the id's text to `out`.
    pub fn write<I: TypedId>(&self, id: I, out: &mut String) {
        out.push_str(I::KIND.prefix());
        let mut limbs = self.limbs(I::KIND, id.seq());
        let mut digits = [b'0'; 30];
        for group in digits.rchunks_exact_mut(5) {
            let mut rem = 0u64;
            for limb in &mut limbs {
                let cur = (rem << 32) | u64::from(*limb);
                *limb = (cur / CHUNK) as u32;
                rem = cur % CHUNK;
            }
            for d in group.iter_mut().rev() {
                *d = ALPHABET.get((rem % 62) as usize).copied().unwrap_or(b'0');
                rem /= 62;
            }
        }
        out.extend(digits.iter().skip(30 - TEXT_LEN).map(|d| *d as char));
    }

    pub fn text<I: TypedId>(&self, id: I) -> String {
        let mut s = String::with_capacity(40);
        self.write(id, &mut s);
        s
    }

    /// A keyed hash of `bytes` for the purpose `label`: what has it was made by this installation.
    pub fn tag(&self, label: u8, bytes: &[u8]) -> u64 {
        let mut h = SipHasher13::new_with_key(&self.key);
        // No kind of id has such a number.
        h.write_u8(0x80 | label);
        h.write(bytes);
        let tag = h.finish128();
        tag.h1 ^ tag.h2
    }

    /// The id that `text` names, or `None` when this installation never made such an id.
    pub fn read<I: TypedId>(&self, text: &str) -> Option<I> {
        let digits = text.strip_prefix(I::KIND.prefix())?;
        if digits.len() != TEXT_LEN {
            return None;
        }
        let mut limbs = [0u32; 5];
        for c in digits.bytes() {
            let mut carry = u64::from(digit(c)?);
            for limb in limbs.iter_mut().rev() {
                let cur = u64::from(*limb) * 62 + carry;
                *limb = cur as u32;
                carry = cur >> 32;
            }
            if carry != 0 {
                return None;
            }
        }
        let [seconds, second, ..] = limbs;
        let ms = (i64::from(seconds) + KSUID_EPOCH_S) * 1000 + i64::from(second >> 24) * 4 - EPOCH_MS;
        let low = i64::from(second & 0x7f_ffff);
        if ms < 0 || second & 0x80_0000 != 0 {
            return None;
        }
        let seq = Seq(((ms + (low >> LOW_BITS)) << LOW_BITS) | (low & ((1 << LOW_BITS) - 1)));
        (self.limbs(I::KIND, seq) == limbs).then(|| I::from_seq(seq))
    }

    /// The 160 bits of a KSUID: seconds, 4 ms units, the rest of the row number, and a keyed hash.
    fn limbs(&self, kind: Kind, seq: Seq) -> [u32; 5] {
        let mut h = SipHasher13::new_with_key(&self.key);
        h.write_u8(kind as u8);
        h.write_i64(seq.0);
        let tag = h.finish128();
        let unix = seq.created_at().0;
        let seconds = (unix.div_euclid(1000) - KSUID_EPOCH_S) as u32;
        let fraction = (unix.rem_euclid(1000) / 4) as u32;
        let low = ((unix.rem_euclid(4) as u32) << LOW_BITS) | (seq.0 & ((1 << LOW_BITS) - 1)) as u32;
        [seconds, (fraction << 24) | low, tag.h1 as u32, (tag.h1 >> 32) as u32, tag.h2 as u32]
    }
}

impl fmt::Debug for IdCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdCodec")
    }
}

fn digit(c: u8) -> Option<u8> {
    match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'A'..=b'Z' => Some(c - b'A' + 10),
        b'a'..=b'z' => Some(c - b'a' + 36),
        _ => None,
    }
}

/// A name chosen by a client (uid, event id, event type name): `^[a-zA-Z0-9\-_.]+$`, 1 to 256 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(Box<str>);

impl Uid {
    /// The longest uid, in characters.
    pub const LEN_MAX: usize = 256;

    pub fn parse(text: &str) -> Option<Uid> {
        Self::is_valid(text).then(|| Uid(text.into()))
    }
    pub fn is_valid(text: &str) -> bool {
        (1..=Self::LEN_MAX).contains(&text.len())
            && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CODEC: IdCodec = IdCodec { key: *b"0123456789abcdef" };

    proptest! {
        #[test]
        fn an_id_survives_its_text_and_orders_by_time(a in 0i64..i64::MAX >> 1, b in 0i64..i64::MAX >> 1) {
            let (ta, tb) = (CODEC.text(MessageId(a)), CODEC.text(MessageId(b)));
            prop_assert_eq!(ta.len(), 4 + TEXT_LEN);
            prop_assert_eq!(CODEC.read::<MessageId>(&ta), Some(MessageId(a)));
            prop_assert_eq!(a.cmp(&b), ta.cmp(&tb));
        }

        #[test]
        fn an_id_of_another_kind_key_or_spelling_is_refused(a in 0i64..i64::MAX >> 1, at in 4usize..31, c in "[0-9A-Za-z]") {
            let text = CODEC.text(MessageId(a));
            let as_app = text.replace("msg_", "app_");
            prop_assert_eq!(CODEC.read::<AppId>(&as_app), None);
            prop_assert_eq!(IdCodec::new([7; 16]).read::<MessageId>(&text), None);
            let mut other = text.clone();
            other.replace_range(at..at + 1, &c);
            if other != text {
                prop_assert_eq!(CODEC.read::<MessageId>(&other), None);
            }
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,40}") {
            let _ = CODEC.read::<MessageId>(&text);
            let _ = CODEC.read::<MessageId>(&format!("msg_{text}"));
        }

        #[test]
        fn numbers_increase_whatever_the_clock_does(times in prop::collection::vec(1_577_836_800_000i64..4_000_000_000_000, 1..200)) {
            let mut g = SeqGen::new(Seq(0), 3);
            let mut last = Seq(0);
            for t in times {
                let s = g.next(Timestamp(t));
                prop_assert!(s > last);
                last = s;
            }
        }
    }

    #[test]
    fn a_full_counter_moves_on_to_the_next_millisecond() {
        let now = Timestamp(1_800_000_000_000);
        let mut g = SeqGen::new(Seq(0), 5);
        let first = g.next(now);
        let seqs: Vec<_> = (0..40_000).map(|_| g.next(now)).collect();
        assert!(seqs.windows(2).all(|w| w[0] < w[1]));
        assert_eq!(first.created_at(), now);
        assert!(seqs.iter().all(|s| (s.0 >> COUNTER_BITS) & 0x7f == 5));
    }
}
