//! The layers that settings come from: defaults, the file, the environment, the flags.
//!
//! **Invariant:** a layer only finds texts and says where they stand; it judges no value.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Settings;
use super::error::{Problem, SettingsError, nearest};
use super::table::{ENV_PREFIX, SETTINGS, Setting};
use super::value::Kind;

/// The file that is read if nobody names another, in the folder that the command runs in.
pub const FILE_DEFAULT: &str = "postrider.toml";

/// Names the file.
pub const FILE_ENV: &str = "POSTRIDER_CONFIG";

/// The `POSTRIDER_*` variables that are no settings: the file's, and those of commands that talk to a server.
const NOT_SETTINGS: [&str; 3] = [FILE_ENV, "POSTRIDER_SERVER", "POSTRIDER_TOKEN"];

/// Where a value came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    Default,
    /// A default that gave way to the setting named here, which was set below it.
    Capped(&'static str),
    File {
        path: PathBuf,
        line: usize,
    },
    Env(String),
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::Capped(by) => write!(f, "default, lowered to {by}"),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Env(name) => write!(f, "env {name}"),
            Origin::Flag(name) => write!(f, "flag --{name}"),
        }
    }
}

/// One text found in a layer.
pub struct Given {
    pub setting: &'static Setting,
    pub origin: Origin,
    pub text: String,
}

impl Given {
    /// The problem of a text that the setting's type refuses.
    pub fn refused(self, detail: String, settings: &mut Settings) -> Problem {
        let form = (self.setting.value)(settings).form();
        // A URL may hold a password before its @.
        let quotable = !form.secret && !self.text.contains('@');
        Problem::BadValue {
            origin: self.origin,
            name: self.setting.name,
            written: quotable.then(|| self.text.chars().take(80).collect()),
            detail,
            allowed: form.allowed,
        }
    }
}

/// A settings file, read.
pub struct ConfigFile {
    pub path: PathBuf,
    pub text: String,
}

/// Finds and reads the settings file: the flag's, else the environment's, else `postrider.toml` if there is one.
pub fn find_file(flag: Option<&Path>, env: &[(OsString, OsString)]) -> Result<Option<ConfigFile>, SettingsError> {
    let env = env.iter().find(|(name, _)| name == FILE_ENV).map(|(_, path)| Path::new(path));
    let named = flag.or(env);
    let path = named.unwrap_or(Path::new(FILE_DEFAULT));
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(ConfigFile { path: path.to_owned(), text })),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Problem::Unreadable { path: path.to_owned(), source }.into()),
    }
}

pub fn from_defaults() -> Vec<Given> {
    let given =
        |setting: &'static Setting| Some(Given { setting, origin: Origin::Default, text: setting.default?.to_owned() });
    SETTINGS.iter().filter_map(given).collect()
}

pub fn from_flags(flags: &[(&'static str, String)]) -> Vec<Given> {
    let given = |(name, text): &(&'static str, String)| {
        Some(Given { setting: find(name)?, origin: Origin::Flag(name), text: text.clone() })
    };
    flags.iter().filter_map(given).collect()
}

pub fn from_env(env: &[(OsString, OsString)], problems: &mut Vec<Problem>) -> Vec<Given> {
    let mut given = Vec::new();
    for (name, value) in env {
        let Some(name) = name.to_str().filter(|name| name.starts_with(ENV_PREFIX)) else { continue };
        if NOT_SETTINGS.contains(&name) || is_service_link(name, value) {
            continue;
        }
        let origin = Origin::Env(name.to_owned());
        let Some(setting) = SETTINGS.iter().find(|setting| setting.env_name() == name) else {
            let rest = name.strip_prefix(ENV_PREFIX).unwrap_or(name);
            let nearest = nearest(rest).and_then(find).map(Setting::env_name);
            problems.push(Problem::Unknown { origin, key: name.to_owned(), nearest });
            continue;
        };
        match value.to_str() {
            Some(text) => given.push(Given { setting, origin, text: text.to_owned() }),
            None => problems.push(Problem::BadValue {
                origin,
                name: setting.name,
                written: None,
                detail: "it is not UTF-8".to_owned(),
                allowed: setting.form().allowed,
            }),
        }
    }
    given
}

/// Kubernetes and Docker put `POSTRIDER_SERVICE_HOST`, `POSTRIDER_PORT=tcp://...` and `POSTRIDER_PORT_8071_TCP_ADDR` into
/// every container beside a service that is called postrider; nobody meant a setting by them.
fn is_service_link(name: &str, value: &OsStr) -> bool {
    let Some(rest) = name.strip_prefix(ENV_PREFIX) else { return false };
    let links_to = |value: &str| value.starts_with("tcp://") || value.starts_with("udp://");
    match rest {
        "SERVICE_HOST" => true,
        "PORT" => value.to_str().is_some_and(links_to),
        _ => {
            rest.starts_with("SERVICE_PORT")
                || rest.strip_prefix("PORT_").is_some_and(|port| port.starts_with(|c: char| c.is_ascii_digit()))
        }
    }
}

pub fn from_file(file: &ConfigFile, problems: &mut Vec<Problem>) -> Vec<Given> {
    let at = |start: usize| {
        let before = file.text.get(..start).unwrap_or(&file.text);
        1 + before.bytes().filter(|byte| *byte == b'\n').count()
    };
    let table = match DeTable::parse(&file.text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            let line = at(error.span().map_or(0, |span| span.start));
            problems.push(Problem::NotToml { path: file.path.clone(), line, detail: error.message().to_owned() });
            return Vec::new();
        }
    };
    let mut found: Vec<(usize, Result<Given, Problem>)> = Vec::new();
    for (key, value) in table {
        let line = at(key.span().start);
        found.push((line, entry(key.get_ref(), value, Origin::File { path: file.path.clone(), line })));
    }
    // The parser sorts by key; people read by line.
    found.sort_by_key(|(line, _)| *line);
    let mut given = Vec::new();
    for (_, one) in found {
        match one {
            Ok(one) => given.push(one),
            Err(problem) => problems.push(problem),
        }
    }
    given
}

fn entry(key: &str, value: Spanned<DeValue<'_>>, origin: Origin) -> Result<Given, Problem> {
    let Some(setting) = find(key) else {
        let nearest = nearest(key).map(str::to_owned);
        return Err(Problem::Unknown { origin, key: key.to_owned(), nearest });
    };
    let form = setting.form();
    match text(value.into_inner(), form.kind == Kind::List) {
        Ok(text) => Ok(Given { setting, origin, text }),
        Err(detail) => {
            Err(Problem::BadValue { origin, name: setting.name, written: None, detail, allowed: form.allowed })
        }
    }
}

/// The one text form of a TOML value; an array's elements are joined with commas.
fn text(value: DeValue<'_>, list: bool) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.into_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Boolean(switch) => Ok(switch.to_string()),
        DeValue::Array(array) if list => {
            let element = |element: Spanned<DeValue<'_>>| match text(element.into_inner(), false) {
                Ok(text) if text.contains(',') || text.is_empty() => {
                    Err("an element is empty or holds a comma".to_owned())
                }
                other => other,
            };
            Ok(array.into_iter().map(element).collect::<Result<Vec<_>, _>>()?.join(","))
        }
        DeValue::Array(_) => Err("it is an array".to_owned()),
        DeValue::Table(_) => Err("it is a table; the keys of the file are flat".to_owned()),
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_) => Err("it is of the wrong type".to_owned()),
    }
}

fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}
