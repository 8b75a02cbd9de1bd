//! How long attempts took: a histogram with logarithmic buckets.
//!
//! Eight buckets to each doubling: a percentile is within 7 % of the exact one. **Invariant:** merging two histograms is
//! counting the values of both; bytes that are no histogram read as an empty one.

/// Buckets to each doubling.
const PER_DOUBLING: u32 = 8;
/// ln-free: the bounds of the eight steps of a doubling, in 1/1024: 1024 * 2^(n/8).
const STEPS: [u64; 8] = [1024, 1117, 1218, 1328, 1448, 1579, 1722, 1878];
/// Everything above 2^36 us (19 hours) is in the last bucket.
const BUCKETS_MAX: u32 = 37 * PER_DOUBLING;

/// Durations in microseconds, counted by bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// (bucket, count), sorted by bucket, each once.
    counts: Vec<(u16, u64)>,
}

fn bucket_of(us: u64) -> u16 {
    let us = us.max(1);
    let doubling = us.ilog2();
    // Its place in the doubling, in 1/1024.
    let place = if doubling >= 10 { us >> (doubling - 10) } else { us << (10 - doubling) };
    let step = STEPS.iter().filter(|bound| **bound <= place).count().saturating_sub(1) as u32;
    (doubling * PER_DOUBLING + step).min(BUCKETS_MAX) as u16
}

/// The middle of a bucket, in microseconds.
fn middle(bucket: u16) -> u64 {
    let (doubling, step) = (u32::from(bucket) / PER_DOUBLING, usize::from(bucket) % PER_DOUBLING as usize);
    let low = STEPS.get(step).copied().unwrap_or(1024);
    let high = STEPS.get(step + 1).copied().unwrap_or(2048);
    let at = u128::from(low + high) << doubling;
    u64::try_from(at / 2048).unwrap_or(u64::MAX).max(1)
}

impl Histogram {
    pub fn record(&mut self, us: u64) {
        self.add(bucket_of(us), 1);
    }

    fn add(&mut self, bucket: u16, n: u64) {
        match self.counts.binary_search_by_key(&bucket, |(b, _)| *b) {
            Ok(at) => {
                if let Some((_, count)) = self.counts.get_mut(at) {
                    *count = count.saturating_add(n);
                }
            }
            Err(at) => self.counts.insert(at, (bucket, n)),
        }
    }

    pub fn merge(&mut self, other: &Histogram) {
        for (bucket, n) in &other.counts {
            self.add(*bucket, *n);
        }
    }

    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, (_, n)| sum.saturating_add(*n))
    }

    /// The duration in microseconds that `percent` (0 to 100) of all are not longer than; `None` when there are none.
    pub fn percentile_us(&self, percent: f64) -> Option<u64> {
        let count = self.count();
        let rank = ((count as f64 * percent.clamp(0.0, 100.0) / 100.0).ceil() as u64).clamp(1, count.max(1));
        let mut sum = 0u64;
        self.counts.iter().find_map(|(bucket, n)| {
            sum = sum.saturating_add(*n);
            (sum >= rank).then(|| middle(*bucket))
        })
    }
    pub fn p50_us(&self) -> Option<u64> {
        self.percentile_us(50.0)
    }
    pub fn p95_us(&self) -> Option<u64> {
        self.percentile_us(95.0)
    }
    pub fn p99_us(&self) -> Option<u64> {
        self.percentile_us(99.0)
    }

    /// For each bucket its distance to the one before, and its count; both LEB128.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.counts.len() * 3);
        let mut before = 0;
        for (bucket, n) in &self.counts {
            push(&mut out, u64::from(bucket - before));
            push(&mut out, *n);
            before = *bucket;
        }
        out
    }
    pub(crate) fn read(mut bytes: &[u8]) -> Histogram {
        let mut read = Histogram::default();
        let mut bucket = 0u64;
        while let (Some(step), Some(n)) = (number(&mut bytes), number(&mut bytes)) {
            bucket = bucket.saturating_add(step);
            match u16::try_from(bucket) {
                Ok(b) if u32::from(b) <= BUCKETS_MAX => read.add(b, n),
                _ => return Histogram::default(),
            }
        }
        read
    }
}

fn push(out: &mut Vec<u8>, mut n: u64) {
    while n > 0x7f {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}
fn number(all: &mut &[u8]) -> Option<u64> {
    let mut n = 0u64;
    for shift in (0..63).step_by(7) {
        let (b, rest) = all.split_first()?;
        *all = rest;
        n |= u64::from(b & 0x7f) << shift;
        if b & 0x80 == 0 {
            return Some(n);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Histogram {
        let mut h = Histogram::default();
        values.iter().for_each(|us| h.record(*us));
        h
    }

    proptest! {
        #[test]
        fn percentiles_are_within_ten_percent_of_the_exact_ones(
            mut values in prop::collection::vec(prop_oneof![1u64..100, 1u64..10_000_000, 1u64..60_000_000_000], 1..300),
            percent in 0.0f64..100.0,
        ) {
            let h = of(&values);
            values.sort_unstable();
            for p in [percent, 50.0, 95.0, 99.0] {
                let rank = ((values.len() as f64 * p / 100.0).ceil() as usize).clamp(1, values.len());
                let (exact, got) = (values[rank - 1] as f64, h.percentile_us(p).unwrap() as f64);
                // Single microseconds are rounded.
                prop_assert!((got - exact).abs() <= exact * 0.1 + 1.0, "p{p}: {got} for {exact}");
            }
        }

        #[test]
        fn merging_is_counting_both_and_bytes_are_read_as_written(
            a in prop::collection::vec(any::<u64>(), 0..60),
            b in prop::collection::vec(0u64..1_000_000, 0..60),
        ) {
            let mut merged = of(&a);
            merged.merge(&of(&b));
            let both = of(&[a, b].concat());
            prop_assert_eq!(&merged, &both);
            prop_assert_eq!(Histogram::read(&both.encode()), both);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Histogram::read(&bytes).p99_us();
        }
    }

    #[test]
    fn an_empty_histogram_has_no_percentiles() {
        assert_eq!(Histogram::default().p50_us(), None);
        assert_eq!(of(&[0]).p50_us(), Some(1));
    }
}
