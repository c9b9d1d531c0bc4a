//! `winmail.dat`, opened: Transport Neutral Encapsulation Format ([MS-OXTNEF]), with the MAPI properties that hold
//! files and text ([MS-OXPROPS]).

use encoding_rs::UTF_16LE;

use super::{Attachment, charset, names};

const SIGNATURE: u32 = 0x223E_9F78;
const ATTACH_RENDER_DATA: u16 = 0x9002;
const ATTACH_TITLE: u16 = 0x8010;
const ATTACH_DATA: u16 = 0x800F;
const ATTACH_PROPERTIES: u16 = 0x9005;
const MESSAGE_PROPERTIES: u16 = 0x9003;
const BODY: u16 = 0x800C;
const OEM_CODEPAGE: u16 = 0x9007;

/// More files or properties than these are not read.
const MAX_FILES: usize = 500;
const MAX_PROPERTIES: u32 = 5_000;

/// What a `winmail.dat` holds.
#[derive(Debug, Default)]
pub(super) struct Opened {
    /// Its files, in order.
    pub files: Vec<Attachment>,
    /// Its plain text.
    pub text: Option<String>,
    /// Its HTML.
    pub html: Option<String>,
}

/// Opens it; `None` when it is none, or holds nothing that we can read: then it stays a file.
pub(super) fn open(bytes: &[u8]) -> Option<Opened> {
    let mut cursor = Cursor(bytes);
    if cursor.u32()? != SIGNATURE {
        return None;
    }
    cursor.u16()?;
    let mut opened = Opened::default();
    let mut codepage = 1252;
    while let Some((id, data)) = attribute(&mut cursor) {
        match id {
            OEM_CODEPAGE => codepage = Cursor(data).u32().unwrap_or(codepage),
            BODY => opened.text = Some(text8(data, codepage)),
            MESSAGE_PROPERTIES => opened.read_message(data, codepage),
            ATTACH_RENDER_DATA if opened.files.len() < MAX_FILES => opened.files.push(new_file()),
            _ => opened.read_file(id, data, codepage),
        }
    }
    opened.files.retain(|file| !file.content.is_empty() || file.filename.is_some());
    opened.html = opened.html.filter(|html| !html.trim().is_empty());
    opened.text = opened.text.filter(|text| !text.trim().is_empty());
    (!opened.files.is_empty() || opened.text.is_some() || opened.html.is_some()).then_some(opened)
}

impl Opened {
    fn read_message(&mut self, data: &[u8], codepage: u32) {
        for property in properties(data) {
            match property.id {
                0x1000 => self.text = Some(property.text(codepage)),
                0x1013 => self.html = Some(property.text(codepage)),
                _ => {}
            }
        }
    }

    fn read_file(&mut self, id: u16, data: &[u8], codepage: u32) {
        let Some(file) = self.files.last_mut() else { return };
        match id {
            ATTACH_TITLE if file.filename.is_none() => {
                file.filename = names::filename(&text8(data, codepage))
            }
            ATTACH_DATA => file.content = data.to_vec(),
            ATTACH_PROPERTIES => {
                for property in properties(data) {
                    apply(file, &property, codepage);
                }
            }
            _ => {}
        }
    }
}

fn apply(file: &mut Attachment, property: &Property<'_>, codepage: u32) {
    match property.id {
        0x3707 => file.filename = names::filename(&property.text(codepage)).or(file.filename.take()),
        0x370E => {
            let kind = property.text(codepage).to_ascii_lowercase();
            if kind.contains('/') && kind.bytes().all(|b| b.is_ascii_graphic()) {
                file.content_type = kind;
            }
        }
        0x3712 => {
            file.content_id = Some(names::readable(&property.text(codepage))).filter(|id| !id.is_empty())
        }
        0x3701 if file.content.is_empty() => {
            file.content = property.value.get(16..).unwrap_or_default().to_vec()
        }
        _ => {}
    }
}

fn new_file() -> Attachment {
    Attachment {
        filename: None,
        content_type: "application/octet-stream".to_owned(),
        inline: false,
        content_id: None,
        content: Vec::new(),
    }
}

/// Next attribute of the stream: its id and bytes; level, type and checksum are of no use to us.
fn attribute<'a>(cursor: &mut Cursor<'a>) -> Option<(u16, &'a [u8])> {
    cursor.take(1)?;
    let id = cursor.u16()?;
    cursor.u16()?;
    let length = cursor.u32()?;
    let data = cursor.take(usize::try_from(length).ok()?)?;
    cursor.take(2);
    Some((id, data))
}

/// A MAPI property; of several values only the first.
struct Property<'a> {
    id: u16,
    is_unicode: bool,
    value: &'a [u8],
}

