//! An operation as a program calls it: cURL, Python, JavaScript; with the Svix SDKs where they have the call.
//!
//! **Invariant:** a value is quoted by the rules of the language that it stands in.

use super::model::{Operation, Ordered};
use crate::view::pretty;
use serde_json::Value;
use serde_json::value::RawValue;

/// A longer body is written over several lines.
const ONE_LINE_MAX: usize = 48;

/// What a snippet calls.
pub(crate) struct Target<'a> {
    pub origin: &'a str,
    pub verb: &'a str,
    pub path: &'a str,
    pub op: &'a Operation,
}

pub(crate) struct Snippet {
    pub language: &'static str,
    pub text: String,
}

impl Target<'_> {
    pub fn snippets(&self) -> Vec<Snippet> {
        let (python, javascript) = match &self.op.sdk {
            Some(sdk) => (self.python_sdk(sdk), self.javascript_sdk(sdk)),
            None => (self.python(), self.javascript()),
        };
        vec![
            Snippet { language: "cURL", text: self.curl() },
            Snippet { language: "Python", text: python },
            Snippet { language: "JavaScript", text: javascript },
        ]
    }

    fn is_public(&self) -> bool {
        self.op.access == "public"
    }

    /// The path with examples for its parameters.
    fn filled(&self) -> String {
        let parts = self.path.split('/').map(|part| match parameter(part) {
            Some(name) => self.example_of(name),
            None => part.to_owned(),
        });
        parts.collect::<Vec<_>>().join("/")
    }

    fn example_of(&self, name: &str) -> String {
        let found = self.op.parameters.iter().find(|p| p.place == "path" && p.name == name);
        found.and_then(|p| p.example.as_ref()?.as_str()).unwrap_or(name).to_owned()
    }

    /// Kind and example of the body, if there is one.
    fn body(&self) -> Option<(&str, &RawValue)> {
        let (kind, media) = self.op.request_body.as_ref()?.content.0.first()?;
        Some((kind, media.example.as_deref()?))
    }

    fn curl(&self) -> String {
        let mut lines = vec![match self.verb {
            "get" => format!("curl {}", shell(&self.url())),
            verb => format!("curl -X {} {}", verb.to_uppercase(), shell(&self.url())),
        }];
        if !self.is_public() {
            lines.push("-H \"authorization: Bearer $POSTRIDER_TOKEN\"".to_owned());
        }
        if let Some((kind, body)) = self.body() {
            lines.push(format!("-H 'content-type: {kind}'"));
            let text = match kind {
                "application/json" if body.get().len() > ONE_LINE_MAX => pretty(body.get()),
                "application/json" => body.get().to_owned(),
                _ => serde_json::from_str(body.get()).unwrap_or_default(),
            };
            lines.push(format!("--data-binary {}", shell(&text)));
        }
        lines.join(" \\\n  ")
    }

    fn url(&self) -> String {
        format!("{}{}", self.origin, self.filled())
    }

    fn python(&self) -> String {
        let mut headers = Vec::new();
        if !self.is_public() {
            headers.push("\"authorization\": f\"Bearer {os.environ['POSTRIDER_TOKEN']}\"".to_owned());
        }
        let mut lines =
            vec![format!("    {},", quoted(&self.url())), format!("    method=\"{}\",", self.verb.to_uppercase())];
        if let Some((kind, body)) = self.body() {
            headers.push(format!("\"content-type\": \"{kind}\""));
            lines.push(match kind {
                "application/json" => format!("    data=json.dumps({}).encode(),", python(body.get(), 1)),
                _ => format!("    data={}.encode(),", body.get()),
            });
        }
        if !headers.is_empty() {
            lines.push(format!("    headers={{{}}},", headers.join(", ")));
        }
        let imports = "import json, os, urllib.request";
        format!(
            "{imports}\n\nrequest = urllib.request.Request(\n{}\n)\nwith urllib.request.urlopen(request) as answer:\n    print(answer.status, answer.read())",
            lines.join("\n")
        )
    }

    fn javascript(&self) -> String {
        let mut lines = Vec::new();
        if self.verb != "get" {
            lines.push(format!("  method: \"{}\",", self.verb.to_uppercase()));
        }
        let mut headers = Vec::new();
        if !self.is_public() {
            headers.push("authorization: `Bearer ${process.env.POSTRIDER_TOKEN}`".to_owned());
        }
        if let Some((kind, body)) = self.body() {
            headers.push(format!("\"content-type\": \"{kind}\""));
            lines.push(match kind {
                "application/json" => format!("  body: JSON.stringify({}),", indented(&pretty(body.get()), "  ")),
                _ => format!("  body: {},", body.get()),
            });
        }
        if !headers.is_empty() {
            lines.insert(lines.len().min(1), format!("  headers: {{ {} }},", headers.join(", ")));
        }
        let options = if lines.is_empty() { String::new() } else { format!(", {{\n{}\n}}", lines.join("\n")) };
        let url = quoted(&self.url());
        format!("const answer = await fetch({url}{options});\nconsole.log(answer.status, await answer.text());")
    }

    /// Names of the path's parameters, as quoted examples.
    fn arguments(&self) -> Vec<String> {
        self.path.split('/').filter_map(parameter).map(|name| quoted(&self.example_of(name))).collect()
    }

    fn python_sdk(&self, sdk: &str) -> String {
        let mut arguments = self.arguments();
        let mut imports = vec!["Svix", "SvixOptions"];
        let class = self.body_class(sdk);
        let members = self.body().and_then(|(_, raw)| serde_json::from_str::<Ordered<&RawValue>>(raw.get()).ok());
        if let (Some(class), Some(members)) = (class, members) {
            imports.push(class);
            let rows =
                members.0.iter().map(|(name, value)| format!("    {}={},\n", snake(name), python(value.get(), 1)));
            arguments.push(format!("{class}(\n{})", rows.collect::<String>()));
        }
        let call = format!("svix.{}({})", snake(sdk), arguments.join(", "));
        let call = if self.answers() { format!("print({call})") } else { call };
        let origin = quoted(self.origin);
        format!(
            "import os\nfrom svix.api import {}\n\nsvix = Svix(os.environ[\"POSTRIDER_TOKEN\"], SvixOptions(server_url={origin}))\n{call}",
            imports.join(", ")
        )
    }

    fn javascript_sdk(&self, sdk: &str) -> String {
        let mut arguments = self.arguments();
        if let Some((_, body)) = self.body() {
            arguments.push(pretty(body.get()));
        }
        let call = format!("await svix.{}({})", camel(sdk), arguments.join(", "));
        let call = if self.answers() { format!("console.log({call});") } else { format!("{call};") };
        let origin = quoted(self.origin);
        format!(
            "import {{ Svix }} from \"svix\";\n\nconst svix = new Svix(process.env.POSTRIDER_TOKEN, {{ serverUrl: {origin} }});\n{call}"
        )
    }

    fn answers(&self) -> bool {
        self.op.responses.0.iter().any(|(status, r)| status.starts_with('2') && !r.content.0.is_empty())
    }

    /// What the Python SDK calls the type of the body: as our schema, but for a few.
    fn body_class(&self, sdk: &str) -> Option<&str> {
        Some(match sdk {
            "endpoint.update" => "EndpointUpdate",
            "endpoint.replay-missing" => "ReplayIn",
            "authentication.dashboard-access" => return None,
            _ => {
                let (_, media) = self.op.request_body.as_ref()?.content.0.first()?;
                media.schema.reference.as_deref()?.rsplit('/').next()?
            }
        })
    }
}

