//! Sizes in bytes as people write them: `512`, `64KiB`, `1MiB`, `2GiB`.
//!
//! **Invariant:** powers of 1024 only, spelled so; what is written reads back as the same value.

use std::fmt;

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct ByteSize(u64);

const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// One tebibyte: past any limit that could be meant.
const MAX: u64 = 1 << 40;

impl ByteSize {
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Reads `number unit`; without a unit the number counts bytes.
    pub fn parse(text: &str) -> Result<ByteSize, String> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits).unwrap_or((text, ""));
        if number.is_empty() {
            return Err("it does not begin with a whole number".to_owned());
        }
        let number: u64 = number.parse().map_err(|_| "the number is too large".to_owned())?;
        let unit_bytes = match UNITS.iter().find(|(name, _)| *name == unit) {
            Some((_, bytes)) => *bytes,
            None if matches!(unit, "" | "B") => 1,
            None => return Err(format!("`{unit}` is not a unit")),
        };
        match number.checked_mul(unit_bytes) {
            Some(bytes) if bytes <= MAX => Ok(ByteSize(bytes)),
            _ => Err("it is larger than 1024GiB".to_owned()),
        }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, bytes)| self.0 != 0 && self.0.is_multiple_of(*bytes)) {
            Some((name, bytes)) => write!(f, "{}{name}", self.0 / bytes),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_unit_is_understood() {
        for (text, bytes) in [("0", 0), ("512", 512), ("64KiB", 65_536), ("1MiB", 1 << 20), ("2GiB", 2 << 30)] {
            let size = ByteSize::parse(text).unwrap();
            assert_eq!(size.bytes(), bytes);
            assert_eq!(size.to_string(), text);
        }
        assert_eq!(ByteSize::parse("10B"), Ok(ByteSize(10)));
    }

    #[test]
    fn what_is_not_a_size_is_refused_with_a_reason() {
        for (text, reason) in [
            ("", "whole number"),
            ("-1", "whole number"),
            ("1KB", "not a unit"),
            ("1kib", "not a unit"),
            ("1.5MiB", "not a unit"),
            ("1025GiB", "larger"),
            ("99999999999999999999", "too large"),
        ] {
            let error = ByteSize::parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(bytes in 0..=MAX) {
            prop_assert_eq!(ByteSize::parse(&ByteSize(bytes).to_string()), Ok(ByteSize(bytes)));
        }
    }
}
