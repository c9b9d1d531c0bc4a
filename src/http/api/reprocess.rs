//! A mail read once more.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::id;
use crate::desk::Ending;
use crate::http::auth::Who;
use crate::http::extract;
use crate::http::problem::Problem;
use crate::http::writing::{self, Terms};
use crate::http::{Api, view};
use crate::model::{InboundRecord, Scope};

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(reprocess))
}

/// Read a mail again, by today's rules.
///
/// One that was placed only gets its texts anew: no second response, and nobody is mailed. One that was held back or
/// ignored is filed as if it came in now.
#[utoipa::path(
    post,
    path = "/api/support/inbound/{id}/reprocess",
    operation_id = "reprocess_inbound",
    tag = "Mail",
    params(("id" = String, Path, description = "The mail's id.")),
    responses((status = 200, description = "Its row of the ledger.", body = view::InboundMail))
)]
pub async fn reprocess(
    State(api): State<Api>,
    who: Who,
    Path(mail): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    who.require(Scope::EmailLogsWrite)?;
    let mail = id(&mail, "inbound_mail")?;
    let terms = Terms::read(&request, &who)?;
    let body = extract::nothing(request.into_body(), api.body_timeout()).await?;
    let dry_run = terms.dry_run;
    let show = |row: &InboundRecord| {
        writing::shown(StatusCode::OK, String::new(), view::InboundMail::of(row), dry_run, &[])
    };
    let ending = Ending { key: terms.key(&body), dry_run, show: &show };
    Ok(writing::send(api.desk.reprocess(mail, ending).await?))
}
