//! Who calls (API.md §1.2): a bearer token, or nobody. The caller goes with the request as an extension.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Api;
use super::client_address::ClientAddress;
use super::limit::Left;
use super::problem::Problem;
use crate::desk::{Caller, Credential};
use crate::model::Scope;

/// Who calls, as far as is known.
#[derive(Debug, Clone)]
pub enum Who {
    /// A token's holder.
    Known(Arc<Caller>),
    /// Nobody said.
    Anonymous,
}

impl Who {
    /// The caller, whoever it is.
    ///
    /// # Errors
    /// 401 `missing_credentials`.
    pub fn known(&self) -> Result<&Caller, Problem> {
        match self {
            Self::Known(caller) => Ok(caller),
            Self::Anonymous => {
                Err(Problem::unauthorized("missing_credentials", "send Authorization: Bearer pdk_…"))
            }
        }
    }

    /// The caller, if they may do this.
    ///
    /// # Errors
    /// 401 `missing_credentials`, 403 `insufficient_scope`.
    pub fn require(&self, scope: Scope) -> Result<&Caller, Problem> {
        let caller = self.known()?;
        if caller.allows(scope) {
            return Ok(caller);
        }
        Err(Problem::lacks(scope))
    }

    /// Whether they may do this.
    pub fn allows(&self, scope: Scope) -> bool {
        matches!(self, Self::Known(caller) if caller.allows(scope))
    }
}

impl<S: Sync> FromRequestParts<S> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or(Self::Anonymous))
    }
}

/// The client's address, as `super::finish` found it; none in tests without a socket.
pub fn client_ip(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ClientAddress>().map(|ClientAddress(address)| *address)
}

/// Finds out who calls and counts the call. A token that is sent must be good, also where none is needed.
pub async fn identify(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let client = client_ip(request.extensions());
    let (who, left) = match counted(&api, request.headers(), client).await {
        Ok(found) => found,
        Err(problem) => return problem.into_response(),
    };
    request.extensions_mut().insert(who.clone());
    let mut response = next.run(request).await;
    response.extensions_mut().insert(who);
    if let Some(left) = left {
        left.write(response.headers_mut());
    }
    response
}

/// Who calls, and what is left of their quota. Tokens that nobody has are counted too.
async fn counted(
    api: &Api,
    headers: &HeaderMap,
    client: Option<IpAddr>,
) -> Result<(Who, Option<Left>), Problem> {
    let caller = match bearer(headers) {
        Ok(None) => return Ok((Who::Anonymous, None)),
        Ok(Some(secret)) => known(api, secret).await,
        Err(problem) => Err(problem),
    };
    match caller {
        Ok(caller) => {
            let left = api.limits.token(caller.token.id).await?;
            Ok((Who::Known(caller), left))
        }
        Err(problem) => {
            if problem.is_unauthorized() {
                api.limits.bad_token(client).await?;
            }
            Err(problem)
        }
    }
}

async fn known(api: &Api, secret: &str) -> Result<Arc<Caller>, Problem> {
    match api.desk.authenticate(secret).await? {
        Credential::Valid(caller) => Ok(caller),
        Credential::Expired => Err(Problem::unauthorized("token_expired", "the token has expired")),
        Credential::Unknown => Err(Problem::unauthorized("invalid_token", "the token is not known")),
    }
}

/// The secret of `Authorization: Bearer`; other schemes are not spoken here.
pub(super) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let refused = || Problem::unauthorized("invalid_token", "send Authorization: Bearer pdk_…");
    if values.next().is_some() {
        return Err(refused());
    }
    let (scheme, secret) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(refused)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(refused());
    }
    Ok(Some(secret.trim()))
}
