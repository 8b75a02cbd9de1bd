//! How each type of setting is written and read.
//!
//! **Invariant:** a value's text form round-trips, and a secret never has one: `show` masks it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use crate::duration;
use crate::secret::{EncryptionKey, JwtSecret};
use crate::size::ByteSize;

/// What may be written for a type.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// In `--help`, between `<` and `>`.
    pub placeholder: &'static str,
    /// Completes "write ...".
    pub allowed: &'static str,
    pub kind: Kind,
    pub secret: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Text,
    Number,
    Switch,
    /// Written with commas, or as an array in the file, or as a repeated flag.
    List,
}

/// A field of the settings that is set from text.
pub trait Value {
    fn form(&self) -> Form;
    /// The error says what is wrong, without the text itself.
    fn set(&mut self, text: &str) -> Result<(), String>;
    /// The value as it would be written, one text for each element; `None` if it is not set.
    fn show(&self) -> Option<Vec<String>>;
}

/// A type with a text form; `Value` is it, an option of it or a list of it.
pub trait Scalar: Sized {
    const FORM: Form;
    fn parse(text: &str) -> Result<Self, String>;
    fn text(&self) -> String;
}

impl<T: Scalar> Value for T {
    fn form(&self) -> Form {
        T::FORM
    }

    fn set(&mut self, text: &str) -> Result<(), String> {
        *self = parse_given(text)?;
        Ok(())
    }

    fn show(&self) -> Option<Vec<String>> {
        Some(vec![self.text()])
    }
}

impl<T: Scalar> Value for Option<T> {
    fn form(&self) -> Form {
        T::FORM
    }

    fn set(&mut self, text: &str) -> Result<(), String> {
        *self = Some(parse_given(text)?);
        Ok(())
    }

    fn show(&self) -> Option<Vec<String>> {
        self.as_ref().map(|value| vec![if T::FORM.secret { MASK.to_owned() } else { value.text() }])
    }
}

impl<T: Scalar> Value for Vec<T> {
    fn form(&self) -> Form {
        Form { kind: Kind::List, ..T::FORM }
    }

    fn set(&mut self, text: &str) -> Result<(), String> {
        *self = elements(text).map(T::parse).collect::<Result<_, _>>()?;
        Ok(())
    }

    fn show(&self) -> Option<Vec<String>> {
        Some(self.iter().map(T::text).collect())
    }
}

/// Stands for a secret wherever one would be shown.
pub const MASK: &str = "********";

fn parse_given<T: Scalar>(text: &str) -> Result<T, String> {
    if text.is_empty() { Err("it is empty".to_owned()) } else { T::parse(text) }
}

/// The elements of a list; the empty text is the empty list.
fn elements(text: &str) -> impl Iterator<Item = &str> {
    let text = if text.is_empty() { None } else { Some(text) };
    text.into_iter().flat_map(|text| text.split(',')).map(str::trim)
}

pub(super) const fn form(placeholder: &'static str, allowed: &'static str) -> Form {
    Form { placeholder, allowed, kind: Kind::Text, secret: false }
}

impl Scalar for SocketAddr {
    const FORM: Form = form("ADDRESS", "an IP address and a port, such as 127.0.0.1:8071 or [::1]:8071");

