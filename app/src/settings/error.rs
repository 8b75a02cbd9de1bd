//! What is wrong with the settings, said so that it can be put right.
//!
//! **Invariant:** each problem names its source, what was written (unless secret) and what may be written instead.

use std::fmt;
use std::path::PathBuf;

use super::layers::Origin;
use super::table::SETTINGS;

/// Every mistake found in the settings, in the order of the layers.
#[derive(Debug, thiserror::Error)]
pub struct SettingsError {
    pub problems: Vec<Problem>,
}

#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("{} can't be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{}:{line}: not TOML: {detail}", path.display())]
    NotToml { path: PathBuf, line: usize, detail: String },
    #[error("{origin}: `{key}` is not a setting{}", did_you_mean(nearest.as_deref()))]
    Unknown { origin: Origin, key: String, nearest: Option<String> },
    #[error("{origin}: {name}{}: {detail}; write {allowed}", equals(written.as_deref()))]
    BadValue { origin: Origin, name: &'static str, written: Option<String>, detail: String, allowed: &'static str },
    /// A value that is fine by itself and not with the others.
    #[error("{0}")]
    Rule(String),
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

fn equals(written: Option<&str>) -> String {
    written.map(|text| format!(" = {text:?}")).unwrap_or_default()
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings can't be used:")?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        write!(f, "\n`postrider config explain` lists every setting.")
    }
}

impl From<Problem> for SettingsError {
    fn from(problem: Problem) -> SettingsError {
        SettingsError { problems: vec![problem] }
    }
}

/// The setting whose name is most like `key`, if one is like it at all.
pub fn nearest(key: &str) -> Option<&'static str> {
    let key = key.to_ascii_lowercase().replace('_', "-");
    let likeness = |name: &str| strsim::jaro_winkler(&key, name);
    let best = SETTINGS.iter().map(|s| (s.name, likeness(s.name))).max_by(|a, b| a.1.total_cmp(&b.1));
    best.filter(|(_, likeness)| *likeness > 0.8).map(|(name, _)| name)
}
