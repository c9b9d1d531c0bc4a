//! The tags of a signature (RFC 6376 §3.2, RFC 8617 §4.1), and what it signs: mail-auth lets some pass that make it none.

/// What `DKIM-Signature` must have (RFC 6376 §3.5).
pub const SIGNATURE: &[&str] = &["v", "a", "b", "bh", "d", "h", "s"];
/// What `ARC-Message-Signature` must have.
pub const SEALED_MESSAGE: &[&str] = &["i", "a", "b", "bh", "d", "h", "s"];
/// What `ARC-Seal` must have.
pub const SEAL: &[&str] = &["i", "a", "b", "cv", "d", "s"];

/// Fields of which readers take one (RFC 5322 §3.6, RFC 2045 §3).
const ONCE: [&str; 12] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Subject",
    "Date",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// Whether `From` is among the signed fields, and all there is of those that should be there once: else a second one, put
/// in front of the signed one, is what others read (RFC 6376 §5.4, §8.15). A name with blanks behind it (RFC 5322 §4.5) is
/// one that mail-auth does not see.
pub fn sign_enough(signed: &[String], fields: &[(&[u8], &[u8])]) -> bool {
    let signs = |name: &str| signed.iter().filter(|signed| signed.eq_ignore_ascii_case(name)).count();
    let is_covered = |name: &&str| {
        let is_it = |field: &[u8]| field.eq_ignore_ascii_case(name.as_bytes());
        let there = fields.iter().filter(|(field, _)| is_it(field.trim_ascii())).count();
        let seen = fields.iter().filter(|(field, _)| is_it(field)).count();
        seen == there && (there < 2 || signs(name) >= there)
    };
    signs("From") > 0 && ONCE.iter().all(is_covered)
}

/// Whether each of the needed tags is there, and none twice.
pub fn are_sound(value: &[u8], needed: &[&str]) -> bool {
    let names = names(value);
    let are_once = names.iter().enumerate().all(|(i, name)| !names[..i].contains(name));
    are_once && needed.iter().all(|needed| names.contains(&needed.as_bytes()))
}

fn names(value: &[u8]) -> Vec<&[u8]> {
    let tags = value.split(|byte| *byte == b';').filter_map(|tag| tag.split(|byte| *byte == b'=').next());
    tags.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_needed_and_once() {
        for (value, sound) in [
            ("i=1; a=rsa-sha256; b=x==;\r\n cv=none; d=a.example; s=s;", true),
            (" i = 1;a=;b=;cv=;d=;s=", true),
            ("i=1; b=x; cv=none; d=a.example; s=s", false),
            ("i=1; a=x; b=x; cv=none; d=a.example; s=s; i=2", false),
        ] {
            assert_eq!(are_sound(value.as_bytes(), SEAL), sound, "{value}");
        }
    }
}
