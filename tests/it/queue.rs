//! The outbox as a queue: whose turn it is, however many wait.

use std::collections::{BTreeMap, HashSet};

use postdesk::desk::{Round, Wanted};
use postdesk::model::{EmailStatus, OutboxEntry, Timestamp};

use crate::support::App;

/// A mail that waits since then.
fn mail(app: &App, to: &str, priority: i64, due: Timestamp) -> OutboxEntry {
    let at = app.clock.now();
    OutboxEntry {
        id: app.desk.ids().uuid(at),
        to_address: to.into(),
        priority,
        status: EmailStatus::Queued,
        next_attempt_at: Some(due),
        give_up_at: at.plus_ms(3_600_000),
        queued_at: due,
        created_at: at,
        ..crate::support::app::mail()
    }
}

/// Puts mails into the outbox: so many to each of these, of one priority.
async fn post(app: &App, mails: &[(&str, usize)], priority: i64) {
    let mut tx = app.store.begin().await.expect("a turn");
    for (to, count) in mails {
        for _ in 0..*count {
            tx.insert_outbox(&mail(app, to, priority, app.clock.now())).await.expect("it writes");
        }
    }
    tx.commit().await.expect("on disk");
}

/// Takes so many; how many of them go to each address.
async fn take(app: &App, round: &mut Round, limit: usize, resting: &[&str]) -> BTreeMap<String, usize> {
    let resting: HashSet<String> = resting.iter().map(|domain| (*domain).to_owned()).collect();
    let wanted = Wanted { lease: "w", lease_ms: 60_000, limit, resting: &resting };
    let mut taken = BTreeMap::new();
    for mail in app.desk.claim_due(round, wanted).await.expect("it reads") {
        *taken.entry(mail.to_address).or_default() += 1;
    }
    taken
}

fn counts(counts: &[(&str, usize)]) -> BTreeMap<String, usize> {
    counts.iter().map(|(to, count)| ((*to).to_owned(), *count)).collect()
}

both_engines! {
    async fn ten_thousand_mails_to_one_domain_hold_up_none_to_another(engine: Engine) {
        let app = App::start(engine).await;
        post(&app, &[("a@bulk.test", 1_000)], 1).await;
        app.clock.advance_ms(60_000);
        post(&app, &[("jo@shop.test", 1), ("sam@other.test", 2)], 1).await;
        let taken = take(&app, &mut Round::default(), 30, &[]).await;
        assert_eq!(taken, counts(&[("a@bulk.test", 27), ("jo@shop.test", 1), ("sam@other.test", 2)]));
    }

    async fn domains_take_turns_where_there_are_more_than_room(engine: Engine) {
        let app = App::start(engine).await;
        post(&app, &[("x@a.test", 9), ("x@b.test", 9), ("x@c.test", 9), ("x@D.test", 9), ("x@e.test", 9)], 1).await;
        let mut round = Round::default();
        for want in [["x@a.test", "x@b.test"], ["x@D.test", "x@c.test"], ["x@a.test", "x@e.test"], ["x@b.test", "x@c.test"]] {
            let taken = take(&app, &mut round, 2, &[]).await;
            assert_eq!(taken.into_keys().collect::<Vec<_>>(), want);
        }
    }

    async fn replies_go_first_and_share_among_domains_too(engine: Engine) {
        let app = App::start(engine).await;
        post(&app, &[("x@bulk.test", 50)], 1).await;
        post(&app, &[("x@a.test", 3), ("x@bulk.test", 9)], 0).await;
        let mut round = Round::default();
        assert_eq!(take(&app, &mut round, 8, &[]).await, counts(&[("x@a.test", 3), ("x@bulk.test", 5)]));
        assert_eq!(take(&app, &mut round, 8, &[]).await, counts(&[("x@bulk.test", 8)]));
    }

    async fn a_domain_that_rests_gets_none(engine: Engine) {
        let app = App::start(engine).await;
        post(&app, &[("x@a.test", 5), ("x@b.test", 5)], 1).await;
        assert_eq!(take(&app, &mut Round::default(), 8, &["a.test"]).await, counts(&[("x@b.test", 5)]));
        assert_eq!(take(&app, &mut Round::default(), 8, &[]).await, counts(&[("x@a.test", 5)]));
    }

    async fn mail_waits_for_its_time(engine: Engine) {
        let app = App::start(engine).await;
        let mut tx = app.store.begin().await.expect("a turn");
        let later = app.clock.now().plus_ms(10_000);
        tx.insert_outbox(&mail(&app, "jo@shop.test", 0, later)).await.expect("it writes");
        tx.commit().await.expect("on disk");
        assert_eq!(take(&app, &mut Round::default(), 9, &[]).await, counts(&[]));
        app.clock.advance_ms(10_000);
        assert_eq!(take(&app, &mut Round::default(), 9, &[]).await, counts(&[("jo@shop.test", 1)]));
    }
}
