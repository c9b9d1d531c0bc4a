//! People who write to us.

use postdesk::model::Scope;
use serde_json::{Value, json};

use super::{bare, done, matched, needs, pointers, text, ticket};
use crate::api::call::Client;
use crate::support::App;

/// Somebody with a ticket, as a contact.
async fn met(app: &App, api: &Client, address: &str, more: Value) -> Value {
    let mut body = json!({"customer_email": address});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    app.clock.advance_ms(1);
    let ticket = ticket(api, body).await;
    app.clock.advance_ms(1);
    done(&api.get(&format!("/contacts/{}", text(&ticket["requester"], "id"))).await)
}

both_engines! {
    async fn contacts_are_found_by_what_is_known_of_them(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let jo = met(&app, &api, "Jo@Example.org", json!({"customer_name": "Jo Doe", "user_id": "u_1", "customer_phone": "+49 30 1"})).await;
        met(&app, &api, "sam@example.org", json!({"customer_name": "Sam 100%", "requester_type": "seller", "seller_id": "s_1"})).await;
        met(&app, &api, "lee@example.net", json!({"user_id": "u_2"})).await;
        assert_eq!(jo["emails"], json!([{"address": "jo@example.org", "verified": true, "primary": true}]));
        for (member, want) in [("name", json!("Jo Doe")), ("type", json!("customer")), ("delivery", json!("ok")), ("ticket_count", json!(1)),
            ("user_id", json!("u_1")), ("notes", Value::Null), ("custom_fields", json!({})), ("version", json!(1))] {
            assert_eq!(jo[member], want, "{member}");
        }
        let reader = Client::new(&app.desk, &[Scope::ContactsRead]).await;
        for (query, want) in [
            ("", 3), ("q=DOE", 1), ("q=example.org", 2), ("q=100%25", 1), ("q=%2B49", 1), ("q=nobody", 0), ("email=JO@example.org", 1),
            ("email=!jo@example.org", 2), ("email=jo@example.org,sam@example.org", 2), ("user_id=u_1,u_2", 2), ("user_id=none", 1),
            ("seller_id=s_1&type=Seller", 1), ("type=!seller", 2), ("store_id=none", 3), ("email=none", 0),
        ] {
            let found = done(&reader.get(&format!("/contacts?{query}")).await);
            assert_eq!(found["data"].as_array().map(Vec::len), Some(want), "{query}");
        }
        let first = done(&reader.get("/contacts?limit=2&include=total").await);
        assert_eq!((&first["data"][0]["emails"][0]["address"], &first["pagination"]["total"]), (&json!("lee@example.net"), &json!(3)));
        let next = text(&first["pagination"], "next_cursor").to_owned();
        let second = done(&reader.get(&format!("/contacts?limit=2&cursor={next}")).await);
        assert_eq!(second["data"][0]["id"], jo["id"]);
        assert_eq!(reader.get("/contacts?type=boss").await.problem(), (400, "invalid_parameter".into()));
        assert_eq!(reader.get("/contacts?colour=red").await.problem(), (400, "unknown_parameter".into()));
    }

    async fn a_contact_is_patched_and_null_clears(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let jo = met(&app, &api, "jo@example.org", json!({"customer_name": "Jo Doe", "user_id": "u_1"})).await;
        let path = format!("/contacts/{}", text(&jo, "id"));
        let patch = json!({"name": "Jo Roe", "phone": "1", "locale": "pt-BR", "timezone": "America/Sao_Paulo", "seller_id": "s", "store_id": "st",
            "notes": "Rings\ntwice", "custom_fields": {"size": 42, "shoe": {"left": 1, "right": 2}}, "type": "Store-Staff"});
        let changed = done(&matched(&api, "PATCH", &path, 1, &patch).await);
        assert_eq!((&changed["name"], &changed["type"], &changed["locale"]), (&json!("Jo Roe"), &json!("store_staff"), &json!("pt-br")));
        assert_eq!(matched(&api, "PATCH", &path, 1, &patch).await.problem(), (412, "version_mismatch".into()));
        let cleared = json!({"name": null, "user_id": null, "notes": null, "custom_fields": {"size": null, "shoe": {"left": null}}});
        let tried = done(&api.json("PATCH", &format!("{path}?dry_run=true"), &cleared).await);
        assert_eq!((&tried["dry_run"], &tried["custom_fields"]), (&json!(true), &json!({"shoe": {"right": 2}})));
        let cleared = done(&api.json("PATCH", &path, &cleared).await);
        assert_eq!((&cleared["name"], &cleared["user_id"], &cleared["notes"]), (&Value::Null, &Value::Null, &Value::Null));
        assert_eq!((&cleared["custom_fields"], &cleared["phone"], &cleared["version"]), (&json!({"shoe": {"right": 2}}), &json!("1"), &json!(3)));
        assert_eq!(done(&api.json("PATCH", &path, &json!({"custom_fields": null})).await)["custom_fields"], json!({}));
    }

    async fn addresses_come_go_and_change_places(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let jo = met(&app, &api, "jo@example.org", json!({})).await;
        let sam = met(&app, &api, "sam@example.org", json!({})).await;
        let path = format!("/contacts/{}", text(&jo, "id"));
        let emails = |list: Value| json!({"emails": list});
        let two = emails(json!([{"address": "jo@example.org", "verified": true, "primary": true}, {"address": "JO@new.example"}]));
        let changed = done(&api.json("PATCH", &path, &two).await);
        let want = json!([{"address": "jo@example.org", "verified": true, "primary": true}, {"address": "jo@new.example", "verified": false, "primary": false}]);
        assert_eq!(changed["emails"], want, "nobody's word verifies an address");
        assert_eq!(done(&api.json("PATCH", &path, &emails(want.clone())).await)["emails"], want, "as it was read");
        let theirs = api.json("PATCH", &path, &emails(json!([{"address": "sam@example.org"}]))).await;
        assert_eq!((theirs.problem(), &theirs.json()["existing"]), ((409, "duplicate".into()), &sam["id"]));
        let said = emails(json!([{"address": "jo@example.org"}, {"address": "jo@new.example", "verified": true}]));
        assert_eq!(pointers(&api.json("PATCH", &path, &said).await), ["/emails"]);
        assert_eq!(pointers(&api.json("PATCH", &path, &emails(json!([{"address": "support@desk.test"}]))).await), ["/emails"]);
        let none = api.json("PATCH", &path, &emails(json!([]))).await;
        assert_eq!(none.problem(), (409, "invalid_state".into()), "an open ticket is answered to it");
        let moved = done(&api.json("PATCH", &path, &emails(json!([{"address": "jo@new.example"}]))).await);
        assert_eq!(moved["emails"], json!([{"address": "jo@new.example", "verified": false, "primary": true}]));
        let ticket = done(&api.get(&format!("/tickets?requester={}&include=total", text(&jo, "id"))).await)["data"][0].clone();
        assert_eq!((&ticket["requester"]["email"], &ticket["requester"]["verified"]), (&json!("jo@new.example"), &json!(false)));
        let trail = done(&api.get(&format!("/tickets/{}?include=events", text(&ticket, "id"))).await);
        assert_eq!(trail["events"][1]["changes"], json!({"requester_email": ["jo@example.org", "jo@new.example"]}));
        let swapped = emails(json!([{"address": "jo@new.example"}, {"address": "jo@third.example", "primary": true}]));
        assert_eq!(done(&api.json("PATCH", &path, &swapped).await)["emails"][0]["address"], "jo@third.example");
    }

    async fn mail_that_comes_back_shows_on_the_contact(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let jo = met(&app, &api, "jo@example.org", json!({})).await;
        let path = format!("/contacts/{}", text(&jo, "id"));
        let mut tx = app.store.begin().await.expect("a turn");
        let now = app.clock.now();
        tx.insert_soft_bounce("jo@example.org", uuid::Uuid::from_u128(1), now, now.plus_ms(-1)).await.expect("it writes");
        tx.commit().await.expect("on disk");
        assert_eq!(done(&api.get(&path).await)["delivery"], "bouncing");
        done(&api.json("PUT", "/suppressions/jo@example.org", &json!({})).await);
        assert_eq!(done(&api.get(&path).await)["delivery"], "suppressed");
        assert_eq!(bare(&api, "DELETE", "/suppressions/jo@example.org").await.status.as_u16(), 204);
        assert_eq!(done(&api.get(&path).await)["delivery"], "ok", "the soft ones are forgotten too");
    }

    async fn every_wrong_field_of_a_contact_is_named(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let jo = met(&app, &api, "jo@example.org", json!({})).await;
        let path = format!("/contacts/{}", text(&jo, "id"));
        let bad = json!({"type": null, "name": "a\nb", "phone": 7, "locale": "German", "timezone": "X/Y", "user_id": "", "custom_fields": [],
            "emails": [{"address": "x"}, {"address": "a@b.example", "primary": true, "colour": "red"}, 7, {"primary": true}]});
        let want = ["/custom_fields", "/emails/0/address", "/emails/1/colour", "/emails/2", "/emails/2/address", "/emails/2/primary",
            "/locale", "/name", "/phone", "/timezone", "/type", "/user_id"];
        assert_eq!(pointers(&api.json("PATCH", &path, &bad).await), want);
        let twice = json!({"emails": [{"address": "a@b.example"}, {"address": "A@b.example"}]});
        assert_eq!(pointers(&api.json("PATCH", &path, &twice).await), ["/emails/1/address"]);
        assert_eq!(pointers(&api.json("PATCH", &path, &json!({"custom_fields": {"x": "y".repeat(9_000)}})).await), ["/custom_fields"]);
        for id in ["x", "00000000-0000-7000-8000-000000000000"] {
            for (method, body) in [("GET", json!({})), ("PATCH", json!({"name": "x"})), ("DELETE", json!({}))] {
                assert_eq!(api.json(method, &format!("/contacts/{id}"), &body).await.problem(), (404, "contact_not_found".into()));
            }
        }
        needs(&app, Scope::ContactsRead, &[("GET", "/contacts".into()), ("GET", path.clone())]).await;
        needs(&app, Scope::ContactsWrite, &[("PATCH", path.clone())]).await;
        needs(&app, Scope::Admin, &[("DELETE", path)]).await;
    }

    async fn only_who_never_had_a_ticket_is_taken_away(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let jo = met(&app, &api, "jo@example.org", json!({"cc": ["sam@example.org"]})).await;
        assert_eq!(bare(&api, "DELETE", &format!("/contacts/{}", text(&jo, "id"))).await.problem(), (409, "invalid_state".into()));
        let held = "From: Lee <lee@example.org>\nTo: support@desk.test\nSubject: Hi\nMessage-ID: <l@example.org>\n\nHi\n";
        crate::api::mail_in(&app.desk, "lee@example.org", held).await;
        let lee = done(&api.get("/contacts?email=lee@example.org").await)["data"][0].clone();
        let mut tx = app.store.begin().await.expect("a turn");
        let contact = postdesk::model::Contact { id: uuid::Uuid::from_u128(9), ..tx.contact(text(&lee, "id").parse().expect("an id")).await.expect("it reads").expect("there") };
        tx.insert_contact(&contact, None).await.expect("it writes");
        tx.commit().await.expect("on disk");
        let path = format!("/contacts/{}", contact.id);
        assert_eq!(done(&bare(&api, "DELETE", &format!("{path}?dry_run=true")).await), json!({"dry_run": true}));
        assert_eq!(bare(&api, "DELETE", &path).await.status.as_u16(), 204);
        assert_eq!(api.get(&path).await.problem(), (404, "contact_not_found".into()));
    }
}
