//! What a file is, by its content: neither its name nor whoever sent it is believed.

/// As much of a file's beginning as it takes to tell.
pub const TOLD_BY: usize = 8 * 1024;

/// What nothing is known of.
pub const OCTETS: &str = "application/octet-stream";

/// Types a browser shows without running anything of theirs.
pub const SHOWN_INLINE: [&str; 5] = ["image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"];

/// The type a file goes out by: one that a browser runs, or takes more files out of, is [`OCTETS`]. It says no more than
/// that there is something to save, also to whoever looks at neither `Content-Disposition` nor `nosniff`.
pub fn sent_as(kind: &str) -> &str {
    let lower = kind.to_ascii_lowercase();
    let (whole, part) = lower.split_once('/').unwrap_or(("", &lower));
    let is_markup = part.contains("html") || part.ends_with("+xml") || matches!(part, "xml" | "xsl");
    let is_script = ["javascript", "ecmascript", "jscript", "livescript", "x-component"];
    let runs = whole == "multipart" || is_markup || is_script.iter().any(|script| part.contains(script));
    if runs { OCTETS } else { kind }
}

/// `type/subtype` of a file that begins so.
pub fn detect(head: &[u8]) -> &'static str {
    if head.is_empty() {
        return OCTETS;
    }
    match infer::get(head).map(|found| found.mime_type()) {
        Some(known) if !known.starts_with("text/") => known,
        _ if is_text(head) => text_type(head),
        _ => OCTETS,
    }
}

/// No control characters but those of plain text, or a UTF-16 byte order mark.
fn is_text(head: &[u8]) -> bool {
    let utf16 = head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]);
    let control = |b: &u8| *b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0C | 0x1B);
    utf16 || !head.iter().any(control)
}

/// Text that some program reads in its own way.
fn text_type(head: &[u8]) -> &'static str {
    let head = head.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(head).trim_ascii_start();
    let start = head[..head.len().min(1024)].to_ascii_lowercase();
    let has = |word: &str| memchr::memmem::find(&start, word.as_bytes()).is_some();
    let begins = |words: &[&str]| words.iter().any(|word| start.starts_with(word.as_bytes()));
    if has("<svg") && begins(&["<svg", "<?xml", "<!--", "<!doctype svg"]) {
        return "image/svg+xml";
    }
    if has("<html") || begins(&["<!doctype html", "<head", "<body", "<script", "<iframe", "<table", "<div"]) {
        return "text/html";
    }
    match () {
        () if begins(&["<?xml"]) => "text/xml",
        () if begins(&["begin:vcalendar"]) => "text/calendar",
        () if begins(&["begin:vcard"]) => "text/vcard",
        () => "text/plain",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_browsers_run_is_sent_as_octets() {
        for kind in [
            "text/html",
            "Application/XHTML+xml",
            "image/svg+xml",
            "text/xml",
            "application/xml",
            "text/javascript",
            "application/x-javascript",
            "text/xsl",
            "multipart/x-mixed-replace",
        ] {
            assert_eq!(sent_as(kind), OCTETS, "{kind}");
        }
        for kind in [
            "text/plain",
            "image/png",
            "application/pdf",
            "message/rfc822",
            "application/postscript",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "oddity",
        ] {
            assert_eq!(sent_as(kind), kind);
        }
    }

    #[test]
    fn content_says_what_a_file_is() {
        let utf16 = [0xFF, 0xFE, b'h', 0, b'i', 0];
        for (head, want) in [
            (&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], "image/png"),
            (b"\xFF\xD8\xFF\xE0\0\x10JFIF", "image/jpeg"),
            (b"GIF89a\x01\0", "image/gif"),
            (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
            (b"%PDF-1.7\n", "application/pdf"),
            (b"PK\x03\x04\x14\0\0\0\x08\0", "application/zip"),
            (b"MZ\x90\0\x03", "application/vnd.microsoft.portable-executable"),
            (b"<!DOCTYPE html><p>hi", "text/html"),
            (b"\n <HTML><script>alert(1)</script>", "text/html"),
            (b"<svg onload=alert(1)>", "image/svg+xml"),
            (b"<?xml version=\"1.0\"?><!-- x --><svg/>", "image/svg+xml"),
            (b"<?xml version=\"1.0\"?><a/>", "text/xml"),
            (b"\xEF\xBB\xBFname;price\r\n", "text/plain"),
            (b"BEGIN:VCALENDAR\r\n", "text/calendar"),
            ("Größe: 42\n".as_bytes(), "text/plain"),
            (b"Gr\xF6\xDFe: 42\n", "text/plain"),
            (&utf16, "text/plain"),
            (b"a\0b", OCTETS),
            (b"", OCTETS),
        ] {
            assert_eq!(detect(head), want, "{:?}", String::from_utf8_lossy(head));
        }
    }
}
