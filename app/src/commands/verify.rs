//! `postrider verify`: says whether a provider's signature holds and, if not, why; for one request or a file of vectors.
//!
//! **Invariant:** the same judge as the server's; nothing is fetched and nothing is sent.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use domain::Clock;
use serde_json::{Value, json};
use signing::explain::{Explanation, Question, explain};
use signing::providers::vectors::{Vector, judge};
use signing::providers::{Inbound, NoMaterials, Provider};

use crate::clock::SystemClock;
use crate::commands::fail;
use crate::exit::Exit;

/// One request to judge.
pub struct Wanted {
    pub provider: String,
    pub secrets: Vec<String>,
    /// A whole configuration as JSON, for what a secret can't say.
    pub config: Option<String>,
    pub url: String,
    pub method: String,
    /// `Name: value`.
    pub headers: Vec<String>,
    /// Unix seconds or RFC 3339; `None` is now.
    pub now: Option<String>,
    /// A file, `-` for standard input, or the text itself when no such file exists.
    pub body: String,
}

pub fn one(wanted: &Wanted, out: &mut dyn Write) -> Exit {
    let outcome = prepare(wanted).and_then(|(provider, config, headers, now_ms, body)| {
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
        let request = Inbound { method: &wanted.method, url: &wanted.url, headers: &headers, body: &body, now_ms };
        let verifier = provider.verifier_lenient(&config).map_err(|e| e.to_string())?;
        if verifier.is_insecure() {
            return Err(format!("{} without a secret verifies nothing", provider.name));
        }
        let verdict = verifier.judge(&request, &NoMaterials);
        let why = explain(&Question { provider, config: &config, request, others: &[], original: None });
        Ok((verdict, why))
    });
    match outcome {
        Err(why) => fail(why, Exit::Usage),
        Ok((Ok(()), _)) => told(writeln!(out, "valid"), Exit::Ok),
        Ok((Err(refusal), why)) => {
            let first = writeln!(out, "invalid: {refusal} ({})", refusal.code());
            told(first.and_then(|()| because(&why, out)), Exit::Failure)
        }
    }
}

/// What is wrong, and what to do, a line each.
fn because(why: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    for finding in &why.findings {
        writeln!(out, "  {}: {}", finding.code, finding.text)?;
        if !finding.fix.is_empty() {
            writeln!(out, "    {}", finding.fix)?;
        }
    }
    Ok(())
}

type Prepared = (&'static Provider, Value, Vec<(String, String)>, i64, Vec<u8>);

fn prepare(wanted: &Wanted) -> Result<Prepared, String> {
    let provider = Provider::find(&wanted.provider).ok_or_else(|| {
        let near = Provider::all().iter().map(|p| p.name.as_str());
        let near =
            near.filter(|name| strsim::jaro_winkler(name, &wanted.provider) > 0.8).collect::<Vec<_>>().join(", ");
        let hint = if near.is_empty() { String::new() } else { format!("; did you mean {near}?") };
        format!("there is no provider {:?}{hint}", wanted.provider)
    })?;
    let mut config = match &wanted.config {
        Some(text) => serde_json::from_str(text).map_err(|e| format!("--provider-config is not JSON: {e}"))?,
        None => json!({}),
    };
    let Value::Object(fields) = &mut config else { return Err("--provider-config must be a JSON object".to_owned()) };
    if let Some(first) = wanted.secrets.first() {
        fields.insert("secret".to_owned(), json!(first));
        fields.insert("secrets".to_owned(), json!(wanted.secrets));
        // Providers with public keys have no other secret.
        fields.entry("publicKey").or_insert_with(|| json!(first));
    }
    let headers = wanted.headers.iter().map(|line| {
        let (name, value) = line.split_once(':').ok_or_else(|| format!("--header {line:?}: write 'Name: value'"))?;
        Ok((name.trim().to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()))
    });
    let headers = headers.collect::<Result<Vec<_>, String>>()?;
    let now_ms = match &wanted.now {
        None => SystemClock.now().millis(),
        Some(text) => at(text).ok_or_else(|| format!("--now {text:?}: write Unix seconds or 2026-01-31T12:00:00Z"))?,
    };
    Ok((provider, config, headers, now_ms, body(&wanted.body)?))
}

fn at(text: &str) -> Option<i64> {
    match text.parse::<i64>() {
        Ok(seconds) => seconds.checked_mul(1000),
        Err(_) => domain::Timestamp::parse_rfc3339(text).map(domain::Timestamp::millis),
    }
}

/// A file, `-` for standard input, or the text itself when no such file exists.
pub fn body(text: &str) -> Result<Vec<u8>, String> {
    if text == "-" {
        let mut body = Vec::new();
        io::stdin().read_to_end(&mut body).map_err(|e| format!("standard input can't be read: {e}"))?;
        return Ok(body);
    }
    let path = text.strip_prefix('@');
    match (path, Path::new(path.unwrap_or(text))) {
        (None, path) if !path.is_file() => Ok(text.as_bytes().to_vec()),
        (_, path) => fs::read(path).map_err(|e| format!("{} can't be read: {e}", path.display())),
    }
}

/// Judges each vector of a file (a JSON array, or one object a line); a line of JSON for each: `{id, valid, reason}`.
pub fn vectors(file: &Path, out: &mut dyn Write) -> Exit {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return fail(format!("{} can't be read: {error}", file.display()), Exit::Usage),
    };
    let vectors = match read(&text) {
        Ok(vectors) => vectors,
        Err(error) => return fail(format!("{}: {error}", file.display()), Exit::Usage),
    };
    let folders = folders(file);
    let mut out = io::BufWriter::new(out);
    for (id, vector) in vectors {
        let verdict = vector.and_then(|vector| judge(&vector, base(&vector, &folders)).map_err(|e| e.to_string()));
        let line = match verdict {
            Ok(()) => json!({ "id": id, "valid": true, "reason": null }),
            Err(reason) => json!({ "id": id, "valid": false, "reason": reason }),
        };
        if writeln!(out, "{line}").is_err() {
            return Exit::Ok;
        }
    }
    told(out.flush(), Exit::Ok)
}

