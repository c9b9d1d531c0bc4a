//! The pages that links in mails lead to (API.md §5.5). A GET shows what would be done, and by a button does it: programs
//! that follow links, and people who only look, change nothing. `List-Unsubscribe` posts without looking (RFC 8058).

use std::sync::LazyLock;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Spoken;
use crate::desk::{Click, Error, LinkPage};
use crate::http::problem::Problem;
use crate::http::{Api, extract};

/// Largest form.
const FORM_LIMIT: usize = 16 << 10;
/// Longest wait for it.
const FORM_TIMEOUT: Duration = Duration::from_secs(15);
/// No script, nothing from elsewhere, no frame around it; its form comes back here.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

static PAGES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut pages = Environment::new();
    pages.set_auto_escape_callback(|_| AutoEscape::Html);
    let page = include_str!("../../../templates/pages/link.html");
    pages.add_template("link.html", page).expect("the page is a template");
    pages
});

/// What a page says.
#[derive(Debug, Default, Serialize)]
struct Words {
    title: &'static str,
    said: Option<String>,
    facts: Vec<(&'static str, String)>,
    text: Option<String>,
    /// A box to tick, ticked.
    option: Option<String>,
    /// Absent: there is nothing to do.
    button: Option<&'static str>,
    /// What happens without the button.
    otherwise: &'static str,
}

/// What was ticked on the page of a link.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
struct ConfirmForm {
    /// `yes`: the sender's address is the agent's from now on.
    trust: Option<String>,
}

/// Routes that are open to everybody.
pub fn open_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(show, act))
}

/// The page a link in a mail leads to.
///
/// Shows what the link does.
#[utoipa::path(
    get,
    path = "/api/support/confirm/{token}",
    operation_id = "show_confirmation",
    tag = "System",
    responses(
        (status = 200, description = "A page with a button", body = String, content_type = "text/html"),
        (status = 404, description = "No link is so", body = String, content_type = "text/html"),
        (status = 410, description = "The link is too old", body = String, content_type = "text/html"),
    )
)]
pub async fn show(
    State(api): State<Api>,
    token: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    match api.desk.link_page(&named(token)).await {
        Ok(page) => Ok(page_of(&api, StatusCode::OK, &question(page))),
        Err(error) => refusal(&api, error),
    }
}

/// Do what the page says.
///
/// Does it.
#[utoipa::path(
    post,
    path = "/api/support/confirm/{token}",
    operation_id = "confirm",
    tag = "System",
    request_body(
        content = ConfirmForm,
        content_type = "application/x-www-form-urlencoded",
        description = "What was ticked on the page"
    ),
    responses(
        (status = 200, description = "A page that says what was done", body = String, content_type = "text/html"),
        (status = 404, description = "No link is so", body = String, content_type = "text/html"),
        (status = 410, description = "The link is too old", body = String, content_type = "text/html"),
    )
)]
pub async fn act(
    State(api): State<Api>,
    token: Result<Path<String>, PathRejection>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let form = extract::bytes(request.into_body(), FORM_LIMIT, FORM_TIMEOUT).await?;
    let mut fields = form.split(|byte| *byte == b'&');
    let click = Click { trust_sender: fields.any(|field| field == b"trust=yes") };
    match api.desk.follow_link(&named(token), click).await {
        Ok(page) => Ok(page_of(&api, StatusCode::OK, &done(&page))),
        Err(error) => refusal(&api, error),
    }
}

/// What is no text names no link: a person is told so on a page, as of any other.
fn named(token: Result<Path<String>, PathRejection>) -> String {
    token.map_or_else(|_| String::new(), |Path(token)| token)
}

