//! Mail on its way out, seen from the desk: what the customer gets, and what the log says of it.

use std::sync::Arc;
use std::time::Duration;

use postdesk::outbox::{Transport, Worker};
use postdesk::templates::Templates;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::App;
use super::app::SUPPORT;
use super::client::Client;

/// The worker, until the guard is dropped.
pub fn send_by(app: &App, transport: Transport) -> DropGuard {
    let stop = CancellationToken::new();
    let worker = Worker::new(app.desk.clone(), Arc::new(Templates::load(None)), transport);
    tokio::spawn(worker.run(stop.clone()));
    stop.drop_guard()
}

/// The first mail of a customer, who goes by a number: acknowledged to them, told to the agent.
pub async fn write_in(app: &App, number: usize) {
    write_from(app, &format!("jo{number}@shop.test")).await;
}

/// The first mail of this customer.
pub async fn write_from(app: &App, jo: &str) {
    let mut client = Client::connect(app.smtp).await.expect("greeted");
    let raw = format!("From: {jo}\r\nSubject: Lamp\r\nMessage-ID: <{jo}>\r\n\r\nIt broke.\r\n");
    let reply = client.send(jo, SUPPORT, raw.as_bytes()).await.expect("answered");
    assert!(reply.starts_with("250 "), "{reply}");
}

/// A column of the newest mail to a customer, as text.
pub async fn of_customer(app: &App, column: &str) -> String {
    let sql = format!("SELECT CAST({column} AS TEXT) FROM outbox WHERE audience = 'customer' ORDER BY id");
    app.database.texts(&sql).await.pop().unwrap_or_default()
}

/// Waits until the newest mail to a customer stands so.
pub async fn until_customers(app: &App, status: &str) {
    let is_so = async || of_customer(app, "status").await == status;
    let said = format!("wanted {status}");
    until(&said, is_so).await;
}

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..400 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("not in time: {what}");
}
