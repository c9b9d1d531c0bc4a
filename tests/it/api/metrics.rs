//! What the process measures of itself. All tests of a run share one process: others count too.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use postdesk::model::Scope;
use regex::Regex;

use super::call::{Answer, Client};
use super::{PARCEL, mail_in};
use crate::support::App;

/// Asked from this address, without a token.
async fn from(nobody: &Client, ip: &str) -> Answer {
    let peer: SocketAddr = format!("{ip}:40000").parse().expect("an address");
    let request = nobody.request("GET", "//metrics").extension(ConnectInfo(peer)).body(Body::empty());
    nobody.send(request.expect("a request")).await
}

/// The value of the line that begins so.
fn value(text: &str, line: &str) -> Option<f64> {
    text.lines().find_map(|l| l.strip_prefix(line)?.trim().parse().ok())
}

both_engines! {
    /// Mails, requests and the queue are counted, each line is one that Prometheus reads, and none names a ticket.
    async fn what_happens_is_counted(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        assert!(mail_in(&app.desk, "jo@example.org", PARCEL).await.inbound().is_some());
        let number = api.get("/tickets").await.json()["data"][0]["number"].as_str().expect("a number").to_owned();
        assert_eq!(api.get(&format!("/tickets/{number}")).await.status.as_u16(), 200);
        let answer = api.get("//metrics").await;
        assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let line = Regex::new(r#"^(# (HELP|TYPE) .*|[a-z_]+(\{([a-z_]+="[^"]*",?)*\})? [0-9.eE+-]+)?$"#).expect("a pattern");
        for l in text.lines() {
            assert!(line.is_match(l), "{l}");
        }
        assert!(!text.contains(&number) && !text.contains("example.org"));
        for (line, least) in [
            ("postdesk_mails_in_total{via=\"smtp\",action=\"created\"}", 1.0),
            ("postdesk_http_requests_total{route=\"/api/support/tickets/{ticket}\",method=\"GET\",status=\"200\"}", 1.0),
            ("postdesk_http_request_seconds_count{route=\"/api/support/tickets\",method=\"GET\"}", 1.0),
            ("postdesk_database_up", 1.0),
            ("postdesk_process_resident_memory_bytes", 1e6),
            ("postdesk_build_info{version=\"0.1.0\"}", 1.0),
            ("postdesk_tickets_open{status=\"open\"}", 0.0),
            ("postdesk_queue_mails{state=\"queued\"}", 0.0),
            ("postdesk_mails_quarantined", 0.0),
        ] {
            assert!(value(&text, line).is_some_and(|value| value >= least), "{line}\n{text}");
        }
    }

    /// The machine itself may ask, others need a token that may do everything.
    async fn not_everybody_may_look(engine: Engine) {
        let app = App::start(engine).await;
        let nobody = Client::anonymous(&app.desk);
        assert_eq!(from(&nobody, "127.0.0.1").await.status.as_u16(), 200);
        assert_eq!(from(&nobody, "[::1]").await.status.as_u16(), 200);
        assert_eq!(from(&nobody, "203.0.113.9").await.problem(), (401, "missing_credentials".into()));
        let some = Client::new(&app.desk, &[Scope::StatsRead, Scope::TicketsRead]).await;
        assert_eq!(some.get("//metrics").await.problem(), (403, "insufficient_scope".into()));
    }
}
