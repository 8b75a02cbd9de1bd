//! The settings as text: what holds and where it came from, and what could be set.
//!
//! **Invariant:** secrets are masked before they get here (`Value::show`).

use std::fmt::Write;

use serde_json::{Map, Value as Json, json};

use super::Loaded;
use super::layers::Origin;
use super::table::SETTINGS;
use super::value::Kind;

/// Three columns: name, value, origin.
pub fn text(loaded: &mut Loaded) -> String {
    let rows: Vec<[String; 3]> = rows(loaded)
        .into_iter()
        .map(|row| {
            let value = row.value.map_or("(not set)".to_owned(), |value| one_line(&value.join(",")));
            [row.name.to_owned(), value, row.origin.to_string()]
        })
        .collect();
    let widest = |column: fn(&[String; 3]) -> usize| rows.iter().map(column).max().unwrap_or(0);
    let (name_width, value_width) = (widest(|row| row[0].len()), widest(|row| row[1].len()));
    let mut out = String::new();
    for [name, value, origin] in &rows {
        // Writing to a String can't fail.
        let _ = writeln!(out, "{name:name_width$}  {value:value_width$}  {origin}");
    }
    out
}

/// `{"file": path | null, "settings": {name: {"value": ..., "origin": {"kind": ..., ...}}}}`.
pub fn json(loaded: &mut Loaded) -> String {
    let mut settings = Map::new();
    for row in rows(loaded) {
        let value = match (row.value, row.kind) {
            (None, _) => Json::Null,
            (Some(values), Kind::List) => json!(values),
            (Some(values), Kind::Text) => json!(values.concat()),
            // Numbers and switches are written the same in JSON.
            (Some(values), Kind::Number | Kind::Switch) => values.concat().parse().unwrap_or(Json::Null),
        };
        settings.insert(row.name.to_owned(), json!({ "value": value, "origin": origin_json(&row.origin) }));
    }
    let file = loaded.file.as_ref().map(|path| path.display().to_string());
    format!("{:#}\n", json!({ "file": file, "settings": settings }))
}

fn origin_json(origin: &Origin) -> Json {
    match origin {
        Origin::Default => json!({ "kind": "default" }),
        Origin::Capped(by) => json!({ "kind": "default", "lowered_to": by }),
        Origin::File { path, line } => json!({ "kind": "file", "path": path.display().to_string(), "line": line }),
        Origin::Env(name) => json!({ "kind": "env", "name": name }),
        Origin::Flag(name) => json!({ "kind": "flag", "name": format!("--{name}") }),
    }
}

/// Every setting with its value and meaning, for the page that shows them.
pub fn page(loaded: &mut Loaded) -> Vec<ui::ShownSetting> {
    let meanings = SETTINGS.iter().map(|setting| (setting.meaning, setting.env_name()));
    let shown = rows(loaded).into_iter().zip(meanings).map(|(row, (meaning, env))| ui::ShownSetting {
        name: row.name,
        value: row.value.map(|value| one_line(&value.join(", "))),
        meaning,
        env,
        origin: match row.origin {
            Origin::Default => None,
            other => Some(other.to_string()),
        },
    });
    shown.collect()
}

/// Every setting with its default, as a `postrider.toml` in which all is commented out.
pub fn explain() -> String {
    let mut out = String::from(
        "# Every setting of Postrider, with its default. Stronger sources win:\n\
         # default < postrider.toml (or --config FILE, POSTRIDER_CONFIG) < POSTRIDER_* < --flag\n",
    );
    for setting in SETTINGS {
        let form = setting.form();
        let list = if form.kind == Kind::List { ", or a list of them" } else { "" };
        let name = setting.name;
        let _ = writeln!(out, "\n# {}\n#   write {}{list}", setting.meaning, form.allowed);
        let _ = writeln!(out, "#   env {}, flag --{name}", setting.env_name());
        let _ = match (setting.default, form.kind) {
            (None, _) => writeln!(out, "#   not set by default\n# {name} = \"...\""),
            (Some(""), Kind::List) => writeln!(out, "# {name} = []"),
            (Some(default), Kind::List) => {
                writeln!(
                    out,
                    "# {name} = [{}]",
                    default.split(',').map(|e| format!("\"{e}\"")).collect::<Vec<_>>().join(", ")
                )
            }
            (Some(default), Kind::Number | Kind::Switch) => writeln!(out, "# {name} = {default}"),
            (Some(default), Kind::Text) => writeln!(out, "# {name} = \"{default}\""),
        };
    }
    out
}

struct Row {
    name: &'static str,
    value: Option<Vec<String>>,
    kind: Kind,
    origin: Origin,
}

fn rows(loaded: &mut Loaded) -> Vec<Row> {
    let settings = &mut loaded.settings;
    let row = |(setting, origin): &(&'static super::Setting, Origin)| {
        let value = (setting.value)(settings);
        Row { name: setting.name, value: value.show(), kind: value.form().kind, origin: origin.clone() }
    };
    loaded.origins.iter().map(row).collect()
}

fn one_line(text: &str) -> String {
    match text.split_once('\n') {
        Some((first, _)) => format!("{first} ..."),
        None if text.is_empty() => "(none)".to_owned(),
        None => text.to_owned(),
    }
}
