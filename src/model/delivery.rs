//! Mail on its way out.
/// Placeholder.
pub struct EmailStatus;
/// Placeholder.
pub struct OutboxEntry;
/// Placeholder.
pub struct Outcome;
