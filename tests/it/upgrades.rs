//! Databases of earlier versions (`tests/upgrades`), opened by today's program: what was there is there, and taking mail goes
//! on.

use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::api::call::Client;
use crate::api::{PARCEL, mail_in};
use crate::support::{App, Database, Engine};

/// The kept databases of an engine.
fn kept(engine: Engine) -> Vec<PathBuf> {
    let end = match engine {
        Engine::Sqlite => ".sqlite.gz",
        Engine::Postgres => ".postgres.sql.gz",
    };
    let all = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upgrades"))
        .expect("the directory");
    let all = all.flatten().map(|entry| entry.path());
    let mut all: Vec<_> = all.filter(|path| path.to_string_lossy().ends_with(end)).collect();
    all.sort();
    assert!(!all.is_empty(), "no kept database ends in {end}");
    all
}

/// A database with this in it.
async fn restored(engine: Engine, kept: &Path) -> Database {
    let database = Database::fresh(engine).await;
    let output = Command::new("gzip").arg("-dc").arg(kept).output().expect("gzip");
    assert!(output.status.success(), "{}", kept.display());
    match engine {
        Engine::Sqlite => {
            let file = database.url.strip_prefix("sqlite:").expect("a file");
            std::fs::write(file, output.stdout).expect("it writes");
        }
        Engine::Postgres => {
            let dump = String::from_utf8(output.stdout).expect("SQL");
            // What is for psql, and not SQL.
            let dump: String =
                dump.lines().filter(|line| !line.starts_with('\\')).map(|line| format!("{line}\n")).collect();
            let mut connection = PgConnection::connect(&database.url).await.expect("it answers");
            connection.execute(AssertSqlSafe(dump)).await.expect("the dump runs");
        }
    }
    database
}

both_engines! {
    async fn an_old_database_goes_on(engine: Engine) {
        for path in kept(engine) {
            let database = restored(engine, &path).await;
            // A mailbox and an agent of this name are in it already; the test's own come besides.
            let app = App::start_on(database, |_| {}).await;
            let api = Client::admin(&app.desk).await;
            let all = api.get("/tickets?include=total&limit=100").await.json();
            assert_eq!(all["pagination"]["total"], 8, "{}: three mails and the demo data", path.display());
            for ticket in all["data"].as_array().expect("a list") {
                let shown = api.get(&format!("/tickets/{}?include=responses,events,email_logs", ticket["id"].as_str().expect("an id"))).await;
                assert_eq!(shown.status.as_u16(), 200);
            }
            assert_eq!(api.get("/search?q=parcel").await.status.as_u16(), 200);
            assert!(mail_in(&app.desk, "jo@example.org", PARCEL).await.inbound().is_some());
            let again = api.get("/tickets?include=total").await.json();
            assert_eq!(again["pagination"]["total"], 9);
            app.store.migrate().await.expect("a second time there is nothing to do");
        }
    }
}
