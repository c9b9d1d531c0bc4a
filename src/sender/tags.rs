//! The tags of a signature (RFC 6376 §3.2, RFC 8617 §4.1): mail-auth lets some pass that make it none.

/// What `DKIM-Signature` must have (RFC 6376 §3.5).
pub const SIGNATURE: &[&str] = &["v", "a", "b", "bh", "d", "h", "s"];
/// What `ARC-Message-Signature` must have.
pub const SEALED_MESSAGE: &[&str] = &["i", "a", "b", "bh", "d", "h", "s"];
/// What `ARC-Seal` must have.
pub const SEAL: &[&str] = &["i", "a", "b", "cv", "d", "s"];

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
