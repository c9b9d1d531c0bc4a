//! The listening side: connections are counted, slow ones are dropped, and stopping ends in bounded time.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
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
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::desk::Desk;

/// Most connections at once; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 1_000;
/// Longest wait for a request's head, also between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Largest request head.
const MAX_HEAD: usize = 64 << 10;
/// A connection ends after the request that runs then: one that reads slowly does not stay for ever.
const CONNECTION_LIFE: Duration = Duration::from_secs(600);
/// Longest wait for a request under way when a connection ends.
const GRACE: Duration = Duration::from_secs(10);

/// Serves the API on every listener until `cancel`; requests under way are finished, within seconds.
pub async fn serve(listeners: Vec<TcpListener>, desk: Desk, cancel: CancellationToken) {
    let router = super::router(desk);
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut doors = JoinSet::new();
    for listener in listeners {
        doors.spawn(accept(listener, router.clone(), permits.clone(), cancel.clone()));
    }
    while doors.join_next().await.is_some() {}
}

async fn accept(listener: TcpListener, router: Router, permits: Arc<Semaphore>, cancel: CancellationToken) {
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
                let talk = converse(stream, peer, router.clone(), cancel.clone());
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
    while connections.join_next().await.is_some() {}
}

/// One connection, HTTP/1.1 with keep-alive.
async fn converse(stream: TcpStream, peer: SocketAddr, router: Router, cancel: CancellationToken) {
    // Small answers go out at once; a socket that can't be told so works all the same.
    stream.set_nodelay(true).ok();
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = router.clone().oneshot(request);
        async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => {
            if let Err(error) = ended {
                tracing::debug!(%peer, %error, "http: connection broke off");
            }
            return;
        }
        () = cancel.cancelled() => {}
        () = tokio::time::sleep(CONNECTION_LIFE) => {}
    }
    connection.as_mut().graceful_shutdown();
    if tokio::time::timeout(GRACE, connection).await.is_err() {
        tracing::debug!(%peer, "http: connection cut");
    }
}
