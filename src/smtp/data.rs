//! The bytes of one mail, read to their real end: CR LF `.` CR LF and nothing else (RFC 5321 §4.1.1.4), or the end of
//! the last chunk (RFC 3030). A mail with a fault is read on to that end too, so that the session stays in step.

use memchr::memchr2;

use super::kept::Kept;
use super::memory::Lease;
use crate::config::BareLf;

/// Why a mail that was read is not taken. Of several faults the last in this order is told, however the mail came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The byte budget over all sessions is spent.
    NoMemory,
    /// More octets than `smtp.max_message_mb`.
    TooBig,
    /// A line of more octets than `smtp.max_line`.
    LineTooLong,
    /// A CR without LF, or an LF without CR.
    BareLineEnd,
}

/// What holds for each mail of a door.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Octets, dot-stuffing undone.
    pub max_size: usize,
    /// Octets without the line end.
    pub max_line: usize,
    /// What becomes of a bare LF.
    pub bare_lf: BareLf,
}

/// Where in a line the last octet stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    LineStart,
    /// Behind a dot that began the line.
    Dot,
    /// Behind a dot that began the line, and a CR.
    DotCr,
    Text,
    /// Behind a CR.
    Cr,
}

/// A mail that is being read. Holds at most its limit, and only what the byte budget leased to it.
#[derive(Debug)]
pub struct Body {
    kept: Kept,
    at: At,
    /// Octets of the line so far.
    line: usize,
    fault: Option<Fault>,
    limits: BodyLimits,
}

impl Body {
    /// An empty mail.
    pub fn new(limits: BodyLimits, lease: Lease) -> Self {
        Self { kept: Kept::new(lease), at: At::LineStart, line: 0, fault: None, limits }
    }

    /// Takes what came after `DATA`; gives the number of octets used, and whether the end of data was among them.
    pub fn feed_data(&mut self, input: &[u8]) -> (usize, bool) {
        self.feed(input, true)
    }

    /// Takes octets of a `BDAT` chunk, all of them: a dot is only a dot there (RFC 3030 §2).
    pub fn feed_chunk(&mut self, input: &[u8]) {
        self.feed(input, false);
    }

