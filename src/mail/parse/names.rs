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

/// The base name of a file: no path, no control or bidirectional characters, at most 255 octets with its extension
/// kept; `None` when nothing is left.
pub(super) fn filename(text: &str) -> Option<String> {
    let base = text.rsplit(['/', '\\']).map(str::trim).find(|part| !part.is_empty())?;
    let name = readable(base);
    let name = name.trim_matches(|c: char| c == '"' || c.is_whitespace());
    if name.is_empty() || name.chars().all(|c| c == '.') { None } else { Some(shortened(name)) }
}

fn shortened(name: &str) -> String {
    if name.len() <= MAX_FILENAME {
        return name.to_owned();
    }
    let extension = name.rfind('.').map_or("", |at| &name[at..]);
    let extension = if extension.len() <= 20 { extension } else { "" };
    let room = MAX_FILENAME - extension.len();
    format!("{}{extension}", &name[..name.floor_char_boundary(room)])
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
