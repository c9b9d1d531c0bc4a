//! What else the ring signs: links to files in mails, and puzzles that a form's visitor solves.

use data_encoding::HEXLOWER;
use hmac::Mac as _;
use uuid::Uuid;

use super::{BASE32, KeyRing, MAC_LEN, is_base32};
use crate::model::Timestamp;

const FILE_LABEL: &[u8] = b"postdesk file 1";
const PUZZLE_LABEL: &[u8] = b"postdesk puzzle 1";

impl KeyRing {
    /// The signature of a link to a file that works until then: 17 characters, fit for a query.
    pub fn file_signature(&self, file: Uuid, until: Timestamp) -> String {
        let key = self.signer();
        let mac = key.sign(FILE_LABEL, &[&BASE32.encode(file.as_bytes()), &until.0.to_string()]);
        format!("{}{mac}", key.id)
    }

    /// Whether we signed a link to this file with this end; whether that has come is another question.
    pub fn signed_file(&self, file: Uuid, until: Timestamp, signature: &str) -> bool {
        if signature.len() != 1 + MAC_LEN || !is_base32(signature) {
            return false;
        }
        let signature = signature.to_ascii_lowercase();
        let (key_id, mac) = signature.split_at(1);
        let parts = [BASE32.encode(file.as_bytes()), until.0.to_string()];
        self.keys_named(key_id).any(|key| key.verifies(FILE_LABEL, &[&parts[0], &parts[1]], mac))
    }

    /// The signature of a puzzle, hex.
    pub fn puzzle_signature(&self, puzzle: &str) -> String {
        HEXLOWER.encode(&self.signer().over(PUZZLE_LABEL, &[puzzle]).finalize().into_bytes())
    }

    /// Whether we set this puzzle.
    pub fn signed_puzzle(&self, puzzle: &str, signature: &str) -> bool {
        let Ok(mac) = HEXLOWER.decode(signature.as_bytes()) else { return false };
        self.keys.iter().any(|key| key.over(PUZZLE_LABEL, &[puzzle]).verify_slice(&mac).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_for_one_file_and_one_end() {
        let (old, new) = (KeyRing::new(&["old"]).unwrap(), KeyRing::new(&["new", "old"]).unwrap());
        let (file, until) = (Uuid::from_u128(7), Timestamp(1_000));
        let signature = old.file_signature(file, until);
        assert_eq!(signature.len(), 17);
        assert!(
            new.signed_file(file, until, &signature)
                && new.signed_file(file, until, &signature.to_uppercase())
        );
        assert!(!new.signed_file(Uuid::from_u128(8), until, &signature));
        assert!(!new.signed_file(file, Timestamp(1_001), &signature));
        assert!(
            !old.signed_file(file, until, &new.file_signature(file, until)),
            "a key the ring does not have"
        );
        for wrong in ["", "x", &signature[..3], &format!("{signature}0"), "ééééééééé"] {
            assert!(!new.signed_file(file, until, wrong), "{wrong}");
        }
    }

    #[test]
    fn a_puzzle_is_ours_or_not() {
        let (ring, other) = (KeyRing::new(&["a"]).unwrap(), KeyRing::new(&["b"]).unwrap());
        let signature = ring.puzzle_signature("puzzle");
        assert!(ring.signed_puzzle("puzzle", &signature) && !ring.signed_puzzle("other", &signature));
        assert!(!other.signed_puzzle("puzzle", &signature));
        assert!(!ring.signed_puzzle("puzzle", "") && !ring.signed_puzzle("puzzle", &signature[..2]));
    }
}
