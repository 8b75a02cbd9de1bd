//! Reads server-sent events (WHATWG HTML, section 9.2) from pieces of a body.
//!
//! **Invariant:** memory is bounded: a line or an event over the limit is an error, not a bigger buffer.

/// One event; without data it only says where the stream stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its type; empty is `message`.
    pub event: String,
    pub id: Option<String>,
    pub data: String,
}

/// Collects pieces into events.
pub struct Reader {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    after_cr: bool,
    limit: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is longer than {0} bytes")]
pub struct TooLong(usize);

impl Reader {
    /// `limit` is the longest line and the longest event, in bytes.
    pub fn new(limit: usize) -> Self {
        Reader { line: Vec::new(), event: Event::default(), has_data: false, after_cr: false, limit }
    }

    /// The events that `piece` completes.
    pub fn push(&mut self, piece: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        for byte in piece {
            match byte {
                b'\n' if self.after_cr => self.after_cr = false,
                b'\n' | b'\r' => {
                    self.after_cr = *byte == b'\r';
                    events.extend(self.end_line());
                }
                byte => {
                    self.after_cr = false;
                    if self.line.len() + self.event.data.len() >= self.limit {
                        return Err(TooLong(self.limit));
                    }
                    self.line.push(*byte);
                }
            }
        }
        Ok(events)
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            // An id alone is where to go on from.
            return (std::mem::take(&mut self.has_data) || event.id.is_some()).then_some(event);
        }
        let line = String::from_utf8_lossy(&line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                self.has_data = true;
            }
            "event" => self.event.event = value.to_owned(),
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            // A comment (a heartbeat), `retry`, or something of the future.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(event: &str, id: Option<&str>, data: &str) -> Event {
        Event { event: event.into(), id: id.map(Into::into), data: data.into() }
    }

    #[test]
    fn events_are_the_same_however_the_stream_is_cut() {
        let stream = ": heartbeat\n\nretry: 2000\nid: 0\n\nevent: request\nid: 1\ndata: {\"a\":\ndata: 1}\n\r\ndata:x\r\n\r\nid: 2\r\r\ndata: ü\r\r";
        let want = [
            event("", Some("0"), ""),
            event("request", Some("1"), "{\"a\":\n1}"),
            event("", None, "x"),
            event("", Some("2"), ""),
            event("", None, "ü"),
        ];
        for size in 1..stream.len() {
            let mut reader = Reader::new(1000);
            let got: Vec<Event> = stream.as_bytes().chunks(size).flat_map(|c| reader.push(c).unwrap()).collect();
            assert_eq!(got, want, "{size}");
        }
    }

    #[test]
    fn an_endless_line_is_an_error() {
        let mut reader = Reader::new(100);
        assert_eq!(reader.push(&[b'x'; 101]), Err(TooLong(100)));
        let mut reader = Reader::new(100);
        let lines = "data: 0123456789\n".repeat(20);
        assert_eq!(reader.push(lines.as_bytes()), Err(TooLong(100)));
    }
}
