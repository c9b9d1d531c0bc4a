//! Puzzles that a form's visitor solves before it is sent, in ALTCHA's open format: find the number that a hash was made
//! of. It costs a browser a second, once, and a robot a second each time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Desk, Error, Result};
use crate::model::Timestamp;
use crate::store::Tx;

const ALGORITHM: &str = "SHA-256";
/// The number is at most this.
const MAX_NUMBER: u64 = 50_000;
/// How long a puzzle may be solved.
const LIFE_MS: i64 = 3_600_000;
/// Longest solution, octets.
const MAX_SOLUTION: usize = 2_000;

/// A puzzle, as ALTCHA's widget reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Puzzle {
    /// `SHA-256`.
    pub algorithm: &'static str,
    /// Hash of the salt and the number, hex.
    pub challenge: String,
    /// The number is at most this.
    pub maxnumber: u64,
    /// Random, with the end of the puzzle in it. Its last character keeps digits from moving between it and the number.
    pub salt: String,
    /// Says that we set it.
    pub signature: String,
}

/// A puzzle that was solved, not yet counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SolvedPuzzle {
    challenge: String,
    expires_at: Timestamp,
}

/// What the widget sends, in base 64.
#[derive(Deserialize)]
struct Solution {
    algorithm: String,
    challenge: String,
    number: u64,
    salt: String,
    signature: String,
}

impl Desk {
    /// A puzzle to be solved within the hour.
    pub fn set_puzzle(&self) -> Puzzle {
        let expires = self.clock().now().plus_ms(LIFE_MS).0 / 1_000;
        let salt = format!("{}?expires={expires}&", HEXLOWER.encode(&self.ids().bytes::<12>()));
        let challenge = challenge(&salt, self.ids().below(MAX_NUMBER + 1));
        let signature = self.keys().puzzle_signature(&challenge);
        Puzzle { algorithm: ALGORITHM, challenge, maxnumber: MAX_NUMBER, salt, signature }
    }

    /// Whether a puzzle of ours was solved in time. It counts once, with what it is sent along with.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it was not.
    pub fn check_solution(&self, solution: &str) -> Result<SolvedPuzzle> {
        if solution.is_empty() {
            return Err(wrong("required", "solve a puzzle of GET /tickets/challenge"));
        }
        let read = Some(solution).filter(|text| text.len() <= MAX_SOLUTION);
        let read = read.and_then(|text| STANDARD.decode(text).ok());
        let read: Option<Solution> = read.and_then(|json| serde_json::from_slice(&json).ok());
        let solution = read.ok_or_else(|| wrong("bad_format", "is no solution of ALTCHA"))?;
        let ours = solution.algorithm == ALGORITHM
            && self.keys().signed_puzzle(&solution.challenge, &solution.signature);
        if !ours || challenge(&solution.salt, solution.number) != solution.challenge {
            return Err(wrong("not_allowed", "does not solve a puzzle of ours"));
        }
        let expires_at = expiry(&solution.salt).filter(|at| *at > self.clock().now());
        let expires_at = expires_at.ok_or_else(|| wrong("out_of_range", "came too late; solve another"))?;
        Ok(SolvedPuzzle { challenge: solution.challenge, expires_at })
    }

    /// Counts a puzzle.
    pub(super) async fn spend(&self, tx: &mut Tx, puzzle: Option<&SolvedPuzzle>) -> Result<()> {
        let Some(SolvedPuzzle { challenge, expires_at }) = puzzle else { return Ok(()) };
        if tx.spend_puzzle(challenge, *expires_at).await? {
            return Ok(());
        }
        Err(wrong("not_allowed", "was used before; solve another"))
    }
}

fn challenge(salt: &str, number: u64) -> String {
    HEXLOWER.encode(&Sha256::digest(format!("{salt}{number}").as_bytes()))
}

fn expiry(salt: &str) -> Option<Timestamp> {
    let seconds = salt.split_once("?expires=")?.1.strip_suffix('&')?;
    seconds.parse::<i64>().ok()?.checked_mul(1_000).map(Timestamp)
}

fn wrong(code: &'static str, detail: &str) -> Error {
    Error::Invalid { pointer: "/altcha", code, detail: detail.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_puzzle_is_in_its_salt() {
        for (salt, want) in [
            ("ab?expires=1772445600&", Some(Timestamp(1_772_445_600_000))),
            ("ab?expires=1772445600", None),
            ("ab", None),
            ("ab?expires=99999999999999999999&", None),
        ] {
            assert_eq!(expiry(salt), want, "{salt}");
        }
    }

    #[test]
    fn the_hash_is_altchas() {
        let want = HEXLOWER.encode(&Sha256::digest(b"salt42"));
        assert_eq!(challenge("salt", 42), want);
    }
}
