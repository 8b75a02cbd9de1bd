//! `postrider admin`: the way in for who can't sign in, and the link that sets a new server up.
//!
//! **Invariant:** needs the data folder and not the database, so that it works beside a running server; what it prints works
//! once and for half an hour.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::{Command, Stdio};

use signing::account::{Purpose, Ticket};
use store::StoreError;

use crate::clock::{OsRng, SystemClock};
use crate::commands::{fail, warn};
use crate::data_dir::DataDir;
use crate::exit::Exit;
use crate::server::Server;
use crate::settings::Settings;

pub fn reset(settings: &Settings, org: Option<String>, email: Option<String>, out: &mut dyn Write) -> Exit {
    let dir = match DataDir::beside(&settings.data_dir, SystemClock.unix_ms(), OsRng) {
        Ok(dir) => dir,
        Err(error) => return fail(error, Exit::DataFolder),
    };
    warn(&dir.warnings);
    let org = org.unwrap_or_else(|| dir.secrets.organisation.clone());
    let url = link(settings, settings.listen, &dir, Purpose::Reset, &org, email);
    eprintln!("Open this in a browser that reaches the server. It works once, within 30 minutes.");
    match writeln!(out, "{url}") {
        Ok(()) => Exit::Ok,
        Err(error) => fail(format!("the link could not be written: {error}"), Exit::Failure),
    }
}

/// Where a new server is set up; `None` when somebody can sign in already.
pub async fn setup_url(server: &Server, settings: &Settings, dir: &DataDir) -> Result<Option<String>, StoreError> {
    if server.store.has_people().await? {
        return Ok(None);
    }
    let org = dir.secrets.organisation.as_str();
    Ok(Some(link(settings, server.address, dir, Purpose::Setup, org, None)))
}

/// Shows `url` in the desktop's browser, if there is one; nothing waits for it.
pub fn open(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let quiet = Command::new(program).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    match quiet {
        // Its end is collected, so that it stays no zombie.
        Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
        Err(error) => tracing::debug!(%error, program, "no browser could be opened"),
    }
}

fn link(
    settings: &Settings,
    address: SocketAddr,
    dir: &DataDir,
    purpose: Purpose,
    org: &str,
    email: Option<String>,
) -> String {
    let key = dir.ticket_key();
    let now_s = i64::try_from(SystemClock.unix_ms() / 1000).unwrap_or(i64::MAX);
    let ticket = Ticket { email, ..key.ticket(purpose, org, now_s, &mut |bytes| OsRng.fill(bytes)) };
    let page = match purpose {
        Purpose::Setup => "setup",
        Purpose::Invite => "invite",
        Purpose::Reset => "reset",
    };
    format!("{}/{page}?ticket={}", base(settings, address), key.sign(purpose, &ticket))
}

/// Where a browser finds the server, without a slash at the end.
fn base(settings: &Settings, mut address: SocketAddr) -> String {
    if let Some(url) = &settings.public_url {
        return url.as_str().trim_end_matches('/').to_owned();
    }
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    format!("http://{address}")
}
