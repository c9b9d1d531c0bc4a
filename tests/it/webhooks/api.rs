//! Webhooks as people make, change and look into them.

use data_encoding::BASE64;
use postdesk::model::Scope;
use serde_json::json;

use super::{hook, post};
use crate::api::call::Client;
use crate::support::App;

both_engines! {
    async fn a_webhook_is_made_changed_and_taken_away(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::new(&app.desk, &[Scope::WebhooksWrite]).await;
        let made = api.json("POST", "/webhooks", &json!({
            "url": "HTTPS://Shop.Example:443/hook", "events": ["ticket.*", "email.bounced", "ticket.*"],
            "description": "the shop", "filter": "store_id:st_81",
        })).await;
        assert_eq!(made.status, 201, "{made:?}");
        let body = made.json();
        let id = body["id"].as_str().expect("an id").to_owned();
        assert_eq!(made.header("location"), format!("/api/support/webhooks/{id}"));
        let secret = body["secret"].as_str().and_then(|secret| secret.strip_prefix("whsec_")).expect("a secret");
        assert_eq!(BASE64.decode(secret.as_bytes()).expect("base64").len(), 32);
        assert_eq!(body["url"], "https://shop.example/hook");
        assert_eq!(body["events"], json!(["ticket.*", "email.bounced"]));

        let path = format!("/webhooks/{id}");
        let shown = api.get(&path).await;
        let mut without = body.clone();
        without.as_object_mut().expect("an object").remove("secret");
        assert_eq!(shown.json(), without, "the secret is shown once");
        assert_eq!(api.get("/webhooks?include=total").await.json()["data"], json!([without]));

        let change = json!({"filter": null, "is_active": false, "events": ["*"]});
        let changed = api.json("PATCH", &path, &change).await.json();
        assert_eq!((&changed["filter"], &changed["is_active"], &changed["version"]), (&json!(null), &json!(false), &json!(2)));
        assert_eq!(changed["description"], "the shop");
        let request = api.request("PATCH", &path).header("content-type", "application/json").header("if-match", "\"1\"");
        let stale = api.send(request.body(json!({"url": "https://x.example/"}).to_string().into()).expect("a request")).await;
        assert_eq!(stale.problem(), (412, "version_mismatch".into()));

        assert_eq!(api.json("DELETE", &path, &json!({})).await.status, 204);
        assert_eq!(api.get(&path).await.problem(), (404, "webhook_not_found".into()));
        assert_eq!(post(&api, &format!("{path}/test")).await.problem(), (404, "webhook_not_found".into()));
    }

    /// A secret is shown once, also to a client that lost the answer: what is kept for repeats has none.
    async fn a_repeat_shows_no_secret(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let again = async |path: &str, body: &serde_json::Value| {
            let request = api.request("POST", path).header("content-type", "application/json");
            api.send(request.header("idempotency-key", "k1").body(body.to_string().into()).expect("a request")).await
        };
        let body = json!({"url": "https://a.example/", "events": ["*"]});
        let made = again("/webhooks", &body).await;
        let rotate = format!("/webhooks/{}/rotate-secret", made.json()["id"].as_str().expect("an id"));
        for (first, second) in [
            (made, again("/webhooks", &body).await),
            (again(&rotate, &json!({})).await, again(&rotate, &json!({})).await),
        ] {
            assert_eq!((first.header("cache-control"), second.header("idempotency-replayed")), ("no-store", "true"));
            let mut without = first.json();
            assert!(without["secret"].take().is_string(), "{first:?}");
            assert_eq!(second.json(), without);
        }
        let kept = app.database.texts("SELECT CAST(body AS TEXT) FROM idempotency_keys").await;
        assert!(kept.len() == 2 && kept.iter().all(|answer| !answer.contains("whsec_")), "{kept:?}");
    }

    async fn a_dry_run_makes_nothing(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let tried = api.json("POST", "/webhooks?dry_run=true", &json!({"url": "https://a.example/", "events": ["*"]})).await;
        assert_eq!((tried.status.as_u16(), &tried.json()["secret"], &tried.json()["id"]), (200, &json!(null), &json!(null)));
        assert_eq!(api.get("/webhooks").await.json()["data"], json!([]));
        let (id, _) = hook(&api, json!({"url": "https://a.example/", "events": ["*"]})).await;
        assert_eq!(post(&api, &format!("/webhooks/{id}/test?dry_run=true")).await.json()["id"], json!(null));
        assert_eq!(api.get(&format!("/webhooks/{id}/deliveries")).await.json()["data"], json!([]));
    }

    async fn only_those_with_the_scope_may(engine: Engine) {
        let app = App::start(engine).await;
        let (id, _) = hook(&Client::admin(&app.desk).await, json!({"url": "https://a.example/", "events": ["*"]})).await;
        let api = Client::new(&app.desk, &[Scope::TicketsWrite]).await;
        for path in ["/webhooks".to_owned(), format!("/webhooks/{id}"), format!("/webhooks/{id}/deliveries")] {
            assert_eq!(api.get(&path).await.problem(), (403, "insufficient_scope".into()), "{path}");
        }
        for path in ["test", "rotate-secret", "replay"] {
            let refused = post(&api, &format!("/webhooks/{id}/{path}")).await.problem();
            assert_eq!(refused, (403, "insufficient_scope".into()), "{path}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_all_at_once() {
    let app = App::start(crate::support::Engine::Sqlite).await;
    let api = Client::admin(&app.desk).await;
    let wrong = json!({"url": "ftp://x", "events": ["ticket.exploded", "ticket.created"], "filter": "parcel", "is_active": 1});
    let answer = api.json("POST", "/webhooks", &wrong).await;
    assert_eq!(answer.problem(), (422, "validation_failed".into()));
    let pointers: Vec<_> =
        answer.json()["errors"].as_array().expect("errors").iter().map(|e| e["pointer"].clone()).collect();
    assert_eq!(pointers, ["/url", "/events/0", "/filter", "/is_active"]);
    for (body, pointer) in [
        (json!({"events": ["*"]}), "/url"),
        (json!({"url": "https://a.example/"}), "/events"),
        (json!({"url": "https://a.example/", "events": []}), "/events"),
        (json!({"url": "https://a.example/", "events": ["queue.paused"]}), "/events/0"),
    ] {
        let answer = api.json("POST", "/webhooks", &body).await;
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}");
    }
    let unknown = api
        .json("POST", "/webhooks", &json!({"url": "https://a.example/", "events": ["*"], "secret": "x"}))
        .await;
    assert_eq!(unknown.problem(), (400, "unknown_field".into()));
}

#[tokio::test]
async fn private_targets_are_refused_when_saved() {
    let app = App::start(crate::support::Engine::Sqlite).await;
    let api = Client::admin(&app.desk).await;
    let (id, _) = hook(&api, json!({"url": "https://a.example/", "events": ["*"]})).await;
    for url in [
        "http://127.0.0.1:8080/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://localhost/",
        "http://169.254.169.254/latest/",
        "http://[fe80::1%25eth0]/",
        "http://user:pw@a.example/",
        "http://a.example:25/",
        "gopher://a.example/",
    ] {
        let made = api.json("POST", "/webhooks", &json!({"url": url, "events": ["*"]})).await;
        assert_eq!(made.problem(), (422, "validation_failed".into()), "{url}");
        assert_eq!(made.json()["errors"][0]["pointer"], "/url");
        let changed = api.json("PATCH", &format!("/webhooks/{id}"), &json!({"url": url})).await;
        assert_eq!(changed.problem(), (422, "validation_failed".into()), "{url}");
    }
}
