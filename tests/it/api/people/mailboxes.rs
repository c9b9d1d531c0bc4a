//! Support addresses.

use postdesk::desk::{Recipient, Verdict};
use postdesk::model::Scope;
use serde_json::{Value, json};

use super::{bare, done, made, matched, needs, pointers, text};
use crate::api::call::Client;
use crate::api::{PARCEL, mail_in};
use crate::support::App;
use crate::support::app::SUPPORT;

async fn opened(api: &Client, body: Value) -> Value {
    made(&api.json("POST", "/mailboxes", &body).await)
}

both_engines! {
    async fn a_mailbox_is_opened_changed_and_closed(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let team = made(&api.json("POST", "/teams", &json!({"name": "Sales"})).await);
        app.clock.advance_ms(1);
        let sales = opened(&api, json!({"address": "Sales@Desk.test", "from_name": "Sales", "receive": "LMTP", "default_category": "Return-Refund",
            "team_id": team["id"], "store_id": "st_1", "locale": "de", "signature": "-- \nSales"})).await;
        for (member, want) in [("address", json!("sales@desk.test")), ("receive", json!("lmtp")), ("default_category", json!("return_refund")),
            ("team_id", team["id"].clone()), ("is_active", json!(true)), ("last_received_at", Value::Null), ("last_error", Value::Null)] {
            assert_eq!(sales[member], want, "{member}");
        }
        let known = || matches!(app.desk.recipients().look_up("sales+x@desk.test"), Recipient::Mailbox { .. });
        assert!(known(), "at once");
        let path = format!("/mailboxes/{}", text(&sales, "id"));
        assert_eq!(matched(&api, "PATCH", &path, 5, &json!({})).await.problem(), (412, "version_mismatch".into()));
        let changed = done(&matched(&api, "PATCH", &path, 1, &json!({"team_id": null, "from_name": null, "receive": "smtp"})).await);
        assert_eq!((&changed["team_id"], &changed["from_name"], &changed["version"]), (&Value::Null, &Value::Null, &json!(2)));
        assert_eq!(done(&bare(&api, "DELETE", &format!("{path}?dry_run=true")).await), json!({"dry_run": true}));
        assert!(known());
        assert_eq!(bare(&api, "DELETE", &path).await.status.as_u16(), 204);
        assert!(!known(), "at once");
        let list = done(&api.get("/mailboxes?include=total").await);
        assert_eq!((&list["data"][0]["address"], &list["data"][1]["is_active"], &list["pagination"]["total"]), (&json!(SUPPORT), &json!(false), &json!(2)));
        let last = format!("/mailboxes/{}", text(&list["data"][0], "id"));
        assert_eq!(bare(&api, "DELETE", &last).await.problem(), (409, "invalid_state".into()), "the last one");
        done(&api.json("PATCH", &path, &json!({"is_active": true})).await);
        assert_eq!(bare(&api, "DELETE", &last).await.status.as_u16(), 204);
    }

    async fn an_address_is_one_mailboxs_and_nobody_elses(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        for taken in ["SUPPORT@desk.test", "ada@desk.test"] {
            let refused = api.json("POST", "/mailboxes", &json!({"address": taken})).await;
            assert_eq!(refused.problem(), (409, "duplicate".into()), "{taken}");
            assert!(refused.json()["existing"].is_string());
        }
        for kept in ["bounce@shop.test", "postmaster@shop.test", "support+x@desk.test"] {
            assert_eq!(pointers(&api.json("POST", "/mailboxes", &json!({"address": kept})).await), ["/address"], "{kept}");
        }
        let bad = json!({"address": "x", "from_name": "a\nb", "receive": "imap", "default_category": "weather", "team_id": "x", "locale": "*", "is_active": 1});
        let want = ["/address", "/default_category", "/from_name", "/is_active", "/locale", "/receive", "/team_id"];
        assert_eq!(pointers(&api.json("POST", "/mailboxes", &bad).await), want);
        assert_eq!(pointers(&api.json("POST", "/mailboxes", &json!({})).await), ["/address"]);
        let stranger = json!({"address": "new@desk.test", "team_id": "00000000-0000-7000-8000-000000000000"});
        assert_eq!(pointers(&api.json("POST", "/mailboxes", &stranger).await), ["/team_id"]);
        let path = format!("/mailboxes/{}", text(&done(&api.get("/mailboxes").await)["data"][0], "id"));
        assert_eq!(pointers(&api.json("PATCH", &path, &json!({"address": "a@b.example", "receive": null})).await), ["/address", "/receive"]);
        for id in ["x", "00000000-0000-7000-8000-000000000000"] {
            for (method, path) in [("PATCH", format!("/mailboxes/{id}")), ("DELETE", format!("/mailboxes/{id}")), ("POST", format!("/mailboxes/{id}/check"))] {
                assert_eq!(api.json(method, &path, &json!({})).await.problem(), (404, "mailbox_not_found".into()));
            }
        }
        let calls = [("GET", "/mailboxes".into()), ("POST", "/mailboxes".into()), ("PATCH", path.clone()), ("DELETE", path.clone()), ("POST", format!("{path}/check"))];
        needs(&app, Scope::Admin, &calls).await;
    }

    async fn a_mailbox_knows_when_it_got_mail(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let team = made(&api.json("POST", "/teams", &json!({"name": "Returns"})).await);
        let path = format!("/mailboxes/{}", text(&done(&api.get("/mailboxes").await)["data"][0], "id"));
        done(&api.json("PATCH", &path, &json!({"team_id": team["id"], "default_category": "order"})).await);
        assert!(matches!(mail_in(&app.desk, "jo@example.org", PARCEL).await, Verdict::Created(_)));
        let ticket = done(&api.get("/tickets").await)["data"][0].clone();
        assert_eq!((&ticket["team"]["name"], &ticket["category"]), (&json!("Returns"), &json!("order")));
        let last = || async { done(&api.get("/mailboxes").await)["data"][0]["last_received_at"].clone() };
        assert_eq!(last().await, "2026-03-02T09:00:00.000Z");
        app.desk.do_chores().await.expect("it writes");
        assert_eq!(last().await, "2026-03-02T09:00:00.000Z");
        assert_eq!(app.database.count("SELECT COUNT(*) FROM mailboxes WHERE last_received_at IS NOT NULL").await, 1);
        assert_eq!(bare(&api, "DELETE", &format!("/teams/{}", text(&team, "id"))).await.status.as_u16(), 204);
        assert_eq!(done(&api.get("/mailboxes").await)["data"][0]["team_id"], Value::Null, "a team that is gone has none");
    }

    async fn a_check_says_what_is_wrong(engine: Engine) {
        let app = App::start_with(engine, |config| {
            config.dns.servers = vec![([127, 0, 0, 1], 9).into()];
            config.outbox.transport = postdesk::config::TransportKind::Relay;
            let relay = postdesk::config::Relay::at("localhost", 0);
            config.outbox.relay = Some(relay);
        }).await;
        let api = Client::admin(&app.desk).await;
        let path = format!("/mailboxes/{}", text(&done(&api.get("/mailboxes").await)["data"][0], "id"));
        let found = done(&bare(&api, "POST", &format!("{path}/check")).await);
        let state = |found: &Value, name: &str| {
            let checks = found["checks"].as_array().cloned().unwrap_or_default();
            checks.iter().find(|check| check["name"] == name).map(|check| check["state"].clone()).unwrap_or_default()
        };
        for (name, want) in [("receive", "ok"), ("outbox", "ok"), ("loop", "failed"), ("mx", "warning"), ("spf", "warning"), ("dkim", "warning"), ("dmarc", "warning")] {
            assert_eq!(state(&found, name), want, "{name}: {found}");
        }
        assert_eq!(found["ok"], false);
        assert!(text(&found, "detail").starts_with("the relay localhost:0 is this desk's own door; "), "{found}");
        assert_eq!(done(&api.get("/mailboxes").await)["data"][0]["last_error"], found["detail"]);
        app.desk.set_outbox_trouble(Some("535 5.7.8 bad password".into()));
        let found = done(&bare(&api, "POST", &format!("{path}/check?dry_run=true")).await);
        assert_eq!(state(&found, "outbox"), "failed");
    }
}
