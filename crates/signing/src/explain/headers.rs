//! Headers that are missing, renamed, doubled, or written in another code than the scheme's.
//!
//! **Invariant:** a mended header is only ever tried, never taken for what came.

use super::secrets::{decode_any, decode_hex};
use super::{Case, Finding, Found};
use crate::providers::Refusal;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// The two families of names, each id, timestamp, signature.
pub(super) const FAMILIES: [[&str; 3]; 2] =
    [["webhook-id", "webhook-timestamp", "webhook-signature"], ["svix-id", "svix-timestamp", "svix-signature"]];

/// The family whose signature came, if it is a Standard Webhooks request.
pub(super) fn family(case: &Case<'_>) -> Option<[&'static str; 3]> {
    FAMILIES.into_iter().find(|names| case.text(names[2]).is_some())
}

pub(super) fn missing<'a>(case: &Case<'a>, name: &str, refusal: &Refusal) -> Found<'a> {
    // Gateways write `HTTP_WEBHOOK_ID`, or put something before the name.
    let plain = |text: &str| text.to_ascii_lowercase().replace('_', "-");
    let near = case.headers.iter().find(|(n, v)| {
        let n = plain(n);
        !v.is_empty()
            && n != name
            && (n.strip_prefix("http-").unwrap_or(&n) == name
                || n.strip_prefix("x-").unwrap_or(&n) == name
                || n.ends_with(&format!("-{name}")))
    });
    if let Some((near, value)) = near {
        let mut mended = case.clone();
        mended.set(name, value.clone());
        let text = format!("The header `{name}` came under the name `{near}`.");
        let fix =
            format!("A gateway or framework renames headers: read it as `{near}`, or let `{name}` through unchanged.");
        return (Finding::new("header_renamed", text, fix), Some(mended));
    }
    // One family's id and the other's signature.
    for (names, others) in [(FAMILIES[0], FAMILIES[1]), (FAMILIES[1], FAMILIES[0])] {
        let twin = names.iter().position(|n| *n == name).and_then(|at| others.get(at).copied());
        if let Some((twin, value)) = twin.and_then(|twin| Some((twin, case.text(twin)?))) {
            let mut mended = case.clone();
            mended.set(name, value);
            if mended.gets_further(refusal) {
                let text = format!(
                    "The header `{name}` is missing, while `{twin}` is there: names of two families are mixed."
                );
                let fix = "Take all three headers from one family: `webhook-*` or `svix-*`.";
                return (Finding::new("header_missing", text, fix), Some(mended));
            }
        }
    }
    let is_empty = case.headers.iter().any(|(n, _)| n == name);
    let text =
        if is_empty { format!("The header `{name}` is empty.") } else { format!("The header `{name}` is missing.") };
    let fix = "Look at the request as it arrives, before any proxy: what the receiver reads must have all the headers that were sent. Nginx drops names with \
               underscores, and some serverless platforms keep only headers that are listed.";
    (Finding::new("header_missing", text, fix), None)
}

pub(super) fn doubled<'a>(case: &Case<'a>, name: &str) -> Found<'a> {
    let values: Vec<Vec<u8>> = case.values(name).map(<[u8]>::to_vec).collect();
    let same = values.windows(2).all(|pair| pair.first() == pair.get(1));
    let text = match same {
        true => format!("The header `{name}` came {} times, with the same value.", values.len()),
        false => format!("The header `{name}` came {} times, with different values.", values.len()),
    };
    let fix = "Something on the way adds it again: a proxy, or a client that sets headers twice. Only one may arrive.";
    let with = |value: &Vec<u8>| {
        let mut mended = case.clone();
        mended.set(name, value.clone());
        mended
    };
    let mended = values.iter().map(with).find(Case::holds).or_else(|| values.first().map(with));
    (Finding::new("header_doubled", text, fix), mended)
}

