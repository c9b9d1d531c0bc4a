//! Johab (KS X 1001:1992 annex 3): Hangul by its letters, everything else by arithmetic from KS X 1001.

use encoding_rs::EUC_KR;

const NONE: u8 = 0xFF;
const FILL: u8 = 0xFE;

/// Compatibility letters for a lone consonant or vowel, from U+3131 on.
const LONE_INITIAL: &[u8] = &[0, 1, 3, 6, 7, 8, 16, 17, 18, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29];

/// Reads the bytes; what is no Johab becomes U+FFFD.
pub(super) fn decode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        rest = match rest {
            [] => return out,
            [b'\\', tail @ ..] => push(&mut out, '₩', tail),
            [ascii @ 0..=0x7F, tail @ ..] => push(&mut out, char::from(*ascii), tail),
            [high @ 0x84..=0xD3, low, tail @ ..] => push(&mut out, hangul(*high, *low), tail),
            [high @ (0xD9..=0xDE | 0xE0..=0xF9), low @ (0x31..=0x7E | 0x91..=0xFE), tail @ ..] => {
                out.push_str(&symbol(*high, *low));
                tail
            }
            [_, tail @ ..] => push(&mut out, '\u{FFFD}', tail),
        };
    }
}

fn push<'a>(out: &mut String, c: char, tail: &'a [u8]) -> &'a [u8] {
    out.push(c);
    tail
}

/// Five bits each: initial, vowel, final.
fn hangul(high: u8, low: u8) -> char {
    let code = u16::from_be_bytes([high, low]);
    let part = |shift: u16| u8::try_from((code >> shift) & 31).unwrap_or(0);
    let point = match (initial(part(10)), vowel(part(5)), last(part(0))) {
        (NONE, ..) | (_, NONE, _) | (.., NONE) => return '\u{FFFD}',
        (FILL, FILL, _) => return '\u{FFFD}',
        (initial, FILL, 0) => 0x3131 + u32::from(LONE_INITIAL[usize::from(initial)]),
        (FILL, vowel, 0) => 0x314F + u32::from(vowel),
        (FILL, ..) | (_, FILL, _) => return '\u{FFFD}',
        (initial, vowel, last) => {
            0xAC00 + (u32::from(initial) * 21 + u32::from(vowel)) * 28 + u32::from(last)
        }
    };
    char::from_u32(point).unwrap_or('\u{FFFD}')
}

fn initial(code: u8) -> u8 {
    match code {
        1 => FILL,
        2..=20 => code - 2,
        _ => NONE,
    }
}

fn vowel(code: u8) -> u8 {
    match code {
        2 => FILL,
        3..=7 => code - 3,
        10..=15 => code - 5,
        18..=23 => code - 7,
        26..=29 => code - 9,
        _ => NONE,
    }
}

fn last(code: u8) -> u8 {
    match code {
        1..=17 => code - 1,
        19..=29 => code - 2,
        _ => NONE,
    }
}

fn symbol(high: u8, low: u8) -> String {
    let column = u16::from(low) - if low < 0x91 { 0x31 } else { 0x43 };
    let row = if high < 0xE0 { 2 * (u16::from(high) - 0xD9) } else { 2 * u16::from(high) - 0x197 };
    let byte = |value: u16| u8::try_from(value + 0xA1).unwrap_or(0xFF);
    let euc = if column < 0x5E { [byte(row), byte(column)] } else { [byte(row + 1), byte(column - 0x5E)] };
    EUC_KR.decode_without_bom_handling(&euc).0.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_hangul_symbols_and_rubbish() {
        for (bytes, text) in [
            (&b"\xd0\x65\x8a\x82 a"[..], "한국 a"),
            (b"\xd9\x31", "\u{3000}"),
            (b"\x88\x41", "ㄱ"),
            (b"\xff\x84", "\u{FFFD}\u{FFFD}"),
        ] {
            assert_eq!(decode(bytes), text);
        }
    }
}
