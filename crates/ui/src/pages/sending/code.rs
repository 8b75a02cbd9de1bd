//! The same by API: what a page shows or does, as code to copy.
//!
//! **Invariant:** code has placeholders for tokens and no secret.

use crate::view::{self as v, Html};
use domain::html::escaped;

/// One thing, in three languages.
pub(crate) struct Code {
    pub curl: String,
    pub python: String,
    pub javascript: String,
}

impl Code {
    /// `method` and `path` below `/api/v1`, a JSON body or none, and the calls of the SDKs: Python's and JavaScript's.
    pub fn new(origin: &str, method: &str, path: &str, body: Option<&str>, python: &str, javascript: &str) -> Self {
        let verb = if method == "GET" { String::new() } else { format!(" -X {method}") };
        let data = match body {
            Some(body) => {
                format!(" \\\n  -H \"content-type: application/json\" \\\n  -d '{}'", body.replace('\'', r"'\''"))
            }
            None => String::new(),
        };
        Code {
            curl: format!(
                "curl{verb} \"{origin}/api/v1{path}\" \\\n  -H \"authorization: Bearer $POSTRIDER_TOKEN\"{data}"
            ),
            python: format!(
                "from svix.api import Svix, SvixOptions\n\nsvix = Svix(\"TOKEN\", SvixOptions(server_url=\"{origin}\"))\n{python}"
            ),
            javascript: format!(
                "import {{ Svix }} from \"svix\";\n\nconst svix = new Svix(\"TOKEN\", {{ serverUrl: \"{origin}\" }});\n{javascript}"
            ),
        }
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<section class=\"card same-by-api\"><header><h2>The same by API</h2></header>")?;
        for (at, (name, code)) in
            [("cURL", &self.curl), ("Python", &self.python), ("JavaScript", &self.javascript)].into_iter().enumerate()
        {
            let open = if at == 0 { " open" } else { "" };
            write!(
                f,
                "<details class=\"fold\" name=\"same-by-api\"{open}><summary>{name}</summary>{}</details>",
                block(code)
            )?;
        }
        f.write_str("</section>")
    }
}
impl askama::filters::HtmlSafe for Code {}

/// Code with a button that copies it.
pub(crate) fn block(code: &str) -> Html {
    Html(format!(
        "<div class=\"code-block\"><pre tabindex=\"0\"><code>{}</code></pre>{}</div>",
        escaped(code),
        v::copy(code, "Copy code")
    ))
}
