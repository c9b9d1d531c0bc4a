//! Live events (API.md §6), as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::desk::{Credential, Desk, Listening};
use crate::http::auth::{self, Who};
use crate::http::extract::{Params, words};
use crate::http::problem::Problem;
use crate::http::{Api, Connection};
use crate::model::{DeskEvent, Scope, Sight, Timestamp, Topic};

/// How soon a client comes back when the stream breaks, milliseconds.
const RETRY_MS: u32 = 3_000;
/// How often something is sent when nothing happens: so that nobody on the way thinks the connection is dead.
const COMMENT_EVERY: Duration = Duration::from_secs(20);

/// Routes that answer something else than JSON.
pub fn raw_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(listen))
}

/// The query of `GET /events`.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what `Params` reads")]
struct ListenParams {
    /// What to hear of, separated by commas: `tickets` (and contacts), `responses` (and notes), `emails`, `inbound`,
    /// `queue`. Everything, when it is left out.
    #[param(example = "tickets,responses")]
    topics: Option<String>,
}

/// Hear what happens, as it happens.
///
/// Server-sent events: each is what a webhook would be sent, in the order things happened. What the token may not see is
/// left out. Reconnect with `Last-Event-ID` to get what you missed of the last ten minutes; `event: reset` says that
/// some of it is gone, so read again what you show.
#[utoipa::path(
    get,
    path = "/api/support/events",
    operation_id = "listen_events",
    tag = "System",
    params(
        ListenParams,
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event you got"),
    ),
    responses((status = 200, description = "A stream without an end", body = String, content_type = "text/event-stream"))
)]
pub async fn listen(
    State(api): State<Api>,
    who: Who,
    connection: Option<Extension<Connection>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::TicketsRead)?;
    let mut params = Params::parse(query.as_deref())?;
    let topics = topics(&mut params)?;
    params.finish()?;
    let sight = Sight::new(&topics, |scope| caller.allows(scope));
    let last = headers.get("last-event-id").map(|value| value.to_str().unwrap_or_default());
    let secret = auth::bearer(&headers)?.unwrap_or_default().to_owned();
    let doubts = api.desk.credential_doubts();
    let listening = api.desk.listen(sight, last.filter(|id| !id.is_empty())).await?;
    let listener = Listener {
        greeting: Some(greeting(&listening)),
        listening,
        comments: comments(),
        credential: CredentialWatch { secret, expires_at: caller.token.expires_at, doubts, desk: api.desk },
        connection: connection.map(|Extension(connection)| connection).unwrap_or_default(),
    };
    let events = stream::unfold(listener, |mut listener| async move {
        let bytes = listener.next().await?;
        Some((Ok::<_, Infallible>(bytes), listener))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx would wait for more.
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(events)).into_response())
}

/// A client on the line.
struct Listener {
    greeting: Option<Bytes>,
    listening: Listening,
    comments: Interval,
    credential: CredentialWatch,
    connection: Connection,
}

/// The token a client listens with; it may be taken back.
struct CredentialWatch {
    desk: Desk,
    secret: String,
    expires_at: Option<Timestamp>,
    doubts: watch::Receiver<()>,
}

impl Listener {
    /// What is sent next; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        self.connection.beat();
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        loop {
            tokio::select! {
                biased;
                () = self.connection.stopped() => return None,
                () = self.credential.doubted() => {}
                _ = self.comments.tick() => {
                    let comment = format!(": nothing new\nid: {}\n\n", self.listening.last());
                    return self.credential.stands().await.then(|| comment.into());
                }
                bytes = self.listening.next(show) => {
                    return bytes.filter(|_| !self.credential.has_expired()).map(Bytes::from_owner);
                }
            }
            if !self.credential.stands().await {
                return None;
            }
        }
    }
}

impl CredentialWatch {
    /// Resolves when the token may no longer stand.
    async fn doubted(&mut self) {
        if self.doubts.changed().await.is_err() {
            std::future::pending().await
        }
    }

    fn has_expired(&self) -> bool {
        self.expires_at.is_some_and(|at| at <= self.desk.clock().now())
    }

    /// Whether it stands. While the store does not answer, it is believed.
    async fn stands(&self) -> bool {
        matches!(self.desk.authenticate(&self.secret).await, Ok(Credential::Valid(_)) | Err(_))
    }
}

fn topics(params: &mut Params) -> Result<Vec<Topic>, Problem> {
    let parse = |word: &String| {
        let unknown = || Problem::not_among("topics", word, words(Topic::ALL));
        Topic::parse(word).ok_or_else(unknown)
    };
    params.list("topics").iter().map(parse).collect()
}

/// What every stream begins with. An event without data sets only the id: a client who is cut off before the first event
/// comes back to the right place.
fn greeting(listening: &Listening) -> Bytes {
    let reset = if listening.missed() { "event: reset\ndata: {}\n" } else { "" };
    format!("retry: {RETRY_MS}\nid: {}\n{reset}\n", listening.last()).into()
}

fn comments() -> Interval {
    let first = tokio::time::Instant::now() + COMMENT_EVERY;
    let mut comments = tokio::time::interval_at(first, COMMENT_EVERY);
    comments.set_missed_tick_behavior(MissedTickBehavior::Delay);
    comments
}

/// JSON has no line breaks, so that an event is three lines.
fn show(event: &DeskEvent, to: &mut Vec<u8>) {
    to.extend_from_slice(
        format!("id: {}\nevent: {}\ndata: {}\n\n", event.seq, event.r#type, event.body).as_bytes(),
    );
}
