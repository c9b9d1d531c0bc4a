//! The listening side: connections are counted, slow ones are dropped, and stopping ends in bounded time.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::desk::Desk;
use crate::templates::Templates;

/// Largest request head.
const MAX_HEAD: usize = 64 << 10;
/// A connection ends after the request that runs then: one that reads slowly does not stay for ever. One that listens
/// may stay for as long again, and again, while it takes what it is sent.
const CONNECTION_LIFE: Duration = Duration::from_secs(600);

/// What an answer without an end needs to know of its connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Connection {
    /// Set whenever the client took something.
    alive: Arc<AtomicBool>,
    stop: CancellationToken,
}

impl Connection {
    /// The client took what it was sent.
    pub fn beat(&self) {
        self.alive.store(true, Ordering::Relaxed);
    }

    /// Resolves when the door closes.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Resolves when the connection's time is up.
    async fn outlived(&self) {
        loop {
            tokio::time::sleep(CONNECTION_LIFE).await;
            if !self.alive.swap(false, Ordering::Relaxed) {
                return;
            }
        }
    }
}

/// What all connections share. Cheap to clone.
#[derive(Clone)]
struct Door {
    router: Router,
    permits: Arc<Semaphore>,
    /// Longest wait for a request's head, also between two requests.
    head: Duration,
    /// Longest wait for a client to take something of its answer.
    body: Duration,
    /// Longest wait for a request under way when a connection ends.
    grace: Duration,
    cancel: CancellationToken,
}

/// Serves the API on every listener until `cancel`; requests under way are finished, within seconds.
pub async fn serve(
    listeners: Vec<TcpListener>,
    desk: Desk,
    templates: Arc<Templates>,
    cancel: CancellationToken,
) {
    let http = &desk.config().http;
    let door = Door {
        permits: Arc::new(Semaphore::new(http.max_connections)),
        head: Duration::from_secs(http.head_timeout_seconds),
        body: Duration::from_secs(http.body_timeout_seconds),
        grace: Duration::from_secs(http.shutdown_seconds),
        router: super::router(desk.clone(), templates),
        cancel,
    };
    let mut doors = JoinSet::new();
    for listener in listeners {
        doors.spawn(accept(listener, door.clone()));
    }
    while doors.join_next().await.is_some() {}
}

async fn accept(listener: TcpListener, door: Door) {
    let Door { permits, cancel, .. } = &door;
    let mut connections = JoinSet::new();
    loop {
        let permit = tokio::select! {
            permit = permits.clone().acquire_owned() => permit.expect("the semaphore is never closed"),
            () = cancel.cancelled() => break,
        };
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            () = cancel.cancelled() => break,
        };
        match stream {
            Ok((stream, peer)) => {
                let talk = converse(stream, peer, door.clone());
                connections.spawn(async move {
                    talk.await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of file descriptors as a rule: others have to end first.
                tracing::warn!(%error, "http: accept failed");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    // Whoever comes now is refused, and may go to another node.
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// One connection, HTTP/1.1 with keep-alive.
async fn converse(stream: TcpStream, peer: SocketAddr, door: Door) {
    let Door { router, head, body, grace, cancel, .. } = door;
    // Small answers go out at once; a socket that can't be told so works all the same.
    stream.set_nodelay(true).ok();
    let connection = Connection { stop: cancel.clone(), ..Connection::default() };
    let told = connection.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(told.clone());
        let answer = router.clone().oneshot(request);
        async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
    });
    let mut stream = Box::pin(TimeoutStream::new(stream));
    stream.as_mut().set_write_timeout_pinned(Some(body));
    let talk = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(talk);
    tokio::select! {
        ended = talk.as_mut() => {
            if let Err(error) = ended {
                tracing::debug!(%peer, %error, "http: connection broke off");
            }
            return;
        }
        () = cancel.cancelled() => {}
        () = connection.outlived() => {}
    }
    talk.as_mut().graceful_shutdown();
    if tokio::time::timeout(grace, talk).await.is_err() {
        tracing::debug!(%peer, "http: connection cut");
    }
}
