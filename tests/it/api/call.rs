//! A client of the API that needs no socket.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use postdesk::desk::{Desk, NewToken};
use postdesk::model::Scope;
use postdesk::templates::Templates;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::support::contract::{Contract, Said};

/// The API of a desk, and a token for it.
pub struct Client {
    router: Router,
    token: String,
    contract: &'static Contract,
}

fn router(desk: &Desk) -> Router {
    postdesk::http::router(desk.clone(), Arc::new(Templates::load(None)))
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header, empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Status and problem code.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16());
        assert_eq!(body["request_id"], self.header("x-request-id"));
        (self.status.as_u16(), body["code"].as_str().unwrap_or_default().to_owned())
    }
}

impl Client {
    /// A client whose token has these scopes.
    pub async fn new(desk: &Desk, scopes: &[Scope]) -> Self {
        let new = NewToken { name: "shop".into(), agent_id: None, scopes: scopes.to_vec(), expires_at: None };
        Self::with(desk, new).await
    }

    /// A client with this token.
    pub async fn with(desk: &Desk, new: NewToken) -> Self {
        let (_, token) = desk.create_token(new).await.expect("a token");
        Self { router: router(desk), token, contract: Contract::of(desk) }
    }

    /// A client that may do everything.
    pub async fn admin(desk: &Desk) -> Self {
        Self::new(desk, &[Scope::Admin]).await
    }

    /// The same caller at another node.
    pub fn at(&self, desk: &Desk) -> Self {
        Self { router: router(desk), token: self.token.clone(), contract: self.contract }
    }

    /// One that says nothing about itself.
    pub fn anonymous(desk: &Desk) -> Self {
        Self::of(desk, "")
    }

    /// Somebody with whatever token.
    pub fn of(desk: &Desk, token: &str) -> Self {
        Self { router: router(desk), token: token.to_owned(), contract: Contract::of(desk) }
    }

    /// GET under the API's base, or from the root.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path).body(Body::empty()).expect("a request")).await
    }

    /// A JSON body.
    pub async fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.raw(method, path, "application/json", body.to_string()).await
    }

    /// Any body.
    pub async fn raw(&self, method: &str, path: &str, kind: &str, body: impl Into<Body>) -> Answer {
        let request = self.request(method, path).header("content-type", kind).body(body.into());
        self.send(request.expect("a request")).await
    }

    /// A request to add headers to.
    pub fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        let path = if path.starts_with("//") { path[1..].to_owned() } else { format!("/api/support{path}") };
        let request = Request::builder().method(method).uri(path);
        match self.token.as_str() {
            "" => request,
            token => request.header("authorization", format!("Bearer {token}")),
        }
    }

    /// Sends it. The answer must be one that the document tells of.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let (method, uri) = (request.method().clone(), request.uri().to_string());
        let response = self.router.clone().oneshot(request).await.expect("the router answers");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes().to_vec();
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        let kind = answer.header("content-type").split(';').next().unwrap_or_default();
        let said = Said { status: answer.status.as_u16(), kind, body: &answer.body };
        self.contract.judge(method.as_str(), &uri, said).unwrap_or_else(|wrong| panic!("{wrong}"));
        answer
    }
}
