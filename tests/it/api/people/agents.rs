//! Those who answer: made, changed, sent home; and what they say of themselves.

use postdesk::desk::NewToken;
use postdesk::model::Scope;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{bare, done, made, matched, needs, pointers, text, ticket};
use crate::api::call::Client;
use crate::support::App;
use crate::support::app::SUPPORT;

pub async fn hired(api: &Client, body: Value) -> Value {
    made(&api.json("POST", "/agents", &body).await)
}

/// A client that acts as an agent.
pub async fn acting_as(app: &App, agent: &Value, scopes: &[Scope]) -> Client {
    let id = Uuid::parse_str(text(agent, "id")).expect("an id");
    let new = NewToken { name: "own".into(), agent_id: Some(id), scopes: scopes.to_vec(), expires_at: None };
    Client::with(&app.desk, new).await
}

both_engines! {
    async fn somebody_is_taken_on_and_changed(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let team = made(&api.json("POST", "/teams", &json!({"name": "Returns"})).await);
        let ben = hired(&api, json!({
            "name": "Ben", "email": "Ben@Shop.example", "alternate_emails": ["ben@home.example", "BEN@home.example"],
            "role": "Admin", "signature": "-- \nBen", "locale": "de-AT", "timezone": "Europe/Vienna",
            "notifications": {"agent_new_ticket": false, "bundle_minutes": 15}, "team_ids": [team["id"]],
        })).await;
        for (member, want) in [
            ("email", json!("ben@shop.example")), ("alternate_emails", json!(["ben@home.example"])), ("role", json!("admin")),
            ("locale", json!("de-at")), ("timezone", json!("Europe/Vienna")), ("team_ids", json!([team["id"]])),
            ("notifications", json!({"agent_new_ticket": false, "bundle_minutes": 15})), ("is_active", json!(true)),
            ("out_of_office", Value::Null), ("version", json!(1)), ("signature", json!("-- \nBen")),
        ] {
            assert_eq!(ben[member], want, "{member}");
        }
        assert!(app.desk.directory().agent_by_address("ben@home.example").is_some(), "known at once");
        let path = format!("/agents/{}", text(&ben, "id"));
        assert_eq!(matched(&api, "PATCH", &path, 4, &json!({"name": "B"})).await.problem(), (412, "version_mismatch".into()));
        let patch = json!({"email": "ben@home.example", "signature": null, "notifications": {"agent_new_ticket": null}, "team_ids": []});
        let changed = done(&matched(&api, "PATCH", &path, 1, &patch).await);
        assert_eq!((&changed["email"], &changed["alternate_emails"]), (&json!("ben@home.example"), &json!([])));
        assert_eq!((&changed["signature"], &changed["notifications"], &changed["team_ids"]), (&Value::Null, &json!({"bundle_minutes": 15}), &json!([])));
        let read = api.get(&path).await;
        assert_eq!(done(&read), changed);
        let again = api.request("GET", &path).header("if-none-match", read.header("etag")).body(Default::default());
        assert_eq!(api.send(again.expect("a request")).await.status.as_u16(), 304);
        assert!(app.desk.directory().agent_by_address("ben@shop.example").is_none());
        let page = done(&api.get("/agents?limit=1&fields=name").await);
        assert_eq!(page["data"], json!([{"name": "Ada Agent"}]));
        let next = text(&page["pagination"], "next_cursor").to_owned();
        assert_eq!(done(&api.get(&format!("/agents?limit=1&fields=name&cursor={next}")).await)["data"], json!([{"name": "Ben"}]));
    }

    async fn an_address_is_one_agents_or_one_mailboxs(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let ben = hired(&api, json!({"name": "Ben", "email": "ben@shop.example", "alternate_emails": ["b@shop.example"]})).await;
        for taken in ["ben@shop.example", "B@shop.example", SUPPORT] {
            for body in [json!({"name": "Cy", "email": taken}), json!({"name": "Cy", "email": "cy@shop.example", "alternate_emails": [taken]})] {
                let refused = api.json("POST", "/agents", &body).await;
                assert_eq!(refused.problem(), (409, "duplicate".into()), "{body}");
                assert!(refused.json()["existing"].is_string(), "{body}");
            }
        }
        let own = json!({"name": "Cy", "email": "support+abc@desk.test"});
        assert_eq!(pointers(&api.json("POST", "/agents", &own).await), ["/email"]);
        let path = format!("/agents/{}", text(&ben, "id"));
        assert_eq!(api.json("PATCH", &path, &json!({"email": "ada@desk.test"})).await.problem(), (409, "duplicate".into()));
        let swapped = json!({"email": "b@shop.example", "alternate_emails": ["ben@shop.example", "b@shop.example"]});
        assert_eq!(done(&api.json("PATCH", &path, &swapped).await)["alternate_emails"], json!(["ben@shop.example"]));
    }

    async fn every_wrong_field_of_an_agent_is_named(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let bad = json!({"name": "", "email": "ben", "alternate_emails": ["x"], "role": "boss", "locale": "*", "timezone": "Berlin",
            "notifications": {"agent_new_ticket": 7, "nonsense": true}, "team_ids": ["x"], "is_active": "yes", "signature": 7});
        let want = ["/alternate_emails/0", "/email", "/is_active", "/locale", "/name", "/notifications/agent_new_ticket",
            "/notifications/nonsense", "/role", "/signature", "/team_ids", "/timezone"];
        assert_eq!(pointers(&api.json("POST", "/agents", &bad).await), want);
        assert_eq!(pointers(&api.json("POST", "/agents", &json!({})).await), ["/email", "/name"]);
        let stranger = json!({"name": "Cy", "email": "cy@shop.example", "team_ids": ["00000000-0000-7000-8000-000000000000"]});
        assert_eq!(pointers(&api.json("POST", "/agents", &stranger).await), ["/team_ids"]);
        assert_eq!(app.database.count("SELECT COUNT(*) FROM agents").await, 1, "nobody was half taken on");
        let path = format!("/agents/{}", done(&api.get("/agents").await)["data"][0]["id"].as_str().expect("an id"));
        let nulls = json!({"name": null, "email": null, "alternate_emails": null, "role": null, "team_ids": null, "is_active": null});
        assert_eq!(pointers(&api.json("PATCH", &path, &nulls).await), ["/alternate_emails", "/email", "/is_active", "/name", "/role", "/team_ids"]);
        for id in ["x", "00000000-0000-7000-8000-000000000000"] {
            for (method, body) in [("GET", json!({})), ("PATCH", json!({"name": "x"})), ("DELETE", json!({}))] {
                assert_eq!(api.json(method, &format!("/agents/{id}"), &body).await.problem(), (404, "agent_not_found".into()));
            }
        }
        needs(&app, Scope::Admin, &[("POST", "/agents".into()), ("PATCH", path.clone()), ("DELETE", path.clone())]).await;
        needs(&app, Scope::TicketsRead, &[("GET", "/agents".into()), ("GET", path)]).await;
    }

    async fn an_agent_who_leaves_opens_nothing_and_keeps_nobody_waiting(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let ben = hired(&api, json!({"name": "Ben", "email": "ben@shop.example"})).await;
        let id = text(&ben, "id");
        let bens = acting_as(&app, &ben, &[Scope::Admin]).await;
        let open = ticket(&api, json!({"assignee_id": id})).await;
        let ended = ticket(&api, json!({"assignee_id": id, "status": "resolved"})).await;
        app.clock.advance_ms(1_000);
        let path = format!("/agents/{id}");
        assert_eq!(bare(&bens, "DELETE", &path).await.problem(), (409, "invalid_state".into()), "himself");
        assert_eq!(done(&bare(&api, "DELETE", &format!("{path}?dry_run=true")).await), json!({"dry_run": true}));
        assert_eq!(bens.get("/me").await.status.as_u16(), 200);
        assert_eq!(bare(&api, "DELETE", &path).await.status.as_u16(), 204);
        assert_eq!(bens.get("/me").await.problem(), (401, "invalid_token".into()), "at once");
        let open = done(&api.get(&format!("/tickets/{}?include=events", text(&open, "id"))).await);
        assert_eq!((&open["assignee"], &open["events"][1]["type"]), (&Value::Null, &json!("assigned")));
        assert_eq!(done(&api.get(&format!("/tickets/{}", text(&ended, "id"))).await)["assignee"]["name"], "Ben");
        assert_eq!(done(&api.get(&path).await)["is_active"], false);
        assert_eq!(done(&api.get("/agents?is_active=true").await)["data"].as_array().map(Vec::len), Some(1));
        let mut body = json!({"subject": "x", "description": "y", "customer_email": "jo@example.org"});
        body["assignee_id"] = json!(id);
        assert_eq!(pointers(&api.json("POST", "/tickets", &body).await), ["/assignee_id"]);
        assert_eq!(done(&api.json("PATCH", &path, &json!({"is_active": true})).await)["is_active"], true);
        assert_eq!(bens.get("/me").await.problem(), (401, "invalid_token".into()), "tokens are gone for good");
    }

    async fn agents_say_who_they_are_and_no_more(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let ada = done(&api.get("/agents").await)["data"][0].clone();
        let adas = acting_as(&app, &ada, &[Scope::StatsRead]).await;
        let me = adas.get("/me").await;
        let body = done(&me);
        assert_eq!((&body["name"], &body["scopes"]), (&json!("Ada Agent"), &json!(["stats:read"])));
        let patch = json!({"name": "Ada", "signature": "-- \nAda", "timezone": "Asia/Tokyo", "locale": "ja", "notifications": {"agent_note": false}});
        let tried = adas.json("PATCH", "/me?dry_run=true", &patch).await;
        assert_eq!((&done(&tried)["name"], &done(&adas.get("/me").await)["name"]), (&json!("Ada"), &json!("Ada Agent")));
        let changed = done(&matched(&adas, "PATCH", "/me", 1, &patch).await);
        assert_eq!((&changed["timezone"], &changed["locale"], &changed["version"]), (&json!("Asia/Tokyo"), &json!("ja"), &json!(2)));
        assert_eq!(matched(&adas, "PATCH", "/me", 1, &patch).await.problem(), (412, "version_mismatch".into()));
        for more in [json!({"role": "admin"}), json!({"email": "x@y.example"}), json!({"is_active": false})] {
            assert_eq!(adas.json("PATCH", "/me", &more).await.problem(), (400, "unknown_field".into()), "{more}");
        }
        assert_eq!(pointers(&adas.json("PATCH", "/me", &json!({"name": null, "timezone": "Berlin"})).await), ["/name", "/timezone"]);
        let service = done(&api.get("/me").await);
        assert_eq!((&service["id"], &service["role"], &service["scopes"]), (&Value::Null, &json!("service"), &json!(["admin"])));
        assert_eq!(api.json("PATCH", "/me", &patch).await.problem(), (409, "invalid_state".into()));
        assert_eq!(Client::anonymous(&app.desk).get("/me").await.problem().0, 401);
    }

    async fn the_settings_make_each_agent_and_mailbox_once(engine: Engine) {
        let app = App::start_with(engine, |config| {
            let agent = postdesk::config::AgentConfig { name: "Ben".into(), email: "Ben@shop.example".into(), role: None };
            config.agents.push(agent);
        }).await;
        let api = Client::admin(&app.desk).await;
        app.desk.ensure_configured().await.expect("it writes");
        let ben = done(&api.get("/agents").await)["data"][1].clone();
        assert_eq!(ben["email"], "ben@shop.example");
        done(&api.json("PATCH", &format!("/agents/{}", text(&ben, "id")), &json!({"email": "benjamin@shop.example"})).await);
        app.desk.ensure_configured().await.expect("it writes");
        assert_eq!(app.database.count("SELECT COUNT(*) FROM agents").await, 2, "renamed, not made again");
    }
}
