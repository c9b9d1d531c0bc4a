//! What the node measures of itself, for Prometheus.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::desk::stats::StandingNow;
use crate::http::Api;
use crate::http::auth::{Who, client_ip};
use crate::http::extract::Params;
use crate::http::problem::Problem;
use crate::model::Scope;
use crate::telemetry::meters::{self, Standing};

/// Longest wait for the database: what the process itself measured is shown all the same.
const PATIENCE: Duration = Duration::from_secs(2);
/// The text format's name.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Routes that answer other types.
pub fn raw_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// Metrics for Prometheus.
///
/// From the machine itself without a token, else with scope `admin`.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "get_metrics",
    tag = "System",
    security(("token" = ["admin"]), ()),
    responses((status = 200, description = "Prometheus text format", body = String, content_type = "text/plain"))
)]
pub async fn metrics(State(api): State<Api>, who: Who, request: Request) -> Result<Response, Problem> {
    Params::parse(request.uri().query())?.finish()?;
    if !is_local(client_ip(request.extensions()), request.headers()) {
        who.require(Scope::Admin)?;
    }
    let asked = tokio::time::timeout(PATIENCE, api.desk.standing()).await;
    let standing = asked.ok().and_then(Result::ok).map(|now| shown(&api, &now));
    let text = meters::render(standing.as_ref(), api.started.0 / 1_000);
    let headers =
        [(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((headers, text).into_response())
}

/// Whether the call comes from this machine, and not through a proxy that runs on it.
fn is_local(client: Option<IpAddr>, headers: &HeaderMap) -> bool {
    let forwarded = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    client.is_some_and(|ip| ip.is_loopback()) && !forwarded.iter().any(|name| headers.contains_key(*name))
}

fn shown(api: &Api, now: &StandingNow) -> Standing {
    let queue = &now.queue;
    let age = |at: crate::model::Timestamp| millis(api.desk.clock().now().0 - at.0);
    Standing {
        queue: vec![("queued", queue.queued), ("sending", queue.sending), ("deferred", queue.deferred)],
        queue_oldest: queue.oldest_queued_at.map(age).unwrap_or_default(),
        queue_late: millis(now.late_ms),
        queue_paused: queue.paused.is_some(),
        tickets_open: now.tickets_open.iter().map(|(status, count)| (status.as_str(), *count)).collect(),
        quarantined: now.quarantined,
    }
}

fn millis(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_on_the_same_machine_is_not_the_machine() {
        for (ip, name, want) in [
            (Some("127.0.0.1"), "accept", true),
            (Some("::1"), "accept", true),
            (Some("127.0.0.1"), "x-forwarded-for", false),
            (Some("127.0.0.1"), "forwarded", false),
            (Some("203.0.113.9"), "accept", false),
            (None, "accept", false),
        ] {
            let ip = ip.and_then(|ip| ip.parse().ok());
            let headers =
                HeaderMap::from_iter([(name.parse().expect("a name"), HeaderValue::from_static("x"))]);
            assert_eq!(is_local(ip, &headers), want, "{ip:?} {name}");
        }
    }
}
