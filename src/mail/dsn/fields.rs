//! Header-like fields of report parts, and the addresses in them (RFC 3464 §2.1, RFC 6533 §3).

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// More than any honest report holds.
const MAX_FIELDS: usize = 20_000;
const MAX_VALUE: usize = 2_000;
/// 64 octets, `@`, 255 octets (RFC 5321 §4.5.3.1), and as much again for UTF-8.
const MAX_ADDRESS: usize = 640;

static FIELD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^([A-Za-z][A-Za-z0-9-]{1,60})\s*:\s*(.*)$").expect("a constant pattern"));
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    const LOCAL: &str = r#"(?:"[^"\s\p{Cc}@]+"|[^\s\p{Cc}<>()\[\]:;,"'@/\\|=：，。；、（）《》「」【】][^\s\p{Cc}<>()\[\]:;,"@|：，。；、（）《》「」【】]*)"#;
    const DOMAIN: &str = r"(?:[\p{L}\p{N}](?:[\p{L}\p{N}._-]*[\p{L}\p{N}])?|\[[0-9A-Fa-f.:]+\])";
    Regex::new(&format!("{LOCAL}@{DOMAIN}")).expect("a constant pattern")
});
/// `\x{5186}`: an escaped character of a UTF-8 address.
static ESCAPED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\\x\{([0-9A-Fa-f]{1,6})\}").expect("a constant pattern"));

/// One field, its name in lower case, its value unfolded.
pub(super) struct Field {
    pub name: String,
    pub value: String,
}

/// Groups of fields, parted by blank lines. Lines that are no field are passed over.
pub(super) fn groups(text: &str) -> Vec<Vec<Field>> {
    let mut groups: Vec<Vec<Field>> = vec![Vec::new()];
    for line in text.lines().take(MAX_FIELDS) {
        let line = line.trim_end();
        let group = groups.last_mut().expect("there is always a last group");
        if line.is_empty() {
            if !group.is_empty() {
                groups.push(Vec::new());
            }
        } else if line.starts_with([' ', '\t']) && !group.is_empty() {
            continue_value(group, line.trim());
        } else if let Some(found) = FIELD.captures(line.trim_start()) {
            group.push(Field { name: found[1].to_ascii_lowercase(), value: found[2].trim().to_owned() });
        }
    }
    groups.retain(|group| !group.is_empty());
    groups
}

fn continue_value(group: &mut [Field], more: &str) {
    let Some(last) = group.last_mut() else { return };
    if last.value.len() < MAX_VALUE {
        last.value.push(' ');
        last.value.push_str(more);
    }
}

/// The address in `rfc822; Jo@Example.org`, `utf-8;…`, `<jo@example.org>` and the like, in lower case; `None` when
/// there is none with a domain.
pub(super) fn address(value: &str) -> Option<String> {
    let plain = ESCAPED.replace_all(value, |found: &Captures<'_>| {
        let character = u32::from_str_radix(&found[1], 16).ok().and_then(char::from_u32);
        character.filter(|c| !c.is_control() && !c.is_whitespace()).map(String::from).unwrap_or_default()
    });
    addresses(&plain).into_iter().next()
}

/// Every address in a line of text, in lower case, in order.
pub(super) fn addresses(text: &str) -> Vec<String> {
    let found = ADDRESS.find_iter(text).filter(|found| found.len() <= MAX_ADDRESS);
    found.map(|found| found.as_str().to_lowercase()).collect()
}

/// A value without its `type;` prefix: `dns; mx.example` → `mx.example`.
pub(super) fn untyped(value: &str) -> &str {
    let is_type = |prefix: &str| prefix.trim().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    value.split_once(';').filter(|(prefix, _)| is_type(prefix)).map_or(value, |(_, rest)| rest).trim()
}

/// The address that a text begins with, in lower case, and how many octets it takes.
pub(super) fn leading_address(text: &str) -> Option<(usize, String)> {
    let found = ADDRESS.find(text).filter(|found| found.start() == 0 && found.len() <= MAX_ADDRESS)?;
    Some((found.end(), found.as_str().to_lowercase()))
}
