//! HTML made safe to show, and HTML made text. Input is bounded in size and depth first: the libraries are quadratic.

mod bounds;
mod link;
mod sanitise;
mod text;

pub use link::from_text;
pub(super) use sanitise::content_ids;
pub use sanitise::sanitise;
pub use text::to_text;

pub(in crate::mail) use bounds::with_few_attributes;
