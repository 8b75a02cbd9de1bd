//! The command line: what can be asked, and which command answers.
//!
//! **Invariant:** settings are loaded here, once, for the commands that use them; `version`, `config explain` and `--help`
//! work whatever the settings say.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use url::Url;

use crate::clock::{OsRng, SystemClock};
use crate::commands::task::{Remote, TaskCommand};
use crate::commands::{self, config::Output, fail, token::Wanted};
use crate::data_dir::{DataDir, is_id};
use crate::exit::{self, Exit};
use crate::server::Scene;
use crate::settings::{Loaded, Settings, SettingsError, find_file, flags, show};
use crate::{duration, telemetry, token};

const EXAMPLES: &str = "\
Examples:
  postrider demo                              watch real events being delivered
  postrider serve                             serve on 127.0.0.1:8071 from ./postrider-data
  postrider serve --listen 0.0.0.0:8071 --data-dir /var/lib/postrider
  postrider token create                      a token for the API, on standard output
  postrider token create --app app_2ab... --expires 30d
  postrider admin reset                       a link that lets an owner choose a new password
  postrider listen 3000                       forward what sources receive to a local port
  postrider task watch qtask_2ab...           follow a replay to its end, from a script
  postrider trigger github push --url URL --secret SECRET
  postrider verify --provider stripe --secret whsec_... --header 'Stripe-Signature: t=...' body.json
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
    /// Let people in who can't sign in
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Look at the settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Forward a server's live requests to a local port, over one outgoing connection
    Listen(ListenArgs),
    /// Look at replays and follow them to their end
    #[command(subcommand)]
    Task(commands::task::TaskCommand),
    /// Send a realistic event, signed as its provider would, to a URL
    Trigger(TriggerArgs),
    /// Say whether a provider's signature holds and, if not, why
    Verify(VerifyArgs),
    /// Ask a running server whether it is ready (GET /readyz); exits with 0 or 5
    Health {
        /// The server to ask, instead of the address that the settings say it listens on
        #[arg(long, value_name = "URL")]
        url: Option<Url>,
    },
    /// Print the version
    Version,
}

#[derive(Args)]
struct ListenArgs {
    /// Where requests go: 3000, localhost:3000 or http://localhost:3000/path
    #[arg(value_name = "PORT", value_parser = commands::listen::target)]
    target: Url,
    /// Sources and bins, by id or uid [default: all sources]
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// The server, instead of the address that the settings say it listens on [env: POSTRIDER_SERVER]
    #[arg(long, value_name = "URL")]
    server: Option<Url>,
    /// A token of the server's, instead of one made from the data folder [env: POSTRIDER_TOKEN]
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// One line for people, or one JSON object, for each request
    #[arg(long, value_enum, default_value_t)]
    output: commands::listen::Format,
    /// Only these event types
    #[arg(long, value_name = "TYPE")]
    event: Vec<String>,
    /// Only these methods
    #[arg(long, value_name = "METHOD")]
    method: Vec<String>,
    /// Forward requests that the source refused, too
    #[arg(long)]
    refused: bool,
    /// Begin with the last N requests
    #[arg(long, value_name = "N")]
    replay: Option<u32>,
}

#[derive(Args)]
struct TriggerArgs {
    /// Print the providers and events that there are
    #[arg(long)]
    list: bool,
    /// The provider, as in a source's type
    #[arg(required_unless_present = "list")]
    provider: Option<String>,
    /// The event, as the provider calls it [default: the provider's first]
    event: Option<String>,
    /// Where to send it: a source's URL
    #[arg(long, value_name = "URL", required_unless_present = "list")]
    url: Option<Url>,
    /// The secret that the source has
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,
    /// A body of your own: a file, - for standard input, or the text
    #[arg(long, value_name = "BODY")]
    body: Option<String>,
    /// The event's id; the same twice is a duplicate [default: a new one]
    #[arg(long, value_name = "ID")]
    id: Option<String>,
}

