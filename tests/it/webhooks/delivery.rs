//! From an event to its receiver, whatever that one does; the clock stands and is moved by hand.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{hear_all, hook, post, start, test, until_got, until_it, work, write_in};
use crate::api::call::Client;
use crate::support::App;
use crate::support::certificate::certificate;
use crate::support::outgoing::until;
use crate::support::receiver::{Act, Receiver};

both_engines! {
    async fn an_event_arrives_once_at_everyone_who_wants_it(engine: Engine) {
        let (app, api, _worker) = start(engine).await;
        let (all, tickets, mails) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
        hear_all(&api, &all).await;
        hook(&api, json!({"url": tickets.url(), "events": ["ticket.*"]})).await;
        hook(&api, json!({"url": mails.url(), "events": ["email.received"]})).await;
        hook(&api, json!({"url": mails.url(), "events": ["*"], "is_active": false})).await;
        write_in(&app).await;
        until_got(&tickets, 1).await;
        until_got(&mails, 1).await;
        let told = tickets.last();
        assert_eq!((told.path.as_str(), told.header("content-type")), ("/hook", "application/json"));
        assert_eq!(told.header("user-agent"), concat!("Postdesk/", env!("CARGO_PKG_VERSION")));
        assert_eq!(told.header("webhook-timestamp"), (app.clock.now().0 / 1_000).to_string());
        let body = told.json();
        assert_eq!((&body["type"], &body["data"]["ticket"]["status"]), (&json!("ticket.created"), &json!("open")));
        assert!(told.body.len() < 20_000 && !told.body.contains("parcel"), "no texts: {}", told.body);
        assert_eq!(mails.last().json()["type"], "email.received");
        let bodies = app.database.texts("SELECT body FROM desk_events ORDER BY seq").await;
        until_got(&all, bodies.len()).await;
        let mut got: Vec<_> = all.got().into_iter().map(|got| got.body).collect();
        got.sort();
        let mut bodies = bodies;
        bodies.sort();
        assert_eq!(got, bodies, "word for word, and each once");
        assert_eq!((tickets.got().len(), mails.got().len()), (1, 1));
    }

    async fn a_filter_lets_through_events_of_its_tickets(engine: Engine) {
        let (app, api, _worker) = start(engine).await;
        let (here, there) = (Receiver::start().await, Receiver::start().await);
        hook(&api, json!({"url": here.url(), "events": ["*"], "filter": "store_id:st_81 is:open"})).await;
        hook(&api, json!({"url": there.url(), "events": ["*"], "filter": "store_id:st_99"})).await;
        for store in ["st_81", "st_99", "st_7"] {
            let ticket = json!({"subject": "Lamp", "description": "It broke.", "customer_email": "jo@example.org", "store_id": store});
            assert_eq!(api.json("POST", "/tickets", &ticket).await.status, 201);
        }
        let stores = |receiver: &Receiver| {
            let created = receiver.got().into_iter().map(|got| got.json()).filter(|body| body["type"] == "ticket.created");
            created.map(|body| body["data"]["ticket"]["store_id"].clone()).collect::<Vec<_>>()
        };
        until("one each", async || !stores(&here).is_empty() && !stores(&there).is_empty()).await;
        until("all handed on", async || {
            app.database.texts("SELECT type FROM desk_events WHERE waits").await.is_empty()
        }).await;
        assert_eq!((stores(&here), stores(&there)), (vec![json!("st_81")], vec![json!("st_99")]));
    }

    async fn nobody_listens_and_nothing_waits(engine: Engine) {
        let app = App::start(engine).await;
        write_in(&app).await;
        assert!(!app.database.texts("SELECT type FROM desk_events").await.is_empty());
        assert_eq!(app.database.texts("SELECT type FROM desk_events WHERE waits").await, [""; 0]);
        assert_eq!(app.desk.dispatch_events().await.expect("it reads"), 0);
    }

    async fn what_fails_is_tried_again_under_the_same_id(engine: Engine) {
        let (app, api, _worker) = start(engine).await;
        let receiver = Receiver::start_with(Act::status(500), None).await;
        let (id, _) = hear_all(&api, &receiver).await;
        let path = test(&api, &id).await;
        let first = until_it(&api, &path, "retrying", 1).await;
        assert_eq!((&first["status_code"], &first["error"]), (&json!(500), &json!("HTTP 500")));
        assert!(api.get(&format!("/webhooks/{id}")).await.json()["failing_since"].is_string());
        for (tries, wait_s) in [(2, 6), (3, 330), (4, 1_980), (5, 7_920), (6, 19_800), (7, 39_600), (8, 55_440), (9, 79_200)] {
            app.clock.advance_ms(wait_s * 1_000);
            until_it(&api, &path, "retrying", tries).await;
        }
        app.clock.advance_ms(95_040_000);
        let last = until_it(&api, &path, "failed", 10).await;
        assert_eq!(last["next_attempt_at"], Value::Null);
        let ids: std::collections::BTreeSet<_> = receiver.got().iter().map(|got| got.header("webhook-id").to_owned()).collect();
        let times: std::collections::BTreeSet<_> = receiver.got().iter().map(|got| got.header("webhook-timestamp").to_owned()).collect();
        assert_eq!((ids.len(), times.len()), (1, 10));
        assert!(ids.contains(last["event_id"].as_str().expect("an id")));

        receiver.plan([Act::status(200)]);
        let again = post(&api, &format!("{path}/redeliver")).await;
        assert_eq!((again.status.as_u16(), &again.json()["state"]), (202, &json!("pending")));
        until_it(&api, &path, "delivered", 1).await;
        assert!(ids.contains(receiver.last().header("webhook-id")), "the same id");
        assert_eq!(api.get(&format!("/webhooks/{id}")).await.json()["failing_since"], Value::Null);
    }

    /// CHECKLIST §3, clock jumps: what waits for a time that was set while the clock was ahead does not wait.
    async fn a_clock_put_right_holds_nothing_up(engine: Engine) {
        let (app, api, _worker) = start(engine).await;
        let receiver = Receiver::start_with(Act::status(500), None).await;
        let (id, _) = hear_all(&api, &receiver).await;
        let path = test(&api, &id).await;
        until_it(&api, &path, "retrying", 1).await;
        app.clock.advance_ms(-400 * 86_400_000);
        app.desk.do_chores().await.expect("no error");
        until_it(&api, &path, "retrying", 2).await;
    }

    async fn gone_is_gone(engine: Engine) {
        let (app, api, _worker) = start(engine).await;
        let receiver = Receiver::start().await;
        receiver.plan([Act::status(410)]);
        let (id, _) = hear_all(&api, &receiver).await;
        let path = test(&api, &id).await;
        until_it(&api, &path, "failed", 1).await;
        let hook = api.get(&format!("/webhooks/{id}")).await.json();
        assert_eq!(hook["is_active"], false);
        write_in(&app).await;
        assert_eq!(app.database.texts("SELECT type FROM desk_events WHERE waits").await, [""; 0]);
        // It can still be tried, and switched on again.
        let path = test(&api, &id).await;
        until_it(&api, &path, "delivered", 1).await;
        let hook = api.json("PATCH", &format!("/webhooks/{id}"), &json!({"is_active": true})).await.json();
        assert_eq!((&hook["is_active"], &hook["failing_since"]), (&json!(true), &Value::Null));
    }

    async fn five_days_of_failures_switch_it_off(engine: Engine) {
        let (app, api, _worker) = start(engine).await;
        let receiver = Receiver::start_with(Act::status(503), None).await;
        let (id, _) = hear_all(&api, &receiver).await;
        let first = test(&api, &id).await;
        until_it(&api, &first, "retrying", 1).await;
        app.clock.advance_ms(5 * 86_400_000 - 1);
        let second = test(&api, &id).await;
        until_it(&api, &second, "retrying", 1).await;
        assert_eq!(api.get(&format!("/webhooks/{id}")).await.json()["is_active"], true);
        until_it(&api, &first, "retrying", 2).await;
        app.clock.advance_ms(1);
        let third = test(&api, &id).await;
        until_it(&api, &third, "failed", 1).await;
        assert_eq!(api.get(&format!("/webhooks/{id}")).await.json()["is_active"], false);
        let waiting = until_it(&api, &second, "failed", 1).await;
        assert_eq!(waiting["error"], "the webhook was switched off");
    }

    async fn admins_hear_of_it(engine: Engine) {
        let app = App::start_with(engine, |config| {
            config.webhooks.allow_private_targets = true;
            config.notifications.admin_check_failed = true;
        }).await;
        app.database.texts("UPDATE agents SET role = 'admin' RETURNING role").await;
        app.desk.reload_directory().await.expect("it reads");
        let api = Client::admin(&app.desk).await;
        let _worker = work(&app, postdesk::webhooks::Names::system());
        let receiver = Receiver::start_with(Act::status(410), None).await;
        let (id, _) = hear_all(&api, &receiver).await;
        let path = test(&api, &id).await;
        until_it(&api, &path, "failed", 1).await;
        let mails = app.database.texts("SELECT context FROM outbox WHERE template = 'admin_check_failed'").await;
        assert!(mails.len() == 1 && mails[0].contains(&id), "{mails:?}");
    }

    async fn who_asks_for_time_gets_it(engine: Engine) {
        let (app, api, _worker) = start(engine).await;
        let receiver = Receiver::start().await;
        let (id, _) = hear_all(&api, &receiver).await;
        for status in [429, 503] {
            receiver.plan([Act::Say(status, "retry-after: 600\r\n".into(), "later".into())]);
            let path = test(&api, &id).await;
            until_it(&api, &path, "retrying", 1).await;
            let count = receiver.got().len();
            app.clock.advance_ms(599_000);
            tokio::time::sleep(Duration::from_millis(1_200)).await;
            assert_eq!(receiver.got().len(), count, "not before");
            app.clock.advance_ms(61_000);
            until_it(&api, &path, "delivered", 2).await;
        }
    }

    async fn one_that_is_slow_holds_up_itself_alone(engine: Engine) {
        let app = App::start_with(engine, |config| {
            config.webhooks.allow_private_targets = true;
            config.webhooks.concurrency = 4;
            config.webhooks.per_host = 2;
            config.webhooks.timeout_seconds = 60;
        }).await;
        let api = Client::admin(&app.desk).await;
        let _worker = work(&app, postdesk::webhooks::Names::system());
        let (slow, quick) = (Receiver::start_with(Act::Stall, None).await, Receiver::start().await);
        let (slow_id, _) = hear_all(&api, &slow).await;
        for _ in 0..10 {
            test(&api, &slow_id).await;
        }
        until_got(&slow, 2).await;
        let (quick_id, _) = hear_all(&api, &quick).await;
        for _ in 0..10 {
            test(&api, &quick_id).await;
        }
        until_got(&quick, 10).await;
        assert_eq!(slow.got().len(), 2, "no more than its places");
    }

    async fn old_deliveries_are_forgotten(engine: Engine) {
        let (app, api, _worker) = start(engine).await;
        let receiver = Receiver::start().await;
        let (id, _) = hear_all(&api, &receiver).await;
        write_in(&app).await;
        let path = test(&api, &id).await;
        until_it(&api, &path, "delivered", 1).await;
        app.clock.advance_ms(30 * 86_400_000);
        app.desk.do_chores().await.expect("it writes");
        assert_eq!(api.get(&path).await.status, 200);
        app.clock.advance_ms(1_000);
        app.desk.do_chores().await.expect("it writes");
        assert_eq!(api.get(&path).await.problem(), (404, "delivery_not_found".into()));
    }
}

