//! Nobody reaches through a webhook what only the desk can reach.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use postdesk::webhooks::Names;
use serde_json::json;

use super::{hook, test, until_it, work};
use crate::api::call::Client;
use crate::support::App;
use crate::support::receiver::Receiver;

/// Names that lead to each of these addresses in turn, and how often somebody asked.
fn leading_to(ips: &'static [IpAddr]) -> (Names, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let names = Names::by(move |_| {
        let ip = ips[count.fetch_add(1, Ordering::SeqCst) % ips.len()];
        Box::pin(async move { Ok(vec![ip]) })
    });
    (names, asked)
}

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1));
const ALSO_HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

#[tokio::test]
async fn names_that_lead_inside_are_not_followed() {
    let app = App::start(crate::support::Engine::Sqlite).await;
    let api = Client::admin(&app.desk).await;
    let (names, asked) = leading_to(&[HERE]);
    let _worker = work(&app, names);
    let receiver = Receiver::start().await;
    let url = format!("http://hook.example:{}/", receiver.address.port());
    let (id, _) = hook(&api, json!({"url": url, "events": ["*"]})).await;
    let path = test(&api, &id).await;
    let shown = until_it(&api, &path, "retrying", 1).await;
    let error = shown["error"].as_str().unwrap_or_default();
    assert!(error.contains("leads to a private address") && !error.contains("127.0.0.1"), "{error}");
    assert_eq!((asked.load(Ordering::SeqCst), receiver.got().len()), (1, 0));
}

#[tokio::test]
async fn an_address_that_was_saved_when_it_was_allowed_is_refused_now() {
    let app = App::start(crate::support::Engine::Sqlite).await;
    let api = Client::admin(&app.desk).await;
    let _worker = work(&app, Names::system());
    let receiver = Receiver::start().await;
    let (id, _) = hook(&api, json!({"url": "https://a.example/", "events": ["*"]})).await;
    for url in [receiver.url(), format!("http://localhost:{}/", receiver.address.port())] {
        app.database.texts(&format!("UPDATE webhooks SET url = '{url}' RETURNING url")).await;
        let path = test(&api, &id).await;
        let shown = until_it(&api, &path, "retrying", 1).await;
        assert!(shown["error"].as_str().is_some_and(|error| error.contains("private")), "{url}: {shown}");
    }
    assert!(receiver.got().is_empty());
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_that_is_where_it_goes() {
    let app = App::start_with(crate::support::Engine::Sqlite, |config| {
        config.webhooks.allow_private_targets = true;
    })
    .await;
    let api = Client::admin(&app.desk).await;
    // A second look-up would lead elsewhere.
    let (names, asked) = leading_to(&[HERE, ALSO_HERE]);
    let _worker = work(&app, names);
    let receiver = Receiver::start().await;
    let url = format!("http://hook.example:{}/", receiver.address.port());
    let (id, _) = hook(&api, json!({"url": url, "events": ["*"]})).await;
    let path = test(&api, &id).await;
    until_it(&api, &path, "delivered", 1).await;
    assert_eq!(receiver.last().header("host"), format!("hook.example:{}", receiver.address.port()));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}