fn parameter(part: &str) -> Option<&str> {
    part.strip_prefix('{')?.strip_suffix('}')
}

/// For a POSIX shell.
fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// As JSON quotes it, which Python and JavaScript read alike.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// `messageAttempt` and `message-attempt` are both `message_attempt`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        match c {
            '-' => out.push('_'),
            c if c.is_ascii_uppercase() => {
                out.push('_');
                out.push(c.to_ascii_lowercase());
            }
            c => out.push(c),
        }
    }
    out
}

/// `message-attempt.list-by-msg` is `messageAttempt.listByMsg`.
fn camel(name: &str) -> String {
    let mut out = String::new();
    let mut up = false;
    for c in name.chars() {
        if c == '-' {
            up = true;
            continue;
        }
        out.push(if up { c.to_ascii_uppercase() } else { c });
        up = false;
    }
    out
}

fn indented(text: &str, by: &str) -> String {
    text.replace('\n', &format!("\n{by}"))
}

/// JSON as Python writes it, members in their order.
fn python(json: &str, depth: usize) -> String {
    let pad = "    ".repeat(depth + 1);
    let end = "    ".repeat(depth);
    if let Ok(members) = serde_json::from_str::<Ordered<&RawValue>>(json) {
        let rows = members.0.iter().map(|(k, v)| format!("{pad}{}: {},\n", quoted(k), python(v.get(), depth + 1)));
        return if members.0.is_empty() { "{}".to_owned() } else { format!("{{\n{}{end}}}", rows.collect::<String>()) };
    }
    if let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(json) {
        if list.iter().all(|v| !v.get().starts_with('{')) {
            return format!("[{}]", list.iter().map(|v| python(v.get(), depth)).collect::<Vec<_>>().join(", "));
        }
        let rows = list.iter().map(|v| format!("{pad}{},\n", python(v.get(), depth + 1)));
        return format!("[\n{}{end}]", rows.collect::<String>());
    }
    match json {
        "null" => "None".to_owned(),
        "true" => "True".to_owned(),
        "false" => "False".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_for_their_language() {
        assert_eq!(shell("it's"), r"'it'\''s'");
        let want = "{\n    \"c\": [None, True],\n    \"b\": {},\n    \"a\": \"x\\\"y\",\n}";
        assert_eq!(python(r#"{"c":[null,true],"b":{},"a":"x\"y"}"#, 0), want);
        assert_eq!(snake("eventId"), "event_id");
        assert_eq!(snake("message-attempt.list-by-msg"), "message_attempt.list_by_msg");
        assert_eq!(camel("message-attempt.list-by-msg"), "messageAttempt.listByMsg");
    }
}
