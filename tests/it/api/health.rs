//! Whether the desk says that it is unwell, while it is unwell.

use std::time::Duration;

use serde_json::json;

use super::call::{Answer, Client};
use crate::support::App;

/// Less than the store's own patience with a connection.
const SOON: Duration = Duration::from_secs(4);

/// Asks, and is answered soon.
async fn ask(api: &Client, path: &str) -> Answer {
    tokio::time::timeout(SOON, api.get(path)).await.expect("a probe does not wait for the database")
}

both_engines! {
    /// Its one connection is taken: to the desk, a database that does not answer.
    async fn a_database_that_does_not_answer_is_told_soon(engine: Engine) {
        let app = App::start_with(engine, |config| config.store.max_connections = 1).await;
        let api = Client::anonymous(&app.desk);
        let held = app.store.read().await.expect("a connection");
        let health = ask(&api, "/health").await;
        assert_eq!((health.status.as_u16(), &health.json()["status"]), (503, &json!("degraded")));
        let checks = json!({"database": "failed", "queue": "failed", "smtp_in": "ok", "smtp_out": "failed"});
        assert_eq!(health.json()["checks"], checks);
        assert_eq!(ask(&api, "//readyz").await.problem(), (503, "unavailable".into()));
        assert_eq!(ask(&api, "//livez").await.status.as_u16(), 200, "the process itself is well");
        drop(held);
        assert_eq!(api.get("/health").await.json()["status"], "ok");
        assert_eq!(api.get("//readyz").await.status.as_u16(), 200);
    }
}
