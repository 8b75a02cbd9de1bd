//! `cargo xtask tidy`: rules of this repository that no compiler checks.
//!
//! Each rule is a function from the files or packages to complaints. **Invariant:** what is checked is what git knows
//! or would add, never build output.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::run::{Outcome, cargo, command, output, root};

/// Files longer than this are named, without failing.
const LINES_MAX: usize = 700;

/// Which of our crates each crate may import; those that are missing here may import none.
const IMPORTS: [(&str, &[&str]); 11] = [
    ("domain", &[]),
    ("signing", &[]),
    ("store", &["domain"]),
    ("egress", &["domain", "signing"]),
    ("engine", &["domain", "store", "egress"]),
    ("api", &["domain", "store", "signing"]),
    ("ingest", &["domain", "store", "signing"]),
    ("ui", &["domain", "store", "signing"]),
    ("app", &["domain", "signing", "store", "egress", "engine", "api", "ingest", "ui"]),
    ("sim", &["domain", "signing", "store", "egress", "engine"]),
    ("xtask", &[]),
];

/// In parts, so that this file doesn't complain about itself.
const LEFTOVERS: [(&str, &str); 4] = [("TO", "DO"), ("FIX", "ME"), ("todo", "!("), ("unimpl", "emented!(")];
const MACHINE_PATHS: [(&str, &str); 3] = [("/wo", "rk/"), ("/ho", "me/"), ("/ro", "ot/")];

struct File {
    path: String,
    text: String,
}

/// Checks every rule; an error names the number of complaints, which are printed.
pub fn run() -> Outcome {
    let files = files()?;
    for long in files.iter().filter(|f| f.path.ends_with(".rs") && f.text.lines().count() > LINES_MAX) {
        println!("warning: {} has more than {LINES_MAX} lines", long.path);
    }
    let mut complaints: Vec<String> = files.iter().flat_map(complaints).collect();
    complaints.extend(wrong_imports(&packages()?));
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    match complaints.len() {
        0 => Ok(()),
        count => Err(format!("{count} complaints")),
    }
}

fn files() -> Result<Vec<File>, String> {
    let list = output(command("git", &["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    // A file may be deleted and still in the index; one that is not UTF-8 is no text.
    let read = |path: &str| Some(File { path: path.to_owned(), text: fs::read_to_string(root().join(path)).ok()? });
    Ok(list.lines().filter_map(read).collect())
}

fn complaints(file: &File) -> Vec<String> {
    let mut found = Vec::new();
    let path = &file.path;
    if path.ends_with(".rs") && !file.text.starts_with("//!") {
        found.push(format!("{path}: does not begin with its module's doc (//!)"));
    }
    let is_made = path.ends_with(".lock") || path.ends_with("-lock.json");
    for (number, line) in file.text.lines().enumerate().map(|(at, line)| (at + 1, line)) {
        for (a, b) in LEFTOVERS.iter().chain(&MACHINE_PATHS).filter(|_| !is_made) {
            if line.contains(&format!("{a}{b}")) {
                found.push(format!("{path}:{number}: has {a}{b}"));
            }
        }
        if path.ends_with("package-lock.json") && line.contains("\"resolved\"") {
            found.push(format!("{path}:{number}: names a registry (use npm's omit-lockfile-registry-resolved)"));
        }
    }
    found
}

struct Dependency {
    name: String,
    is_for_tests: bool,
}

/// Our packages and their dependencies, by name without the `postrider-` in front.
fn packages() -> Result<BTreeMap<String, Vec<Dependency>>, String> {
    let text = output(cargo(&["metadata", "--no-deps", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&text).map_err(|why| format!("cargo metadata: {why}"))?;
    let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let packages = list(&metadata, "packages").into_iter().map(|package| {
        let dependencies = list(&package, "dependencies").into_iter().map(|dependency| Dependency {
            name: short_name(&dependency),
            is_for_tests: dependency.get("kind").and_then(Value::as_str) == Some("dev"),
        });
        (short_name(&package), dependencies.collect())
    });
    Ok(packages.collect())
}

fn short_name(package: &Value) -> String {
    match package.get("name").and_then(Value::as_str).unwrap_or_default() {
        "postrider" => "app".to_owned(),
        name => name.strip_prefix("postrider-").unwrap_or(name).to_owned(),
    }
}

fn wrong_imports(packages: &BTreeMap<String, Vec<Dependency>>) -> Vec<String> {
    let mut found = Vec::new();
    for (package, dependencies) in packages {
        let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| name == package) else {
            found.push(format!("{package}: tidy doesn't know what it may import"));
            continue;
        };
        for dependency in dependencies.iter().filter(|d| packages.contains_key(&d.name)) {
            let name = dependency.name.as_str();
            // Tests may wire more together, but never the application.
            let is_allowed = if dependency.is_for_tests { name != "app" } else { allowed.contains(&name) };
            if !is_allowed {
                found.push(format!("{package}: must not import {name}"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(package: &str, name: &str, is_for_tests: bool) -> Vec<String> {
        let dependency = Dependency { name: name.to_owned(), is_for_tests };
        let packages = [(package.to_owned(), vec![dependency]), (name.to_owned(), Vec::new())];
        wrong_imports(&packages.into_iter().collect())
    }

    #[test]
    fn imports_against_the_directions_are_found() {
        for (package, name, is_for_tests) in [
            ("domain", "store", false),
            ("store", "egress", false),
            ("api", "engine", false),
            ("app", "sim", false),
            ("sim", "app", true),
        ] {
            assert_eq!(import(package, name, is_for_tests).len(), 1, "{package} -> {name}");
        }
        assert!(import("engine", "store", false).is_empty());
        assert!(import("engine", "sim", true).is_empty());
    }

    #[test]
    fn leftovers_and_missing_docs_are_found() {
        let check = |path: &str, text: String| complaints(&File { path: path.to_owned(), text }).len();
        assert_eq!(check("a.rs", "//! Doc.\n".to_owned()), 0);
        assert_eq!(check("a.rs", "fn main() {}\n".to_owned()), 1);
        for (a, b) in LEFTOVERS.iter().chain(&MACHINE_PATHS) {
            assert_eq!(check("a.md", format!("x {a}{b} y\n")), 1, "{a}{b}");
        }
        assert_eq!(check("x/package-lock.json", "  \"resolved\": \"u\"\n".to_owned()), 1);
    }
}
