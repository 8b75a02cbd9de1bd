//! Code that verifies a signature, in the languages that receivers are written in.
//!
//! The files are assets, so that the portal's scripts can fetch them too: `snippets/{name}.txt` for a shared secret and
//! `snippets/{name}-ed25519.txt` for a public key, with `{{secret}}` where that goes. **Invariant:** each needs nothing but its
//! language's own library (Rust: crates; Ed25519 in Python and C#: the usual package, since their own libraries have none), and
//! the tests run each whose interpreter Debian has.

/// A language.
pub(crate) struct Snippet {
    /// Of the asset: `python` is `snippets/python.txt`.
    pub name: &'static str,
    pub title: &'static str,
    /// HMAC-SHA256 under a shared secret.
    hmac: &'static str,
    ed25519: &'static str,
}

macro_rules! snippets {
    ($($name:literal $title:literal;)*) => {
        pub(crate) static SNIPPETS: &[Snippet] =
            &[$(Snippet {
                name: $name,
                title: $title,
                hmac: include_str!(concat!("../assets/snippets/", $name, ".txt")),
                ed25519: include_str!(concat!("../assets/snippets/", $name, "-ed25519.txt")),
            },)*];
    };
}

snippets! {
    "javascript" "JavaScript";
    "typescript" "TypeScript";
    "python" "Python";
    "go" "Go";
    "rust" "Rust";
    "php" "PHP";
    "ruby" "Ruby";
    "java" "Java";
    "kotlin" "Kotlin";
    "csharp" "C#";
    "shell" "Shell";
}

/// What stands where a secret, or a public key, isn't shown.
pub(crate) const PLACEHOLDER: &str = "whsec_…";
pub(crate) const PUBLIC_PLACEHOLDER: &str = "whpk_…";

impl Snippet {
    /// By name; the first where there is none of that name.
    pub fn find(name: &str) -> Option<&'static Snippet> {
        SNIPPETS.iter().find(|s| s.name == name).or(SNIPPETS.first())
    }
    /// The one for what receivers verify with: a shared secret, or a public key (`whpk_`).
    pub fn with_secret(&self, secret: &str) -> String {
        let text = if secret.starts_with("whpk_") { self.ed25519 } else { self.hmac };
        text.replace("{{secret}}", secret)
    }
}

#[cfg(test)]
mod tests;
