//! Reads CSV as it comes, in pieces: RFC 4180, with `,`, `;` or tab between cells, and CRLF, LF or CR after rows.
//!
//! Unlike common readers it tells of quotes that are never closed and of text after a closing one, and goes on with the
//! line after the one on which such a row began: a stray quote costs its own line, not the rest of the file.
//!
//! **Invariant:** holds at most [`ROW_BYTES_MAX`] bytes and the last piece; each byte of a row is looked at a bounded
//! number of times, however small the pieces are.

/// Bytes of a row at most; of a longer one nothing is used.
pub(crate) const ROW_BYTES_MAX: usize = 64 * 1024;
const BOM: &[u8] = b"\xEF\xBB\xBF";
/// Where counts are equal, the first wins.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// What [`Reader::advance`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// [`Reader::row`] has it.
    Row,
    /// The row that begins on this line (the first is 1) can't be read.
    Bad {
        line: u64,
        why: &'static str,
    },
    /// Nothing more can be said before the next piece.
    More,
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    CellStart,
    Plain,
    Quoted,
    /// After a quote within a quoted cell: the end of it, or the first of two.
    Closed,
}

pub(crate) struct Reader {
    /// `None` until the first row is there.
    delimiter: Option<u8>,
    /// A line end came since it was last looked for.
    look: bool,
    buf: Vec<u8>,
    /// Where the row begins in `buf`, and how far it was read.
    start: usize,
    at: usize,
    state: State,
    /// The line of `start`, and line ends within the row.
    line: u64,
    inner_lines: u64,
    after_cr: bool,
    /// A row ended with CR: an LF right after belongs to it.
    eat_lf: bool,
    /// The rest of the line is dropped.
    skipping: bool,
    ended: bool,
    /// The row's cells, one after the other, without quotes; and where each ends.
    cells: Vec<u8>,
    ends: Vec<usize>,
    row_line: u64,
}

/// A row. Its cells are bytes: whether they are text is for who knows what they mean.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    /// The line on which it begins; the first is 1.
    pub line: u64,
    cells: &'a [u8],
    ends: &'a [usize],
}

impl<'a> Row<'a> {
    pub fn len(&self) -> usize {
        self.ends.len()
    }
    /// What it takes, about.
    pub fn bytes(&self) -> usize {
        self.cells.len() + size_of_val(self.ends)
    }
    pub fn get(&self, i: usize) -> Option<&'a [u8]> {
        let from = if i == 0 { 0 } else { *self.ends.get(i - 1)? };
        self.cells.get(from..*self.ends.get(i)?)
    }
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.len()).filter_map(move |i| self.get(i))
    }
    /// Nothing in it, as programs write below a table.
    pub fn is_blank(&self) -> bool {
        self.cells.iter().all(u8::is_ascii_whitespace)
    }
}

impl Reader {
    pub fn new() -> Self {
        Reader {
            delimiter: None,
            look: false,
            buf: Vec::new(),
            start: 0,
            at: 0,
            state: State::CellStart,
            line: 1,
            inner_lines: 0,
            after_cr: false,
            eat_lf: false,
            skipping: false,
            ended: false,
            cells: Vec::new(),
            ends: Vec::new(),
            row_line: 0,
        }
    }

