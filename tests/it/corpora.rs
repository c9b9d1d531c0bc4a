//! Mails nobody here wrote, sent through the door: each is taken, makes exactly one thing, and is kept as it came.
//! `POSTDESK_CORPORA` names the directory; a collection there has a `cases.jsonl` and its files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use postdesk::model::{InboundAction, MailKind};
use postdesk::store::Store;
use serde_json::Value;
use uuid::Uuid;

use crate::support::app::SUPPORT;
use crate::support::client::Client;
use crate::support::{App, say};

/// A mail of a collection.
struct Case {
    id: String,
    /// With CR LF line ends, as SMTP wants them.
    raw: Vec<u8>,
    /// Reports come with a null reverse-path.
    is_report: bool,
}

fn cases(corpora: &Path) -> Vec<Case> {
    let mut collections: Vec<PathBuf> =
        fs::read_dir(corpora).expect("a directory").flatten().map(|entry| entry.path()).collect();
    collections.sort();
    collections.iter().flat_map(|dir| collection(dir)).collect()
}

fn collection(dir: &Path) -> Vec<Case> {
    let list = fs::read_to_string(dir.join("cases.jsonl")).unwrap_or_default();
    let cases = list.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    let whole = cases.filter(|case| case["body_only"] != true);
    whole
        .map(|case| Case {
            id: case["id"].as_str().expect("a name").to_owned(),
            raw: with_crlf(&fs::read(dir.join(case["file"].as_str().expect("a name"))).expect("a mail")),
            is_report: case["kinds"]
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(|kind| kind == "bounce")),
        })
        .collect()
}

/// Every CR LF, CR and LF made CR LF.
fn with_crlf(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 20);
    let mut bytes = raw.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if_eq(&b'\n');
                out.extend_from_slice(b"\r\n");
            }
            b'\n' => out.extend_from_slice(b"\r\n"),
            other => out.push(other),
        }
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

both_engines! {
    async fn every_mail_makes_one_thing_and_is_kept_as_it_came(engine: Engine) {
        let Some(corpora) = std::env::var_os("POSTDESK_CORPORA") else {
            return say("not tested: mails of public collections (POSTDESK_CORPORA names no directory)");
        };
        let cases = cases(Path::new(&corpora));
        assert!(!cases.is_empty(), "no cases.jsonl below {}", corpora.display());
        let app = App::start_with(engine, |config| config.smtp.max_messages = 1_000_000).await;
        let mut client = Client::connect(app.smtp).await.expect("greeted");
        let mut wrong = Vec::new();
        for (number, case) in cases.iter().enumerate() {
            let from = if case.is_report { String::new() } else { format!("sender-{number}@corpus.test") };
            let reply = client.send(&from, SUPPORT, &case.raw).await.expect("answered");
            let became = match reply.strip_prefix("250 2.0.0 accepted as ") {
                Some(id) => what_became(&app.store, id.parse().expect("an id"), &case.raw).await,
                None => Err(reply),
            };
            if let Err(why) = became {
                wrong.push(format!("{}: {why}", case.id));
            }
        }
        assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
        let rows = app.database.count("SELECT count(*) FROM inbound_mails").await;
        assert_eq!(usize::try_from(rows), Ok(cases.len()), "one row in the ledger for each");
        let filed = "SELECT count(*) FROM inbound_mails WHERE action IN ('created', 'appended')";
        let responses = app.database.count("SELECT count(*) FROM responses").await;
        assert_eq!(app.database.count(filed).await, responses, "one response for each that was filed");
        let created = app.database.count("SELECT count(*) FROM inbound_mails WHERE action = 'created'").await;
        assert_eq!(app.database.count("SELECT count(*) FROM tickets").await, created, "one ticket for each");
        say(&format!("{} mails of public collections on {engine:?}: {:?}", cases.len(), tally(&app).await));
    }
}

/// Looks the mail up in the ledger, and what it points to.
async fn what_became(store: &Store, id: Uuid, raw: &[u8]) -> Result<(), String> {
    let mut tx = store.read().await.expect("it reads");
    let record = tx.inbound(id).await.expect("it reads").ok_or("not in the ledger")?;
    if tx.inbound_raw(id).await.expect("it reads").as_deref() != Some(raw) {
        return Err("kept with other bytes".into());
    }
    let filed = matches!(record.action, InboundAction::Created | InboundAction::Appended);
    if filed != record.response_id.is_some() {
        return Err(format!("{} with response {:?}", record.action, record.response_id));
    }
    // A person may have written what only looks automatic: that is held back for one to see. Nobody else's mail is.
    if record.action == InboundAction::Quarantined && record.kind != MailKind::AutoReply {
        return Err(format!("quarantined: {} {}", record.reason, record.detail));
    }
    let Some(response) = record.response_id else { return Ok(()) };
    let response = tx.response(response).await.expect("it reads").ok_or("its response is missing")?;
    match record.ticket_id == Some(response.ticket_id) && response.inbound_mail_id == Some(id) {
        true => Ok(()),
        false => Err("its response belongs elsewhere".into()),
    }
}

/// How many became what.
async fn tally(app: &App) -> BTreeMap<String, usize> {
    let actions = app.database.texts("SELECT action FROM inbound_mails").await;
    actions.into_iter().fold(BTreeMap::new(), |mut tally, action| {
        *tally.entry(action).or_default() += 1;
        tally
    })
}
