//! Addresses that get no mail: shown, named by hand, and let go (API.md §5.4). What bounces make of them is in
//! `bounces.rs`.

use super::reading::{Page, PageOf, cut};
use super::writing::{Answered, Ending};
use super::{Desk, Error, Result};
use crate::model::{Suppression, Timestamp};

/// An address that somebody wants to get no mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressionRequest {
    /// Lower case.
    pub address: String,
    /// Why, for people.
    pub note: Option<String>,
    /// Until when; for ever without.
    pub expires_at: Option<Timestamp>,
    /// The version the caller has seen.
    pub version: Option<i64>,
}

impl Desk {
    /// A page of the addresses that get no mail now, the newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_suppressions(&self, descending: bool, page: &PageOf) -> Result<Page<Suppression>> {
        let now = self.clock().now();
        let mut tx = self.store().read().await?;
        let rows = tx.list_suppressions(now, descending, &page.start, page.limit + 1).await?;
        let total = if page.count { Some(tx.count_suppressions(now).await?) } else { None };
        Ok(cut(rows, page, total))
    }

    /// From now on an address gets no mail, for the reason `manual`. What it was suppressed for before is replaced.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an end in the past, [`Error::VersionMismatch`]; the store's.
    pub async fn suppress(
        &self,
        request: SuppressionRequest,
        ending: Ending<'_, Suppression>,
    ) -> Result<Answered> {
        let now = self.clock().now();
        if request.expires_at.is_some_and(|end| end <= now) {
            let detail = "must be in the future".into();
            return Err(Error::Invalid { pointer: "/expires_at", code: "out_of_range", detail });
        }
        let mut tx = self.store().begin().await?;
        let before = tx.suppression(&request.address, now).await?;
        check_version(before.as_ref(), request.version)?;
        let suppression = Suppression {
            id: self.ids().uuid(now),
            address: request.address,
            reason: "manual".into(),
            outbox_id: None,
            note: request.note,
            expires_at: request.expires_at,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        tx.put_suppression(&suppression).await?;
        let stored = tx.suppression(&suppression.address, now).await?.unwrap_or(suppression);
        self.conclude(tx, &ending, &stored).await
    }

    /// An address gets mail again: what is queued from now on. Mail that was suppressed before stays so, each can be
    /// sent by [`Desk::retry_mail`].
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::VersionMismatch`]; the store's.
    pub async fn release_suppression(
        &self,
        address: &str,
        version: Option<i64>,
        ending: Ending<'_, Suppression>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        let before =
            tx.suppression(address, self.clock().now()).await?.ok_or(Error::NotFound("suppression"))?;
        check_version(Some(&before), version)?;
        tx.delete_suppression(address).await?;
        tx.forget_soft_bounces(address).await?;
        self.conclude(tx, &ending, &before).await
    }
}

fn check_version(there: Option<&Suppression>, seen: Option<i64>) -> Result<()> {
    let current = there.map_or(0, |suppression| suppression.version);
    if seen.is_some_and(|seen| seen != current) { Err(Error::VersionMismatch { current }) } else { Ok(()) }
}
