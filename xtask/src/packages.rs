//! Installs what the suites and tests over packaged data need: Python and npm packages into the target folder, and
//! interpreters and a browser if they are missing and this is a machine where that can be done.
//!
//! **Invariant:** nothing is written outside the target folder, but for Debian packages.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{self, Outcome, command, pass, root, target_dir, works};

/// The versions of the Python SDK that the suites run with: an old one, the last 1.x and the newest. Each has a folder
/// of its own, since a process can only import one.
pub const SVIX_PYTHON: [&str; 3] = ["1.64.0", "1.99.1", "2.9.1"];

/// A folder for PYTHONPATH with that version of the SDK and the independent verifiers.
pub fn python(version: &str) -> Result<PathBuf, String> {
    let svix = format!("svix=={version}");
    pip(&format!("python-svix-{version}"), "sdk/python/requirements.txt", &[&svix])
}

/// A folder for PYTHONPATH with the libraries of providers.
pub fn python_providers() -> Result<PathBuf, String> {
    pip("python-providers", "sdk/python/providers.txt", &[])
}

/// A folder for PYTHONPATH with what judges links and forms.
pub fn python_links() -> Result<PathBuf, String> {
    pip("python-links", "links/requirements.txt", &[])
}

/// A folder for PYTHONPATH with the driver of a browser.
pub fn python_ui() -> Result<PathBuf, String> {
    pip("python-ui", "ui/requirements.txt", &[])
}

/// What judges whether pages are accessible: a script that is put into each.
pub fn axe() -> Result<PathBuf, String> {
    Ok(npm("tests/ui", "sdk/axe")?.join("node_modules/axe-core/axe.min.js"))
}

