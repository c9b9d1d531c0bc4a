//! The document that describes the API (OpenAPI 3.1), made of the handlers themselves.

use serde::Serialize;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::PathItem;

/// What stands above the routes.
#[derive(utoipa::OpenApi)]
#[openapi(info(title = "Postdesk", description = "An email-driven support desk."))]
struct Head;

/// The document without routes.
pub fn head() -> OpenApi {
    Head::openapi()
}

/// A route, as `GET /` lists it.
#[derive(Debug, Clone, Serialize)]
pub struct Route {
    /// Upper case.
    pub method: &'static str,
    /// With `{parameters}`.
    pub path: String,
    /// One line.
    pub summary: String,
}

/// Every route of a document, by path.
pub fn routes(document: &OpenApi) -> Vec<Route> {
    document.paths.paths.iter().flat_map(|(path, item)| of_path(path, item)).collect()
}

fn of_path<'a>(path: &'a str, item: &'a PathItem) -> impl Iterator<Item = Route> + 'a {
    let operations = [
        ("GET", &item.get),
        ("PUT", &item.put),
        ("POST", &item.post),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    operations.into_iter().filter_map(move |(method, operation)| {
        let summary = operation.as_ref()?.summary.clone().unwrap_or_default();
        Some(Route { method, path: path.to_owned(), summary: summary.trim_end_matches('.').to_owned() })
    })
}