impl Property<'_> {
    fn text(&self, codepage: u32) -> String {
        if !self.is_unicode {
            return text8(self.value, codepage);
        }
        let (text, _) = UTF_16LE.decode_without_bom_handling(self.value);
        text.trim_end_matches('\0').replace("\r\n", "\n").replace('\0', "\u{FFFD}")
    }
}

fn text8(bytes: &[u8], codepage: u32) -> String {
    let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1);
    let name = format!("cp{codepage}");
    let (text, _) = super::guess::text(
        &bytes[..end],
        charset::named(name.as_bytes()).is_some().then_some(name.as_bytes()),
    );
    text.replace("\r\n", "\n").replace('\0', "\u{FFFD}")
}

/// Properties up to the first that can't be read.
fn properties(data: &[u8]) -> Vec<Property<'_>> {
    let mut cursor = Cursor(data);
    let count = cursor.u32().unwrap_or(0).min(MAX_PROPERTIES);
    (0..count).map_while(|_| property(&mut cursor)).collect()
}

fn property<'a>(cursor: &mut Cursor<'a>) -> Option<Property<'a>> {
    let kind = cursor.u16()?;
    let id = cursor.u16()?;
    if id >= 0x8000 {
        skip_name(cursor)?;
    }
    let is_variable = matches!(kind & 0x0FFF, 0x000D | 0x001E | 0x001F | 0x0102);
    let values = if kind & 0x1000 != 0 || is_variable { cursor.u32()?.min(MAX_PROPERTIES) } else { 1 };
    let mut first: Option<&[u8]> = None;
    for _ in 0..values {
        let value = if is_variable { cursor.sized()? } else { cursor.take(fixed_size(kind)?)? };
        first = first.or(Some(value));
    }
    Some(Property { id, is_unicode: kind & 0x0FFF == 0x001F, value: first.unwrap_or_default() })
}

/// A named property has a GUID, and a number or a name.
fn skip_name(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.take(16)?;
    if cursor.u32()? == 0 {
        cursor.take(4)?;
    } else {
        cursor.sized()?;
    }
    Some(())
}

/// Octets of a value of fixed size, padding included; `None` for a type we don't know.
fn fixed_size(kind: u16) -> Option<usize> {
    match kind & 0x0FFF {
        0x0001 => Some(0),
        0x0002 | 0x0003 | 0x0004 | 0x000A | 0x000B => Some(4),
        0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => Some(8),
        0x0048 => Some(16),
        _ => None,
    }
}

/// Little-endian reading that ends instead of failing.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A length, so many bytes, and padding to four.
    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        let value = self.take(length)?;
        self.take((4 - length % 4) % 4);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(level: u8, id: u32, data: &[u8]) -> Vec<u8> {
        let mut out = vec![level];
        out.extend(id.to_le_bytes());
        out.extend(u32::try_from(data.len()).expect("small").to_le_bytes());
        out.extend(data);
        out.extend([0, 0]);
        out
    }

    fn long_name(name: &str) -> Vec<u8> {
        let mut wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        wide.extend([0, 0]);
        let mut out = [1u32.to_le_bytes(), 0x3707_001Fu32.to_le_bytes(), 1u32.to_le_bytes()].concat();
        out.extend(u32::try_from(wide.len()).expect("small").to_le_bytes());
        out.extend(&wide);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    #[test]
    fn opens_files_and_text() {
        let mut stream = SIGNATURE.to_le_bytes().to_vec();
        stream.extend([1, 0]);
        stream.extend(attribute(1, 0x0006_9007, &1252u32.to_le_bytes()));
        stream.extend(attribute(1, 0x0002_800C, b"Gr\xfc\xdfe\0"));
        stream.extend(attribute(2, 0x0006_9002, &[0; 14]));
        stream.extend(attribute(2, 0x0001_8010, b"SHORT~1.TXT\0"));
        stream.extend(attribute(2, 0x0006_800F, b"content"));
        stream.extend(attribute(2, 0x0006_9005, &long_name("a long näme.txt")));
        let opened = open(&stream).expect("a winmail.dat");
        assert_eq!(opened.text.as_deref(), Some("Grüße"));
        assert_eq!(opened.files.len(), 1);
        assert_eq!(opened.files[0].filename.as_deref(), Some("a long näme.txt"));
        assert_eq!(opened.files[0].content, b"content");
        for cut in 0..stream.len() {
            let _ = open(&stream[..cut]);
        }
    }

    #[test]
    fn leaves_other_files_alone() {
        assert!(open(b"").is_none());
        assert!(open(b"PK\x03\x04 no winmail").is_none());
    }
}
