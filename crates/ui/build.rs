//! Packs `assets/` into the binary: each file as it is and compressed, under one hash of them all.
//!
//! **Invariant:** a vendored file that differs from its line in `assets/vendor/LOCK` fails the build.

use sha2::{Digest, Sha256};
use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The slowest and best; the files are small.
const QUALITY: u32 = 11;
const WINDOW_LOG: u32 = 22;

fn main() -> Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("assets");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=assets");
    println!("cargo::rerun-if-changed=templates");
    let mut files = Vec::new();
    collect(&root, &root, &mut files)?;
    files.sort();
    check_lock(&root)?;
    let mut all = Sha256::new();
    let mut table = String::from("pub(crate) static ASSETS: &[Asset] = &[\n");
    for (index, name) in files.iter().enumerate() {
        let plain = fs::read(root.join(name))?;
        all.update(name.as_bytes());
        all.update([0]);
        all.update(&plain);
        let packed = compressed(&plain)?;
        fs::write(out.join(format!("{index}.plain")), &plain)?;
        fs::write(out.join(format!("{index}.br")), &packed)?;
        let kind = kind(name)?;
        writeln!(
            table,
            "    Asset {{ name: {name:?}, kind: {kind:?}, plain: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{index}.plain\")), \
             packed: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{index}.br\")) }},"
        )?;
    }
    let hash = hex(&all.finalize());
    writeln!(table, "];\npub(crate) const HASH: &str = {:?};", hash.get(..12).unwrap_or_default())?;
    fs::write(out.join("assets.rs"), table)?;
    Ok(())
}

/// Names below `root`, with `/` between folders; not the licences and the lock, which nobody is served.
fn collect(root: &Path, folder: &Path, into: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, into)?;
            continue;
        }
        let name = path.strip_prefix(root)?.to_str().ok_or("a name is not UTF-8")?.to_owned();
        if !name.ends_with("LICENSE") && !name.ends_with("LOCK") {
            into.push(name);
        }
    }
    Ok(())
}

fn compressed(plain: &[u8]) -> Result<Vec<u8>> {
    let mut packed = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut packed, 4096, QUALITY, WINDOW_LOG);
    writer.write_all(plain)?;
    drop(writer);
    Ok(packed)
}

fn check_lock(root: &Path) -> Result<()> {
    let vendor = root.join("vendor");
    let lock = fs::read_to_string(vendor.join("LOCK"))?;
    let mut locked = Vec::new();
    for line in lock.lines() {
        let (want, name) = line.split_once("  ").ok_or("assets/vendor/LOCK: a line is not `hash  name`")?;
        let have = hex(&Sha256::digest(fs::read(vendor.join(name))?));
        if have != want {
            return Err(format!("assets/vendor/{name} is not the file that was vendored").into());
        }
        locked.push(name.to_owned());
    }
    let mut there = Vec::new();
    collect(&vendor, &vendor, &mut there)?;
    match there.iter().find(|name| !locked.contains(name)) {
        Some(name) => Err(format!("assets/vendor/{name} is not in assets/vendor/LOCK").into()),
        None => Ok(()),
    }
}

fn kind(name: &str) -> Result<&'static str> {
    Ok(match name.rsplit('.').next().unwrap_or_default() {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "txt" => "text/plain; charset=utf-8",
        other => return Err(format!("{name}: no content type for .{other}").into()),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
