//! Plain pages for people who follow a link of the API.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};

use super::extract::accepts;

const STYLE: &str = "body{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem;color-scheme:light dark}\
    td{padding:.2rem 1rem .2rem 0;overflow-wrap:anywhere}code{font-size:.9em}";

/// A browser names HTML; programs take anything, or JSON.
pub fn is_wanted(headers: &HeaderMap) -> bool {
    let named = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    named.is_some_and(|accept| accept.contains("text/html")) && accepts(headers, "text/html")
}

/// A page of our own literals.
pub fn of(title: &str, body: &str) -> Response {
    let csp = HeaderValue::from_static(
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    let referrer = HeaderValue::from_static("no-referrer");
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <style>{STYLE}</style><h1>{title}</h1>{body}</html>"
    );
    ([(header::CONTENT_SECURITY_POLICY, csp), (header::REFERRER_POLICY, referrer)], Html(html))
        .into_response()
}