#[tokio::test]
async fn deliveries_are_listed_and_looked_into() {
    let (app, api, _worker) = start(crate::support::Engine::Sqlite).await;
    let receiver = Receiver::start().await;
    let (id, secret) = hear_all(&api, &receiver).await;
    receiver.plan([Act::Say(400, "x-why: it is bad\r\nset-cookie: a=b\r\n".into(), "not \0 so".into())]);
    let path = test(&api, &id).await;
    until_it(&api, &path, "retrying", 1).await;
    let shown = api.get(&path).await;
    assert!(!String::from_utf8_lossy(&shown.body).contains(&secret), "the secret is nowhere");
    let shown = shown.json();
    let (request, response) = (&shown["request"], &shown["response"]);
    assert_eq!((&request["url"], &request["body"]), (&json!(receiver.url()), &json!(receiver.last().body)));
    assert_eq!(request["headers"]["webhook-signature"], receiver.last().header("webhook-signature"));
    assert_eq!(
        (&response["headers"]["x-why"], &response["body"]),
        (&json!("it is bad"), &json!("not \u{fffd} so"))
    );
    assert_eq!((&response["headers"]["set-cookie"], &response["truncated"]), (&Value::Null, &json!(false)));
    app.clock.advance_ms(1);
    let second = test(&api, &id).await;
    until_it(&api, &second, "delivered", 1).await;
    let list = format!("/webhooks/{id}/deliveries");
    for (query, count) in [
        ("", 2),
        ("?state=delivered", 1),
        ("?state=retrying,failed", 1),
        ("?type=webhook.test", 2),
        ("?type=ticket.created", 0),
        ("?state=!delivered&type=webhook.test", 1),
    ] {
        assert_eq!(
            api.get(&format!("{list}{query}")).await.json()["data"].as_array().map(Vec::len),
            Some(count),
            "{query}"
        );
    }
    let page = api.get(&format!("{list}?limit=1")).await.json();
    assert!(second.ends_with(page["data"][0]["id"].as_str().expect("an id")), "newest first");
    let cursor = page["pagination"]["next_cursor"].as_str().expect("a cursor").to_owned();
    let next = api.get(&format!("{list}?limit=1&cursor={cursor}")).await.json();
    assert!(path.ends_with(next["data"][0]["id"].as_str().expect("an id")));
    assert_eq!(api.get(&format!("{list}?state=lost")).await.problem(), (400, "invalid_parameter".into()));
    let (other, _) = hook(&api, json!({"url": receiver.url(), "events": ["*"]})).await;
    let elsewhere = path.replace(&id, &other);
    assert_eq!(api.get(&elsewhere).await.problem(), (404, "delivery_not_found".into()));
}

