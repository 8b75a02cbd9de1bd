//! The SDK suites: the official SDKs, unchanged, against real servers.
//!
//! **Invariant:** each suite has servers of its own, so that none sees what another left behind.

use crate::counts::{Counts, Runner};
use crate::packages;
use crate::run::{cargo, command, pass, root, tests};
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
    Ok(counts)
}

/// Runs one suite with two servers: one as it comes, one that signs with Ed25519 by default.
fn suite(name: &str, headers: &str, run: impl FnOnce(Vec<(&'static str, String)>) -> Counts) -> Result<Counts, String> {
    let headers = ["--signature-headers", headers];
    let plain = Server::start(name, &headers)?;
    let ed25519 = [&headers[..], &["--default-signature-type", "ed25519"]].concat();
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
