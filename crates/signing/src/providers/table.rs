//! The table of providers: embedded TOML, parsed at first use.
//!
//! **Invariant:** a word in it that the code doesn't know is a bug of ours, found by the tests before anybody runs it.

use super::provider::Provider;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::LazyLock;

const FILES: [&str; 5] = [
    include_str!("table/generic.toml"),
    include_str!("table/standard.toml"),
    include_str!("table/hmac.toml"),
    include_str!("table/other.toml"),
    include_str!("table/special.toml"),
];

pub(super) struct Table {
    /// Sorted by name.
    pub providers: Vec<Provider>,
    /// Positions, by names and aliases as [`plain`] makes them.
    pub by_name: HashMap<String, usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    provider: Vec<Provider>,
}

pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut providers: Vec<Provider> = Vec::new();
    for text in FILES {
        match toml::from_str::<File>(text) {
            Ok(file) => providers.extend(file.provider),
            Err(error) => unreachable!("the table of providers is ours and well-formed: {error}"),
        }
    }
    providers.sort_by(|one, other| one.name.cmp(&other.name));
    let mut by_name = HashMap::new();
    for (at, provider) in providers.iter().enumerate() {
        for name in std::iter::once(&provider.name).chain(&provider.aliases) {
            let taken = by_name.insert(plain(name), at);
            assert!(taken.is_none_or(|other| other == at), "two providers are called {name}");
        }
    }
    Table { providers, by_name }
});

/// A name without what people spell differently: case, `-`, `_`, space.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).map(|c| c.to_ascii_lowercase()).collect()
}
