//! What the headers of a failed attempt's answer explain: where it redirects, and how long the receiver asks to wait.
//!
//! **Invariant:** what a receiver wrote is text; nothing is promised beyond what the retry schedule does.

use crate::pages::common::shorten;
use crate::view::duration;
use domain::{RetryAfter, RetrySchedule};
use store::Attempt;
use url::Url;

/// Characters of a redirect's target shown.
const TARGET_MAX: usize = 1000;

#[derive(Default)]
pub(crate) struct Hints {
    /// Where a redirect leads.
    pub location: Option<String>,
    /// A sentence on how long the receiver asked to wait, and whether it gets that.
    pub wait: Option<String>,
}

impl Hints {
    pub fn of(attempt: &Attempt, schedule: &RetrySchedule) -> Hints {
        let headers = attempt.detail.as_ref().and_then(|d| d.headers.as_ref());
        let Some(headers) = headers.filter(|_| !attempt.success) else { return Hints::default() };
        let location = headers.get("location").filter(|_| matches!(attempt.status_code, 300..=399));
        let asked = headers.get("retry-after").and_then(RetryAfter::parse);
        Hints {
            location: location.map(|to| target(&attempt.url, &String::from_utf8_lossy(to))),
            wait: asked.filter(|_| attempt.status_code != 410).map(|asked| wait(attempt, asked, schedule)),
        }
    }
}

/// A `Location` may be relative to what was asked for (RFC 9110, section 10.2.2).
fn target(asked: &str, location: &str) -> String {
    let whole = Url::parse(asked).and_then(|url| url.join(location)).ok();
    let whole = whole.filter(|url| matches!(url.scheme(), "http" | "https"));
    shorten(&whole.map_or_else(|| location.to_owned(), String::from), TARGET_MAX)
}

fn wait(attempt: &Attempt, asked: RetryAfter, schedule: &RetrySchedule) -> String {
    let at = attempt.id.created_at();
    let wanted = asked.from_now(at);
    let asked_for = format!("The receiver asked to wait {}", duration(wanted));
    if attempt.manual {
        return format!("{asked_for}.");
    }
    let planned = schedule.wait_after(attempt.number, None, at, 0);
    let longest = schedule.wait_after(attempt.number, Some(asked), at, 0);
    match planned.zip(longest) {
        None => format!("{asked_for}: no attempt follows this one."),
        Some((planned, _)) if wanted <= planned => {
            format!("{asked_for}: honoured, since the next attempt comes after {}.", duration(planned))
        }
        Some((_, longest)) if wanted <= longest => format!("{asked_for}: honoured."),
        Some((_, longest)) => {
            format!(
                "{asked_for}: the next attempt comes after {}, twice the planned delay and no later.",
                duration(longest)
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use domain::{AttemptDetail, AttemptId, DeliveryKey, EndpointId, HeaderLines, MessageId};

    fn failed(status_code: u16, number: u32, header: (&str, &str)) -> Attempt {
        let headers = HeaderLines::collect(|| std::iter::once((header.0, header.1.as_bytes())), 2048);
        Attempt {
            id: AttemptId(1 << 40),
            key: DeliveryKey { message: MessageId(1), endpoint: EndpointId(1), ordinal: 0 },
            number,
            success: false,
            status_code,
            duration_us: 1,
            manual: false,
            url: "https://acme.io/a/hook?k=v".to_owned(),
            response: Some(Bytes::new()),
            detail: Some(AttemptDetail { headers: Some(headers), ..AttemptDetail::default() }),
            message: None,
        }
    }
    fn hints(attempt: &Attempt) -> Hints {
        Hints::of(attempt, &RetrySchedule::default())
    }

    #[test]
    fn what_the_receiver_asks_for_is_told_with_what_it_gets() {
        let check = |status: u16, number: u32, value: &str, want: Option<&str>| {
            assert_eq!(hints(&failed(status, number, ("retry-after", value))).wait.as_deref(), want, "{value}");
        };
        let anyway = "The receiver asked to wait 1 m: honoured, since the next attempt comes after 5 m.";
        check(503, 2, "60", Some(anyway));
        check(503, 3, "1801", Some("The receiver asked to wait 30 m: honoured."));
        let capped =
            "The receiver asked to wait 2 h: the next attempt comes after 10 m, twice the planned delay and no later.";
        check(429, 2, "7200", Some(capped));
        check(503, 10, "60", Some("The receiver asked to wait 1 m: no attempt follows this one."));
        check(410, 1, "60", None);
        check(503, 1, "soon", None);
        let by_hand = Attempt { manual: true, ..failed(503, 1, ("retry-after", "60")) };
        assert_eq!(hints(&by_hand).wait.as_deref(), Some("The receiver asked to wait 1 m."));
    }

    #[test]
    fn a_redirect_leads_where_it_says_from_where_it_was_asked() {
        for (location, want) in [
            ("https://www.acme.io/hook", "https://www.acme.io/hook"),
            ("/a/hook/", "https://acme.io/a/hook/"),
            ("b", "https://acme.io/a/b"),
            ("javascript:alert(1)", "javascript:alert(1)"),
            ("http://[", "http://["),
        ] {
            assert_eq!(hints(&failed(301, 1, ("location", location))).location.as_deref(), Some(want));
        }
        assert_eq!(hints(&failed(503, 1, ("location", "/there"))).location, None);
        let done = Attempt { success: true, ..failed(301, 1, ("location", "/there")) };
        assert_eq!(hints(&done).location, None);
        let bare = Attempt { detail: None, ..failed(301, 1, ("location", "/there")) };
        assert_eq!(hints(&bare).location, None);
    }
}
