//! Code that verifies a signature, in the languages that receivers are written in.
//!
//! The files are assets, so that the portal's scripts can fetch them too: `snippets/{name}.txt`, with `{{secret}}` where the
//! secret goes. **Invariant:** each needs nothing but its language's own library (Rust: three crates); those whose interpreters
//! are at hand are run by the tests.

/// A language.
pub(crate) struct Snippet {
    /// Of the asset: `python` is `snippets/python.txt`.
    pub name: &'static str,
    pub title: &'static str,
    text: &'static str,
}

macro_rules! snippets {
    ($($name:literal $title:literal;)*) => {
        pub(crate) static SNIPPETS: &[Snippet] =
            &[$(Snippet { name: $name, title: $title, text: include_str!(concat!("../assets/snippets/", $name, ".txt")) },)*];
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

/// What stands where a secret isn't shown.
pub(crate) const PLACEHOLDER: &str = "whsec_…";

impl Snippet {
    /// By name; the first where there is none of that name.
    pub fn find(name: &str) -> Option<&'static Snippet> {
        SNIPPETS.iter().find(|s| s.name == name).or(SNIPPETS.first())
    }
    pub fn with_secret(&self, secret: &str) -> String {
        self.text.replace("{{secret}}", secret)
    }
}

#[cfg(test)]
mod tests;
