//! An outgoing mail as MIME bytes.
