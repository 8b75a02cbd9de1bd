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

/// Who prints the closing line. What a test itself printed may look like another runner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runner {
    /// `Summary [1.2s] 9 tests run: 8 passed (1 slow), 1 failed, 2 skipped`
    Nextest,
    /// `test result: ok. 8 passed; 1 failed; ...`, once for each binary
    CargoTest,
    /// `name: 8 passed, 1 failed`
    Suite,
}

/// Reads a closing line; `None` for any other.
pub fn closing_line(runner: Runner, line: &str) -> Option<Counts> {
    let text = line.trim();
    let is_closing = match runner {
        Runner::Nextest => text.starts_with("Summary ["),
        Runner::CargoTest => text.starts_with("test result:"),
        Runner::Suite => text.split_once(": ").is_some_and(|(name, _)| !name.contains(' ')),
    };
    if !is_closing {
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
        let check = |runner, line: &str, passed, failed| {
            assert_eq!(closing_line(runner, line), Some(Counts { passed, failed }), "{line}");
        };
        check(Runner::Nextest, "     Summary [   1.234s] 12 tests run: 12 passed, 3 skipped", 12, 0);
        check(
            Runner::Nextest,
            "     Summary [   1.234s] 12 tests run: 9 passed (1 slow), 2 failed, 1 timed out, 3 skipped",
            9,
            3,
        );
        check(Runner::CargoTest, "test result: FAILED. 8 passed; 1 failed; 0 ignored; finished in 0.01s", 8, 1);
        check(Runner::Suite, "python-svix-2.9.1: 41 passed, 0 failed, 2 skipped", 41, 0);
    }

    #[test]
    fn other_lines_are_not_taken_for_one() {
        for runner in [Runner::Nextest, Runner::CargoTest, Runner::Suite] {
            for line in ["", "the key test passed", "        PASS [   0.005s] a::b 3 passed", "note that: 3 failed"] {
                assert_eq!(closing_line(runner, line), None, "{line}");
            }
        }
        assert_eq!(closing_line(Runner::Nextest, "    test result: FAILED. 0 passed; 1 failed; 0 ignored"), None);
    }
}