    pub fn push(&mut self, piece: &[u8]) {
        if self.start > 0 {
            self.buf.drain(..self.start);
            self.at -= self.start;
            self.start = 0;
        }
        self.look |= self.delimiter.is_none() && piece.iter().any(|b| matches!(b, b'\n' | b'\r'));
        self.buf.extend_from_slice(piece);
    }
    /// There are no more pieces.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The row that the last [`Self::advance`] came to.
    pub fn row(&self) -> Row<'_> {
        Row { line: self.row_line, cells: &self.cells, ends: &self.ends }
    }

    pub fn advance(&mut self) -> Step {
        let Some(delimiter) = self.delimiter.or_else(|| self.detect()) else { return Step::More };
        if self.at == self.start && !self.settle_start() {
            return if self.ended { Step::End } else { Step::More };
        }
        loop {
            let limit = self.start + ROW_BYTES_MAX;
            let rest = self.buf.get(self.at..self.buf.len().min(limit)).unwrap_or_default();
            let Some(&byte) = rest.first() else {
                return match self.at >= limit && self.at < self.buf.len() {
                    true => self.give_up("is longer than 64 KiB (is a quote not closed?)"),
                    false if self.ended => self.last_row(),
                    false => Step::More,
                };
            };
            match self.state {
                State::CellStart if byte == b'"' => {
                    self.at += 1;
                    self.state = State::Quoted;
                }
                State::CellStart => self.state = State::Plain,
                State::Plain => {
                    let is_end = |b: &u8| *b == delimiter || matches!(*b, b'\n' | b'\r');
                    let run = rest.iter().position(is_end).unwrap_or(rest.len());
                    let (text, end) = rest.split_at_checked(run).unwrap_or((rest, &[]));
                    self.cells.extend_from_slice(text);
                    self.at += run;
                    if let Some(&end) = end.first()
                        && let Some(row) = self.end_cell(end, delimiter)
                    {
                        return row;
                    }
                }
                State::Quoted => self.read_quoted(),
                State::Closed if byte == b'"' => {
                    self.cells.push(byte);
                    self.at += 1;
                    self.state = State::Quoted;
                }
                State::Closed if byte == delimiter || matches!(byte, b'\n' | b'\r') => {
                    if let Some(row) = self.end_cell(byte, delimiter) {
                        return row;
                    }
                }
                State::Closed => return self.give_up("has text after a closing quote (is a quote not closed?)"),
            }
        }
    }

    /// Up to the next quote.
    fn read_quoted(&mut self) {
        let end = self.buf.len().min(self.start + ROW_BYTES_MAX);
        let rest = self.buf.get(self.at..end).unwrap_or_default();
        let run = rest.iter().position(|b| *b == b'"');
        let text = rest.get(..run.unwrap_or(rest.len())).unwrap_or_default();
        for byte in text {
            if *byte == b'\r' || (*byte == b'\n' && !self.after_cr) {
                self.inner_lines += 1;
            }
            self.after_cr = *byte == b'\r';
        }
        self.cells.extend_from_slice(text);
        self.at += text.len();
        if run.is_some() {
            self.at += 1;
            self.after_cr = false;
            self.state = State::Closed;
        }
    }

    /// The cell ends with `byte`: the delimiter, or a line end, which ends the row.
    fn end_cell(&mut self, byte: u8, delimiter: u8) -> Option<Step> {
        self.at += 1;
        self.ends.push(self.cells.len());
        self.state = State::CellStart;
        if byte == delimiter {
            return None;
        }
        self.eat_lf = byte == b'\r';
        let lines = self.inner_lines + 1;
        Some(self.end_row(lines))
    }

    fn end_row(&mut self, lines: u64) -> Step {
        self.row_line = self.line;
        self.go_on_at(self.at, lines);
        Step::Row
    }

    fn go_on_at(&mut self, at: usize, lines: u64) {
        (self.start, self.at) = (at, at);
        self.line += lines;
        self.inner_lines = 0;
        self.after_cr = false;
        self.state = State::CellStart;
    }

    /// The file ends here, without a line end.
    fn last_row(&mut self) -> Step {
        if self.state == State::Quoted {
            return self.give_up("opens a quote that is never closed");
        }
        self.ends.push(self.cells.len());
        self.end_row(1)
    }

    /// Drops the line on which the row begins.
    fn give_up(&mut self, why: &'static str) -> Step {
        let bad = Step::Bad { line: self.line, why };
        let read = self.buf.get(self.start..self.at).unwrap_or_default();
        match read.iter().position(|b| matches!(b, b'\n' | b'\r')) {
            Some(end) => {
                self.eat_lf = read.get(end) == Some(&b'\r');
                self.go_on_at(self.start + end + 1, 1);
            }
            None => {
                self.skipping = true;
                self.go_on_at(self.at, 0);
            }
        }
        bad
    }

    /// Gets ready for the next row; whether there is a byte of it.
    fn settle_start(&mut self) -> bool {
        self.cells.clear();
        self.ends.clear();
        if self.skipping {
            let rest = self.buf.get(self.at..).unwrap_or_default();
            let Some(end) = rest.iter().position(|b| matches!(b, b'\n' | b'\r')) else {
                self.go_on_at(self.buf.len(), 0);
                return false;
            };
            self.eat_lf = rest.get(end) == Some(&b'\r');
            self.skipping = false;
            self.go_on_at(self.at + end + 1, 1);
        }
        let Some(first) = self.buf.get(self.at) else { return false };
        if self.eat_lf && *first == b'\n' {
            (self.start, self.at) = (self.at + 1, self.at + 1);
        }
        self.eat_lf = false;
        self.at < self.buf.len()
    }

    /// What stands between cells: what is most often in the first line with anything in it, outside quotes.
    fn detect(&mut self) -> Option<u8> {
        let mut whole = self.ended || self.buf.len() > ROW_BYTES_MAX;
        if !std::mem::take(&mut self.look) && !whole {
            return None;
        }
        let mut counts = [0u32; DELIMITERS.len()];
        let (mut quoted, mut any) = (false, false);
        for byte in &self.buf {
            match byte {
                b'"' => quoted = !quoted,
                b'\n' | b'\r' if !quoted && any => {
                    whole = true;
                    break;
                }
                _ => {}
            }
            any |= !matches!(byte, b'\n' | b'\r');
            if let Some(i) = DELIMITERS.iter().position(|d| d == byte).filter(|_| !quoted)
                && let Some(count) = counts.get_mut(i)
            {
                *count += 1;
            }
        }
        if !whole {
            return None;
        }
        if self.buf.starts_with(BOM) {
            (self.start, self.at) = (BOM.len(), BOM.len());
        }
        let most = counts.iter().copied().max().unwrap_or_default();
        let best = counts.iter().zip(DELIMITERS).find(|(count, _)| **count == most).map_or(b',', |(_, d)| d);
        self.delimiter = Some(best);
        self.delimiter
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rows as `line: cell|cell`, bad ones as `line! why`.
    fn read(text: &[u8], piece: usize) -> Vec<String> {
        let mut reader = Reader::new();
        let mut out = Vec::new();
        let mut pieces = text.chunks(piece);
        loop {
            match reader.advance() {
                Step::Row => {
                    let row = reader.row();
                    let cells: Vec<_> = row.iter().map(|c| String::from_utf8_lossy(c).into_owned()).collect();
                    out.push(format!("{}: {}", row.line, cells.join("|")));
                }
                Step::Bad { line, why } => out.push(format!("{line}! {why}")),
                Step::More => match pieces.next() {
                    Some(piece) => reader.push(piece),
                    None => reader.end(),
                },
                Step::End => return out,
            }
            assert!(reader.buf.len() <= 2 * ROW_BYTES_MAX + piece, "{}", reader.buf.len());
        }
    }

    #[track_caller]
    fn check(text: &str, want: &[&str]) {
        for piece in [1, 2, 3, 7, 64, 1 << 20] {
            assert_eq!(read(text.as_bytes(), piece), want, "in pieces of {piece}");
        }
    }

    #[test]
    fn rows_have_cells_whatever_ends_them() {
        check("a,b\r\n1,2\r\n", &["1: a|b", "2: 1|2"]);
        check("a,b\n1,2", &["1: a|b", "2: 1|2"]);
        check("a,b\r1,2\r", &["1: a|b", "2: 1|2"]);
        check("\u{feff}a,b\n,\n\n1", &["1: a|b", "2: |", "3: ", "4: 1"]);
        check("", &[]);
        check("\n", &["1: "]);
    }

    #[test]
    fn quotes_hide_delimiters_line_ends_and_quotes() {
        check("a,b\n\"x,\"\"y\"\"\",\"\"\n1,2\n", &["1: a|b", "2: x,\"y\"|", "3: 1|2"]);
        check("a\n\"1\r\n2\n3\r4\"\nb\n", &["1: a", "2: 1\r\n2\n3\r4", "6: b"]);
        check("a,b\n5\" disk,x\"y\"\n", &["1: a|b", "2: 5\" disk|x\"y\""]);
        check("a,b\n1,\"2\"", &["1: a|b", "2: 1|2"]);
    }

    #[test]
    fn the_first_row_tells_what_stands_between_cells() {
        check("a;b\n1,2;3\n", &["1: a|b", "2: 1,2|3"]);
        check("a\tb\n1\t2;3\n", &["1: a|b", "2: 1|2;3"]);
        check("\"x;y;z\",b\n1;2,3\n", &["1: x;y;z|b", "2: 1;2|3"]);
        check("\n\na;b\n1;2\n", &["1: ", "2: ", "3: a|b", "4: 1|2"]);
    }

    #[test]
    fn a_stray_quote_costs_its_own_line_only() {
        let closed = "has text after a closing quote (is a quote not closed?)";
        check("a,b\n1,\"2\n3,4\n5,6\n", &["1: a|b", "2! opens a quote that is never closed", "3: 3|4", "4: 5|6"]);
        check("a,b\n1,\"2\n3,4\n5,\"6\"\n7,8\n", &["1: a|b", &format!("2! {closed}"), "3: 3|4", "4: 5|6", "5: 7|8"]);
        check("a,b\r\n\"1\"x,2\r\n3,4\r\n", &["1: a|b", &format!("2! {closed}"), "3: 3|4"]);
        check("a,b\n\"1\"x,2", &["1: a|b", &format!("2! {closed}")]);
        check("a\n\"", &["1: a", "2! opens a quote that is never closed"]);
    }

    #[test]
    fn a_row_that_is_too_long_is_dropped_and_the_next_one_read() {
        let too_long = "is longer than 64 KiB (is a quote not closed?)";
        let fits = "x".repeat(ROW_BYTES_MAX - 3);
        for piece in [1, 1000, 100_000, 1 << 20] {
            let text = format!("a,b\n{fits},1\n2,3\n");
            assert_eq!(read(text.as_bytes(), piece), ["1: a|b", &format!("2: {fits}|1"), "3: 2|3"]);
            for long in [format!("{fits},1xx"), format!("\"{fits}\"\"{fits}\",1"), ",".repeat(300_000)] {
                let text = format!("a,b\n{long}\r\n2,3\r\n");
                assert_eq!(read(text.as_bytes(), piece), ["1: a|b", &format!("2! {too_long}"), "3: 2|3"]);
            }
        }
        // A quote that is closed far below.
        let rows: Vec<String> = (0..20_000).map(|n| format!("{n},y\n")).collect();
        let got = read(format!("a,b\n1,\"2\n{}1,2\"\n", rows.concat()).as_bytes(), 5_000);
        assert_eq!(got.len(), 20_003);
        assert_eq!([&got[1], &got[2], &got[20_001]], [&format!("2! {too_long}"), "3: 0|y", "20002: 19999|y"]);
    }

    fn quoted(cell: &str) -> String {
        format!("\"{}\"", cell.replace('"', "\"\""))
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(
            rows in prop::collection::vec(prop::collection::vec("[ -~\r\n\"ä,;]{0,8}", 2..4), 1..8),
            end in prop::sample::select(vec!["\n", "\r\n"]),
            piece in 1usize..40,
        ) {
            let mut text = format!("a,b{end}");
            let mut want = vec!["1: a|b".to_owned()];
            let mut line = 2;
            for row in &rows {
                let cells: Vec<_> = row.iter().map(|c| quoted(c)).collect();
                text.push_str(&(cells.join(",") + end));
                want.push(format!("{line}: {}", row.join("|")));
                let inner = row.concat_lines();
                line += 1 + inner;
            }
            prop_assert_eq!(read(text.as_bytes(), piece), want);
        }

        #[test]
        fn pieces_make_no_difference(text in "[a\",;\r\n]{0,60}", piece in 1usize..10) {
            prop_assert_eq!(read(text.as_bytes(), piece), read(text.as_bytes(), 1 << 20));
        }
    }

    trait Lines {
        fn concat_lines(&self) -> u64;
    }
    impl Lines for Vec<String> {
        /// Line ends within the cells, counted as editors do.
        fn concat_lines(&self) -> u64 {
            let ends = |c: &String| c.replace("\r\n", "\n").chars().filter(|c| matches!(c, '\n' | '\r')).count();
            self.iter().map(ends).sum::<usize>() as u64
        }
    }
}
