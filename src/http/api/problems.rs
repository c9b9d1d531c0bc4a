//! The errors explained.

use std::borrow::Cow;

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::list::All;
use crate::http::problem::codes::{self, Code};
use crate::http::problem::{BASE, Problem};
use crate::http::{Api, answer, page};

/// Routes that are open to everybody.
pub fn open_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(problems)).routes(routes!(problem))
}

/// What an error means.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProblemCode)]
struct Explained {
    /// As problems name it.
    #[schema(example = "/api/support/problems/collision")]
    r#type: String,
    /// For programs.
    #[schema(example = "collision")]
    code: Cow<'static, str>,
    /// Of the answer.
    #[schema(example = 409)]
    status: u16,
    /// For people.
    #[schema(example = "There are newer responses")]
    title: Cow<'static, str>,
    /// What causes it, and what to do.
    #[schema(example = "Somebody wrote on the ticket since you read it.")]
    help: &'static str,
}

/// Every error this can answer.
///
/// Every error code.
#[utoipa::path(
    get,
    path = "/api/support/problems",
    operation_id = "list_problems",
    tag = "System",
    responses((status = 200, description = "For programs, or (by `Accept`) for people", content(
        (All<Explained> = "application/json"), (String = "text/html"),
    )))
)]
pub async fn problems(headers: HeaderMap) -> Response {
    if page::is_wanted(&headers) {
        let row = |Code { code, status, title, .. }| {
            format!("<tr><td>{status}<td><a href=\"{BASE}/problems/{code}\">{code}</a><td>{title}")
        };
        return page::of("Errors", &format!("<table>{}</table>", codes::all().map(row).collect::<String>()));
    }
    answer::json(&All { data: codes::all().map(Explained::from).collect() })
}

/// An error explained.
#[utoipa::path(
    get,
    path = "/api/support/problems/{code}",
    operation_id = "get_problem",
    tag = "System",
    responses((status = 200, description = "For programs, or (by `Accept`) for people", content(
        (Explained = "application/json"), (String = "text/html"),
    )))
)]
pub async fn problem(Path(code): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let known = codes::by_name(&code);
    let known = known.ok_or_else(|| Problem::new("route_not_found", "no error has this code"))?;
    if page::is_wanted(&headers) {
        let Code { code, status, title, help } = known;
        let help = in_html(help);
        return Ok(page::of(&title, &format!("<p><code>{status} {code}</code></p><p>{help}</p>")));
    }
    Ok(answer::json(&Explained::from(known)))
}

impl From<Code> for Explained {
    fn from(Code { code, status, title, help }: Code) -> Self {
        Self { r#type: format!("{BASE}/problems/{code}"), code, status, title, help }
    }
}

/// Text with code between backticks.
fn in_html(text: &str) -> String {
    let piece = |(i, piece): (usize, &str)| {
        if i % 2 == 1 { format!("<code>{piece}</code>") } else { piece.to_owned() }
    };
    text.split('`').enumerate().map(piece).collect()
}
