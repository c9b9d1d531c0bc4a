//! Bytes to text by the name of a charset. Names come as mails write them: WHATWG's labels, IANA's, Microsoft's,
//! Apple's, and their misspellings. `encoding_rs` does what browsers know; the rest stands in the siblings.

use std::borrow::Cow;

use encoding_rs::{EUC_KR, Encoding, GBK, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use mail_parser::decoders::charsets::map::charset_decoder;
use oem_cp::code_table::DECODING_TABLE_CP_MAP;

use super::{codepages, johab, stateful};

/// A way to read bytes as text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Charset {
    /// One of the Encoding Standard's.
    Web(&'static Encoding),
    /// `us-ascii`: says nothing when there are 8-bit bytes.
    Ascii,
    /// A DOS code page by number.
    Dos(u16),
    /// Upper half of a single-byte page, 128 characters.
    Upper(&'static str),
    /// RFC 1456: six control codes are letters.
    Viscii,
    /// A page without ASCII in its lower half, 256 characters.
    Ebcdic(&'static str),
    /// RFC 2152.
    Utf7,
    /// With a byte order mark, or guessed from where the zeros stand.
    Utf16,
    /// With the same, and byte order when the name says it (`true`: big endian).
    Utf32(Option<bool>),
    /// ISO/IEC 2022 in seven bits: Japanese, Korean and Chinese forms alike.
    Iso2022,
    /// RFC 1843.
    Hz,
    /// KS X 1001 annex 3.
    Johab,
}

impl Charset {
    /// Whether ASCII bytes always stand for themselves.
    pub(super) fn has_ascii(self) -> bool {
        match self {
            Self::Web(encoding) => encoding.is_ascii_compatible(),
            Self::Dos(_) | Self::Upper(_) | Self::Ascii | Self::Johab => true,
            Self::Viscii
            | Self::Ebcdic(_)
            | Self::Utf7
            | Self::Utf16
            | Self::Utf32(_)
            | Self::Iso2022
            | Self::Hz => false,
        }
    }
}

/// Text, and whether bytes had to be replaced by U+FFFD.
pub(super) type Decoded<'a> = (Cow<'a, str>, bool);

/// The charset of this name; `None` when nobody knows it.
pub(super) fn named(label: &[u8]) -> Option<Charset> {
    let key = normal(label);
    if let Some(charset) = special(&key) {
        return Some(charset);
    }
    if let Some(encoding) = Encoding::for_label_no_replacement(&key) {
        return Some(Charset::Web(encoding));
    }
    let squeezed: Vec<u8> = key.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
    special(&squeezed).or_else(|| by_squeezed(&squeezed))
}

/// Reads the bytes.
pub(super) fn decode(charset: Charset, bytes: &[u8]) -> Decoded<'_> {
    match charset {
        Charset::Web(encoding) if encoding == ISO_2022_JP => lossy(stateful::iso_2022(bytes)),
        Charset::Web(encoding) => {
            let (text, _, replaced) = encoding.decode(bytes);
            (text, replaced)
        }
        Charset::Ascii => match std::str::from_utf8(bytes) {
            Ok(text) => (Cow::Borrowed(text), false),
            Err(_) => (WINDOWS_1252.decode_without_bom_handling(bytes).0, true),
        },
        Charset::Dos(page) => lossy(dos(page, bytes)),
        Charset::Upper(table) => lossy(by_upper_half(table, bytes)),
        Charset::Viscii => lossy(viscii(bytes)),
        Charset::Ebcdic(table) => lossy(by_whole_table(table, bytes)),
        Charset::Utf7 => lossy(utf7(bytes)),
        Charset::Utf16 => {
            let (text, _, replaced) = utf16_order(bytes).decode(bytes);
            (text, replaced)
        }
        Charset::Utf32(order) => lossy(utf32(order, bytes)),
        Charset::Iso2022 => lossy(stateful::iso_2022(bytes)),
        Charset::Hz => lossy(stateful::hz(bytes)),
        Charset::Johab => lossy(johab::decode(bytes)),
    }
}

fn lossy(text: String) -> Decoded<'static> {
    let replaced = text.contains('\u{FFFD}');
    (Cow::Owned(text), replaced)
}

/// The label in lower case, without quotes, white space and what follows it (`us-ascii (Plain text)`).
fn normal(label: &[u8]) -> Vec<u8> {
    let label = label.trim_ascii();
    label
        .iter()
        .copied()
        .filter(|b| !matches!(b, b'"' | b'\'' | b'<' | b'>'))
        .take_while(|b| !b.is_ascii_whitespace() && !matches!(b, b'(' | b';' | b','))
        .take(45)
        .map(|b| if b == b'_' { b'-' } else { b.to_ascii_lowercase() })
        .collect()
}

