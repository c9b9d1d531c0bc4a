//! Looks after the templates that people edit: what is wrong with them is told to the admins.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::desk::{Desk, Finding, Result};
use crate::templates::Templates;

/// How often we look.
const EVERY: Duration = Duration::from_secs(60);

/// Looks, again and again until stopped. Each problem is told once a day while it lasts, by one of the nodes.
pub async fn watch_templates(desk: &Desk, templates: &Templates, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = tell_problems(desk, templates).await {
            tracing::warn!(%error, "problems of templates not told, tried again");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Looks once: what is wrong with the templates as they are now, and was not told within a day, is told.
///
/// # Errors
/// When the store does not answer.
pub async fn tell_problems(desk: &Desk, templates: &Templates) -> Result<()> {
    templates.use_overrides(&*desk.template_overrides().await?);
    let findings = templates.problems().into_iter();
    let findings: Vec<_> =
        findings.map(|problem| Finding { what: problem.what, detail: problem.detail }).collect();
    desk.report_findings(&findings).await.map(drop)
}