/// Where bodies in files of their own may be: named from the folder that holds the folders of vectors, or from the file's.
fn folders(file: &Path) -> Vec<PathBuf> {
    let whole = file.canonicalize().unwrap_or_default();
    let own = whole.parent();
    own.and_then(Path::parent).into_iter().chain(own).map(Path::to_owned).collect()
}

fn base<'a>(vector: &Vector, folders: &'a [PathBuf]) -> &'a Path {
    let name = vector.body_file.as_deref().unwrap_or_default();
    let holds = folders.iter().find(|folder| folder.join(name).is_file());
    holds.or(folders.first()).map_or(Path::new(""), PathBuf::as_path)
}

type Found = Vec<(Value, Result<Vector, String>)>;

fn read(text: &str) -> Result<Found, String> {
    let all: Vec<Value> = match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(all)) => all,
        Ok(mut one) => match one.get_mut("vectors").map(Value::take) {
            Some(Value::Array(all)) => all,
            _ => vec![one],
        },
        Err(whole) => {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            let lines = lines.map(serde_json::from_str).collect::<Result<Vec<_>, _>>();
            lines.map_err(|_| format!("neither a JSON array nor an object a line: {whole}"))?
        }
    };
    let one = |value: Value| {
        let id = value.get("id").cloned().unwrap_or_default();
        (id, serde_json::from_value(value).map_err(|e| format!("not a vector: {e}")))
    };
    Ok(all.into_iter().map(one).collect())
}

/// A reader that went away (`| head`) has all it wanted.
fn told(written: io::Result<()>, exit: Exit) -> Exit {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => fail(error, Exit::Failure),
        _ => exit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_is_seconds_or_a_time() {
        assert_eq!(at("1760000000"), Some(1_760_000_000_000));
        assert_eq!(at("2026-01-31T12:00:00Z"), Some(1_769_860_800_000));
        assert_eq!(at("yesterday"), None);
    }

    #[test]
    fn a_file_of_vectors_is_an_array_an_object_or_lines() {
        for text in ["[{\"id\":1},{\"id\":2}]", "{\"vectors\":[{\"id\":1},{\"id\":2}]}", "{\"id\":1}\n\n{\"id\":2}\n"] {
            let ids: Vec<Value> = read(text).unwrap().into_iter().map(|(id, _)| id).collect();
            assert_eq!(ids, [json!(1), json!(2)], "{text}");
        }
        assert!(read("{\"id\":1}\nnot json").is_err());
    }
}