/// Names that the Encoding Standard does not know, or gives a meaning that mail does not share.
fn special(key: &[u8]) -> Option<Charset> {
    Some(match key {
        b"us-ascii" | b"ascii" | b"ansi-x3.4-1968" | b"iso646-us" | b"646" | b"7bit" | b"7-bit" => {
            Charset::Ascii
        }
        b"utf-7" | b"utf7" | b"unicode-1-1-utf-7" | b"csutf7" | b"unicode-2-0-utf-7" | b"cp65000" => {
            Charset::Utf7
        }
        b"utf-16" | b"utf16" | b"unicode" | b"ucs-2" | b"iso-10646-ucs-2" | b"csunicode" | b"ucs2" => {
            Charset::Utf16
        }
        b"utf-32" | b"utf32" | b"ucs-4" | b"iso-10646-ucs-4" | b"ucs4" => Charset::Utf32(None),
        b"utf-32be" | b"utf32be" => Charset::Utf32(Some(true)),
        b"utf-32le" | b"utf32le" => Charset::Utf32(Some(false)),
        b"hz-gb-2312" | b"hz" | b"hzgb2312" => Charset::Hz,
        b"johab" | b"x-johab" | b"xjohab" | b"cp1361" | b"ms1361" | b"ksc5601-1992" => Charset::Johab,
        b"viscii" | b"csviscii" | b"viscii1.1-1" => Charset::Viscii,
        _ if key.starts_with(b"iso-2022-")
            || key.starts_with(b"iso2022")
            || key.starts_with(b"csiso2022") =>
        {
            Charset::Iso2022
        }
        _ => return None,
    })
}

/// The rest, by the letters and digits of the name alone.
fn by_squeezed(key: &[u8]) -> Option<Charset> {
    if let Some(charset) = apple(key).or_else(|| asian(key)).or_else(|| numbered(key)) {
        return Some(charset);
    }
    Some(match key {
        b"koi8t" => Charset::Upper(codepages::KOI8_T),
        b"pt154" | b"ptcp154" | b"csptcp154" | b"cp154" | b"cyrillicasian" => {
            Charset::Upper(codepages::PT154)
        }
        b"kz1048" | b"strk10482002" | b"rk1048" => Charset::Upper(codepages::KZ1048),
        b"hproman8" | b"roman8" | b"r8" => Charset::Upper(codepages::HP_ROMAN8),
        b"cp1006" | b"ibm1006" => Charset::Upper(codepages::CP1006),
        b"cp1125" | b"ibm1125" | b"ruscii" | b"cp866u" => Charset::Upper(codepages::CP1125),
        b"xunknown" | b"unknown8bit" | b"unknown" | b"8bit" | b"none" => return None,
        b"utf8" | b"xutf8" | b"utf8mb4" | b"utf8sig" | b"cp65001" | b"utf" | b"utf80" => Charset::Web(UTF_8),
        b"utf16le" => Charset::Web(UTF_16LE),
        b"utf16be" => Charset::Web(UTF_16BE),
        _ => return misspelt(key),
    })
}

fn apple(key: &[u8]) -> Option<Charset> {
    let name = key.strip_prefix(b"x").unwrap_or(key).strip_prefix(b"mac")?;
    Some(match name {
        b"" | b"roman" | b"intosh" => Charset::Web(encoding_rs::MACINTOSH),
        b"cyrillic" | b"ukrainian" | b"ukraine" => Charset::Web(encoding_rs::X_MAC_CYRILLIC),
        b"greek" => Charset::Upper(codepages::MAC_GREEK),
        b"turkish" => Charset::Upper(codepages::MAC_TURKISH),
        b"ce" | b"centraleurope" | b"centraleuroperoman" | b"latin2" => {
            Charset::Upper(codepages::MAC_CENTRAL_EUROPE)
        }
        b"iceland" | b"icelandic" => Charset::Upper(codepages::MAC_ICELANDIC),
        b"croatian" => Charset::Upper(codepages::MAC_CROATIAN),
        b"romanian" | b"romania" => Charset::Upper(codepages::MAC_ROMANIAN),
        b"arabic" => Charset::Upper(codepages::MAC_ARABIC),
        b"farsi" => Charset::Upper(codepages::MAC_FARSI),
        b"japanese" => Charset::Web(encoding_rs::SHIFT_JIS),
        b"korean" => Charset::Web(EUC_KR),
        b"chinesetrad" => Charset::Web(encoding_rs::BIG5),
        b"chinesesimp" => Charset::Web(GBK),
        b"thai" => Charset::Web(encoding_rs::WINDOWS_874),
        _ => return None,
    })
}

