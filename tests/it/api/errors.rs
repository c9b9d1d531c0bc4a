//! Every error is a problem of the contract.

use axum::body::Body;

use super::call::Client;
use crate::support::App;

both_engines! {
    async fn errors_are_problems(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let all = api.get("/problems").await.json()["data"].as_array().expect("a list").clone();
        for (method, path, status, code) in [
            ("GET", "/nowhere", 404, "route_not_found"),
            ("GET", "//nowhere", 404, "route_not_found"),
            ("PUT", "/tickets", 405, "method_not_allowed"),
            ("DELETE", "/health", 405, "method_not_allowed"),
            ("GET", "/tickets/TKT-2026-AAAAAA", 404, "ticket_not_found"),
            ("GET", "/tickets/%00", 404, "ticket_not_found"),
            ("GET", "/tickets/%ff", 404, "route_not_found"),
            ("GET", "/tickets?color=red", 400, "unknown_parameter"),
            ("GET", "/tickets?status=asleep", 400, "invalid_parameter"),
            ("GET", "/tickets?limit=0", 400, "invalid_parameter"),
            ("GET", "/tickets?limit=ten", 400, "invalid_parameter"),
            ("GET", "/tickets?page=101&limit=100", 400, "invalid_parameter"),
            ("GET", "/tickets?cursor=nonsense", 400, "bad_cursor"),
            ("GET", "/tickets?status=open&status=closed", 400, "invalid_parameter"),
            ("GET", "/tickets?sort=colour", 400, "invalid_parameter"),
            ("GET", "/tickets?include=everything", 400, "invalid_parameter"),
            ("GET", "/tickets?q=is:asleep", 400, "invalid_parameter"),
            ("GET", "/tickets?q=%ff", 400, "invalid_parameter"),
            ("GET", "/inbound/7", 404, "inbound_mail_not_found"),
            ("GET", "/email-logs/0198c1d2-0000-7000-8000-000000000000", 404, "email_log_not_found"),
            ("GET", "/responses/x", 404, "response_not_found"),
            ("GET", "/attachments/x", 404, "attachment_not_found"),
        ] {
            let answer = api.send(api.request(method, path).body(Body::empty()).expect("a request")).await;
            assert_eq!(answer.problem(), (status, code.into()), "{method} {path}");
            assert!(status != 405 || !answer.header("allow").is_empty(), "{method} {path}: {:?}", answer.headers);
            let kind = answer.json()["type"].as_str().unwrap_or_default().to_owned();
            let explained = api.get(kind.strip_prefix("/api/support").unwrap_or(&kind)).await.json();
            assert_eq!(explained["code"], code);
            assert!(all.contains(&explained), "{code}");
        }
        for (query, rejected, allowed) in [
            ("status=asleep", "asleep", "resolved"),
            ("sort=colour", "colour", "waiting_since"),
            ("include=everything", "everything", "total"),
            ("fields=id,colour", "colour", "number"),
        ] {
            let error = &api.get(&format!("/tickets?{query}")).await.json()["errors"][0];
            assert_eq!((&error["code"], &error["rejected_value"]), (&"not_in_enum".into(), &rejected.into()));
            let words = error["allowed"].as_array().expect("a list");
            assert!(words.contains(&allowed.into()), "{query}: {words:?}");
        }
        let html = api.request("GET", "/tickets").header("accept", "text/html").body(Body::empty());
        assert_eq!(api.send(html.expect("a request")).await.problem(), (406, "not_acceptable".into()));
    }

    async fn strangers_are_told_to_sign_in(engine: Engine) {
        let app = App::start(engine).await;
        let nobody = Client::anonymous(&app.desk);
        for path in ["/tickets", "/inbound", "/agents", "/attachments/x", "/responses/x", "/email-logs/x", "/tickets/x/"] {
            let answer = nobody.get(path).await;
            assert!(matches!(answer.status.as_u16(), 401 | 404), "{path}: {answer:?}");
            answer.problem();
        }
        let answer = nobody.get("/tickets").await;
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
        for wrong in ["Bearer pdk_wrong", "Bearer", "Basic YTpi", "bearer  "] {
            let request = nobody.request("GET", "/tickets").header("authorization", wrong).body(Body::empty());
            let answer = nobody.send(request.expect("a request")).await;
            assert_eq!(answer.problem(), (401, "invalid_token".into()), "{wrong}");
        }
        for (path, status) in [("/health", 200), ("//livez", 200), ("//readyz", 200), ("/", 200), ("", 308)] {
            let answer = nobody.get(path).await;
            assert_eq!(answer.status.as_u16(), status, "{path}: {answer:?}");
            assert_eq!(answer.header("api-version"), "2026-12-01");
        }
    }

    async fn quotas_are_shown_and_kept(engine: Engine) {
        let app = App::start_with(engine, |config| config.api.limits.token = 3).await;
        let api = Client::admin(&app.desk).await;
        let first = api.get("/agents").await;
        assert_eq!((first.header("x-ratelimit-limit"), first.header("x-ratelimit-remaining")), ("3", "2"));
        assert_eq!(first.header("ratelimit-policy"), "\"token\";q=3;w=60");
        api.get("/agents").await;
        api.get("/agents").await;
        let refused = api.get("/agents").await;
        assert_eq!(refused.problem(), (429, "rate_limited".into()));
        assert!(!refused.header("retry-after").is_empty());
    }
}