pub(super) fn malformed<'a>(case: &Case<'a>, refusal: &Refusal, why: &str) -> Found<'a> {
    if let Some([_, timestamp, signature]) = family(case) {
        if why.contains("timestamp") {
            return stamp(case, timestamp, refusal);
        }
        return signature_of(case, signature, refusal);
    }
    // Any other scheme: its signature stands in some header, hexadecimal where base64 is meant, or the other way round.
    for (name, value) in case.headers.clone() {
        let Ok(text) = std::str::from_utf8(&value) else { continue };
        for (code, text) in recoded(text) {
            let mut mended = case.clone();
            mended.set(&name, text);
            if mended.gets_further(refusal) {
                let text = format!("The value of `{name}` is in {code}, which this provider doesn't write.");
                return (
                    Finding::new("signature_encoding", text, "Hand the header on as it came, unchanged."),
                    Some(mended),
                );
            }
        }
    }
    (Finding::new("signature_malformed", format!("{why}."), "Hand the header on as it came, unchanged."), None)
}

/// The same value in the other code, with and without white space and quotes.
fn recoded(text: &str) -> Vec<(&'static str, String)> {
    let bare = text.trim().trim_matches(['"', '\'']).trim();
    let mut all = vec![("quotes or white space", bare.to_owned())];
    let (prefix, encoded) = bare.rsplit_once('=').filter(|(_, e)| !e.is_empty()).map_or(("", bare), |(p, e)| (p, e));
    let glue = if prefix.is_empty() { "" } else { "=" };
    if let Some(bytes) = decode_hex(encoded) {
        all.push(("hexadecimal digits", format!("{prefix}{glue}{}", BASE64_STANDARD.encode(bytes))));
    }
    if let Some(bytes) = decode_any(bare) {
        all.push(("base64", bytes.iter().map(|byte| format!("{byte:02x}")).collect()));
        all.push(("the URL-safe alphabet of base64", BASE64_STANDARD.encode(&bytes)));
    }
    all
}

/// The timestamp is no whole number of seconds. It is part of what is signed, so that it can't be mended.
fn stamp<'a>(case: &Case<'a>, name: &str, refusal: &Refusal) -> Found<'a> {
    let text = case.text(name).unwrap_or_default();
    let trimmed = text.trim().trim_matches(['"', '\'']);
    let mut mended = case.clone();
    mended.set(name, trimmed);
    if trimmed != text && mended.gets_further(refusal) {
        let text = format!("`{name}` has white space or quotes around its digits.");
        return (Finding::new("timestamp_malformed", text, "Hand the header on as it came, unchanged."), Some(mended));
    }
    let what = if trimmed.parse::<f64>().is_ok() && trimmed.contains('.') {
        "has a fraction"
    } else if trimmed.contains([':', 'T', '/']) {
        "is a date"
    } else {
        "is no number of seconds"
    };
    let fix = "The sender has to write whole Unix seconds, and sign the same text.";
    (Finding::new("timestamp_malformed", format!("`{name}` {what}: it must be whole Unix seconds."), fix), None)
}

fn signature_of<'a>(case: &Case<'a>, name: &str, refusal: &Refusal) -> Found<'a> {
    let text = case.text(name).unwrap_or_default().to_owned();
    for (items, what, fix) in rewritten(&text) {
        let mut mended = case.clone();
        mended.set(name, items);
        if mended.gets_further(refusal) {
            return (Finding::new("signature_encoding", format!("`{name}` {what}"), fix), Some(mended));
        }
    }
    let versions: Vec<&str> = text.split([' ', ',']).filter(|item| item.len() < 5 && item.starts_with('v')).collect();
    if versions.iter().any(|version| !matches!(*version, "v1" | "v1a")) {
        let text = format!("`{name}` has signatures of an unknown version only ({}).", versions.join(", "));
        return (Finding::new("version_unknown", text, "This verifies `v1` (HMAC-SHA256) and `v1a` (Ed25519)."), None);
    }
    let text = format!(
        "`{name}` has no signature that could be one: each is `v1,` and 44 characters of base64, or `v1a,` and 88."
    );
    (Finding::new("signature_malformed", text, "Copy the whole value of the header, unchanged."), None)
}

