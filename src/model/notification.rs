//! Who is told what.
/// Placeholder.
pub struct NotificationTemplate;
