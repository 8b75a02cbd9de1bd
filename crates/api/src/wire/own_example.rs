//! Examples of Postrider's own events, for endpoints that are tried out before the first real one.
//!
//! **Invariant:** each has the members that docs/links.md and docs/forms.md name, with values that nobody could take for a
//! visitor's.

/// The payload of an event of that type; `None` for types that aren't Postrider's own.
pub(crate) fn payload(event_type: &str) -> Option<&'static str> {
    match event_type {
        "link.clicked" => Some(CLICKED),
        "link.converted" => Some(CONVERTED),
        "form.submitted" => Some(SUBMITTED),
        _ => None,
    }
}

const CLICKED: &str = r#"{"type":"link.clicked","timestamp":"2026-01-01T12:00:00.000Z","data":{"click":"clk_example","link":"link_example","slug":"example","url":"https://go.example.com/l/example","target":"https://example.com/","tags":["example"],"referrer":"https://www.example.com/page","referrerHost":"www.example.com","utm":{"source":"example","medium":null,"campaign":null,"term":null,"content":null},"device":"desktop","os":"Windows","browser":"Firefox","country":null,"bot":false,"visitor":null,"doNotTrack":false,"first":true,"firstHuman":true,"unique":true}}"#;
const CONVERTED: &str = r#"{"type":"link.converted","timestamp":"2026-01-01T12:00:00.000Z","data":{"click":"clk_example","clickedAt":"2026-01-01T11:00:00.000Z","link":"link_example","slug":"example","target":"https://example.com/","tags":["example"],"name":"sale","value":19.9,"currency":"EUR","externalId":"example-1","bot":false,"first":true,"firstHuman":true,"unique":true}}"#;
const SUBMITTED: &str = r#"{"type":"form.submitted","timestamp":"2026-01-01T12:00:00.000Z","data":{"form":"form_example","formName":"Example","fields":{"name":"Ann Example","email":"ann@example.com","message":"This is an example."},"files":[],"origin":"https://www.example.com","referrer":"https://www.example.com/contact","referrerHost":"www.example.com","utm":{"source":null,"medium":null,"campaign":null,"term":null,"content":null},"device":"desktop","os":"Windows","browser":"Firefox","country":null,"bot":false,"visitor":null,"doNotTrack":false,"first":true,"firstHuman":true,"unique":true}}"#;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn each_example_is_an_event_of_its_type() {
        for name in ["link.clicked", "link.converted", "form.submitted"] {
            let event: Value = serde_json::from_str(payload(name).unwrap()).unwrap();
            assert_eq!(event["type"], name);
            assert!(event["data"].is_object() && event["timestamp"].is_string());
        }
        assert_eq!(payload("invoice.paid"), None);
    }
}
