//! Countries of addresses, by a database that the operator brings.
//!
//! **Invariant:** read once, at the start, and never again; a damaged record is an unknown country, never an error to a visitor.

use maxminddb::{MaxMindDbError, Reader, path};
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// A MaxMind DB with `country.iso_code` in its records: GeoLite2 or GeoIP2 Country or City, or DB-IP's.
pub struct Countries(Reader<Vec<u8>>);

/// The database can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{} can't be used as a database of countries: {source}", path.display())]
pub struct CountriesError {
    path: PathBuf,
    source: MaxMindDbError,
}

impl Countries {
    /// Reads the whole file into memory: 5 to 60 MB, as the file is.
    pub fn open(path: &Path) -> Result<Countries, CountriesError> {
        let reader = Reader::open_readfile(path).map_err(|source| CountriesError { path: path.to_owned(), source })?;
        Ok(Countries(reader))
    }

    #[cfg(test)]
    pub(super) fn of_bytes(bytes: Vec<u8>) -> Result<Countries, MaxMindDbError> {
        Ok(Countries(Reader::from_source(bytes)?))
    }

    /// ISO 3166-1 alpha-2: where the address is used, not where its network is registered.
    pub(super) fn of(&self, address: IpAddr) -> Option<Box<str>> {
        let record = self.0.lookup(address.to_canonical()).ok()?;
        let code: &str = record.decode_path(&path!["country", "iso_code"]).ok()??;
        (code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase())).then(|| code.into())
    }
}

impl fmt::Debug for Countries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Countries").field(&self.0.metadata().database_type).finish()
    }
}
