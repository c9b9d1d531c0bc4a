//! Names that strangers chose, made harmless: for people to read, for file systems to take.

/// Longest file name in octets; what every common file system takes.
const MAX_FILENAME: usize = 255;

/// A display name or a subject: control characters and bidirectional overrides gone, white space runs one space.
pub(super) fn readable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut space = false;
    for c in text.chars() {
        if c.is_whitespace() {
            space = true;
        } else if !is_deceptive(c) {
            if space && !out.is_empty() {
                out.push(' ');
            }
            space = false;
            out.push(c);
        }
    }
    out
}

/// The base name of a file: no path, no control, bidirectional or zero-width characters, no dot or space at the end
/// (Windows drops them, and "a.exe. " becomes a program), none that Windows takes for a device, at most 255 octets with
/// its extension kept; `None` when nothing is left.
pub(super) fn filename(text: &str) -> Option<String> {
    let base = text.rsplit(['/', '\\']).map(str::trim).find(|part| !part.is_empty())?;
    let name: String = readable(base).chars().filter(|c| !is_zero_width(*c)).collect();
    let around = |c: char| c == '"' || c.is_whitespace();
    let name = name.trim_start_matches(around).trim_end_matches(|c| c == '.' || around(c));
    match name {
        "" => None,
        device if is_device(device) => Some(shortened(&format!("_{device}"))),
        name => Some(shortened(name)),
    }
}

fn shortened(name: &str) -> String {
    if name.len() <= MAX_FILENAME {
        return name.to_owned();
    }
    let extension = name.rfind('.').map_or("", |at| &name[at..]);
    let extension = if extension.len() <= 20 { extension } else { "" };
    let room = MAX_FILENAME - extension.len();
    let stem = name[..name.floor_char_boundary(room)].trim_end_matches(['.', ' ']);
    format!("{stem}{extension}")
}

/// Whether opening a file of this name opens a device on Windows, whatever its extension and case (Microsoft's "Naming
/// Files, Paths, and Namespaces").
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let port = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT")).unwrap_or_default();
    let mut number = port.chars();
    let is_port = matches!(number.next(), Some('0'..='9' | '¹' | '²' | '³')) && number.next().is_none();
    is_port || matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
}

/// Characters without width, by which two names look the same. Words of some scripts need two of
/// them, and a subject keeps them; a file is found without.
fn is_zero_width(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{34F}' | '\u{180E}' | '\u{200B}'..='\u{200D}' | '\u{2060}'..='\u{206F}' | '\u{E0000}'..='\u{E007F}')
}

/// Characters that show nothing and change how their neighbours show (Unicode TR 36 §2.8), NUL among them.
pub(super) fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{061C}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_names_harmless() {
        for (given, name) in [
            ("a.txt", Some("a.txt")),
            ("../../etc/passwd", Some("passwd")),
            ("C:\\Users\\x\\a b.doc", Some("a b.doc")),
            ("dir/", Some("dir")),
            ("gpj.\u{202E}exe", Some("gpj.exe")),
            ("inv\u{200B}oi\u{AD}ce\u{E0041}.pdf", Some("invoice.pdf")),
            ("setup.exe. .", Some("setup.exe")),
            ("con.txt", Some("_con.txt")),
            ("Lpt¹", Some("_Lpt¹")),
            ("com10.txt", Some("com10.txt")),
            ("\u{200D}.", None),
            ("a\r\nb\0.txt", Some("a b.txt")),
            ("..", None),
            (" \"\" ", None),
        ] {
            assert_eq!(filename(given).as_deref(), name, "{given:?}");
        }
        let long = filename(&format!("{}.pdf", "ä".repeat(400))).expect("a name");
        assert!(long.len() <= 255 && long.ends_with(".pdf"));
        assert_eq!(readable(" Jo\n \0\u{202E}Doe "), "Jo Doe");
    }
}
