//! Signed tokens: the `+token` of reply addresses, the `bounce+token` of return paths, and our Message-IDs.
//! All are keyed by a ring of secrets: the first signs, every one verifies.
