//! A plain HTML form for a form's fields, to paste into a page.
//!
//! **Invariant:** whatever a field is called, nothing leaves the attribute or text that it stands in. No script, no style
//! but what hides the honeypot.

use domain::html;
use domain::{FieldType, FormField, FormSpec};
use std::fmt::Write;

/// A text that may be longer than this gets several lines.
const LINE_LEN_MAX: u32 = 255;

/// Shown for a form that takes any fields.
const EXAMPLE: &str = "  <p><label>Email<br><input type=\"email\" name=\"email\" required></label></p>\n  \
                       <p><label>Message<br><textarea name=\"message\" rows=\"5\" required></textarea></label></p>\n";

pub(super) fn html(spec: &FormSpec, url: &str) -> String {
    let mut out = format!("<form action=\"{}\" method=\"post\"", html::escaped(url));
    if spec.files_max > 0 && spec.fields.iter().any(|f| f.kind == FieldType::File) {
        out.push_str(" enctype=\"multipart/form-data\"");
    }
    out.push_str(">\n");
    if spec.fields.is_empty() {
        out.push_str(EXAMPLE);
    }
    for field in &spec.fields {
        write_field(field, &mut out);
    }
    if let Some(trap) = &spec.honeypot {
        // People don't see it, nor do keyboards, form fillers and screen readers get there. Writing to a string can't fail.
        let _ = writeln!(
            out,
            "  <div style=\"position:absolute;left:-10000px\" aria-hidden=\"true\"><input type=\"text\" name=\"{}\" \
             tabindex=\"-1\" autocomplete=\"off\"></div>",
            html::escaped(trap)
        );
    }
    out.push_str("  <p><button type=\"submit\">Send</button></p>\n</form>\n");
    out
}

fn write_field(field: &FormField, out: &mut String) {
    let name = html::escaped(&field.name);
    let label = html::escaped(&label(&field.name));
    let mut rules = String::new();
    if field.required {
        rules.push_str(" required");
    }
    if let (Some(max), true) = (field.max_length, has_length(field.kind)) {
        let _ = write!(rules, " maxlength=\"{max}\"");
    }
    let input = |kind: &str, more: &str| format!("<input type=\"{kind}\" name=\"{name}\"{more}{rules}>");
    let control = match field.kind {
        FieldType::Text if field.max_length.is_some_and(|max| max > LINE_LEN_MAX) => {
            format!("<textarea name=\"{name}\" rows=\"5\"{rules}></textarea>")
        }
        FieldType::Text => input("text", ""),
        FieldType::Email => input("email", ""),
        FieldType::Url => input("url", ""),
        FieldType::Tel => input("tel", ""),
        FieldType::Number => input("number", " step=\"any\""),
        FieldType::Integer => input("number", " step=\"1\""),
        FieldType::Date => input("date", ""),
        FieldType::File => input("file", if field.multiple { " multiple" } else { "" }),
        FieldType::Choice => select(field, &name, &rules),
        FieldType::Checkbox => {
            let _ = writeln!(out, "  <p><label>{} {label}</label></p>", input("checkbox", " value=\"true\""));
            return;
        }
    };
    let _ = writeln!(out, "  <p><label>{label}<br>{control}</label></p>");
}

fn has_length(kind: FieldType) -> bool {
    matches!(kind, FieldType::Text | FieldType::Email | FieldType::Url | FieldType::Tel)
}

fn select(field: &FormField, name: &str, rules: &str) -> String {
    let multiple = if field.multiple { " multiple" } else { "" };
    let mut out = format!("<select name=\"{name}\"{multiple}{rules}>");
    if !field.multiple {
        // Nothing is chosen until somebody chooses.
        out.push_str("<option value=\"\"></option>");
    }
    for option in &field.options {
        let option = html::escaped(option);
        let _ = write!(out, "<option value=\"{option}\">{option}</option>");
    }
    out.push_str("</select>");
    out
}

/// `first_name` is "First name".
fn label(name: &str) -> String {
    let spaced = name.replace(['_', '-'], " ");
    let mut chars = spaced.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, kind: FieldType) -> FormField {
        FormField { name: name.into(), kind, ..FormField::default() }
    }

    fn of(fields: Vec<FormField>) -> String {
        html(&FormSpec { fields, files_max: 1, ..FormSpec::default() }, "https://go.example.com/f/tok?a=1&b")
    }

    #[test]
    fn each_type_has_its_control() {
        use FieldType::*;
        for (field, control) in [
            (field("a", Text), "<input type=\"text\" name=\"a\">"),
            (
                FormField { max_length: Some(9), required: true, ..field("a", Email) },
                "<input type=\"email\" name=\"a\" required maxlength=\"9\">",
            ),
            (
                FormField { max_length: Some(2_000), ..field("a", Text) },
                "<textarea name=\"a\" rows=\"5\" maxlength=\"2000\"></textarea>",
            ),
            (field("a", Url), "<input type=\"url\" name=\"a\">"),
            (field("a", Tel), "<input type=\"tel\" name=\"a\">"),
            (
                FormField { max_length: Some(9), ..field("a", Number) },
                "<input type=\"number\" name=\"a\" step=\"any\">",
            ),
            (field("a", Integer), "<input type=\"number\" name=\"a\" step=\"1\">"),
            (field("a", Date), "<input type=\"date\" name=\"a\">"),
            (field("a_b", Checkbox), "<label><input type=\"checkbox\" name=\"a_b\" value=\"true\"> A b</label>"),
            (
                FormField { options: vec!["x".into()], ..field("a", Choice) },
                "<select name=\"a\"><option value=\"\"></option><option value=\"x\">x</option></select>",
            ),
            (
                FormField { options: vec!["x".into()], multiple: true, ..field("a", Choice) },
                "<select name=\"a\" multiple><option value=\"x\">x</option></select>",
            ),
            (FormField { multiple: true, ..field("a", File) }, "<input type=\"file\" name=\"a\" multiple>"),
        ] {
            let is_file = field.kind == File;
            let html = of(vec![field]);
            assert!(html.contains(control), "{html}");
            assert_eq!(html.contains(" enctype=\"multipart/form-data\""), is_file, "{html}");
        }
    }

    #[test]
    fn the_honeypot_is_out_of_sight_and_reach() {
        let html = of(Vec::new());
        assert!(
            html.starts_with("<form action=\"https://go.example.com/f/tok?a=1&amp;b\" method=\"post\">\n"),
            "{html}"
        );
        assert!(html.contains("name=\"email\"") && html.contains("name=\"message\""));
        let trap = html.lines().find(|l| l.contains("_gotcha")).unwrap();
        for part in ["position:absolute", "aria-hidden=\"true\"", "tabindex=\"-1\"", "autocomplete=\"off\""] {
            assert!(trap.contains(part), "{trap}");
        }
        let open = html_without_trap();
        assert!(!open.contains("aria-hidden"), "{open}");
    }

    fn html_without_trap() -> String {
        html(&FormSpec { honeypot: None, ..FormSpec::default() }, "/f/x")
    }

    #[test]
    fn a_name_can_not_leave_its_place() {
        let nasty = "\"><script>'&";
        let spec = FormSpec {
            fields: vec![
                field(nasty, FieldType::Text),
                FormField { options: vec![nasty.into()], ..field("c", FieldType::Choice) },
            ],
            honeypot: Some(nasty.into()),
            ..FormSpec::default()
        };
        let html = html(&spec, nasty);
        assert!(!html.contains("<script"), "{html}");
        assert_eq!(html.matches("&quot;&gt;&lt;script&gt;&#39;&amp;").count(), 6, "{html}");
    }
}
