//! `postrider token create`: one token on standard output and nothing else.
//!
//! Works beside a running server and before the first start: it needs the secrets, not the database.

use std::io::Write;
use std::time::Duration;

use crate::clock::{OsRng, SystemClock};
use crate::commands::{fail, warn};
use crate::data_dir::DataDir;
use crate::exit::Exit;
use crate::settings::Settings;
use crate::token::{self, Subject};

/// What `token create` was asked for.
pub struct Wanted {
    /// `None`: the organisation that the first start made.
    pub org: Option<String>,
    /// An application's id; `None`: a token for the whole organisation.
    pub app: Option<String>,
    pub expires: Duration,
}

pub fn create(settings: &Settings, wanted: Wanted, out: &mut dyn Write) -> Exit {
    let now_ms = SystemClock.unix_ms();
    let made = match (&settings.jwt_secret, wanted.org) {
        // Nothing is needed from the data folder, so that a token can be made on another machine.
        (Some(secret), Some(org)) => sign(settings, wanted.app, org, wanted.expires, now_ms, secret),
        (secret, org) => {
            let dir = match DataDir::beside(&settings.data_dir, now_ms, OsRng) {
                Ok(dir) => dir,
                Err(error) => return fail(error, Exit::DataFolder),
            };
            warn(&dir.warnings);
            let org = org.unwrap_or_else(|| dir.secrets.organisation.clone());
            let secret = secret.as_ref().unwrap_or(&dir.secrets.jwt_secret);
            sign(settings, wanted.app, org, wanted.expires, now_ms, secret)
        }
    };
    match made {
        Ok(token) => match writeln!(out, "{token}") {
            Ok(()) => Exit::Ok,
            Err(error) => fail(format!("the token could not be written: {error}"), Exit::Failure),
        },
        Err(error) => fail(error, Exit::Failure),
    }
}

/// A token for the whole organisation of a data folder that is open already.
pub fn organisation(settings: &Settings, dir: &DataDir) -> Result<String, token::TokenError> {
    let secret = settings.jwt_secret.as_ref().unwrap_or(&dir.secrets.jwt_secret);
    let org = dir.secrets.organisation.clone();
    sign(settings, None, org, token::EXPIRES_DEFAULT, SystemClock.unix_ms(), secret)
}

/// A token for a command on the same machine as the data folder, which may run for weeks.
pub fn local(settings: &Settings) -> Result<String, String> {
    const MONTHS: Duration = Duration::from_secs(90 * 86_400);
    let now_ms = SystemClock.unix_ms();
    let dir = DataDir::beside(&settings.data_dir, now_ms, OsRng).map_err(|e| e.to_string())?;
    let secret = settings.jwt_secret.as_ref().unwrap_or(&dir.secrets.jwt_secret);
    let org = dir.secrets.organisation.clone();
    sign(settings, None, org, MONTHS, now_ms, secret).map_err(|e| e.to_string())
}

fn sign(
    settings: &Settings,
    app: Option<String>,
    org: String,
    expires: Duration,
    now_ms: u64,
    secret: &crate::secret::JwtSecret,
) -> Result<String, token::TokenError> {
    let subject = match app {
        Some(app) => Subject::Application { app, org },
        None => Subject::Organisation(org),
    };
    token::create(&subject, now_ms / 1000, expires, settings.jwt_algorithm, secret)
}