#[derive(Args)]
struct VerifyArgs {
    /// Judge each vector of a file, and print {id, valid, reason} for each
    #[arg(long, value_name = "FILE", conflicts_with_all = ["provider", "body"])]
    vectors: Option<PathBuf>,
    /// The provider, as in a source's type
    #[arg(long, value_name = "P", required_unless_present = "vectors")]
    provider: Option<String>,
    /// A secret (or public key) of the source; give several while one is being replaced
    #[arg(long, value_name = "S")]
    secret: Vec<String>,
    /// More of the source's configuration, as JSON
    #[arg(long, value_name = "JSON")]
    provider_config: Option<String>,
    /// The URL that the provider sent to
    #[arg(long, value_name = "U", default_value = "https://example.com/")]
    url: String,
    #[arg(long, value_name = "M", default_value = "POST")]
    method: String,
    /// A header as it came, 'Name: value'; as often as needed
    #[arg(long, value_name = "K: V")]
    header: Vec<String>,
    /// When it came: Unix seconds or 2026-01-31T12:00:00Z [default: now]
    #[arg(long, value_name = "T")]
    now: Option<String>,
    /// The body: a file, - for standard input, or the text
    #[arg(value_name = "BODY", required_unless_present = "vectors")]
    body: Option<String>,
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
enum AdminCommand {
    /// Print a link that lets an owner choose a new password, or makes the first owner
    ///
    /// The link works once, within 30 minutes, on the server that runs on this data folder (--data-dir); it works beside a
    /// running server. Open it in a browser. Setting a password this way ends the owner's sessions.
    Reset(ResetArgs),
}

#[derive(Args)]
struct ResetArgs {
    /// Only for the person with this e-mail address, whatever the role
    #[arg(long, value_name = "E-MAIL", value_parser = email)]
    email: Option<String>,
    /// The organisation, instead of the one that the first start made
    #[arg(long, value_name = "ID", value_parser = organisation)]
    org: Option<String>,
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

fn email(text: &str) -> Result<String, String> {
    if ui::is_email(text) { Ok(text.to_owned()) } else { Err("write an address like ana@example.com".to_owned()) }
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
        Command::Admin(AdminCommand::Reset(args)) => {
            with(load(), |loaded| commands::admin::reset(&loaded.settings, args.org, args.email, &mut out))
        }
        Command::Health { url } => {
            with(load(), |loaded| match commands::health::check(loaded.settings.listen, url.as_ref()) {
                Ok(ready) => printed(writeln!(out, "{ready}")),
                Err(why) => fail(why, Exit::Unhealthy),
            })
        }
        Command::Listen(args) => with(load(), |loaded| listen(&loaded.settings, args, &env)),
        Command::Task(command) => with(load(), |loaded| task(&loaded.settings, command, &env)),
        Command::Trigger(args) => trigger(args),
        Command::Verify(args) => verify(args),
        Command::Serve => with(load(), |mut loaded| {
            let scene = Scene { shown: show::page(&mut loaded), desktop: has_desktop(&env) };
            on_data_dir(&loaded.settings, |settings, data_dir| commands::serve::run(settings, data_dir, scene))
        }),
        Command::Demo => with(load(), |mut loaded| {
            commands::demo::adjust(&mut loaded);
            let scene = Scene { shown: show::page(&mut loaded), desktop: false };
            on_data_dir(&loaded.settings, |settings, data_dir| commands::demo::run(settings, data_dir, scene))
        }),
    }
}

/// Whether a browser can be opened for whoever started this: somebody looks at its terminal, on a desktop.
fn has_desktop(env: &[(OsString, OsString)]) -> bool {
    let is_set = |name: &str| env.iter().any(|(n, value)| n == name && !value.is_empty());
    let graphical = cfg!(target_os = "macos") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
    graphical && io::stderr().is_terminal()
}

/// The server that a command talks to: the flags' one, else the environment's, else this machine's.
fn remote(
    settings: &Settings,
    server: Option<Url>,
    token: Option<String>,
    env: &[(OsString, OsString)],
) -> Result<Remote, String> {
    let from_env = |name: &str| env.iter().find(|(n, _)| n == name).and_then(|(_, v)| v.to_str().map(str::to_owned));
    let server = match server.map(Ok).or_else(|| from_env("POSTRIDER_SERVER").map(|url| Url::parse(&url))) {
        Some(Err(error)) => return Err(format!("POSTRIDER_SERVER is no URL: {error}")),
        Some(Ok(url)) => url,
        None => commands::health::server(settings.listen),
    };
    let token = match token.or_else(|| from_env("POSTRIDER_TOKEN")) {
        Some(token) => token,
        None => commands::token::local(settings).map_err(|why| format!("{why}; or give --token"))?,
    };
    Ok(Remote { server, token })
}

fn task(settings: &Settings, command: TaskCommand, env: &[(OsString, OsString)]) -> Exit {
    let (TaskCommand::List { at, .. } | TaskCommand::Watch { at, .. }) = &command;
    let (output, found) = (at.output, remote(settings, at.server.clone(), at.token.clone(), env));
    let remote = match found {
        Ok(remote) => remote,
        Err(why) => return fail(why, Exit::Usage),
    };
    let is_terminal = io::stdout().is_terminal();
    on_runtime(async move {
        let out = &mut io::stdout();
        match command {
            TaskCommand::List { limit, .. } => commands::task::list(remote, output, limit, out).await,
            TaskCommand::Watch { id, .. } => commands::task::watch(remote, &id, output, is_terminal, out).await,
        }
    })
}

fn listen(settings: &Settings, args: ListenArgs, env: &[(OsString, OsString)]) -> Exit {
    let Remote { server, token } = match remote(settings, args.server, args.token, env) {
        Ok(remote) => remote,
        Err(why) => return fail(why, Exit::Usage),
    };
    let wanted = commands::listen::Wanted {
        server,
        token,
        target: args.target,
        sources: args.sources,
        output: args.output,
        events: args.event,
        methods: args.method,
        refused: args.refused,
        replay: args.replay,
    };
    on_runtime(async move { commands::listen::run(wanted, &mut io::stdout()).await })
}

fn trigger(args: TriggerArgs) -> Exit {
    let (false, Some(provider), Some(url)) = (args.list, args.provider, args.url) else {
        return printed(commands::trigger::list(&mut io::stdout()));
    };
    let body = match args.body.as_deref().map(commands::verify::body).transpose() {
        Ok(body) => body,
        Err(why) => return fail(why, Exit::Usage),
    };
    let wanted = commands::trigger::Wanted { provider, event: args.event, url, secret: args.secret, body, id: args.id };
    on_runtime(async move { commands::trigger::run(wanted, &mut io::stdout()).await })
}

fn verify(args: VerifyArgs) -> Exit {
    let mut out = io::stdout();
    if let Some(file) = args.vectors {
        return commands::verify::vectors(&file, &mut out);
    }
    let wanted = commands::verify::Wanted {
        provider: args.provider.unwrap_or_default(),
        secrets: args.secret,
        config: args.provider_config,
        url: args.url,
        method: args.method,
        headers: args.header,
        now: args.now,
        body: args.body.unwrap_or_default(),
    };
    commands::verify::one(&wanted, &mut out)
}

/// Runs a command that talks to others.
fn on_runtime(command: impl Future<Output = Exit>) -> Exit {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(command),
        Err(error) => fail(format!("the runtime can't be started: {error}"), Exit::Failure),
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
