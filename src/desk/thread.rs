//! What hangs on one ticket, page by page.

use std::collections::HashMap;

use uuid::Uuid;

use super::reading::{cut, logs_by_response, present};
use super::{Desk, Page, PageOf, ResponseView, Result};
use crate::model::*;
use crate::store::query::{Choice, ResponseFilter, TicketRef};

impl Desk {
    /// A page of a ticket's responses; internal ones only with `notes`.
    ///
    /// # Errors
    /// [`super::Error::NotFound`], [`super::Error::Deleted`]; the store's.
    pub async fn list_responses(
        &self,
        ticket: &TicketRef,
        mut filters: Vec<ResponseFilter>,
        notes: bool,
        descending: bool,
        page: &PageOf,
    ) -> Result<Page<ResponseView>> {
        let mut tx = self.store().read().await?;
        let ticket = present(tx.find_ticket(ticket).await?)?.id;
        if !notes {
            filters.push(ResponseFilter::Visibility(Choice::only(Visibility::Public)));
        }
        let rows = tx.list_responses(ticket, &filters, descending, &page.start, page.limit + 1).await?;
        let total = if page.count { Some(tx.count_responses(ticket, &filters).await?) } else { None };
        let page = cut(rows, page, total);
        let mut logs = logs_by_response(&mut tx, ticket).await?;
        let mut files: HashMap<Uuid, Vec<AttachmentRecord>> = HashMap::new();
        for file in tx.attachments_of_responses(page.rows.iter().map(|r| r.id)).await? {
            files.entry(file.response_id.unwrap_or_default()).or_default().push(file);
        }
        Ok(page.map(|response| ResponseView {
            attachments: files.remove(&response.id).unwrap_or_default(),
            logs: logs.remove(&response.id).unwrap_or_default(),
            response,
        }))
    }

    /// A page of a ticket's audit trail; what is about notes only with `notes`.
    ///
    /// # Errors
    /// [`super::Error::NotFound`], [`super::Error::Deleted`]; the store's.
    pub async fn list_events(
        &self,
        ticket: &TicketRef,
        notes: bool,
        descending: bool,
        page: &PageOf,
    ) -> Result<Page<TicketEvent>> {
        let mut tx = self.store().read().await?;
        let ticket = present(tx.find_ticket(ticket).await?)?.id;
        let rows = tx.list_events(ticket, notes, descending, &page.start, page.limit + 1).await?;
        let total = if page.count { Some(tx.count_events(ticket, notes).await?) } else { None };
        Ok(cut(rows, page, total))
    }
}