/// Other ways to write a list of signatures, and what they are.
fn rewritten(text: &str) -> Vec<(String, &'static str, &'static str)> {
    const FIX: &str = "Each signature is `v1,` and standard base64; several are separated by one space.";
    let bare = text.trim().trim_matches(['"', '\'']).trim();
    let mut all = Vec::new();
    if bare != text {
        all.push((
            bare.to_owned(),
            "has white space or quotes around its value.",
            "Hand the header on as it came, unchanged.",
        ));
    }
    // `v1,a,v1,b`, `v1,a, v1,b`, `v1=a`, `v1:a`.
    let listed = bare.replace(", ", " ").replace(",v1", " v1").replace(';', " ");
    all.push((listed.clone(), "separates its signatures by commas.", FIX));
    let marked = listed.replace("v1=", "v1,").replace("v1:", "v1,").replace("v1a=", "v1a,").replace("v1a:", "v1a,");
    all.push((marked.clone(), "writes the version with `=` or `:` in place of a comma.", FIX));
    if let Some((version, encoded)) = marked.split_once(',').filter(|(_, encoded)| encoded.contains(' ')) {
        all.push((
            format!("{version},{}", encoded.replace(' ', "+")),
            "lost its plus signs: a form's decoder made spaces of them.",
            "Headers aren't forms: don't decode them.",
        ));
    }
    let each = |code: &dyn Fn(&str) -> Option<String>| -> String {
        marked
            .split_ascii_whitespace()
            .filter_map(|item| {
                let (version, encoded) = item.split_once(',').unwrap_or(("v1", item));
                Some(format!("{version},{}", code(encoded)?))
            })
            .collect::<Vec<_>>()
            .join(" ")
    };
    let hex = |encoded: &str| {
        decode_hex(encoded.rsplit('=').next().unwrap_or(encoded)).map(|bytes| BASE64_STANDARD.encode(bytes))
    };
    let standard = |encoded: &str| {
        decode_any(encoded.strip_prefix("sha256=").unwrap_or(encoded)).map(|bytes| BASE64_STANDARD.encode(bytes))
    };
    all.push((each(&hex), "has hexadecimal digits; a signature is base64.", FIX));
    let is_bare = !marked.contains("v1");
    all.push((
        each(&standard),
        if is_bare {
            "lacks the version: `v1,` before the signature."
        } else {
            "is in the URL-safe alphabet of base64, or lacks its padding."
        },
        FIX,
    ));
    all.retain(|(items, ..)| !items.is_empty() && items != text);
    all
}

/// The id or timestamp of the other family, or one with white space, is what was signed.
pub(super) fn swapped<'a>(case: &Case<'a>) -> Option<Found<'a>> {
    let names = family(case)?;
    let others = FAMILIES.into_iter().find(|family| *family != names)?;
    for (at, noun) in [(0, "id"), (1, "timestamp"), (2, "signature")] {
        let (name, other) = (*names.get(at)?, *others.get(at)?);
        if let Some(value) = case.text(other).filter(|value| case.text(name) != Some(value)) {
            let mut mended = case.clone();
            mended.set(name, value);
            if mended.holds() {
                let text = format!("`{name}` is not the {noun} that was signed: `{other}` is.");
                let fix = "Both families of headers came, and they differ: something on the way writes one of them anew. Verify with the other.";
                return Some((Finding::new("id_mismatch", text, fix), Some(mended)));
            }
        }
    }
    let [id, ..] = names;
    let value = case.text(id)?;
    let body_id = serde_json::from_slice::<serde_json::Value>(&case.body)
        .ok()
        .and_then(|v| Some(v.get("id")?.as_str()?.to_owned()));
    let trimmed = Some(value.trim().to_owned()).filter(|trimmed| trimmed != value);
    for (candidate, what) in
        [(trimmed, "has white space around it"), (body_id, "is not the id that was signed: the body's `id` is")]
    {
        let Some(candidate) = candidate else { continue };
        let mut mended = case.clone();
        mended.set(id, candidate);
        if mended.holds() {
            return Some((
                Finding::new("id_mismatch", format!("`{id}` {what}."), "Hand the header on as it came, unchanged."),
                Some(mended),
            ));
        }
    }
    None
}
