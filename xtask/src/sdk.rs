//! The suites: the official SDKs, unchanged, and for links and forms a real browser, against real servers.
//!
//! **Invariant:** each suite has servers of its own, so that none sees what another left behind.

use crate::counts::{Counts, Runner};
use crate::packages;
use crate::run::{cargo, command, pass, root, target_dir, tests};
use crate::server::Server;
use std::env;

/// Runs all of them; an error if they can't be run at all.
pub fn run() -> Result<Counts, String> {
    packages::interpreters()?;
    pass(cargo(&["build", "--quiet", "--package", "postrider"]))?;
    let mut counts = Counts::default();
    let providers = packages::python_providers()?;
    // Each form of the signature headers is verified by one of the SDKs.
    for (version, headers) in packages::SVIX_PYTHON.iter().zip(["svix", "both", "webhook"]) {
        // The SDK's folder first: both have what both need.
        let packages = env::join_paths([&packages::python(version)?, &providers]).map_err(|why| why.to_string())?;
        counts += suite(&format!("python-{version}"), headers, |servers| {
            let mut python = command("python3", &["-W", "ignore", "run.py"]);
            python.current_dir(root().join("tests/sdk/python"));
            python.env("PYTHONPATH", &packages).env("PYTHONDONTWRITEBYTECODE", "1").envs(servers);
            tests(Runner::Suite, python)
        })?;
    }
    let packages = packages::node()?;
    counts += suite("node", "webhook", |servers| {
        let mut node = command("node", &["tests/sdk/node/run.mjs"]);
        node.env("JOURNEY_PACKAGES", &packages).envs(servers);
        tests(Runner::Suite, node)
    })?;
    counts += links()?;
    Ok(counts)
}

/// The pages, in a real browser. The tests start servers of their own; pictures of all pages are left in `target/pages`.
pub fn ui() -> Result<Counts, String> {
    packages::interpreters()?;
    packages::browser()?;
    let (driver, axe) = (packages::python_ui()?, packages::axe()?);
    pass(cargo(&["build", "--quiet", "--package", "postrider"]))?;
    let mut python = command("python3", &["-W", "ignore", "run.py"]);
    python.current_dir(root().join("tests/ui"));
    python.env("PYTHONPATH", driver).env("PYTHONDONTWRITEBYTECODE", "1").env("UI_AXE", axe);
    python.env("UI_POSTRIDER", target_dir().join("debug/postrider")).env("UI_SHOTS", target_dir().join("pages"));
    Ok(tests(Runner::Suite, python))
}

/// Links and forms, with the newest SDK's verifier, and servers that know countries and believe a proxy.
fn links() -> Result<Counts, String> {
    packages::browser()?;
    let judges = packages::python_links()?;
    let newest = packages::SVIX_PYTHON.last().ok_or("there is no version of the SDK")?;
    let (here, journeys) = (root().join("tests/links"), root().join("tests/sdk/python"));
    let packages = [&here, &journeys, &packages::python(newest)?, &judges];
    let packages = env::join_paths(packages).map_err(|why| why.to_string())?;
    let python = |args: &[&str]| {
        let mut python = command("python3", &["-W", "ignore"]);
        python.args(args);
        python.current_dir(&here).env("PYTHONPATH", &packages).env("PYTHONDONTWRITEBYTECODE", "1");
        python
    };
    let countries = target_dir().join("sdk/countries.mmdb");
    let countries = countries.to_str().ok_or("the target folder's path is not UTF-8")?;
    pass(python(&["countries.py", countries]))?;
    let settings = ["--trusted-proxies", "127.0.0.0/8", "--geoip-database", countries];
    served("links", &settings, |servers| {
        let mut python = python(&["../sdk/python/run.py"]);
        python.env("JOURNEY_SUITE", "links").envs(servers);
        tests(Runner::Suite, python)
    })
}

/// Runs one suite with two servers: one as it comes, one that signs with Ed25519 by default.
fn suite(name: &str, headers: &str, run: impl FnOnce(Vec<(&'static str, String)>) -> Counts) -> Result<Counts, String> {
    served(name, &["--signature-headers", headers], run)
}

/// The same with other settings for both.
fn served(
    name: &str,
    settings: &[&str],
    run: impl FnOnce(Vec<(&'static str, String)>) -> Counts,
) -> Result<Counts, String> {
    let plain = Server::start(name, settings)?;
    let ed25519 = [settings, &["--default-signature-type", "ed25519"]].concat();
    let ed25519 = Server::start(&format!("{name}-ed25519"), &ed25519)?;
    let mut counts = run(vec![
        ("JOURNEY_URL", plain.url.clone()),
        ("JOURNEY_TOKEN", plain.token.clone()),
        ("JOURNEY_ED25519_URL", ed25519.url.clone()),
        ("JOURNEY_ED25519_TOKEN", ed25519.token.clone()),
    ]);
    for mut server in [plain, ed25519] {
        counts += match server.stop() {
            Ok(()) => Counts::PASSED,
            Err(why) => {
                eprintln!("{name}: {why}");
                Counts::FAILED
            }
        };
        if counts.failed > 0 {
            eprintln!("{name}: the server's log:\n{}", server.log());
        }
    }
    Ok(counts)
}