/// A folder with what a file of requirements below `tests` names, and `more`.
fn pip(name: &str, requirements: &str, more: &[&str]) -> Result<PathBuf, String> {
    let tests = root().join("tests");
    let dir = target_dir().join("sdk").join(name);
    let (requirements, constraints) = (tests.join(requirements), tests.join("sdk/python/constraints.txt"));
    once(&dir, &[&requirements, &constraints], &more.join(" "), || {
        let mut pip = command("python3", &["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        pip.args(["--no-warn-conflicts", "--root-user-action", "ignore", "--target"]).arg(&dir);
        pip.arg("--constraint").arg(&constraints).arg("--requirement").arg(&requirements).args(more);
        pass(pip)
    })?;
    Ok(dir)
}

/// A folder with `package.json` and `node_modules`: what the Node suite needs.
pub fn node() -> Result<PathBuf, String> {
    npm("tests/sdk/node", "sdk/node")
}

/// A folder of npm packages: user agents that others collected.
pub fn user_agents() -> Result<PathBuf, String> {
    Ok(npm("tests/user-agents", "user-agents")?.join("node_modules"))
}

/// A folder below the target folder with what `package.json` and its lock file in `wanted` name.
fn npm(wanted: &str, name: &str) -> Result<PathBuf, String> {
    let wanted = root().join(wanted);
    let dir = target_dir().join(name);
    let (package, lock) = (wanted.join("package.json"), wanted.join("package-lock.json"));
    once(&dir, &[&package, &lock], "", || {
        for file in [&package, &lock] {
            let to = dir.join(file.file_name().unwrap_or_default());
            fs::copy(file, &to).map_err(|why| format!("{} can't be written: {why}", to.display()))?;
        }
        let mut npm = command("npm", &["ci", "--no-audit", "--no-fund", "--loglevel", "error"]);
        npm.current_dir(&dir);
        pass(npm)
    })?;
    Ok(dir)
}

/// Fills a fresh `dir` unless the last time was done with the same input.
fn once(dir: &Path, inputs: &[&Path], more: &str, install: impl FnOnce() -> Outcome) -> Outcome {
    let mut stamp = more.to_owned();
    for file in inputs {
        stamp += &fs::read_to_string(file).map_err(|why| format!("{} can't be read: {why}", file.display()))?;
    }
    let stamp_file = dir.join("installed");
    if fs::read_to_string(&stamp_file).is_ok_and(|last| last == stamp) {
        return Ok(());
    }
    println!("installing into {}", dir.display());
    let written =
        |result: std::io::Result<()>| result.map_err(|why| format!("{} can't be written: {why}", dir.display()));
    if dir.exists() {
        written(fs::remove_dir_all(dir))?;
    }
    written(fs::create_dir_all(dir))?;
    install()?;
    written(fs::write(&stamp_file, &stamp))
}

/// Python with pip, and Node with npm.
pub fn interpreters() -> Outcome {
    let mut missing = Vec::new();
    if !works("python3", &["-m", "pip", "--version"]) {
        missing.extend(["python3", "python3-pip"]);
    }
    if !(works("node", &["--version"]) && works("npm", &["--version"])) {
        missing.extend(["nodejs", "npm"]);
    }
    if missing.is_empty() { Ok(()) } else { debian_packages(&missing) }
}

/// A language of the snippets that receivers copy: the word that its test begins with, a command that works where it can be
/// run, and the Debian packages that are installed where it does not (none: too large for what it is used for).
struct Language(&'static str, &'static [&'static str], &'static [&'static str]);

const LANGUAGES: [Language; 9] = [
    Language("shell", &["openssl", "version"], &["openssl"]),
    Language("python", &["python3", "--version"], &["python3"]),
    Language("javascript", &["node", "--version"], &["nodejs"]),
    Language("typescript", &["node", "--version"], &["nodejs"]),
    Language("java", &["java", "-m", "jdk.compiler/com.sun.tools.javac.Main", "-version"], &[]),
    Language("go", &["gccgo", "--version"], &["gccgo"]),
    Language("csharp", &["mcs", "--version"], &["mono-mcs", "mono-runtime"]),
    Language("ruby", &["ruby", "--version"], &["ruby"]),
    Language("php", &["php", "--version"], &["php-cli"]),
];

impl Language {
    fn works(&self) -> bool {
        self.1.split_first().is_some_and(|(program, args)| works(program, args))
    }
}

/// Installs what runs the snippets (300 MB where there is none of it): a folder for PYTHONPATH, and the languages that can't be
/// run all the same.
pub fn languages() -> (Option<PathBuf>, Vec<&'static str>) {
    let missing: Vec<_> = LANGUAGES.iter().filter(|language| !language.works()).flat_map(|l| l.2).copied().collect();
    if !missing.is_empty()
        && let Err(why) = debian_packages(&missing)
    {
        println!("{why}");
    }
    let mut left: Vec<_> = LANGUAGES.iter().filter(|language| !language.works()).map(|language| language.0).collect();
    // Ed25519 needs a package, which the newest SDK's folder has.
    let newest = SVIX_PYTHON.last().ok_or_else(|| "there is no version of the SDK".to_owned());
    let python = newest.and_then(|version| python(version));
    if let Err(why) = &python {
        println!("{why}");
        left.push("python");
    }
    (python.ok(), left)
}

/// A browser with its driver, and what draws SVG.
pub fn browser() -> Outcome {
    let wanted = [("chromium", "chromium"), ("chromedriver", "chromium-driver"), ("rsvg-convert", "librsvg2-bin")];
    let missing: Vec<_> = wanted.iter().filter(|(program, _)| !works(program, &["--version"])).map(|w| w.1).collect();
    if missing.is_empty() { Ok(()) } else { debian_packages(&missing) }
}

fn debian_packages(names: &[&str]) -> Outcome {
    let list = names.join(" ");
    let is_root = run::output(command("id", &["-u"])).is_ok_and(|id| id.trim() == "0");
    let sudo: &[&str] = match is_root {
        true => &[],
        false if works("sudo", &["-n", "true"]) => &["sudo", "-n"],
        false => return Err(format!("the suites need {list}: install them, or run `cargo xtask test --quick`")),
    };
    if !works("apt-get", &["--version"]) {
        return Err(format!("the suites need {list}, and there is no apt-get to install them with"));
    }
    println!("installing {list}");
    for words in [&["update", "--quiet"][..], &["install", "--quiet", "--yes", "--no-install-recommends"]] {
        let mut all: Vec<&str> = [sudo, &["apt-get"], words].concat();
        if words.len() > 2 {
            all.extend(names);
        }
        let (program, args) = all.split_first().ok_or("no command")?;
        let mut apt = command(program, args);
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        pass(apt)?;
    }
    Ok(())
}
