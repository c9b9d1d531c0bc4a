//! Teams.

use postdesk::model::Scope;
use serde_json::{Value, json};

use super::agents::{acting_as, hired};
use super::{bare, done, made, matched, needs, pointers, text, ticket};
use crate::api::call::Client;
use crate::support::App;

both_engines! {
    async fn a_team_is_made_named_anew_and_listed(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let ada = done(&api.get("/agents").await)["data"][0]["id"].clone();
        let team = made(&api.json("POST", "/teams", &json!({"name": "Returns", "member_ids": [ada, ada]})).await);
        assert_eq!((&team["name"], &team["member_ids"], &team["version"]), (&json!("Returns"), &json!([ada]), &json!(1)));
        let taken = api.json("POST", "/teams", &json!({"name": "returns"})).await;
        assert_eq!((taken.problem(), &taken.json()["existing"]), ((409, "duplicate".into()), &team["id"]));
        for name in ["Accounts", "Shipping"] {
            made(&api.json("POST", "/teams", &json!({"name": name})).await);
        }
        let path = format!("/teams/{}", text(&team, "id"));
        let stale = matched(&api, "PATCH", &path, 7, &json!({"name": "Refunds"})).await;
        assert_eq!((stale.problem(), &stale.json()["current_version"]), ((412, "version_mismatch".into()), &json!(1)));
        let tried = done(&api.json("PATCH", &format!("{path}?dry_run=true"), &json!({"name": "Refunds"})).await);
        assert_eq!((&tried["name"], &tried["dry_run"]), (&json!("Refunds"), &json!(true)));
        let renamed = done(&matched(&api, "PATCH", &path, 1, &json!({"name": "Refunds", "member_ids": []})).await);
        assert_eq!((&renamed["name"], &renamed["member_ids"], &renamed["version"]), (&json!("Refunds"), &json!([]), &json!(2)));
        assert_eq!(api.json("PATCH", &path, &json!({"name": "ACCOUNTS"})).await.problem(), (409, "duplicate".into()));
        let names = |list: &Value| list["data"].as_array().expect("a list").iter().map(|t| text(t, "name").to_owned()).collect::<Vec<_>>();
        let reader = Client::new(&app.desk, &[Scope::TicketsRead]).await;
        let first = done(&reader.get("/teams?limit=2&include=total").await);
        assert_eq!((names(&first), &first["pagination"]["total"]), (vec!["Accounts".into(), "Refunds".into()], &json!(3)));
        let cursor = text(&first["pagination"], "next_cursor").to_owned();
        let second = done(&reader.get(&format!("/teams?limit=2&cursor={cursor}")).await);
        assert_eq!(names(&second), ["Shipping"]);
        let back = text(&second["pagination"], "prev_cursor").to_owned();
        assert_eq!(names(&done(&reader.get(&format!("/teams?limit=2&cursor={back}")).await)), names(&first));
        assert_eq!(names(&done(&reader.get("/teams?limit=1&page=2").await)), ["Refunds"]);
    }

    async fn every_wrong_field_of_a_team_is_named(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let bad = api.json("POST", "/teams", &json!({"name": "", "member_ids": ["ada"]})).await;
        assert_eq!(pointers(&bad), ["/member_ids", "/name"]);
        assert_eq!(pointers(&api.json("POST", "/teams", &json!({})).await), ["/name"]);
        let stranger = json!({"name": "Returns", "member_ids": ["00000000-0000-7000-8000-000000000000"]});
        assert_eq!(pointers(&api.json("POST", "/teams", &stranger).await), ["/member_ids"]);
        assert_eq!(app.database.count("SELECT COUNT(*) FROM teams").await, 0, "half a team");
        let unknown = api.json("POST", "/teams", &json!({"name": "Returns", "colour": "red"})).await;
        assert_eq!(unknown.problem(), (400, "unknown_field".into()));
        for id in ["nonsense", "00000000-0000-7000-8000-000000000000"] {
            let path = format!("/teams/{id}");
            assert_eq!(api.json("PATCH", &path, &json!({"name": "x"})).await.problem(), (404, "team_not_found".into()));
            assert_eq!(bare(&api, "DELETE", &path).await.problem(), (404, "team_not_found".into()));
        }
        let team = made(&api.json("POST", "/teams", &json!({"name": "Returns"})).await);
        let path = format!("/teams/{}", text(&team, "id"));
        assert_eq!(pointers(&api.json("PATCH", &path, &json!({"name": null, "member_ids": null})).await), ["/member_ids", "/name"]);
        needs(&app, Scope::Admin, &[("POST", "/teams".into()), ("PATCH", path.clone()), ("DELETE", path)]).await;
        needs(&app, Scope::TicketsRead, &[("GET", "/teams".into())]).await;
    }

    async fn a_team_is_made_once_for_a_key(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let make = || {
            let request = api.request("POST", "/teams").header("content-type", "application/json");
            api.send(request.header("idempotency-key", "k-1").body(r#"{"name":"Returns"}"#.into()).expect("a request"))
        };
        let (first, second) = (make().await, make().await);
        assert_eq!(made(&first), made(&second));
        assert_eq!((first.header("idempotency-replayed"), second.header("idempotency-replayed")), ("", "true"));
    }

    async fn tickets_lose_a_team_that_is_taken_away(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let team = made(&api.json("POST", "/teams", &json!({"name": "Returns"})).await);
        let id = text(&team, "id");
        let theirs = ticket(&api, json!({"team_id": id})).await;
        ticket(&api, json!({})).await;
        assert_eq!(theirs["team"], json!({"id": id, "name": "Returns"}));
        for query in [format!("team={id}"), format!("q=team:{id}")] {
            let found = done(&api.get(&format!("/tickets?{query}")).await);
            assert_eq!(found["data"].as_array().map(Vec::len), Some(1), "{query}");
            assert_eq!(found["data"][0]["id"], theirs["id"]);
        }
        assert_eq!(done(&api.get("/tickets?team=none").await)["data"].as_array().map(Vec::len), Some(1));
        let path = format!("/teams/{id}");
        assert_eq!(done(&bare(&api, "DELETE", &format!("{path}?dry_run=true")).await), json!({"dry_run": true}));
        assert_eq!(bare(&api, "DELETE", &path).await.status.as_u16(), 204);
        let after = done(&api.get(&format!("/tickets/{}?include=events", text(&theirs, "id"))).await);
        assert_eq!((&after["team"], &after["version"]), (&Value::Null, &json!(2)));
        assert_eq!(after["events"][1]["type"], "team_changed");
        assert_eq!(after["events"][1]["changes"], json!({"team_id": [id, null]}));
        assert_eq!(bare(&api, "DELETE", &path).await.problem(), (404, "team_not_found".into()));
    }

    async fn a_ticket_goes_to_no_team_that_is_not_there(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let mut body = json!({"subject": "x", "description": "y", "customer_email": "jo@example.org"});
        body["team_id"] = json!("00000000-0000-7000-8000-000000000000");
        assert_eq!(pointers(&api.json("POST", "/tickets", &body).await), ["/team_id"]);
        let shop = Client::new(&app.desk, &[Scope::TicketsCreate]).await;
        assert_eq!(pointers(&shop.json("POST", "/tickets", &body).await), ["/team_id"]);
    }

    async fn a_teams_templates_are_there_for_it_alone(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let scopes = [Scope::TemplatesWrite, Scope::TicketsWrite, Scope::ResponsesWrite];
        let ada = hired(&api, json!({"name": "Ada", "email": "ada@shop.example"})).await;
        let ben = hired(&api, json!({"name": "Ben", "email": "ben@shop.example"})).await;
        let team = made(&api.json("POST", "/teams", &json!({"name": "Returns", "member_ids": [ada["id"]]})).await);
        let (ada, ben) = (acting_as(&app, &ada, &scopes).await, acting_as(&app, &ben, &scopes).await);
        let theirs = json!({"name": "Refund started", "body": "It has.", "team_id": team["id"]});
        let theirs = made(&api.json("POST", "/templates", &theirs).await);
        assert_eq!((&theirs["visibility"], &theirs["team_id"]), (&json!("team"), &team["id"]));
        let id = text(&theirs, "id");
        let path = format!("/templates/{id}");
        let ticket = ticket(&api, json!({})).await;
        let answer = json!({"template_id": id});
        let answers = format!("/tickets/{}/responses", text(&ticket, "id"));
        for (who, seen, status) in [(&api, 1, 200), (&ada, 1, 200), (&ben, 0, 404)] {
            assert_eq!(done(&who.get("/templates?include=total").await)["pagination"]["total"], seen);
            for read in [path.clone(), format!("{path}/versions")] {
                assert_eq!(who.get(&read).await.status.as_u16(), status, "{read}");
            }
            let shown = who.json("POST", &format!("{path}/preview"), &json!({})).await;
            assert_eq!(shown.status.as_u16(), status);
        }
        assert_eq!(pointers(&ben.json("POST", &answers, &answer).await), ["/template_id"]);
        made(&ada.json("POST", &answers, &answer).await);
        assert_eq!(ben.json("PATCH", &path, &json!({"body": "No."})).await.problem(), (404, "template_not_found".into()));
        assert_eq!(bare(&ben, "DELETE", &path).await.problem(), (404, "template_not_found".into()));
        let team_path = format!("/teams/{}", text(&team, "id"));
        assert_eq!(bare(&api, "DELETE", &team_path).await.problem(), (409, "invalid_state".into()));
        for (wrong, pointer) in [
            (json!({"visibility": "team"}), "/team_id"),
            (json!({"visibility": "all", "team_id": team["id"]}), "/team_id"),
            (json!({"visibility": "mine"}), "/visibility"),
            (json!({"team_id": "00000000-0000-7000-8000-000000000000"}), "/team_id"),
        ] {
            assert_eq!(pointers(&api.json("PATCH", &path, &wrong).await), [pointer], "{wrong}");
        }
        let given = done(&ada.json("PATCH", &path, &json!({"visibility": "all"})).await);
        assert_eq!((&given["visibility"], &given["team_id"]), (&json!("all"), &Value::Null));
        assert_eq!(ben.get(&path).await.status.as_u16(), 200);
        assert_eq!(bare(&api, "DELETE", &team_path).await.status.as_u16(), 204);
    }
}
