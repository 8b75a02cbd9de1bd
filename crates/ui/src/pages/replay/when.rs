//! The times that a replay may begin at: cards with the absolute time on each, or two fields.
//!
//! **Invariant:** what is chosen is an absolute time in the URL: a page that is reloaded means the same.

use crate::form::Form;
use crate::view::Html;
use domain::Timestamp;
use std::time::Duration;

/// The value of the card with the two fields.
pub(super) const CUSTOM: &str = "custom";

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

pub(super) struct Card {
    pub value: String,
    pub title: String,
    /// The absolute time.
    pub at: Html,
    pub is_chosen: bool,
}

/// What can be chosen; the one that the URL says is among them.
pub(super) fn cards(now: Timestamp, failing_since: Option<Timestamp>, params: &Form) -> Vec<Card> {
    let now = Timestamp(now.0 - now.0.rem_euclid(MINUTE_MS));
    let midnight = Timestamp(now.0 - now.0.rem_euclid(DAY_MS));
    let mut offered = Vec::new();
    if let Some(since) = failing_since {
        // The message came before its attempt failed.
        let since = Timestamp(since.0 - since.0.rem_euclid(MINUTE_MS)).minus(Duration::from_secs(60));
        offered.push(("Since failing began".to_owned(), since));
    }
    offered.extend([
        ("1 hour ago".to_owned(), now.minus(HOUR)),
        ("8 hours ago".to_owned(), now.minus(HOUR * 8)),
        ("Since yesterday".to_owned(), midnight.minus(HOUR * 24)),
        ("3 days ago".to_owned(), now.minus(HOUR * 72)),
        ("A week ago".to_owned(), now.minus(HOUR * 168)),
    ]);
    let chosen = Timestamp::parse_rfc3339(params.get("since"));
    if let Some(chosen) = chosen.filter(|at| !offered.iter().any(|(_, offer)| offer == at)) {
        offered.push(("As chosen".to_owned(), chosen));
    }
    let is_none = params.some("since").is_none();
    let card = |(i, (title, at)): (usize, (String, Timestamp))| Card {
        value: at.to_string(),
        title,
        at: minute(at),
        is_chosen: chosen == Some(at) || (is_none && i == 0),
    };
    offered.into_iter().enumerate().map(card).collect()
}

/// Since when and until when, if that was chosen; what is wrong with it, if it is.
pub(super) fn read(params: &Form) -> Result<Option<(Timestamp, Option<Timestamp>)>, String> {
    match params.get("since") {
        "" => Ok(None),
        CUSTOM => {
            let since = field(params.get("from")).ok_or("Say from when, in UTC.")?;
            let until = match params.some("to") {
                Some(text) => Some(field(text).ok_or("The end is not a time.")?),
                None => None,
            };
            match until.is_some_and(|until| until <= since) {
                true => Err("The end is before the beginning.".to_owned()),
                false => Ok(Some((since, until))),
            }
        }
        text => match Timestamp::parse_rfc3339(text) {
            Some(at) => Ok(Some((at, None))),
            None => Err("Choose a time below.".to_owned()),
        },
    }
}

/// `2026-11-21 18:04 UTC`; the seconds are zero, but for a time that was chosen otherwise.
fn minute(at: Timestamp) -> Html {
    let text = at.to_string().replacen('T', " ", 1).replace(".000Z", "").replace('Z', "");
    let text = text.strip_suffix(":00").unwrap_or(&text);
    Html(format!("<time datetime=\"{at}\">{text} UTC</time>"))
}

/// A `datetime-local` field, which has no zone: UTC.
fn field(text: &str) -> Option<Timestamp> {
    let seconds = if text.len() == "2026-11-21T07:44".len() { ":00Z" } else { "Z" };
    Timestamp::parse_rfc3339(&format!("{text}{seconds}")).or_else(|| Timestamp::parse_rfc3339(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Form {
        Form::parse(text.as_bytes())
    }
    const NOW: Timestamp = Timestamp(1_795_247_040_123);

    #[test]
    fn what_is_chosen_stays_chosen_when_time_goes_on() {
        let first = cards(NOW, None, &form(""));
        assert!(first[0].is_chosen && first.iter().filter(|c| c.is_chosen).count() == 1);
        let url = format!("since={}", first[1].value);
        let later = cards(NOW.plus(HOUR), None, &form(&url));
        let chosen: Vec<&Card> = later.iter().filter(|c| c.is_chosen).collect();
        assert_eq!((chosen.len(), chosen[0].value.as_str()), (1, first[1].value.as_str()));
    }

    #[test]
    fn when_it_began_to_fail_is_offered_first() {
        let cards = cards(NOW, Some(NOW.minus(HOUR * 5)), &form(""));
        assert!(cards[0].title.contains("failing") && cards[0].is_chosen);
    }

    #[test]
    fn fields_are_read_as_utc_and_checked() {
        let read = |text| read(&form(text));
        assert_eq!(read(""), Ok(None));
        let (since, until) = read("since=custom&from=2026-11-21T07:44&to=2026-11-21T08:00:30").unwrap().unwrap();
        assert_eq!(since.to_string(), "2026-11-21T07:44:00.000Z");
        assert_eq!(until.unwrap().to_string(), "2026-11-21T08:00:30.000Z");
        assert!(read("since=custom&from=2026-11-21T07:44&to=2026-11-20T07:44").is_err());
        assert!(read("since=custom").is_err() && read("since=soon").is_err());
    }
}
