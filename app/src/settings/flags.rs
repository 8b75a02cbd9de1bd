//! The settings as flags: one global flag for each row of the table.
//!
//! **Invariant:** flags carry text; what it means is the settings' business, so a bad value reads the same from any source.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::table::{SETTINGS, Setting};
use super::value::Kind;

/// Adds the flags to every command; only those in `documented` list them in their help.
pub fn add(command: Command, documented: &[&'static str]) -> Command {
    let command = command.args(SETTINGS.iter().map(|setting| flag(setting).hide(true)));
    documented
        .iter()
        .fold(command, |command, name| command.mut_subcommand(*name, |sub| sub.args(SETTINGS.iter().map(flag))))
}

/// The flags that were given, as pairs of name and text; a repeated one is joined with commas.
pub fn given(matches: &ArgMatches) -> Vec<(&'static str, String)> {
    let given = |setting: &'static Setting| {
        let values: Vec<&str> = matches.get_many::<String>(setting.name)?.map(String::as_str).collect();
        Some((setting.name, values.join(",")))
    };
    SETTINGS.iter().filter_map(given).collect()
}

fn flag(setting: &'static Setting) -> Arg {
    let form = setting.form();
    let note = match (setting.default, form.kind) {
        (Some(""), _) | (None, _) => String::new(),
        (Some(default), _) => format!(" [default: {default}]"),
    };
    let again = if form.kind == Kind::List { " (repeatable)" } else { "" };
    let arg = Arg::new(setting.name)
        .long(setting.name)
        .value_name(form.placeholder)
        .help(format!("{}{again}{note}", setting.meaning))
        .help_heading("Settings")
        .global(true);
    match form.kind {
        Kind::Switch => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
        Kind::List => arg.action(ArgAction::Append),
        Kind::Text | Kind::Number => arg,
    }
}
