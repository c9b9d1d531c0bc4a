//! The documents of this API: for programs, for people, for Postman. They are part of the program, and ask no other host
//! for anything.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::problem::Problem;
use crate::http::{Api, answer};

const OPENAPI: &str = include_str!("../../../docs/openapi.json");
const OLDER: &str = include_str!("../../../docs/openapi-3.0.json");
const POSTMAN: &str = include_str!("../../../docs/postman.json");
const PAGE: &str = include_str!("../docs/page.html");
const SCRIPT: &str = include_str!("../docs/page.js");
const STYLE: &str = include_str!("../docs/page.css");

/// Nothing from elsewhere, nothing inline, no frame around it; what it tries it tries here.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Routes that are open to everybody.
pub fn open_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(openapi))
        .routes(routes!(older))
        .routes(routes!(postman))
        .routes(routes!(docs))
        .routes(routes!(part))
}

/// This contract for programs (OpenAPI 3.1).
#[utoipa::path(
    get,
    path = "/api/support/openapi.json",
    operation_id = "get_openapi",
    tag = "System",
    responses((status = 200, description = "The document", body = Object))
)]
pub async fn openapi(headers: HeaderMap) -> Response {
    file(&headers, "application/json", OPENAPI)
}

/// The same as OpenAPI 3.0.
///
/// For generators that don't read 3.1.
#[utoipa::path(
    get,
    path = "/api/support/openapi-3.0.json",
    operation_id = "get_older_openapi",
    tag = "System",
    responses((status = 200, description = "The document", body = Object))
)]
pub async fn older(headers: HeaderMap) -> Response {
    file(&headers, "application/json", OLDER)
}

/// This contract as a Postman collection.
///
/// v2.1; set `base_url` and `token`.
#[utoipa::path(
    get,
    path = "/api/support/postman.json",
    operation_id = "get_postman",
    tag = "System",
    responses((status = 200, description = "The collection", body = Object))
)]
pub async fn postman(headers: HeaderMap) -> Response {
    file(&headers, "application/json", POSTMAN)
}

/// This contract for people.
#[utoipa::path(
    get,
    path = "/api/support/docs",
    operation_id = "get_docs",
    tag = "System",
    responses((status = 200, description = "A page", body = String, content_type = "text/html"))
)]
pub async fn docs(headers: HeaderMap) -> Response {
    file(&headers, "text/html; charset=utf-8", PAGE)
}

/// A part of that page.
#[utoipa::path(
    get,
    path = "/api/support/docs/{file}",
    operation_id = "get_docs_part",
    tag = "System",
    params(("file" = String, Path, description = "`page.js` or `page.css`.", example = "page.css")),
    responses((status = 200, description = "The part", content(
        (String = "text/javascript"), (String = "text/css"),
    )))
)]
pub async fn part(
    axum::extract::Path(name): axum::extract::Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    match name.as_str() {
        "page.js" => Ok(file(&headers, "text/javascript; charset=utf-8", SCRIPT)),
        "page.css" => Ok(file(&headers, "text/css; charset=utf-8", STYLE)),
        _ => Err(Problem::new("route_not_found", "the page has page.js and page.css")),
    }
}

/// A file of the program; whoever has this release's asks whether it is still true.
fn file(request: &HeaderMap, kind: &'static str, content: &'static str) -> Response {
    let etag = answer::digest(content);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, no-cache")),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer")),
    ];
    let etag = format!("\"{etag}\"");
    let fresh = answer::matches(request, &etag);
    let mut response = if fresh {
        (StatusCode::NOT_MODIFIED, headers).into_response()
    } else {
        (headers, content).into_response()
    };
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}
