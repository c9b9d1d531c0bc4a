//! Seven-bit encodings with state: ISO/IEC 2022 (RFC 1468, 1554, 1557, 1922) and HZ (RFC 1843). Each run is lifted
//! into the eight-bit form of its character set, which `encoding_rs` reads.

use encoding_rs::{EUC_JP, EUC_KR, Encoding, GBK, ISO_8859_7, WINDOWS_1252};

/// The character set that codes 0x21–0x7E stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Set {
    Ascii,
    Kana,
    Kanji,
    Kanji2,
    Chinese,
    Korean,
    Latin1,
    Greek,
}

/// Reads any seven-bit profile of ISO/IEC 2022.
pub(super) fn iso_2022(bytes: &[u8]) -> String {
    let mut reader = Reader { out: String::with_capacity(bytes.len()), ..Reader::default() };
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += match byte {
            0x1B => reader.escape(&bytes[at..]),
            0x0E => reader.shift(true),
            0x0F => reader.shift(false),
            b'\n' => reader.line_end(),
            _ => reader.run(&bytes[at..]),
        };
    }
    reader.out
}

/// Reads HZ: `~{` and `~}` switch GB 2312 on and off.
pub(super) fn hz(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    let (mut at, mut chinese) = (0, false);
    while at < bytes.len() {
        match &bytes[at..] {
            [b'~', b'{', ..] => (at, chinese) = (at + 2, true),
            [b'~', b'}', ..] => (at, chinese) = (at + 2, false),
            [b'~', b'~', ..] if !chinese => {
                out.push('~');
                at += 2;
            }
            [b'~', b'\n', ..] => at += 2,
            [b'~', b'\r', b'\n', ..] => at += 3,
            [high @ 0x21..=0x7E, low @ 0x21..=0x7E, ..] if chinese => {
                lift(&mut out, GBK, &[high | 0x80, low | 0x80]);
                at += 2;
            }
            [byte, ..] => {
                chinese &= *byte != b'\n';
                out.push(if byte.is_ascii() { char::from(*byte) } else { '\u{FFFD}' });
                at += 1;
            }
            [] => break,
        }
    }
    out
}

fn lift(out: &mut String, encoding: &'static Encoding, bytes: &[u8]) {
    out.push_str(&encoding.decode_without_bom_handling(bytes).0);
}

#[derive(Default)]
struct Reader {
    out: String,
    g0: Option<Set>,
    g1: Option<Set>,
    g2: Option<Set>,
    shifted: bool,
}

impl Reader {
    /// Takes an escape sequence; an unknown one is dropped with its final byte.
    fn escape(&mut self, bytes: &[u8]) -> usize {
        match bytes {
            [_, b'$', b'@' | b'B', ..] => self.designate_g0(Set::Kanji, 3),
            [_, b'$', b'A', ..] => self.designate_g0(Set::Chinese, 3),
            [_, b'$', b'(', b'A', ..] => self.designate_g0(Set::Chinese, 4),
            [_, b'$', b'(', b'C', ..] => self.designate_g0(Set::Korean, 4),
            [_, b'$', b'(', b'D', ..] => self.designate_g0(Set::Kanji2, 4),
            [_, b'$', b'(', _, ..] => self.designate_g0(Set::Kanji, 4),
            [_, b'$', b')', set, ..] => {
                self.g1 = Some(if *set == b'C' { Set::Korean } else { Set::Chinese });
                4
            }
            [_, b'$', b'*' | b'+', _, ..] => 4,
            [_, b'(', b'I', ..] => self.designate_g0(Set::Kana, 3),
            [_, b'(', _, ..] => self.designate_g0(Set::Ascii, 3),
            [_, b'.', set, ..] => {
                self.g2 = Some(if *set == b'F' { Set::Greek } else { Set::Latin1 });
                3
            }
            [_, b'N', byte, ..] => {
                let encoding = if self.g2 == Some(Set::Greek) { ISO_8859_7 } else { WINDOWS_1252 };
                lift(&mut self.out, encoding, &[byte | 0x80]);
                3
            }
            _ => 1,
        }
    }

    fn designate_g0(&mut self, set: Set, length: usize) -> usize {
        self.g0 = Some(set);
        length
    }

    fn shift(&mut self, on: bool) -> usize {
        self.shifted = on;
        1
    }

    /// A line ends in ASCII (RFC 1468, 1557), whatever the writer forgot.
    fn line_end(&mut self) -> usize {
        (self.shifted, self.g0) = (false, None);
        self.out.push('\n');
        1
    }

    /// Decodes up to the next control code.
    fn run(&mut self, bytes: &[u8]) -> usize {
        let end = bytes.iter().position(|b| matches!(b, 0x1B | 0x0E | 0x0F | b'\n')).unwrap_or(bytes.len());
        let run = &bytes[..end];
        let set = if self.shifted { self.g1.unwrap_or(Set::Korean) } else { self.g0.unwrap_or(Set::Ascii) };
        match set {
            Set::Kanji => self.high(EUC_JP, run),
            Set::Chinese => self.high(GBK, run),
            Set::Korean => self.high(EUC_KR, run),
            Set::Kana => self.prefixed(0x8E, 1, run),
            Set::Kanji2 => self.prefixed(0x8F, 2, run),
            Set::Latin1 | Set::Greek | Set::Ascii => {
                self.out.extend(run.iter().map(|b| if b.is_ascii() { char::from(*b) } else { '\u{FFFD}' }));
            }
        }
        end
    }

    fn high(&mut self, encoding: &'static Encoding, run: &[u8]) {
        let high: Vec<u8> =
            run.iter().map(|b| if (0x21..=0x7E).contains(b) { b | 0x80 } else { *b }).collect();
        lift(&mut self.out, encoding, &high);
    }

    /// Half-width kana and JIS X 0212 stand behind a prefix byte in EUC-JP.
    fn prefixed(&mut self, prefix: u8, width: usize, run: &[u8]) {
        for chunk in run.chunks(width) {
            let mut code = vec![prefix];
            code.extend(chunk.iter().map(|b| b | 0x80));
            lift(&mut self.out, EUC_JP, &code);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_known_profiles() {
        let cases: &[(&[u8], &str)] = &[
            (b"a \x1b$B$3$s$K$A$O\x1b(B b", "a こんにちは b"),
            (b"\x1b$)C\x0e>H3g\x0f!", "안녕!"),
            (b"\x1b(I1\x1b(B", "ｱ"),
            (b"\x1b.A\x1bNi", "é"),
            (b"\x1b", ""),
        ];
        for (bytes, text) in cases {
            assert_eq!(iso_2022(bytes).trim_start_matches('\u{1b}'), *text);
        }
    }

    #[test]
    fn reads_hz() {
        assert_eq!(hz(b"A ~{<:Ky2;~} ~~ B"), "A 己所不 ~ B");
    }
}
