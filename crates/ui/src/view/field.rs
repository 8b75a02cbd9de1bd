//! A field of a form: label, input, hint, and what was wrong with it.
//!
//! **Invariant:** hint and complaint are tied to the input by `aria-describedby`; every text is escaped.

use super::icon;
use domain::html::escaped;
use std::fmt;

#[derive(Clone, Debug, Default)]
pub(crate) struct Field {
    name: String,
    label: String,
    kind: &'static str,
    value: String,
    hint: String,
    error: String,
    autocomplete: &'static str,
    placeholder: &'static str,
    max: usize,
    required: bool,
    focused: bool,
    read_only: bool,
}

/// A text field.
pub(crate) fn field(name: &str, label: &str) -> Field {
    Field { name: name.into(), label: label.into(), kind: "text", max: 400, ..Field::default() }
}

impl Field {
    /// `email`, `password`, `url`, `search`, `datetime-local`...
    pub fn kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }
    pub fn value(mut self, value: &str) -> Self {
        self.value = value.into();
        self
    }
    pub fn hint(mut self, hint: &str) -> Self {
        self.hint = hint.into();
        self
    }
    /// What was wrong with it; empty if nothing was.
    pub fn error(mut self, error: &str) -> Self {
        self.error = error.into();
        self
    }
    pub fn autocomplete(mut self, what: &'static str) -> Self {
        self.autocomplete = what;
        self
    }
    pub fn placeholder(mut self, text: &'static str) -> Self {
        self.placeholder = text;
        self
    }
    pub fn max(mut self, characters: usize) -> Self {
        self.max = characters;
        self
    }
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }
    pub fn focused(mut self) -> Self {
        self.focused = true;
        self
    }
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = format!("f-{}", escaped(&self.name));
        let wrong = !self.error.is_empty();
        let class = if wrong { "field wrong" } else { "field" };
        write!(f, "<div class=\"{class}\"><label for=\"{id}\">{}", escaped(&self.label))?;
        if !self.required && !self.read_only && self.kind != "search" {
            f.write_str(" <span class=\"optional\">optional</span>")?;
        }
        write!(f, "</label><input id=\"{id}\" name=\"{}\" type=\"{}\"", escaped(&self.name), self.kind)?;
        write!(f, " maxlength=\"{}\"", self.max)?;
        if !self.value.is_empty() {
            write!(f, " value=\"{}\"", escaped(&self.value))?;
        }
        for (name, text) in [("autocomplete", self.autocomplete), ("placeholder", self.placeholder)] {
            if !text.is_empty() {
                write!(f, " {name}=\"{}\"", escaped(text))?;
            }
        }
        if matches!(self.kind, "email" | "url" | "password") {
            f.write_str(" spellcheck=\"false\" autocapitalize=\"none\"")?;
        }
        for (is, word) in [
            (self.required, " required"),
            (self.focused, " autofocus"),
            (self.read_only, " readonly"),
            (wrong, " aria-invalid=\"true\""),
        ] {
            if is {
                f.write_str(word)?;
            }
        }
        let described = [(!self.hint.is_empty(), "hint"), (wrong, "error")];
        let ids: Vec<String> = described.iter().filter(|(is, _)| *is).map(|(_, what)| format!("{id}-{what}")).collect();
        if !ids.is_empty() {
            write!(f, " aria-describedby=\"{}\"", ids.join(" "))?;
        }
        f.write_str(">")?;
        if !self.hint.is_empty() {
            write!(f, "<p class=\"hint\" id=\"{id}-hint\">{}</p>", escaped(&self.hint))?;
        }
        if wrong {
            write!(f, "<p class=\"error\" id=\"{id}-error\">{} {}</p>", icon("alert"), escaped(&self.error))?;
        }
        f.write_str("</div>")
    }
}

impl askama::filters::HtmlSafe for Field {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_tied_to_its_input_and_nothing_is_markup() {
        let html = field("e", "<b>").value("\"><script>").hint("h").error("<i>").required().to_string();
        assert!(html.contains("aria-describedby=\"f-e-hint f-e-error\"") && html.contains("aria-invalid"), "{html}");
        assert!(!html.contains("<script>") && !html.contains("<i>") && !html.contains("<b>"), "{html}");
    }
}
