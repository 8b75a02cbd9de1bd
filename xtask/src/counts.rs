//! How many tests passed and failed, read from the closing lines that test runners print.

use std::fmt;
use std::ops::AddAssign;

/// Tests that ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: u64,
    pub failed: u64,
}

impl Counts {
    pub const PASSED: Counts = Counts { passed: 1, failed: 0 };
    pub const FAILED: Counts = Counts { passed: 0, failed: 1 };
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// Reads a closing line of nextest (`Summary [1.2s] 9 tests run: 8 passed (1 slow), 1 failed, 2 skipped`), of
/// `cargo test` (`test result: ok. 8 passed; 1 failed; ...`), or of our own suites (`name: 8 passed, 1 failed`).
pub fn closing_line(line: &str) -> Option<Counts> {
    let text = line.trim();
    let is_nextest = text.starts_with("Summary [");
    let is_libtest = text.starts_with("test result:");
    let is_own = !text.contains("tests run") && text.split_once(": ").is_some_and(|(name, _)| !name.contains(' '));
    if !(is_nextest || is_libtest || is_own) {
        return None;
    }
    let passed = number_before(text, "passed")?;
    // nextest leaves out what is zero, and counts what it stopped on time separately.
    let failed = number_before(text, "failed").unwrap_or(0) + number_before(text, "timed out").unwrap_or(0);
    Some(Counts { passed, failed })
}

fn number_before(text: &str, word: &str) -> Option<u64> {
    let before = text.split(word).next().filter(|before| before.len() < text.len())?;
    before.trim_end().rsplit(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_each_runner_are_read() {
        let check = |line: &str, passed, failed| {
            assert_eq!(closing_line(line), Some(Counts { passed, failed }), "{line}");
        };
        check("     Summary [   1.234s] 12 tests run: 12 passed, 3 skipped", 12, 0);
        check("     Summary [   1.234s] 12 tests run: 9 passed (1 slow), 2 failed, 1 timed out, 3 skipped", 9, 3);
        check(
            "test result: FAILED. 8 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            8,
            1,
        );
        check("python-svix-2.9.1: 41 passed, 0 failed, 2 skipped", 41, 0);
    }

    #[test]
    fn other_lines_are_not_taken_for_one() {
        for line in ["", "the key test passed", "        PASS [   0.005s] a::b 3 passed", "note that: 3 failed"] {
            assert_eq!(closing_line(line), None, "{line}");
        }
    }
}