    fn parse(text: &str) -> Result<SocketAddr, String> {
        text.parse().map_err(|_| "it is not an address and a port".to_owned())
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Scalar for PathBuf {
    const FORM: Form = form("PATH", "a path");

    fn parse(text: &str) -> Result<PathBuf, String> {
        if text.contains('\0') { Err("it holds a NUL".to_owned()) } else { Ok(PathBuf::from(text)) }
    }

    fn text(&self) -> String {
        self.display().to_string()
    }
}

impl Scalar for Duration {
    const FORM: Form = form("DURATION", "a whole number and a unit (ms, s, m, h, d), such as 250ms, 5s or 2h");

    fn parse(text: &str) -> Result<Duration, String> {
        duration::parse(text)
    }

    fn text(&self) -> String {
        duration::format(*self)
    }
}

impl Scalar for ByteSize {
    const FORM: Form = form("SIZE", "a whole number and a unit (KiB, MiB, GiB; bytes without one), such as 64KiB");

    fn parse(text: &str) -> Result<ByteSize, String> {
        ByteSize::parse(text)
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Scalar for u32 {
    const FORM: Form = Form { kind: Kind::Number, ..form("N", "a whole number up to 4294967295") };

    fn parse(text: &str) -> Result<u32, String> {
        text.parse().map_err(|_| "it is not such a number".to_owned())
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Scalar for bool {
    const FORM: Form = Form { kind: Kind::Switch, ..form("true|false", "true or false") };

    fn parse(text: &str) -> Result<bool, String> {
        text.parse().map_err(|_| "it is neither".to_owned())
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

/// An http or https URL without a query or a fragment. A password in it is not shown.
impl Scalar for Url {
    const FORM: Form = form("URL", "an http or https URL, such as https://hooks.example.com");

    fn parse(text: &str) -> Result<Url, String> {
        let url = Url::parse(text).map_err(|error| format!("it is not a URL ({error})"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("its scheme is {}", url.scheme()));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("it has a query or a fragment".to_owned());
        }
        Ok(url)
    }

    fn text(&self) -> String {
        let mut url = self.clone();
        if url.password().is_some() && url.set_password(Some(MASK)).is_err() {
            return MASK.to_owned();
        }
        url.to_string()
    }
}

impl Scalar for IpNet {
    const FORM: Form = form("CIDR", "a network such as 10.0.0.0/8 or fd00::/8, or one address");

    fn parse(text: &str) -> Result<IpNet, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(IpNet::from(address));
        }
        let net: IpNet = text.parse().map_err(|_| format!("`{text}` is not a network"))?;
        if net != net.trunc() {
            return Err(format!("`{text}` has bits beyond its prefix; the network is {}", net.trunc()));
        }
        Ok(net)
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Scalar for JwtSecret {
    const FORM: Form = Form { secret: true, ..form("SECRET", "a secret of at least 16 bytes, better 32") };

    fn parse(text: &str) -> Result<JwtSecret, String> {
        JwtSecret::parse(text)
    }

    fn text(&self) -> String {
        MASK.to_owned()
    }
}

impl Scalar for EncryptionKey {
    const FORM: Form = Form { secret: true, ..form("KEY", "prk_ and the base64 of 32 random bytes") };

    fn parse(text: &str) -> Result<EncryptionKey, String> {
        EncryptionKey::parse(text)
    }

    fn text(&self) -> String {
        MASK.to_owned()
    }
}

/// A public key in PEM.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pem(String);

impl Pem {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Scalar for Pem {
    const FORM: Form = form("PEM", "a public key in PEM: -----BEGIN PUBLIC KEY----- and so on, with its line breaks");

    fn parse(text: &str) -> Result<Pem, String> {
        let text = text.trim();
        let public = text.starts_with("-----BEGIN PUBLIC KEY-----") && text.ends_with("-----END PUBLIC KEY-----");
        if public { Ok(Pem(text.to_owned())) } else { Err("it is not a public key in PEM".to_owned()) }
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

/// Which origins' pages may call the API.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Cors {
    Any,
    /// Origins as a browser sends them: `scheme://host` or `scheme://host:port`.
    Only(Vec<String>),
}

impl Value for Cors {
    fn form(&self) -> Form {
        let allowed = "* for any, or origins such as https://app.example.com";
        Form { kind: Kind::List, ..form("ORIGIN", allowed) }
    }

    fn set(&mut self, text: &str) -> Result<(), String> {
        let origins: Vec<&str> = elements(text).collect();
        *self = match origins.as_slice() {
            ["*"] => Cors::Any,
            all if all.contains(&"*") => return Err("* stands beside other origins".to_owned()),
            all => Cors::Only(all.iter().map(|text| origin(text)).collect::<Result<_, _>>()?),
        };
        Ok(())
    }

    fn show(&self) -> Option<Vec<String>> {
        Some(match self {
            Cors::Any => vec!["*".to_owned()],
            Cors::Only(origins) => origins.clone(),
        })
    }
}

/// Where a page comes from: `https://app.example.com`, as a browser writes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebOrigin(String);

impl WebOrigin {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Scalar for WebOrigin {
    const FORM: Form = form("ORIGIN", "an origin such as https://app.example.com");

    // What stands in a header must hold nothing else.
    fn parse(text: &str) -> Result<WebOrigin, String> {
        let found = origin(text)?;
        if store::is_origin(&found) { Ok(WebOrigin(found)) } else { Err(format!("`{text}` is not an origin")) }
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

fn origin(text: &str) -> Result<String, String> {
    let not = || format!("`{text}` is not an origin");
    let url = <Url as Scalar>::parse(text).map_err(|_| not())?;
    let bare = url.path() == "/" && url.username().is_empty() && url.password().is_none();
    if bare { Ok(url.origin().ascii_serialization()) } else { Err(not()) }
}

/// What the log lets through: a level, or `target=level` pairs.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LogFilter(String);

impl LogFilter {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl Scalar for LogFilter {
    const FORM: Form =
        form("LEVEL", "off, error, warn, info, debug or trace, or with targets: info,postrider_engine=debug");

    // The filter's own parser takes a misspelled level for a target and logs nothing, so each part is checked here.
    fn parse(text: &str) -> Result<LogFilter, String> {
        for part in text.split(',') {
            let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
            if !LEVELS.contains(&level) {
                return Err(format!("`{level}` is not a level"));
            }
        }
        Ok(LogFilter(text.to_owned()))
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}
