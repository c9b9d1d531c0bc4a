//! Events told by HTTP: from the verb that caused one to a receiver that verifies its signature.

mod api;
mod crash;
mod delivery;
mod replay;
mod signature;
mod targets;

use postdesk::clock::Clock;
use postdesk::webhooks::{Names, Worker};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::api::call::{Answer, Client};
use crate::api::{PARCEL, mail_in};
use crate::support::outgoing::until;
use crate::support::receiver::Receiver;
use crate::support::{App, Engine};

/// A desk that may call this machine, and the worker, until the guard is dropped.
async fn start(engine: Engine) -> (App, Client, DropGuard) {
    let app = App::start_with(engine, |config| config.webhooks.allow_private_targets = true).await;
    let api = Client::admin(&app.desk).await;
    let worker = work(&app, Names::system());
    (app, api, worker)
}

fn work(app: &App, names: Names) -> DropGuard {
    let stop = CancellationToken::new();
    tokio::spawn(Worker::new(app.desk.clone(), names).run(stop.clone()));
    stop.drop_guard()
}

/// A webhook's id and secret.
async fn hook(api: &Client, body: Value) -> (String, String) {
    let made = api.json("POST", "/webhooks", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let text = |member: &str| made.json()[member].as_str().expect("text").to_owned();
    (text("id"), text("secret"))
}

/// A webhook of this receiver for everything.
async fn hear_all(api: &Client, receiver: &Receiver) -> (String, String) {
    hook(api, json!({"url": receiver.url(), "events": ["*"]})).await
}

/// POST without body.
async fn post(api: &Client, path: &str) -> Answer {
    api.json("POST", path, &json!({})).await
}

/// Has the desk say something to the webhook; the delivery's path.
async fn test(api: &Client, hook: &str) -> String {
    let made = post(api, &format!("/webhooks/{hook}/test")).await;
    assert_eq!(made.status, 202, "{made:?}");
    format!("/webhooks/{hook}/deliveries/{}", made.json()["id"].as_str().expect("an id"))
}

/// Waits until the delivery of a path stands so after so many tries, and returns it.
async fn until_it(api: &Client, path: &str, state: &str, attempts: i64) -> Value {
    let stands_so = async || {
        let now = api.get(path).await.json();
        now["state"] == state && now["attempts"] == attempts
    };
    until(&format!("{state} after {attempts}: {path}"), stands_so).await;
    api.get(path).await.json()
}

/// Waits until the receiver got so many.
async fn until_got(receiver: &Receiver, count: usize) {
    until(&format!("{count} requests"), async || receiver.got().len() >= count).await;
}

/// A customer's first mail.
async fn write_in(app: &App) {
    assert!(mail_in(&app.desk, "jo@example.org", PARCEL).await.inbound().is_some());
}

/// Moves the standing clock to the machine's time, for verifiers who know no other.
fn to_this_day(app: &App) {
    app.clock.advance_ms(Clock::System.now().0 - app.clock.now().0);
}
