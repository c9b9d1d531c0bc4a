//! Other spellings of a path, and headers that name another request: nothing opens to whoever has no token.

use super::{Door, rest, say};
use crate::api::{PARCEL, mail_in};
use crate::support::Engine;

/// Paths that some proxy or router takes for one that is guarded, or for one that is open.
const PATHS: [&str; 30] = [
    "/api/support/tickets",
    "/api/support/tickets/",
    "//api/support/tickets",
    "/api//support/tickets",
    "/api/support//tickets",
    "/api/support/./tickets",
    "/api/support/health/../tickets",
    "/livez/../api/support/tickets",
    "/api/support/%2e/tickets",
    "/api/support/health/%2e%2e/tickets",
    "/api/support/health/%252e%252e/tickets",
    "/api/support/health/..;/tickets",
    "/api/support/health%2f..%2ftickets",
    "/api%2fsupport%2ftickets",
    "/api/support/%74ickets",
    "/api/support/Tickets",
    "/API/SUPPORT/TICKETS",
    "/api/support/tickets;x",
    "/api/support/tickets;/health",
    "/api/support/tickets%00",
    "/api/support/tickets%20",
    "/api/support/tickets%0a",
    "/api/support/tickets.json",
    "/api/support/tickets\\..\\health",
    "/api/support/tickets?/api/support/health",
    "/api/support/tickets?token=pdk_x&access_token=pdk_x",
    "/api/support/tickets#/api/support/health",
    "http://desk.test/api/support/tickets",
    "http://localhost//api/support/tickets",
    "*",
];

/// Headers by which some server takes a request for another one, or its caller for somebody trusted.
const HEADERS: [&str; 14] = [
    "X-Original-URL: /api/support/tickets",
    "X-Rewrite-URL: /api/support/tickets",
    "X-Forwarded-Prefix: /api/support/tickets",
    "X-HTTP-Method-Override: GET",
    "X-Method-Override: GET",
    "X-HTTP-Method: GET",
    "X-Forwarded-For: 127.0.0.1",
    "X-Real-IP: 127.0.0.1",
    "Forwarded: for=127.0.0.1;host=localhost;proto=https",
    "X-Remote-User: admin",
    "X-Forwarded-User: ada@desk.test",
    "Authorization: Basic YWRhQGRlc2sudGVzdDpwZGtfeA==",
    "Authorization: bearer",
    "Cookie: __Host-postdesk_session=pdk_x; token=pdk_x",
];

/// "CHECKLIST §3, auth on every route, bypass spellings" (CWE-288, CWE-22; RFC 3986 §6): no data, whatever way it is
/// asked for.
#[tokio::test]
async fn no_spelling_goes_round_the_token() {
    let door = Door::open(Engine::Sqlite, |_| {}).await;
    mail_in(&door.app.desk, "jo@example.org", PARCEL).await;
    let asked = async |method: &str, path: &str, header: &str| {
        let mut stream = door.connect().await;
        say(
            &mut stream,
            &format!("{method} {path} HTTP/1.1\r\nHost: desk.test\r\n{header}\r\nConnection: close\r\n\r\n"),
        )
        .await;
        rest(&mut stream).await
    };
    let known = asked("GET", PATHS[0], &format!("Authorization: Bearer {}", door.token)).await;
    assert!(
        known.starts_with("HTTP/1.1 200 ") && known.contains("blue parcel"),
        "there is something to see: {known}"
    );
    let requests = PATHS.iter().flat_map(|path| {
        ["GET", "HEAD", "POST", "OPTIONS", "TRACE", "get", "QUERY"].map(|method| (method, *path, "X-A: b"))
    });
    let headers = HEADERS.iter().flat_map(|header| {
        [("GET", PATHS[0]), ("HEAD", PATHS[0]), ("POST", "/api/support/nowhere")]
            .map(|(method, path)| (method, path, *header))
    });
    let open = HEADERS.iter().map(|header| ("GET", "/livez", *header));
    for (method, path, header) in requests.chain(headers).chain(open) {
        let answer = asked(method, path, header).await;
        let status: u16 = answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default();
        let what = format!("{method} {path} {header}: {answer}");
        assert!(
            !answer.contains("parcel") && !answer.contains("jo@example.org") && !answer.contains("TKT-"),
            "{what}"
        );
        match path {
            "/livez" => assert_eq!(status, 200, "{what}"),
            "*" => assert!((400..500).contains(&status) || answer.is_empty(), "{what}"),
            _ => assert!(matches!(status, 400 | 401 | 403 | 404 | 405), "{what}"),
        }
    }
    assert_eq!(door.app.database.count("SELECT COUNT(*) FROM tickets").await, 1);
}
