//! What we sign, others verify: the crate of Standard Webhooks' authors, their Python package, and the receivers of our
//! own guide.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};

use axum::http::HeaderMap;
use serde_json::json;

use super::{hear_all, post, start, test, to_this_day, until_it, write_in};
use crate::support::outgoing::until;
use crate::support::python::Python;
use crate::support::receiver::{Got, Receiver};
use crate::support::say;

fn verify(got: &Got, secret: &str) -> Result<(), standardwebhooks::WebhookError> {
    let headers: HashMap<_, _> = got.headers.clone().into_iter().collect();
    let headers = HeaderMap::try_from(&headers).expect("headers");
    standardwebhooks::Webhook::new(secret).expect("a secret").verify(got.body.as_bytes(), &headers)
}

both_engines! {
    async fn signatures_verify_and_changed_bodies_do_not(engine: Engine) {
        let (app, api, _worker) = start(engine).await;
        to_this_day(&app);
        let receiver = Receiver::start().await;
        let (id, secret) = hear_all(&api, &receiver).await;
        write_in(&app).await;
        until("an event", async || !receiver.got().is_empty()).await;
        let mut got = receiver.last();
        verify(&got, &secret).expect("it verifies");
        got.body.push(' ');
        verify(&got, &secret).expect_err("another body");

        let rotated = post(&api, &format!("/webhooks/{id}/rotate-secret")).await;
        assert_eq!(rotated.status, 200);
        let new = rotated.json()["secret"].as_str().expect("a secret").to_owned();
        assert_ne!(new, secret);
        let path = test(&api, &id).await;
        until_it(&api, &path, "delivered", 1).await;
        let got = receiver.last();
        assert_eq!(got.header("webhook-signature").split(' ').filter(|one| one.starts_with("v1,")).count(), 2);
        verify(&got, &secret).expect("the old secret signs for a day");
        verify(&got, &new).expect("the new one signs at once");
        // The receiver's clock and ours agree on what follows but for the day that went by.
        app.clock.advance_ms(24 * 3_600_000);
        let path = test(&api, &id).await;
        until_it(&api, &path, "delivered", 1).await;
        assert_eq!(receiver.last().header("webhook-signature").split(' ').count(), 1);
    }
}

#[tokio::test]
async fn the_python_package_verifies_it() {
    let Some(python) = Python::with(&["standardwebhooks"]) else { return };
    let (app, api, _worker) = start(crate::support::Engine::Sqlite).await;
    to_this_day(&app);
    let receiver = Receiver::start().await;
    let (id, secret) = hear_all(&api, &receiver).await;
    let path = test(&api, &id).await;
    until_it(&api, &path, "delivered", 1).await;
    let got = receiver.last();
    let headers = json!(got.headers).to_string();
    let script = "import sys, json\nfrom standardwebhooks.webhooks import Webhook\n\
        print(Webhook(sys.argv[1]).verify(sys.stdin.buffer.read(), json.loads(sys.argv[2]))['type'])";
    let said = python.run(script, &[&secret, &headers], got.body.as_bytes());
    assert_eq!(String::from_utf8_lossy(&said).trim(), "webhook.test");
}

#[tokio::test]
async fn the_receivers_of_the_guide_verify_it() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples");
    let (python, node) = (examples.join("webhook_receiver.py"), examples.join("webhook_receiver.mjs"));
    for (program, file) in [("python3", python), ("node", node)] {
        let there =
            Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
        if !there {
            say(&format!("not tested: {}, as there is no {program}", file.display()));
            continue;
        }
        receiver_of_the_guide(program, &file).await;
    }
}

async fn receiver_of_the_guide(program: &str, file: &Path) {
    let (app, api, _worker) = start(crate::support::Engine::Sqlite).await;
    to_this_day(&app);
    let port =
        std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("bound").port();
    let url = format!("http://127.0.0.1:{port}/");
    let (id, secret) = super::hook(&api, json!({"url": url, "events": ["*"]})).await;
    let start = |secret: &str| {
        let mut command = Command::new(program);
        command.arg(file).env("WEBHOOK_SECRET", secret).env("PORT", port.to_string());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
    };
    for (secret, state) in
        [(secret.as_str(), "delivered"), ("whsec_bm90IHRoZSBzZWNyZXQgb2YgdGhpcyBob29r", "retrying")]
    {
        let mut child = start(secret);
        until("it listens", async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()).await;
        let path = test(&api, &id).await;
        let shown = until_it(&api, &path, state, 1).await;
        child.kill().expect("it is ours");
        child.wait().expect("it is ours");
        let status = if state == "delivered" { json!(204) } else { json!(400) };
        assert_eq!(shown["status_code"], status, "{program}: {shown}");
    }
}
