//! How often one may call.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use postdesk::clock::Ids;
use postdesk::desk::Desk;
use postdesk::store::Store;
use serde_json::json;
use tokio::task::JoinSet;

use super::call::{Answer, Client};
use crate::support::{App, Engine};

const MINUTE_MS: i64 = 60_000;

/// A second node, with connections of its own; where one process alone has the database, another door of that one.
async fn second_node(engine: Engine, app: &App) -> Desk {
    if engine == Engine::Sqlite {
        return app.desk.clone();
    }
    let store = Store::open(&app.database.url, 5).await.expect("it opens");
    Desk::open(store, app.desk.config().clone(), app.clock.clone(), Ids::seeded(2)).await.expect("it opens")
}

/// How many of so many calls at once pass.
async fn passing(nodes: &[Arc<Client>], calls: usize) -> usize {
    let mut under_way = JoinSet::new();
    for call in 0..calls {
        let node = nodes[call % nodes.len()].clone();
        under_way.spawn(async move { node.get("/me").await.status.as_u16() });
    }
    let answers = under_way.join_all().await;
    assert!(answers.iter().all(|status| [200, 429].contains(status)), "{answers:?}");
    answers.iter().filter(|status| **status == 200).count()
}

both_engines! {
    /// Whichever nodes the calls come to, and however many at once, exactly the quota passes.
    async fn nodes_count_together(engine: Engine) {
        let app = App::start(engine).await;
        let other = second_node(engine, &app).await;
        let here = Client::admin(&app.desk).await;
        let nodes = [Arc::new(here.at(&other)), Arc::new(here)];
        assert_eq!(passing(&nodes, 700).await, 600);
        let refused = nodes[0].get("/me").await;
        assert_eq!(refused.problem(), (429, "rate_limited".into()));
        let lines = ["ratelimit-policy", "ratelimit", "x-ratelimit-limit", "x-ratelimit-remaining", "retry-after"];
        assert_eq!(lines.map(|name| refused.header(name)), ["\"token\";q=600;w=60", "\"token\";r=0;t=60", "600", "0", "1"]);
        app.clock.advance_ms(MINUTE_MS / 60);
        assert_eq!(passing(&nodes, 20).await, 10, "a sixtieth of the quota came back");
        app.clock.advance_ms(MINUTE_MS);
        let answer = nodes[1].get("/me").await;
        assert_eq!((answer.header("x-ratelimit-remaining"), answer.header("ratelimit")), ("599", "\"token\";r=599;t=1"));
        app.desk.do_chores().await.expect("they are done");
        assert_eq!(passing(&nodes, 600).await, 599);
    }

    /// Another token has a quota of its own, and switched off, nothing is counted.
    async fn each_token_has_its_own(engine: Engine) {
        let app = App::start_with(engine, |config| config.api.limits.token = 2).await;
        let (one, two) = (Client::admin(&app.desk).await, Client::admin(&app.desk).await);
        assert_eq!(passing(&[Arc::new(one)], 5).await, 2);
        assert_eq!(two.get("/me").await.status.as_u16(), 200);
        let app = App::start_with(engine, |config| (config.api.limits.token, config.api.limits.enabled) = (2, false)).await;
        let free = Client::admin(&app.desk).await;
        let answers = [free.get("/me").await, free.get("/me").await, free.get("/me").await];
        assert!(answers.iter().all(|answer| answer.status.as_u16() == 200 && answer.header("ratelimit").is_empty()));
    }

    /// Nobody fills somebody's mailbox through the form: three tickets an hour for one address, ten a day.
    async fn an_address_gets_few_anonymous_tickets(engine: Engine) {
        let app = App::start_with(engine, |config| config.intake.public = true).await;
        let nobody = Client::anonymous(&app.desk);
        let mut opened = Vec::new();
        for hour in 0..6 {
            for _ in 0..4 {
                let body = json!({"subject": "Lid", "description": "It broke.", "customer_email": "Jo@example.org"});
                let tried = nobody.json("POST", "/tickets?dry_run=true", &body).await;
                assert_eq!(tried.status.as_u16(), 200, "{tried:?}");
                let answer = nobody.json("POST", "/tickets", &body).await;
                if answer.status.as_u16() == 201 {
                    opened.push(hour);
                } else {
                    assert_eq!(answer.problem(), (429, "recipient_limited".into()), "{answer:?}");
                    assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|s| (1..=8_640).contains(&s)), "{answer:?}");
                }
            }
            app.clock.advance_ms(60 * MINUTE_MS);
        }
        // The day gives one back in 144 minutes.
        assert_eq!(opened, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 5]);
    }

    /// Who tries tokens is slowed down; others behind the same address are not.
    async fn guesses_at_tokens_are_slowed_down(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let from = |request: axum::http::request::Builder, ip: &str| {
            let peer: SocketAddr = format!("{ip}:40000").parse().expect("an address");
            request.extension(ConnectInfo(peer)).body(Body::empty()).expect("a request")
        };
        let guess = async |ip: &str| -> Answer {
            let request = Client::anonymous(&app.desk).request("GET", "/me").header("authorization", "Bearer pdk_guess");
            api.send(from(request, ip)).await
        };
        for _ in 0..5 {
            assert_eq!(guess("203.0.113.9").await.problem(), (401, "invalid_token".into()));
        }
        let slowed = guess("203.0.113.9").await;
        assert_eq!((slowed.problem(), slowed.header("retry-after")), ((429, "rate_limited".into()), "12"));
        assert_eq!(guess("203.0.113.10").await.status.as_u16(), 401);
        assert_eq!(api.send(from(api.request("GET", "/me"), "203.0.113.9")).await.status.as_u16(), 200);
        app.clock.advance_ms(12_000);
        assert_eq!(guess("203.0.113.9").await.status.as_u16(), 401);
    }
}
