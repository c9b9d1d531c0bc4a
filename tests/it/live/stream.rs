//! Live events on the wire.

use std::time::Duration;

use postdesk::model::Scope;
use serde_json::json;

use super::ear::{Ear, serve, token};
use crate::api::call::Client;
use crate::api::{PARCEL, mail_in};
use crate::support::App;

/// A first mail of somebody of this name.
async fn write_in(app: &App, name: &str) {
    let mail = PARCEL.replace("jo@", &format!("{name}@")).replace("c1@", &format!("{name}@"));
    mail_in(&app.desk, &format!("{name}@example.org"), &mail).await;
}

const OPENED: [&str; 3] = ["contact.created", "ticket.created", "email.received"];

both_engines! {
    async fn what_happens_is_heard_as_it_happens(engine: Engine) {
        let app = App::start(engine).await;
        let (address, _stop) = serve(&app.desk).await;
        let token = token(&app.desk, &[Scope::Admin]).await;
        let (mut ear, greeting) = Ear::open(address, &token, "", None).await;
        assert_eq!((greeting.id, greeting.event.as_str()), (0, ""));
        write_in(&app, "jo").await;
        let first = ear.next().await.expect("an event");
        assert_eq!((first.id, first.event.as_str()), (1, "contact.created"));
        assert_eq!(first.data["type"], "contact.created");
        assert_eq!(ear.types(2).await, OPENED[1..]);
        write_in(&app, "sam").await;
        assert_eq!(ear.types(3).await, OPENED);
    }

    async fn who_comes_back_gets_what_they_missed_and_nothing_twice(engine: Engine) {
        let app = App::start(engine).await;
        let (address, _stop) = serve(&app.desk).await;
        let token = token(&app.desk, &[Scope::Admin]).await;
        write_in(&app, "jo").await;
        for (last, want) in [(0, vec![1, 2, 3]), (1, vec![2, 3]), (2, vec![3])] {
            let (mut ear, _) = Ear::open(address, &token, "", Some(last)).await;
            for place in want {
                assert_eq!(ear.next().await.expect("an event").id, place);
            }
        }
        let (mut ear, greeting) = Ear::open(address, &token, "", Some(3)).await;
        assert_eq!((greeting.id, greeting.event.as_str()), (3, ""), "nothing was missed");
        write_in(&app, "sam").await;
        assert_eq!(ear.next().await.expect("an event").id, 4);
    }

    async fn who_was_away_too_long_is_told_so(engine: Engine) {
        let app = App::start(engine).await;
        let (address, _stop) = serve(&app.desk).await;
        let token = token(&app.desk, &[Scope::Admin]).await;
        write_in(&app, "jo").await;
        app.clock.advance_ms(Duration::from_secs(20 * 60).as_millis() as i64);
        write_in(&app, "sam").await;
        app.desk.do_chores().await.expect("they are done");
        for last in [1, 99] {
            let (_, greeting) = Ear::open(address, &token, "", Some(last)).await;
            assert_eq!((greeting.id, greeting.event.as_str()), (6, "reset"), "after {last}");
        }
        let (_, greeting) = Ear::open(address, &token, "", Some(4)).await;
        assert_eq!((greeting.id, greeting.event.as_str()), (4, ""));
    }

    async fn a_listener_hears_what_they_chose_and_may_see(engine: Engine) {
        let app = App::start(engine).await;
        let (address, _stop) = serve(&app.desk).await;
        let reader = token(&app.desk, &[Scope::TicketsRead]).await;
        let admin = token(&app.desk, &[Scope::Admin]).await;
        let (mut reads, _) = Ear::open(address, &reader, "", None).await;
        let (mut chose, _) = Ear::open(address, &admin, "?topics=queue,responses", None).await;
        write_in(&app, "jo").await;
        let client = Client::admin(&app.desk).await;
        let ticket = client.get("/tickets").await.json()["data"][0]["id"].as_str().expect("one").to_owned();
        let path = format!("/tickets/{ticket}/responses");
        client.json("POST", &path, &json!({"body": "Lies.", "visibility": "internal"})).await;
        client.json("POST", &path, &json!({"body": "Soon."})).await;
        client.json("POST", "/queue/pause", &json!({})).await;
        let all = ["ticket.created", "response.created", "ticket.status_changed"];
        assert_eq!(reads.types(3).await, all, "no notes, mails, contacts, no queue");
        assert_eq!(chose.types(3).await, ["note.created", "response.created", "queue.paused"]);
        assert_eq!(Ear::ask(address, &admin, "?topics=tickets,weather", None).await.err(), Some(400));
        assert_eq!(Ear::ask(address, &admin, "?topic=tickets", None).await.err(), Some(400));
        let writer = token(&app.desk, &[Scope::ResponsesWrite]).await;
        assert_eq!(Ear::ask(address, &writer, "", None).await.err(), Some(403));
        assert_eq!(Ear::ask(address, "", "", None).await.err(), Some(401));
    }

    async fn a_stream_ends_with_its_token_and_with_the_door(engine: Engine) {
        let app = App::start(engine).await;
        let (address, stop) = serve(&app.desk).await;
        let (taken, kept) =
            (token(&app.desk, &[Scope::TicketsRead]).await, token(&app.desk, &[Scope::Admin]).await);
        let (mut ends, _) = Ear::open(address, &taken, "", None).await;
        let (mut stays, _) = Ear::open(address, &kept, "", None).await;
        let tokens = app.desk.tokens().await.expect("it reads");
        let id = tokens.iter().find(|token| taken.starts_with(&token.prefix)).expect("it is there").id;
        app.desk.revoke_token(id).await.expect("it writes");
        assert_eq!(ends.next().await, None);
        write_in(&app, "jo").await;
        assert_eq!(stays.types(3).await, OPENED);
        drop(stop);
        assert_eq!(stays.next().await, None);
    }

    async fn only_so_many_listen_at_a_time(engine: Engine) {
        let app = App::start_with(engine, |config| config.http.max_connections = 4).await;
        let (address, _stop) = serve(&app.desk).await;
        let token = token(&app.desk, &[Scope::Admin]).await;
        let first = Ear::open(address, &token, "", None).await;
        let _second = Ear::open(address, &token, "", None).await;
        assert_eq!(Ear::ask(address, &token, "", None).await.err(), Some(503));
        drop(first);
        for _ in 0..100 {
            if Ear::ask(address, &token, "", None).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the seat of one who left stays taken");
    }
}
