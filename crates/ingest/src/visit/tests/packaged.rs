//! Accuracy over the user agents of packages that others keep: no list of ours decides what is right.
//!
//! The packages are those of `tests/user-agents/package.json`; `cargo xtask test` installs them. Elsewhere:
//! `npm ci --prefix tests/user-agents` and `POSTRIDER_USER_AGENTS=$PWD/tests/user-agents/node_modules`.

use crate::visit::agent::Agent;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Of a hundred bots as many are found.
const BOTS_FOUND_MIN: f64 = 98.0;
/// Of a hundred browsers as many are taken for bots.
const BROWSERS_MISTAKEN_MAX: f64 = 0.3;
/// Of a hundred browsers as many have the device that the package says.
const DEVICES_RIGHT_MIN: f64 = 98.0;

/// The folder of the packages, or a word that the test is skipped.
fn packages() -> Option<PathBuf> {
    let folder = std::env::var_os("POSTRIDER_USER_AGENTS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: POSTRIDER_USER_AGENTS names no folder of packages");
    }
    folder
}

fn json(packages: &std::path::Path, file: &str) -> Vec<Value> {
    let path = packages.join(file);
    let text = std::fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

fn percent(part: usize, whole: usize) -> f64 {
    assert!(whole > 0, "an empty data set proves nothing");
    part as f64 * 100.0 / whole as f64
}

fn texts(values: &[Value]) -> BTreeSet<&str> {
    values.iter().filter_map(Value::as_str).collect()
}

fn agent(user_agent: &str) -> Agent {
    Agent::of(user_agent.as_bytes())
}

#[test]
fn bots_of_the_world_are_found() {
    let Some(packages) = packages() else { return };
    let crawlers = json(&packages, "crawler-user-agents/crawler-user-agents.json");
    let instances: Vec<Value> =
        crawlers.iter().flat_map(|c| c["instances"].as_array().cloned().unwrap_or_default()).collect();
    let all = texts(&instances);
    let missed: Vec<_> = all.iter().filter(|ua| !agent(ua).bot).collect();
    let found = percent(all.len() - missed.len(), all.len());
    println!("crawler-user-agents: {found:.2} % of {} found; missed: {missed:#?}", all.len());
    assert!(found >= BOTS_FOUND_MIN);
}

#[test]
fn browsers_of_the_world_are_no_bots() {
    let Some(packages) = packages() else { return };
    let sampled = json(&packages, "user-agents/dist/user-agents.json");
    let sampled: Vec<Value> = sampled.iter().map(|entry| entry["userAgent"].clone()).collect();
    let top = json(&packages, "top-user-agents/src/index.json");
    for (name, values) in [("user-agents", &sampled), ("top-user-agents", &top)] {
        let all = texts(values);
        let mistaken: Vec<_> = all.iter().filter(|ua| agent(ua).bot).collect();
        let share = percent(mistaken.len(), all.len());
        println!("{name}: {share:.2} % of {} different ones are taken for bots: {mistaken:#?}", all.len());
        assert!(share <= BROWSERS_MISTAKEN_MAX);
        let nameless = all.iter().filter(|ua| agent(ua).os.is_none() || agent(ua).browser.is_none()).count();
        assert_eq!(nameless, 0, "each has a system and a browser");
    }
}

#[test]
fn devices_are_those_that_people_use() {
    let Some(packages) = packages() else { return };
    let sampled = json(&packages, "user-agents/dist/user-agents.json");
    let pairs: BTreeSet<_> =
        sampled.iter().filter_map(|e| Some((e["userAgent"].as_str()?, e["deviceCategory"].as_str()?))).collect();
    let is_right = |(ua, category): &&(&str, &str)| {
        let want = if *category == "mobile" { "phone" } else { category };
        agent(ua).device == Some(want)
    };
    let right = percent(pairs.iter().filter(is_right).count(), pairs.len());
    println!("user-agents: {right:.2} % of {} devices", pairs.len());
    assert!(right >= DEVICES_RIGHT_MIN);
}
