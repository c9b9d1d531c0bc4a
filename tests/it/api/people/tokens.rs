//! What lets programs and people in.

use axum::body::Body;
use axum::http::Request;
use data_encoding::HEXLOWER;
use postdesk::model::Scope;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{bare, done, made, needs, pointers, text};
use crate::api::call::{Answer, Client};
use crate::support::{App, Engine};

/// `GET /me` with a secret.
async fn me(api: &Client, secret: &str) -> Answer {
    let request = Request::get("/api/support/me").header("authorization", format!("Bearer {secret}"));
    api.send(request.body(Body::empty()).expect("a request")).await
}

/// A POST under a key.
async fn keyed(api: &Client, path: &str, key: &str, body: &str) -> Answer {
    let request =
        api.request("POST", path).header("content-type", "application/json").header("idempotency-key", key);
    api.send(request.body(Body::from(body.to_owned())).expect("a request")).await
}

both_engines! {
    async fn a_token_is_shown_once_and_taken_back(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        app.clock.advance_ms(1);
        let answer = api.json("POST", "/tokens", &json!({"name": "shop", "scopes": ["tickets:create", "Tickets:Read", "tickets:read"]})).await;
        let token = made(&answer);
        assert_eq!((answer.header("cache-control"), &token["scopes"]), ("no-store", &json!(["tickets:create", "tickets:read"])));
        let secret = text(&token, "token");
        assert!(secret.starts_with(text(&token, "prefix")) && secret.len() == 56);
        assert_eq!(done(&me(&api, secret).await)["name"], "shop");
        let list = api.get("/tokens?include=total").await;
        assert_eq!(list.json()["pagination"]["total"], 2);
        let listed = &list.json()["data"][0];
        assert_eq!((&listed["id"], listed.get("token")), (&token["id"], None));
        assert!(listed["last_used_at"].is_string() && !String::from_utf8_lossy(&list.body).contains(&secret[8..]));
        let path = format!("/tokens/{}", text(&token, "id"));
        assert_eq!(done(&bare(&api, "DELETE", &format!("{path}?dry_run=true")).await), json!({"dry_run": true}));
        assert_eq!(me(&api, secret).await.status.as_u16(), 200);
        assert_eq!(bare(&api, "DELETE", &path).await.status.as_u16(), 204);
        assert_eq!(me(&api, secret).await.problem(), (401, "invalid_token".into()), "at once");
        assert_eq!(bare(&api, "DELETE", &path).await.problem(), (404, "token_not_found".into()));
        assert_eq!(done(&api.get("/tokens").await)["data"].as_array().map(Vec::len), Some(1), "what is taken back is gone");
    }

    async fn a_token_works_with_both_secrets_for_a_day(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let token = made(&api.json("POST", "/tokens", &json!({"name": "shop", "scopes": ["stats:read"]})).await);
        let path = format!("/tokens/{}/rotate", text(&token, "id"));
        let tried = done(&bare(&api, "POST", &format!("{path}?dry_run=true")).await);
        assert_eq!((&tried["token"], &tried["prefix"]), (&Value::Null, &Value::Null));
        let first = text(&token, "token");
        assert_eq!(me(&api, first).await.status.as_u16(), 200);
        let second = done(&bare(&api, "POST", &path).await);
        assert_eq!((&second["id"], &second["version"]), (&token["id"], &json!(2)));
        let second = text(&second, "token").to_owned();
        assert_ne!(first, second);
        app.clock.advance_ms(24 * 3_600_000 - 1);
        assert_eq!((me(&api, first).await.status.as_u16(), me(&api, &second).await.status.as_u16()), (200, 200));
        app.clock.advance_ms(1);
        assert_eq!(me(&api, first).await.problem(), (401, "token_expired".into()));
        let third = done(&bare(&api, "POST", &path).await);
        assert_eq!(me(&api, first).await.problem(), (401, "invalid_token".into()), "two rotations ago");
        assert_eq!((me(&api, &second).await.status.as_u16(), me(&api, text(&third, "token")).await.status.as_u16()), (200, 200));
    }

    /// "CHECKLIST §3, API tokens: stored as SHA-256 of a >= 128-bit random" (CWE-522).
    async fn a_secret_is_kept_nowhere(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let body = r#"{"name":"shop","scopes":["stats:read"]}"#;
        let token = made(&keyed(&api, "/tokens", "k-1", body).await);
        let again = keyed(&api, "/tokens", "k-1", body).await;
        assert_eq!((again.header("idempotency-replayed"), &again.json()["token"]), ("true", &Value::Null));
        assert_eq!(again.json()["id"], token["id"]);
        let path = format!("/tokens/{}/rotate", text(&token, "id"));
        let rotated = done(&keyed(&api, &path, "k-2", "").await);
        assert_eq!(keyed(&api, &path, "k-2", "").await.json()["version"], rotated["version"]);
        let found = app.database.count("SELECT COUNT(*) FROM idempotency_keys WHERE body LIKE '%\"token\":\"pdk%'").await;
        assert_eq!(found, 0);
        let (old, new) = (text(&token, "token"), text(&rotated, "token"));
        let hash = |secret: &str| HEXLOWER.encode(&Sha256::digest(secret));
        let kept = "SELECT old_secret_hash || ' ' || secret_hash FROM api_tokens WHERE name = 'shop' AND version = 2";
        assert_eq!(app.database.texts(kept).await, [format!("{} {}", hash(old), hash(new))]);
        let row = if engine == Engine::Postgres { "CAST(api_tokens AS TEXT)" } else { "json_array(name, prefix, secret_hash, old_secret_hash, scopes)" };
        for secret in [old, new] {
            let prefix = text(&rotated, "prefix").len();
            let unknown = &secret[prefix..];
            assert!(unknown.len() >= 26, "128 bits in base 32 beside the prefix: {unknown}");
            let rows = app.database.texts(&format!("SELECT {row} FROM api_tokens")).await.concat();
            assert!(!rows.contains(&unknown[..8]), "{rows}");
        }
        let tried = done(&api.json("POST", "/tokens?dry_run=true", &serde_json::from_str(body).expect("JSON")).await);
        assert_eq!((&tried["id"], &tried["token"], &tried["dry_run"]), (&Value::Null, &Value::Null, &json!(true)));
    }

    async fn every_wrong_field_of_a_token_is_named(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let bad = json!({"name": "a\nb", "scopes": ["stats:read", "everything"], "agent_id": "ada", "expires_at": "tomorrow"});
        assert_eq!(pointers(&api.json("POST", "/tokens", &bad).await), ["/agent_id", "/expires_at", "/name", "/scopes/1"]);
        assert_eq!(pointers(&api.json("POST", "/tokens", &json!({})).await), ["/name", "/scopes"]);
        assert_eq!(pointers(&api.json("POST", "/tokens", &json!({"name": "x", "scopes": []})).await), ["/scopes"]);
        let good = json!({"name": "x", "scopes": ["stats:read"]});
        for (member, value) in [("agent_id", json!("00000000-0000-7000-8000-000000000000")), ("expires_at", json!("2026-03-02T09:00:00Z"))] {
            let mut body = good.clone();
            body[member] = value;
            assert_eq!(pointers(&api.json("POST", "/tokens", &body).await), [format!("/{member}")]);
        }
        let nobody = "/tokens/00000000-0000-7000-8000-000000000000";
        assert_eq!(bare(&api, "DELETE", nobody).await.problem(), (404, "token_not_found".into()));
        assert_eq!(bare(&api, "POST", &format!("{nobody}/rotate")).await.problem(), (404, "token_not_found".into()));
        let calls = [("GET", "/tokens".into()), ("POST", "/tokens".into()), ("DELETE", nobody.into()), ("POST", format!("{nobody}/rotate"))];
        needs(&app, Scope::Admin, &calls).await;
    }
}
