//! Packed figures: what a link or form counted in a span, in one value.
//!
//! A click counts for a dozen values. With a row for each, one on a link that has none yet would cost thirty statements;
//! packed, it costs three rows. **Invariant:** what is read is what was written; entries are sorted, each once.

use crate::links::Dim;

/// One figure: how often a value of a dimension was seen, at each place (a minute of the hour, an hour of the day).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub dim: Dim,
    pub value: &'a str,
    /// Sorted by place, each once.
    pub points: Vec<(u8, u32)>,
}

/// Figures of a span, sorted by dimension and value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures<'a> {
    pub entries: Vec<Entry<'a>>,
}

impl<'a> Figures<'a> {
    /// `None` for bytes that are no figures.
    pub fn read(mut bytes: &'a [u8]) -> Option<Figures<'a>> {
        let all = &mut bytes;
        let mut entries = Vec::new();
        while !all.is_empty() {
            let dim = Dim::from_code(byte(all)?)?;
            let len = number(all)? as usize;
            let (value, rest) = all.split_at_checked(len)?;
            *all = rest;
            let value = std::str::from_utf8(value).ok()?;
            let points = (0..number(all)?).map(|_| Some((byte(all)?, number(all)?))).collect::<Option<_>>()?;
            entries.push(Entry { dim, value, points });
        }
        Some(Figures { entries })
    }

    /// What [`read`](Self::read) reads: for each entry `[dimension u8][length][value][number of points]`, and for each point
    /// `[place u8][n]`; lengths and numbers are LEB128.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.entries.len() * 24);
        for e in &self.entries {
            out.push(e.dim as u8);
            push(&mut out, e.value.len() as u32);
            out.extend_from_slice(e.value.as_bytes());
            push(&mut out, e.points.len() as u32);
            for (place, n) in &e.points {
                out.push(*place);
                push(&mut out, *n);
            }
        }
        out
    }

    fn find(&self, dim: Dim, value: &str) -> Result<usize, usize> {
        self.entries.binary_search_by(|e| (e.dim, e.value).cmp(&(dim, value)))
    }
    pub fn has(&self, dim: Dim, value: &str) -> bool {
        self.find(dim, value).is_ok()
    }

    pub fn add(&mut self, dim: Dim, value: &'a str, place: u8, n: u32) {
        let at = match self.find(dim, value) {
            Ok(at) => at,
            Err(at) => {
                self.entries.insert(at, Entry { dim, value, points: Vec::new() });
                at
            }
        };
        let Some(entry) = self.entries.get_mut(at) else { return };
        match entry.points.binary_search_by_key(&place, |(p, _)| *p) {
            Ok(at) => {
                if let Some((_, count)) = entry.points.get_mut(at) {
                    *count = count.saturating_add(n);
                }
            }
            Err(at) => entry.points.insert(at, (place, n)),
        }
    }
}

fn byte(all: &mut &[u8]) -> Option<u8> {
    let (first, rest) = all.split_first()?;
    *all = rest;
    Some(*first)
}
/// LEB128.
fn number(all: &mut &[u8]) -> Option<u32> {
    let mut n = 0u32;
    for shift in [0, 7, 14, 21, 28] {
        let b = byte(all)?;
        n |= u32::from(b & 0x7f).checked_shl(shift)?;
        if b & 0x80 == 0 {
            return Some(n);
        }
    }
    None
}
fn push(out: &mut Vec<u8>, mut n: u32) {
    while n > 0x7f {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn packed_figures_are_a_map(
            added in prop::collection::vec((0usize..12, "[a-c]{0,2}|x{200}", 0u8..60, any::<u32>()), 0..60)
        ) {
            let mut model: BTreeMap<(Dim, &str), BTreeMap<u8, u32>> = BTreeMap::new();
            let mut bytes = Vec::new();
            for (dim, value, place, n) in &added {
                let old = std::mem::take(&mut bytes);
                let mut figures = Figures::read(&old).unwrap();
                figures.add(Dim::ALL[*dim], value, *place, *n);
                prop_assert!(figures.has(Dim::ALL[*dim], value));
                bytes = figures.encode();
                let point = model.entry((Dim::ALL[*dim], value)).or_default().entry(*place).or_default();
                *point = point.saturating_add(*n);
            }
            let read = Figures::read(&bytes).unwrap();
            let got: BTreeMap<_, BTreeMap<_, _>> =
                read.entries.iter().map(|e| ((e.dim, e.value), e.points.iter().copied().collect())).collect();
            prop_assert_eq!(read.entries.len(), got.len());
            prop_assert_eq!(got, model);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Figures::read(&bytes);
        }
    }
}
