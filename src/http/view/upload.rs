//! A file that was sent ahead.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Attachment, Time, time};
use crate::model::AttachmentRecord;

/// A file that no ticket or response uses yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct Upload<'a> {
    /// The file.
    #[serde(flatten)]
    pub file: Attachment<'a>,
    /// When it came.
    pub created_at: Time,
    /// When it goes, unless it is used.
    pub expires_at: Option<Time>,
}

impl<'a> Upload<'a> {
    /// API.md §5.2.
    pub fn of(row: &'a AttachmentRecord) -> Self {
        Self { file: Attachment::of(row), created_at: Time(row.created_at), expires_at: time(row.expires_at) }
    }
}