fn asian(key: &[u8]) -> Option<Charset> {
    Some(Charset::Web(match key {
        b"eucjp" | b"ujis" | b"eucjisx0213" | b"eucjis2004" | b"eucjpms" | b"xeucjp" => encoding_rs::EUC_JP,
        b"shiftjis" | b"sjis" | b"shiftjisx0213" | b"shiftjis2004" | b"xsjis" | b"cp932" | b"ms932"
        | b"ibm943" | b"windows932" => encoding_rs::SHIFT_JIS,
        b"euckr" | b"cp949" | b"ms949" | b"uhc" | b"windows949" | b"ksc5601" | b"ksc56011987"
        | b"ksx1001" => EUC_KR,
        b"gbk" | b"gb2312" | b"gb18030" | b"gb180302000" | b"cp936" | b"ms936" | b"cp54936" | b"euccn"
        | b"xgb2312" | b"gb231280" => encoding_rs::GB18030,
        b"big5" | b"big5hkscs" | b"big5eten" | b"big5tw" | b"cp950" | b"ms950" | b"big5hkscs2004"
        | b"cp951" => encoding_rs::BIG5,
        _ => return None,
    }))
}

/// `cp1252`, `windows-28592`, `ibm855`, `dos-437`, `x-cp1250`, `CP_850`, or a bare number.
fn numbered(key: &[u8]) -> Option<Charset> {
    let start = key.iter().position(u8::is_ascii_digit)?;
    let (prefix, digits) = key.split_at(start);
    let known =
        [&b""[..], b"cp", b"xcp", b"ibm", b"csibm", b"dos", b"windows", b"win", b"ms", b"ccsid", b"cspc"];
    if !known.contains(&prefix) {
        return None;
    }
    let end = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    let number: u16 = std::str::from_utf8(&digits[..end]).ok()?.parse().ok()?;
    match number {
        37 | 1140 => Some(Charset::Ebcdic(codepages::EBCDIC_037)),
        500 | 1148 => Some(Charset::Ebcdic(codepages::EBCDIC_500)),
        819 => Some(Charset::Web(WINDOWS_1252)),
        866 | 874 | 1250..=1258 => Encoding::for_label(
            format!("{}{number}", if number == 866 { "ibm" } else { "windows-" }).as_bytes(),
        )
        .map(Charset::Web),
        28591..=28606 => iso_8859(number - 28590),
        20866 => Some(Charset::Web(encoding_rs::KOI8_R)),
        21866 => Some(Charset::Web(encoding_rs::KOI8_U)),
        10000 => Some(Charset::Web(encoding_rs::MACINTOSH)),
        10007 => Some(Charset::Web(encoding_rs::X_MAC_CYRILLIC)),
        _ => DECODING_TABLE_CP_MAP.contains_key(&number).then_some(Charset::Dos(number)),
    }
}

/// `iso8859-1` in any spelling (`ISO_8859-15`, `8859-2`, `iso-8859-1-windows-3.1-latin-1`, `iso-8895-1`), and labels that the
/// Encoding Standard knows with other punctuation.
fn misspelt(key: &[u8]) -> Option<Charset> {
    let text = std::str::from_utf8(key).ok()?;
    if let Some((_, part)) = text.split_once("8859").or_else(|| text.split_once("8895")) {
        let digits: String = part.chars().take_while(char::is_ascii_digit).take(2).collect();
        return iso_8859(digits.parse().unwrap_or(1));
    }
    let rest = ["x", "cs"].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
    let dashed = rest.find(|c: char| c.is_ascii_digit()).map(|at| format!("{}-{}", &rest[..at], &rest[at..]));
    let koi = rest.strip_prefix("koi8").map(|variant| format!("koi8-{variant}"));
    [koi, dashed, Some(rest.to_owned())]
        .into_iter()
        .flatten()
        .find_map(|label| Encoding::for_label_no_replacement(label.as_bytes()))
        .map(Charset::Web)
}

fn iso_8859(part: u16) -> Option<Charset> {
    let part = if part == 11 { return Some(Charset::Web(encoding_rs::WINDOWS_874)) } else { part };
    Encoding::for_label(format!("iso-8859-{part}").as_bytes()).map(Charset::Web)
}

fn utf7(bytes: &[u8]) -> String {
    charset_decoder(b"utf-7")
        .map_or_else(|| String::from_utf8_lossy(bytes).into_owned(), |decode| decode(bytes))
}

