//! The errors explained.

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::list::All;
use crate::http::problem::{BASE, CODES, Problem, THINGS};
use crate::http::{Api, answer, page};

/// Routes that are open to everybody.
pub fn open_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(problems)).routes(routes!(problem))
}

/// What an error means.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProblemCode)]
struct Explained<'a> {
    /// As problems name it.
    #[schema(example = "/api/support/problems/collision")]
    r#type: String,
    /// For programs.
    #[schema(example = "collision")]
    code: &'a str,
    /// Of the answer.
    #[schema(example = 409)]
    status: u16,
    /// For people.
    #[schema(example = "There are newer responses")]
    title: &'a str,
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
        let rows: String = CODES
            .iter()
            .map(|(code, status, title)| {
                format!("<tr><td>{status}<td><a href=\"{BASE}/problems/{code}\">{code}</a><td>{title}")
            })
            .collect();
        return page::of("Errors", &format!("<table>{rows}</table>"));
    }
    let data = CODES.iter().map(|(code, status, title)| Explained::of(code, *status, title)).collect();
    answer::json(&All { data })
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
    let missing = THINGS.iter().find(|thing| code.strip_suffix("_not_found") == Some(thing));
    let known = CODES.iter().find(|(known, ..)| *known == code);
    let (status, title) = match (known, missing) {
        (Some((_, status, title)), _) => (*status, (*title).to_owned()),
        (None, Some(thing)) => (404, format!("There is no such {}", thing.replace('_', " "))),
        (None, None) => return Err(Problem::new("route_not_found", "no error has this code")),
    };
    if page::is_wanted(&headers) {
        return Ok(page::of(&title, &format!("<p><code>{status} {code}</code></p>")));
    }
    Ok(answer::json(&Explained::of(&code, status, &title)))
}

impl<'a> Explained<'a> {
    fn of(code: &'a str, status: u16, title: &'a str) -> Self {
        Self { r#type: format!("{BASE}/problems/{code}"), code, status, title }
    }
}
