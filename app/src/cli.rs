//! The command line: what can be asked, and which command answers.
//!
//! **Invariant:** settings are loaded here, once, for the commands that use them; `version`, `config explain` and `--help`
//! work whatever the settings say.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use url::Url;

use crate::clock::{OsRng, SystemClock};
use crate::commands::{self, config::Output, fail, token::Wanted};
use crate::data_dir::{DataDir, is_id};
use crate::exit::{self, Exit};
use crate::settings::{Loaded, Settings, SettingsError, find_file, flags};
use crate::{duration, telemetry, token};

const EXAMPLES: &str = "\
Examples:
  postrider demo                              watch real events being delivered
  postrider serve                             serve on 127.0.0.1:8071 from ./postrider-data
  postrider serve --listen 0.0.0.0:8071 --data-dir /var/lib/postrider
  postrider token create                      a token for the API, on standard output
  postrider token create --app app_2ab... --expires 30d
  postrider config show                       every setting and where it came from
  postrider config explain > postrider.toml   a settings file to edit

Settings:
  default < postrider.toml (or --config FILE) < POSTRIDER_LISTEN and so on < --listen and so on.
  Every command takes every setting as a flag; `postrider serve --help` lists them.
  Durations are written 250ms, 5s, 2h, 3d; sizes 64KiB, 1MiB.";

#[derive(Parser)]
#[command(name = "postrider", version, about = "Postrider: the webhook server that sends, retries and records")]
struct Cli {
    /// Settings file, instead of ./postrider.toml [env: POSTRIDER_CONFIG]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve,
    /// Run the server with receivers of its own and real events, to watch
    Demo,
    /// Make API tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Look at the settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Ask a running server whether it is ready (GET /readyz); exits with 0 or 5
    Health {
        /// The server to ask, instead of the address that the settings say it listens on
        #[arg(long, value_name = "URL")]
        url: Option<Url>,
    },
    /// Print the version
    Version,
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Print a token on standard output; works beside a running server and before the first start
    Create(TokenArgs),
}

#[derive(Args)]
struct TokenArgs {
    /// The organisation, instead of the one that the first start made
    #[arg(long, value_name = "ID", value_parser = organisation)]
    org: Option<String>,
    /// Only this application of the organisation
    #[arg(long, value_name = "ID", value_parser = application)]
    app: Option<String>,
    /// How long the token holds, such as 12h or 30d [default: ten years]
    #[arg(long, value_name = "DURATION", value_parser = expires)]
    expires: Option<Duration>,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Print each setting, its value and where it came from; secrets are masked
    Show {
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
    /// Print every setting with its default and meaning, as a settings file
    Explain,
}

fn organisation(text: &str) -> Result<String, String> {
    id(text, "org_")
}

fn application(text: &str) -> Result<String, String> {
    id(text, "app_")
}

fn id(text: &str, prefix: &str) -> Result<String, String> {
    if is_id(text, prefix) {
        Ok(text.to_owned())
    } else {
        Err(format!("write the id, {prefix} and 27 letters or digits (a uid is not enough)"))
    }
}

fn expires(text: &str) -> Result<Duration, String> {
    match duration::parse(text) {
        Ok(duration) if duration >= Duration::from_secs(1) => Ok(duration),
        Ok(_) => Err("a token must hold for at least 1s".to_owned()),
        Err(why) => Err(format!("{why}; write 12h or 30d")),
    }
}

/// Runs the command that `args` ask for; `env` is the whole environment.
pub fn main(args: impl Iterator<Item = OsString>, env: impl Iterator<Item = (OsString, OsString)>) -> Exit {
    let command = Cli::command().after_help(format!("{EXAMPLES}\n\n{}", exit::TABLE));
    let parsed = flags::add(command, &["serve", "demo"])
        .try_get_matches_from(args)
        .and_then(|matches| Cli::from_arg_matches(&matches).map(|cli| (cli, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            // A closed pipe must not turn `--help | head` into a failure.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Ok };
        }
    };
    let env: Vec<(OsString, OsString)> = env.collect();
    let load = || load(&cli.config, &matches, &env);
    let mut out = io::stdout();
    match cli.command {
        Command::Version => printed(writeln!(out, "postrider {}", env!("CARGO_PKG_VERSION"))),
        Command::Config(ConfigCommand::Explain) => printed(commands::config::explain(&mut out)),
        Command::Config(ConfigCommand::Show { output }) => {
            with(load(), |loaded| printed(commands::config::show(loaded, output, &mut out)))
        }
        Command::Token(TokenCommand::Create(args)) => with(load(), |loaded| {
            let expires = args.expires.unwrap_or(token::EXPIRES_DEFAULT);
            commands::token::create(&loaded.settings, Wanted { org: args.org, app: args.app, expires }, &mut out)
        }),
        Command::Health { url } => {
            with(load(), |loaded| match commands::health::check(loaded.settings.listen, url.as_ref()) {
                Ok(ready) => printed(writeln!(out, "{ready}")),
                Err(why) => fail(why, Exit::Unhealthy),
            })
        }
        Command::Serve => with(load(), |loaded| on_data_dir(&loaded.settings, commands::serve::run)),
        Command::Demo => with(load(), |mut loaded| {
            commands::demo::adjust(&mut loaded);
            on_data_dir(&loaded.settings, commands::demo::run)
        }),
    }
}

fn load(config: &Option<PathBuf>, matches: &ArgMatches, env: &[(OsString, OsString)]) -> Result<Loaded, SettingsError> {
    let file = find_file(config.as_deref(), env)?;
    Settings::load(&flags::given(matches), env, file.as_ref())
}

fn with(loaded: Result<Loaded, SettingsError>, then: impl FnOnce(Loaded) -> Exit) -> Exit {
    match loaded {
        Ok(loaded) => then(loaded),
        Err(error) => fail(error, Exit::Usage),
    }
}

/// Starts the log and locks the data folder for a command that serves.
fn on_data_dir(settings: &Settings, run: impl FnOnce(&Settings, &DataDir) -> Exit) -> Exit {
    if let Err(error) = telemetry::start(&settings.log_level, settings.log_format) {
        return fail(error, Exit::Failure);
    }
    match DataDir::open(&settings.data_dir, SystemClock.unix_ms(), OsRng) {
        Ok(data_dir) => run(settings, &data_dir),
        Err(error) => fail(error, Exit::DataFolder),
    }
}

/// A reader that went away (`| head`) has all it wanted.
fn printed(result: io::Result<()>) -> Exit {
    match result {
        Ok(()) => Exit::Ok,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Ok,
        Err(error) => fail(format!("can't write to standard output: {error}"), Exit::Failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        flags::add(Cli::command(), &["serve", "demo"]).debug_assert();
    }
}
