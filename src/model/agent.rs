//! Those who answer.
/// Placeholder.
pub struct Agent;
/// Placeholder.
pub struct Actor;
/// Placeholder.
pub struct ApiToken;
/// Placeholder.
pub struct Scope;