#[tokio::test]
async fn answers_of_every_kind_are_borne() {
    let app = App::start_with(crate::support::Engine::Sqlite, |config| {
        config.webhooks.allow_private_targets = true;
        config.webhooks.timeout_seconds = 1;
    })
    .await;
    let api = Client::admin(&app.desk).await;
    let _worker = work(&app, postdesk::webhooks::Names::system());
    let receiver = Receiver::start().await;
    let other = Receiver::start().await;
    let (id, _) = hear_all(&api, &receiver).await;
    let long = Act::Say(200, String::new(), "x".repeat(100_000));
    let redirect = Act::Say(302, format!("location: {}\r\n", other.url()), String::new());
    for (act, state, said) in [
        (long, "delivered", ""),
        (Act::Babble, "delivered", ""),
        (Act::BreakOff, "delivered", ""),
        (Act::Say(201, String::new(), String::new()), "delivered", ""),
        (redirect, "retrying", "HTTP 302: redirects are not followed"),
        (Act::HangUp, "retrying", "connection closed"),
        (Act::Stall, "retrying", "no answer within 1 s"),
        (Act::Say(404, String::new(), String::new()), "retrying", "HTTP 404"),
    ] {
        receiver.plan([act.clone()]);
        let begun = Instant::now();
        let path = test(&api, &id).await;
        let shown = until_it(&api, &path, state, 1).await;
        assert!(begun.elapsed() < Duration::from_secs(5), "{act:?} ends in time");
        let error = shown["error"].as_str().unwrap_or_default();
        assert!(error.contains(said) && error.is_empty() == said.is_empty(), "{act:?}: {error}");
        let kept = shown["response"]["body"].as_str().unwrap_or_default().len();
        assert!(kept <= 8 << 10, "{act:?}: {kept} octets kept");
    }
    assert!(other.got().is_empty(), "no redirect is followed");
}

#[tokio::test]
async fn certificates_must_be_right() {
    let dir = tempfile::tempdir().expect("a directory");
    let (tls, ca_file) = certificate(dir.path(), &["127.0.0.1"]);
    for (trusted, state) in [(true, "delivered"), (false, "retrying")] {
        let receiver = Receiver::start_with(Act::status(200), Some(tls.clone())).await;
        let app = App::start_with(crate::support::Engine::Sqlite, |config| {
            config.webhooks.allow_private_targets = true;
            config.webhooks.ca_file = trusted.then(|| ca_file.clone());
        })
        .await;
        let api = Client::admin(&app.desk).await;
        let _worker = work(&app, postdesk::webhooks::Names::system());
        let url = format!("https://{}/", receiver.address);
        let (id, _) = hook(&api, json!({"url": url, "events": ["*"]})).await;
        let path = test(&api, &id).await;
        let shown = until_it(&api, &path, state, 1).await;
        assert_eq!(receiver.got().len(), usize::from(trusted));
        let error = shown["error"].as_str().unwrap_or_default();
        assert_eq!(error.contains("certificate"), !trusted, "{error}");
    }
}