    /// What is wrong with the mail so far.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// The mail, all of it read.
    pub fn finish(mut self) -> Result<Kept, Fault> {
        if self.at == At::Cr {
            self.fail(Fault::BareLineEnd);
        }
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self.kept),
        }
    }

    /// Copies whole stretches, not lines: `input[kept..at]` is what is still to be stored.
    fn feed(&mut self, input: &[u8], dots: bool) -> (usize, bool) {
        let (mut at, mut kept) = (0, 0);
        while let Some(&octet) = input.get(at) {
            match (self.at, octet) {
                (At::LineStart, b'.') if dots => {
                    self.keep(&input[kept..at]);
                    at += 1;
                    kept = at;
                    self.at = At::Dot;
                }
                (At::Dot, b'\r') => {
                    at += 1;
                    kept = at;
                    self.at = At::DotCr;
                }
                (At::DotCr, b'\n') => return (at + 1, true),
                (At::DotCr, _) => {
                    self.keep(b"\r");
                    self.fail(Fault::BareLineEnd);
                    self.at = At::Text;
                }
                (At::Cr, b'\n') => {
                    at += 1;
                    self.line = 0;
                    self.at = At::LineStart;
                }
                (At::Cr, _) => {
                    self.fail(Fault::BareLineEnd);
                    self.at = At::Text;
                }
                (At::LineStart | At::Dot | At::Text, _) => {
                    at += self.text(&input[at..]);
                    match input.get(at) {
                        None => {}
                        Some(b'\r') => at += 1,
                        Some(_) => {
                            self.keep(&input[kept..at]);
                            self.bare_lf();
                            at += 1;
                            kept = at;
                        }
                    }
                }
            }
        }
        self.keep(&input[kept..]);
        (input.len(), false)
    }

    /// Passes over text up to the next CR or LF; gives its length.
    fn text(&mut self, input: &[u8]) -> usize {
        let end = memchr2(b'\r', b'\n', input);
        let length = end.unwrap_or(input.len());
        self.line += length;
        if self.line > self.limits.max_line {
            self.fail(Fault::LineTooLong);
        }
        self.at = if end.is_some_and(|end| input[end] == b'\r') { At::Cr } else { At::Text };
        length
    }

    /// Normalised or refused, it never begins a line on the wire: a dot behind it neither ends the mail nor is
    /// taken away.
    fn bare_lf(&mut self) {
        match self.limits.bare_lf {
            BareLf::Reject => self.fail(Fault::BareLineEnd),
            BareLf::Normalize => {
                self.keep(b"\r\n");
                self.line = 0;
            }
        }
    }

    /// What was stored is of no more use, and is given back at once.
    fn fail(&mut self, fault: Fault) {
        if self.fault.is_none() {
            self.kept.give_up();
        }
        self.fault = self.fault.max(Some(fault));
    }

    fn keep(&mut self, octets: &[u8]) {
        if self.fault.is_some() {
            return;
        }
        if self.kept.octets() + octets.len() > self.limits.max_size {
            return self.fail(Fault::TooBig);
        }
        if !self.kept.push(octets) {
            self.fail(Fault::NoMemory);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::smtp::memory::Budget;

    const LIMITS: BodyLimits = BodyLimits { max_size: 1000, max_line: 100, bare_lf: BareLf::Reject };

    fn body(limits: BodyLimits, budget: usize) -> Body {
        Body::new(limits, Lease::new(Arc::new(Budget::new(budget, budget, budget, std::env::temp_dir()))))
    }

    fn whole(body: Body) -> Result<Vec<u8>, Fault> {
        Ok(body.finish()?.into_small())
    }

    /// Feeds `step` octets at a time; gives the mail, and what was left behind its end (`None`: no end was seen).
    fn read(limits: BodyLimits, input: &[u8], step: usize) -> (Result<Vec<u8>, Fault>, Option<Vec<u8>>) {
        let mut body = body(limits, 1 << 20);
        let mut at = 0;
        for piece in input.chunks(step) {
            let (used, ended) = body.feed_data(piece);
            at += used;
            if ended {
                return (whole(body), Some(input[at..].to_vec()));
            }
        }
        (whole(body), None)
    }

    /// Every split of the input into equal steps gives the same.
    fn read_all_ways(limits: BodyLimits, input: &[u8]) -> (Result<Vec<u8>, Fault>, Option<Vec<u8>>) {
        let whole = read(limits, input, input.len().max(1));
        for step in 1..=input.len() {
            assert_eq!(read(limits, input, step), whole, "{step} octets at a time: {}", input.escape_ascii());
        }
        whole
    }

    #[test]
    fn data_ends_at_its_end_and_dots_are_unstuffed() {
        for (input, want, rest) in [
            (&b".\r\n"[..], &b""[..], &b""[..]),
            (b"a\r\n.\r\n", b"a\r\n", b""),
            (b"a\r\n.\r\nQUIT\r\n", b"a\r\n", b"QUIT\r\n"),
            (b"..\r\n.\r\n", b".\r\n", b""),
            (b"..a\r\n...\r\n.\r\n", b".a\r\n..\r\n", b""),
            (b".a\r\n.\r\n", b"a\r\n", b""),
            (b"a.\r\n .\r\n.\r\n", b"a.\r\n .\r\n", b""),
            (b"\r\n.\r\n.\r\n", b"\r\n", b".\r\n"),
            (b"a\0b\r\n\xff\r\n.\r\n", b"a\0b\r\n\xff\r\n", b""),
        ] {
            let (mail, left) = read_all_ways(LIMITS, input);
            assert_eq!(
                (mail.as_deref(), left.as_deref()),
                (Ok(want), Some(rest)),
                "{}",
                input.escape_ascii()
            );
        }
    }

    /// CHECKLIST §3: what must not end a mail, and is refused for its bare CR or LF.
    const BARE: &[&[u8]] = &[
        b"\n.\n",
        b"\n.\r",
        b"\r.\n",
        b"\r.\r",
        b"\n.\r\n",
        b"\r.\r\n",
        b"\r\n.\n",
        b"\r\n.\r",
        b"\r\n.\r\r\n",
        b"\r\r\n.\r\r\n",
        b"\r\n\n.\r\n",
        b"\n\r.\n\r",
        b"\n\n.\n\n",
        b"\r\n.\n\r\n",
    ];

    /// What must not end a mail either, and is only data.
    const ODD: &[&[u8]] = &[
        b"\r\n\0.\r\n",
        b"\r\n.\0\r\n",
        b"\x0b.\x0b",
        b"\x0c.\x0c",
        b"\x1c.\x1c",
        b"\x1d.\x1d",
        b"\x1e.\x1e",
        b"\xc2\x85.\xc2\x85",
        b"\xe2\x80\xa8.\xe2\x80\xa8",
        b"\xe2\x80\xa9.\xe2\x80\xa9",
        b"\r\n\xef\xbb\xbf.\r\n",
        b"\r\n\xef\xbc\x8e\r\n",
        b"\r\n .\r\n",
        b"\r\n. \r\n",
        b"\r\n\t.\r\n",
        b"\r\n.\t\r\n",
    ];

    const SMUGGLED: &[u8] = b"MAIL FROM:<a@b.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx";

    fn around(eod: &[u8]) -> Vec<u8> {
        [b"Subject: outer\r\n\r\nbody", eod, SMUGGLED, b"\r\n.\r\n"].concat()
    }

    #[test]
    fn no_odd_ending_ends_a_mail() {
        for eod in BARE {
            let (mail, left) = read_all_ways(LIMITS, &around(eod));
            assert_eq!(mail, Err(Fault::BareLineEnd), "{}", eod.escape_ascii());
            assert_eq!(left.as_deref(), Some(&b""[..]), "{}", eod.escape_ascii());
        }
        for eod in ODD {
            let (mail, left) = read_all_ways(LIMITS, &around(eod));
            assert!(mail.is_ok_and(|m| m.ends_with(b"smuggled\r\n\r\nx\r\n")), "{}", eod.escape_ascii());
            assert_eq!(left.as_deref(), Some(&b""[..]), "{}", eod.escape_ascii());
        }
    }

    #[test]
    fn a_normalised_line_feed_is_data_and_no_end() {
        let limits = BodyLimits { bare_lf: BareLf::Normalize, ..LIMITS };
        for (input, want) in [
            (&b"a\nb\r\n.\r\n"[..], Ok(&b"a\r\nb\r\n"[..])),
            (b"a\n.\r\nb\r\n.\r\n", Ok(b"a\r\n.\r\nb\r\n")),
            (b"a\n..\n.\nb\r\n.\r\n", Ok(b"a\r\n..\r\n.\r\nb\r\n")),
            (b"a\rb\r\n.\r\n", Err(Fault::BareLineEnd)),
            (b"a\r\n.\nb\r\n.\r\n", Ok(b"a\r\n\r\nb\r\n")),
        ] {
            let (mail, left) = read_all_ways(limits, input);
            assert_eq!(mail.as_deref(), want.as_ref().map(|w| *w), "{}", input.escape_ascii());
            assert_eq!(left.as_deref(), Some(&b""[..]), "{}", input.escape_ascii());
        }
    }

    #[test]
    fn limits_are_told_after_the_real_end() {
        let long_line = [&b"x".repeat(101)[..], b"\r\n.\r\nNOOP\r\n"].concat();
        let just_fits = [&b"x".repeat(100)[..], b"\r\n.\r\nNOOP\r\n"].concat();
        let too_big =
            [&b"0123456789012345678901234567890123456789012345678\r\n".repeat(20)[..], b".\r\nNOOP\r\n"]
                .concat();
        for (input, want) in
            [(long_line, Some(Fault::LineTooLong)), (just_fits, None), (too_big, Some(Fault::TooBig))]
        {
            let (mail, left) = read_all_ways(LIMITS, &input);
            assert_eq!(mail.err(), want);
            assert_eq!(left.as_deref(), Some(&b"NOOP\r\n"[..]));
        }
        let both = [&b"0123456789\r\n".repeat(90)[..], b"\rx\r\n.\r\n"].concat();
        assert_eq!(read_all_ways(LIMITS, &both).0, Err(Fault::BareLineEnd));
        let mut poor = body(LIMITS, 10);
        assert_eq!(poor.feed_data(b"a\r\n.\r\n"), (6, true));
        assert_eq!(poor.finish().err(), Some(Fault::NoMemory));
    }

    #[test]
    fn a_chunk_has_no_dots_to_unstuff() {
        let mut one = body(LIMITS, 1 << 20);
        one.feed_chunk(b"..a\r\n.\r");
        one.feed_chunk(b"\n.");
        assert_eq!(whole(one).unwrap(), b"..a\r\n.\r\n.");
        let mut cut = body(LIMITS, 1 << 20);
        cut.feed_chunk(b"a\r");
        assert_eq!(cut.finish().err(), Some(Fault::BareLineEnd));
    }
}