fn dos(page: u16, bytes: &[u8]) -> String {
    match DECODING_TABLE_CP_MAP.get(&page) {
        Some(table) => table.decode_string_lossy(bytes),
        None => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn by_upper_half(table: &str, bytes: &[u8]) -> String {
    let upper: Vec<char> = table.chars().collect();
    bytes
        .iter()
        .map(|&b| {
            if b < 128 {
                char::from(b)
            } else {
                upper.get(usize::from(b) - 128).copied().unwrap_or('\u{FFFD}')
            }
        })
        .collect()
}

fn viscii(bytes: &[u8]) -> String {
    let upper: Vec<char> = codepages::VISCII.chars().collect();
    bytes
        .iter()
        .map(|&b| match b {
            0x02 => 'Ẳ',
            0x05 => 'Ẵ',
            0x06 => 'Ẫ',
            0x14 => 'Ỷ',
            0x19 => 'Ỹ',
            0x1E => 'Ỵ',
            0..=127 => char::from(b),
            _ => upper.get(usize::from(b) - 128).copied().unwrap_or('\u{FFFD}'),
        })
        .collect()
}

fn by_whole_table(table: &str, bytes: &[u8]) -> String {
    let all: Vec<char> = table.chars().collect();
    bytes.iter().map(|&b| all.get(usize::from(b)).copied().unwrap_or('\u{FFFD}')).collect()
}

/// Byte order of UTF-16 without a mark: in most texts the zeros are the high bytes.
fn utf16_order(bytes: &[u8]) -> &'static Encoding {
    let sample = &bytes[..bytes.len().min(4096)];
    let zeros = |offset: usize| sample.iter().skip(offset).step_by(2).filter(|b| **b == 0).count();
    if zeros(0) > zeros(1) { UTF_16BE } else { UTF_16LE }
}

fn utf32(order: Option<bool>, bytes: &[u8]) -> String {
    let big = match bytes {
        [0, 0, 0xFE, 0xFF, ..] => true,
        [0xFF, 0xFE, 0, 0, ..] => false,
        _ => order.unwrap_or_else(|| bytes.first() == Some(&0)),
    };
    let text: String = bytes
        .chunks(4)
        .map(|chunk| {
            let quad: [u8; 4] = chunk.try_into().unwrap_or([0xFF; 4]);
            let point = if big { u32::from_be_bytes(quad) } else { u32::from_le_bytes(quad) };
            char::from_u32(point).unwrap_or('\u{FFFD}')
        })
        .collect();
    text.strip_prefix('\u{FEFF}').map_or_else(|| text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_names_that_mails_write() {
        for (label, bytes, text) in [
            ("ISO-8859-1", &b"\xe4"[..], "ä"),
            ("iso_8859-15", b"\xa4", "€"),
            ("\"iso-8859-1\" (Latin)", b"\xe4", "ä"),
            ("iso-8859-1-windows-3.1-latin-1", b"\xe4", "ä"),
            ("cp1251", b"\xcf\xf0", "Пр"),
            ("CP_1252", b"\x80", "€"),
            ("windows-28592", b"\xb1", "ą"),
            ("IBM855", b"\xde\xa0", "яа"),
            ("cp437", b"\x84", "ä"),
            ("ibm852", b"\xa5", "ą"),
            ("x-mac-cyrillic", b"\x80", "А"),
            ("x-mac-greek", b"\xb0", "Α"),
            ("x-mac-ce", b"\x88", "ą"),
            ("KOI8", b"\xe1", "А"),
            ("koi8-t", b"\xe1", "А"),
            ("TIS-620", b"\xa1", "ก"),
            ("viscii", b"\xd5\x02", "ạẲ"),
            ("utf-7", b"+AOQ-", "ä"),
            ("UTF8", b"\xc3\xa4", "ä"),
            ("utf-16", b"\x00a\x00b", "ab"),
            ("utf-16", b"\xff\xfea\x00", "a"),
            ("utf-32", b"\x00\x00\x00a", "a"),
            ("utf-32le", b"a\x00\x00\x00", "a"),
            ("ks_c_5601-1987", b"\xb0\xa1", "가"),
            ("x-johab", b"\x88\x61", "가"),
            ("gb2312", b"\xc4\xe3", "你"),
            ("big5-hkscs", b"\xa7\x41", "你"),
            ("iso-2022-kr", b"\x1b$)C\x0e0!\x0f", "가"),
            ("windows-31j", b"\x82\xa0", "あ"),
            ("shift_jisx0213", b"\x82\xa0", "あ"),
            ("IBM037", b"\xc1\x40\x25", "A \n"),
        ] {
            let charset = named(label.as_bytes()).unwrap_or_else(|| panic!("{label} is unknown"));
            assert_eq!(decode(charset, bytes).0, text, "{label}");
        }
        for label in ["", "x-unknown", "unknown-8bit", "no such", "cp99999999", "8bit"] {
            assert_eq!(named(label.as_bytes()), None, "{label}");
        }
    }
}