/// What is asked before anything is done; what was done before is only said.
fn question(page: LinkPage) -> Words {
    match page {
        LinkPage::Release { done: true, .. }
        | LinkPage::Confirm { done: true, .. }
        | LinkPage::Pending { done: true, .. } => done(&page),
        LinkPage::Release { from, subject, text, agent, adds, .. } => Words {
            title: "Is this mail yours?",
            said: Some(format!(
                "It was held back because nothing proves that {agent} sent it. If you release it, it is filed as \
                 {agent}'s reply and goes where such a reply goes."
            )),
            facts: vec![("From", from), ("Subject", subject)],
            text: Some(text).filter(|text| !text.trim().is_empty()),
            option: adds.map(|address| format!("From now on, {address} is one of my addresses")),
            button: Some("Release it"),
            otherwise: "If you did not write it, close this page: the mail stays where it is.",
        },
        LinkPage::Confirm { address, .. } => Words {
            title: "Is this your address?",
            said: Some(
                "Somebody wrote to us with it. If it was you, say so, and we can answer you there.".into(),
            ),
            facts: vec![("Address", address)],
            button: Some("Yes, it is mine"),
            otherwise: "If it was not you, close this page: nothing happens.",
            ..Words::default()
        },
        LinkPage::Pending { address, sent_at, .. } => Words {
            title: "Did you write to us?",
            said: Some(
                "Somebody filled in our form and gave this address. If it was you, say so, and we read it."
                    .into(),
            ),
            facts: vec![("Address", address), ("Sent", sent_at.rfc3339())],
            button: Some("Yes, that was me"),
            otherwise: "If it was not you, close this page: what was written is thrown away.",
            ..Words::default()
        },
        LinkPage::Unsubscribe { address, kind } => Words {
            title: "Get no more of these mails?",
            facts: vec![("Address", address), ("Mails", kind.replace('_', " "))],
            button: Some("No more of them"),
            otherwise: "Close this page to go on getting them.",
            ..Words::default()
        },
    }
}

fn done(page: &LinkPage) -> Words {
    let (title, said) = match page {
        LinkPage::Release { .. } => ("The mail is released", "It went where a reply of yours goes.".into()),
        LinkPage::Confirm { address, .. } => {
            ("Thank you", format!("We answer you at {address} from now on."))
        }
        LinkPage::Pending { address, .. } => {
            ("Thank you", format!("We have your message, and answer you at {address}."))
        }
        LinkPage::Unsubscribe { address, .. } => {
            ("Done", format!("{address} gets no more mails of this kind."))
        }
    };
    Words { title, said: Some(said), ..Words::default() }
}

/// People read a page where it can't be done; trouble of ours is a problem as anywhere.
fn refusal(api: &Api, error: Error) -> Result<Response, Problem> {
    let (status, title, said) = match error {
        Error::NotFound(_) => (
            StatusCode::NOT_FOUND,
            "This link leads nowhere",
            "It may have been cut off by a line break: copy it whole from the mail.",
        ),
        Error::LinkExpired => (
            StatusCode::GONE,
            "This link has expired",
            "Links in our mails work for some days only. Please write to us again.",
        ),
        Error::InvalidState(_) => {
            (StatusCode::CONFLICT, "This can't be done any more", "Somebody may have been faster.")
        }
        error => return Err(error.into()),
    };
    let words = Words { title, said: Some(said.into()), ..Words::default() };
    Ok(page_of(api, status, &words))
}

fn page_of(api: &Api, status: StatusCode, words: &Words) -> Response {
    let html = written(&api.desk.config().email.brand, words);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex")),
    ];
    let mut response = (status, headers, html).into_response();
    // Its errors are pages, too.
    response.extensions_mut().insert(Spoken);
    response
}

fn written(brand: &str, words: &Words) -> String {
    let page = PAGES.get_template("link.html").expect("it was added");
    let html = page.render(context! { brand, ..Value::from(Serde(words)) });
    html.expect("every variable is there")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_shown_and_never_run() {
        let attack = "<script>alert(1)</script>\"'><img src=x onerror=y>";
        let page = LinkPage::Release {
            from: attack.into(),
            subject: attack.into(),
            text: attack.into(),
            agent: attack.into(),
            adds: Some(attack.into()),
            done: false,
        };
        let page = written(attack, &question(page));
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        assert!(page.contains("Release it"));
    }
}
